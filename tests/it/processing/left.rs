//! What strongroom leaves in a bucket below `.strongroom/`, as an audit of all of the bucket names it; and what others lay there.

use super::{BUCKET, ENGINE, TABLE, mixed, put, role, uri, worker_role};
use crate::place::Place;

/// A bucket in which everything was done that leaves something: acts by one machine and by hosts, one gone on with, a job that was
/// started, strongroom brought to an image.
fn used() -> Place {
    let place = Place::new();
    place.key("training");
    place.key("new");
    place.bucket(BUCKET);
    place.write("static", crate::bring::program());
    for number in 0..3 {
        place.write(&format!("parts/{number}.csv"), TABLE);
    }
    for to in ["tokens/", "more/"] {
        place
            .run(&["encrypt", "parts", &uri(to), "--key", "alias/training"])
            .ok();
    }
    let role = role(
        &place,
        include_str!("../../../assets/policies/roles/bulk-worker-rewrap.json"),
    );
    let begin = ["start", "image", "--role", role, "--name", "job-1"];
    let channel = format!("train={}", uri("more/"));
    place.run(&[&begin[..], &["--channel", &channel]].concat()).ok();
    place.run(&["rewrap", &uri("more/"), "--to", "alias/new"]).ok();
    let rewrap = ["rewrap", &uri("tokens/"), "--to", "alias/new", "--wait"];
    let brought = ["--program", "static"];
    place.run(&[&rewrap[..], &ENGINE[..], &brought].concat()).ok();
    let plan = place
        .objects(BUCKET)
        .into_iter()
        .find(|key| key.ends_with("/plan.json"));
    let id = plan.unwrap().split('/').nth(2).unwrap().to_owned();
    let result = format!(".strongroom/bulk/{id}/results/0001.jsonl");
    place
        .wait(place.s3().delete_object().bucket(BUCKET).key(result).send())
        .unwrap();
    place
        .run(&[&rewrap[..], &ENGINE[..], &brought, &["--resume", &id]].concat())
        .ok();
    place
}

/// The kind of each object of strongroom's own area.
fn own(place: &Place) -> Vec<(String, String)> {
    let rows = place.run(&["audit", &uri(""), "--json"]).lines();
    let named = rows.iter().filter_map(|row| {
        let key = row["source"].as_str()?.strip_prefix(&uri(""))?;
        let is_own = key.starts_with(".strongroom/");
        is_own.then(|| (key.to_owned(), row["kind"].as_str().unwrap_or_default().to_owned()))
    });
    named.collect()
}

#[test]
fn all_that_strongroom_leaves_is_named_by_its_kind_in_an_audit_of_the_whole_bucket() {
    let place = used();
    let own = own(&place);
    let all = [
        ("plan.json", "strongroom-record"),
        ("shards/0001.jsonl", "strongroom-record"),
        ("results/0001.jsonl", "strongroom-record"),
        ("data-keys/0001.jsonl", "strongroom-record"),
        ("missing/", "strongroom-record"),
        ("bulk/rewrap-", "strongroom-record"),
        ("manifests/job-1.json", "strongroom-record"),
        ("program/", "strongroom-program"),
        (".strongroom/data-keys/", "key-object"),
    ];
    for (part, kind) in all {
        assert!(
            own.iter().any(|(key, is)| key.contains(part) && is == kind),
            "{part}: {own:#?}"
        );
    }
    for (key, kind) in &own {
        assert!(all.iter().any(|(_, known)| known == kind), "{key}: {kind}");
    }
    let text = place.run(&["audit", &uri("")]);
    assert!(!text.out.contains("/.strongroom/"), "{text:?}");
}

#[test]
fn a_strangers_plain_file_is_plain_whatever_name_and_mark_it_hides_under() {
    let place = used();
    let digest = "0f".repeat(32);
    let program = format!(".strongroom/program/{digest}/strongroom");
    let hidden: [(&str, &[(&str, &str)]); 9] = [
        (".strongroom/bulk/audit-1/plan.json", &[]),
        (".strongroom/bulk/audit-1/shards/0001.jsonl", &[]),
        (".strongroom/bulk/audit-1/results/0001.jsonl", &[]),
        (".strongroom/bulk/rewrap-0f/0f", &[("strongroom-key-object", "1")]),
        (".strongroom/manifests/customers.json", &[]),
        (&program, &[]),
        (".strongroom/customers.csv", &[]),
        (".strongroom/data-keys/customers.csv", &[]),
        ("tokens/customers.csv", &[("strongroom-key-object", "1")]),
    ];
    for (key, metadata) in &hidden {
        put(&place, key, b"id,name\n1,Ada\n", metadata);
    }
    let told = place.run(&["audit", &uri("")]);
    for (key, _) in &hidden {
        let line = format!("{}: sse-s3: no client has encrypted it", uri(key));
        assert!(told.out.contains(&line), "{line}: {told:?}");
    }
    assert!(told.out.contains("wrong: 9 not encrypted by a client"), "{told:?}");
}

#[test]
fn what_a_list_that_never_became_whole_left_is_said_to_who_goes_on_with_it_and_to_who_begins_the_next() {
    let place = mixed();
    worker_role(&place);
    let id = "audit-20260101-120000-0abc";
    let folder = uri(&format!(".strongroom/bulk/{id}/"));
    let shard = format!(".strongroom/bulk/{id}/shards/0001.jsonl");
    put(&place, &shard, b"{\"key\":\"data/part-00\",\"size\":120}\n", &[]);
    let (data, left) = (uri("data/"), "1 file of an act whose list never became whole");
    place
        .run(&["audit", &data, "--on", "processing", "--resume", id])
        .failed(1, &[&folder, left, "begin the act anew, without --resume"]);
    let next = place.run(&[&["audit", &data], &ENGINE[..]].concat()).ok();
    let command = format!("aws s3 rm --recursive {folder}");
    for words in [&folder, left, "somebody may be writing it still", &command] {
        assert!(next.err.contains(words), "{words}: {next:?}");
    }
    assert!(place.objects(BUCKET).contains(&shard), "it was written just now");
}

#[test]
fn who_begins_an_act_that_is_begun_already_and_not_done_is_told_how_to_go_on_with_that() {
    let place = mixed();
    worker_role(&place);
    let data = uri("data/");
    let begin = |what: &str| place.run(&[&["audit", what], &ENGINE[..], &["--wait"]].concat());
    begin(&data);
    let result = |key: &String| key.contains("/audit-") && key.ends_with("/results/0001.jsonl");
    let result = place.objects(BUCKET).into_iter().find(result).unwrap();
    let id = result.split('/').nth(2).unwrap();
    let resume = format!("--on processing --resume {id}");
    let words = "an act on the same place that is not done";
    let second = begin(&data);
    assert!(!second.err.contains(words), "the first is done: {second:?}");
    place
        .wait(place.s3().delete_object().bucket(BUCKET).key(&result).send())
        .unwrap();
    let third = begin(&data);
    assert!(
        third.err.contains(words) && third.err.contains(&resume) && third.err.contains("1 shard to do"),
        "{third:?}"
    );
    let elsewhere = begin(&uri("more/"));
    assert!(!elsewhere.err.contains(words), "{elsewhere:?}");
}
