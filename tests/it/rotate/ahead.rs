//! What a look ahead of a rotation tells, and that it is what the rotation itself would tell.

use aws_sdk_s3::types::MetadataDirective;

use super::{BUCKET, TABLE, get, head, told, uri, world};
use crate::place::access;

#[test]
fn a_look_ahead_asks_for_the_key_that_is_named_and_ends_as_the_act_itself_would() {
    let place = world(&[12]);
    place.put(BUCKET, "plain/a.csv", TABLE.as_bytes());
    let off = place.key("off");
    place.wait(strongroom::actions::disable_key(&place.aws, &off)).unwrap();
    let (data, plain, to) = (uri("data/"), uri("plain/"), uri("sealed/"));
    for (key, word) in [("alias/off", "is disabled"), ("alias/none", "alias/none")] {
        for act in [&["rotate", &data][..], &["encrypt", &plain, &to]] {
            let act = [act, &["--key", key]].concat();
            let before = place.objects(BUCKET);
            let ahead = place.run(&[&act[..], &["--dry-run"]].concat());
            assert_eq!(place.objects(BUCKET), before);
            let done = place.run(&act);
            assert_eq!(
                (ahead.status, ahead.out.as_str()),
                (done.status, ""),
                "{ahead:?} {done:?}"
            );
            for said in [ahead, done] {
                assert!(
                    said.err.contains("generate a data key under") && said.err.contains(word),
                    "{said:?}"
                );
            }
        }
    }
    // Nothing would be made: nothing is asked.
    let own = uri(".strongroom/");
    place.run(&["rotate", &own, "--key", "alias/none", "--dry-run"]).ok();
    place.run(&["rotate", &data, "--key", "alias/other", "--dry-run"]).ok();
}

#[test]
fn a_look_ahead_tells_what_would_be_done_and_writes_nothing() {
    let place = world(&[12, 24]);
    place.put(BUCKET, "data/plain.txt", b"plain");
    let before: Vec<_> = place.objects(BUCKET).iter().map(|key| get(&place, key)).collect();
    let said = place.run(&["rotate", &uri(""), "--dry-run"]).ok().out;
    assert!(
        said.contains("2 objects") && said.contains("strongroom-bound"),
        "{said}"
    );
    assert!(
        said.contains("an encrypted data key") && said.contains("no token of strongroom (sse-s3)"),
        "{said}"
    );
    assert!(
        said.contains("keeps no versions: the old tokens are gone for good"),
        "{said}"
    );
    let plan = &place.run(&["rotate", &uri(""), "--dry-run", "--json"]).ok().json()[0]["plan"];
    assert_eq!(
        (plan["objects"].as_u64(), plan["versions"].as_str()),
        (Some(2), Some("off")),
        "{plan}"
    );
    assert_eq!(
        place
            .objects(BUCKET)
            .iter()
            .map(|key| get(&place, key))
            .collect::<Vec<_>>(),
        before
    );
}

#[test]
fn a_look_ahead_says_of_the_keys_that_tokens_name_what_the_rotation_would_fail_by() {
    let place = world(&[12, 24]);
    place
        .run(&["encrypt", "in/0.csv", &uri("more/"), "--key", "alias/other"])
        .ok();
    let other = place.key("third");
    place
        .run(&[
            "encrypt",
            "in/1.csv",
            &uri("third/"),
            "--key",
            "alias/third",
            "--context",
            "team=a",
        ])
        .ok();
    place
        .wait(strongroom::actions::disable_key(&place.aws, &other))
        .unwrap();
    // The key of a token must open it, and unless another is named, wrap the new data key too.
    for (named, word) in [
        (&[][..], "decrypt a data key under"),
        (&["--key", "alias/other"], "decrypt a data key under"),
    ] {
        let all = uri("");
        let act = [&["rotate", &all], named].concat();
        let ahead = place.run(&[&act[..], &["--dry-run"]].concat());
        for said in ["would fail: 1 object", word, &other, "is disabled", "3 objects ("] {
            assert!(ahead.out.contains(said), "{said}: {ahead:?}");
        }
        assert!(
            ahead.status == 1 && ahead.err.contains("1 object would fail"),
            "{ahead:?}"
        );
        let plan = &place.run(&[&act[..], &["--dry-run", "--json"]].concat()).lines()[0]["plan"];
        assert_eq!(
            (&plan["would_fail"], &plan["objects"]),
            (&1.into(), &3.into()),
            "{plan}"
        );
    }
    let done = place.run(&["rotate", &uri("")]);
    assert!(
        done.status == 1 && done.err.contains("3 objects done, 1 failed"),
        "{done:?}"
    );
}

#[test]
fn a_look_ahead_by_somebody_who_may_open_and_not_make_data_keys_says_that_it_would_fail() {
    let place = world(&[12]);
    let denies = |act: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}},
                {{"Effect":"Deny","Action":"kms:{act}","Resource":"*"}}]}}"#
        )
    };
    for (user, act) in [("no-maker", "GenerateDataKey"), ("no-opener", "Decrypt")] {
        let key = place.user(user, &[&denies(act)]);
        let access = access(&key);
        let ahead = place.run_as(&access, &["rotate", &uri("data/"), "--dry-run"]);
        let said = format!("kms:{act}");
        assert!(
            ahead.status == 1 && ahead.out.contains("would fail: 1 object") && ahead.out.contains(&said),
            "{ahead:?}"
        );
        let done = place.run_as(&access, &["rotate", &uri("data/")]);
        assert!(done.status == 1 && done.err.contains(&said), "{done:?}");
    }
    assert_eq!(get(&place, "data/0.csv").first(), Some(&b'g'));
}

#[test]
fn a_token_with_the_mark_of_a_data_key_is_named_and_not_passed_over() {
    let place = world(&[12, 24]);
    let mut metadata = head(&place, BUCKET, "data/0.csv").metadata.unwrap();
    metadata.insert("strongroom-key-object".to_owned(), "1".to_owned());
    let copy = place.s3().copy_object().copy_source(format!("{BUCKET}/data/0.csv"));
    let copy = copy
        .metadata_directive(MetadataDirective::Replace)
        .set_metadata(Some(metadata));
    place.wait(copy.bucket(BUCKET).key("data/0.csv").send()).unwrap();
    let ahead = place.run(&["rotate", &uri("data/"), "--dry-run"]);
    assert!(
        ahead.status == 1 && ahead.out.contains("calls it an encrypted data key"),
        "{ahead:?}"
    );
    let done = place.run(&["rotate", "--json", &uri("data/")]);
    let (rows, summary) = told(&done, BUCKET);
    let why = rows["data/0.csv"]["error"].as_str().unwrap();
    assert!(
        done.status == 1 && why.contains("calls it an encrypted data key"),
        "{why}"
    );
    assert_eq!(summary["sealed"]["objects"], 1, "{summary}");
}
