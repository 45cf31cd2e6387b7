//! Plain objects that are in S3 already become tokens, in place or elsewhere, each by the real program.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::BucketVersioningStatus;
use serde_json::Value;

use crate::place::Place;
use crate::proxy::{Proxy, Trouble};
use crate::pty::{ENTER, TAB};
use crate::rotate::{at, head, keep_versions, told};

#[path = "encrypt_prefix/beside.rs"]
mod beside;
#[path = "encrypt_prefix/carried.rs"]
mod carried;
#[path = "encrypt_prefix/gone.rs"]
mod gone;

const BUCKET: &str = "sagemaker-plain";
const TABLE: &[u8] = b"x,y\n1,2\n2,4\n";
const UNCALLED: &str = "it begins as an encrypted data key, and KMS did not confirm it: access denied: kms:Decrypt is \
                        missing, or it is data that names no KMS key";

fn uri(key: &str) -> String {
    format!("s3://{BUCKET}/{key}")
}

/// A world with a key and plain objects at `data/`.
fn world() -> Place {
    let place = Place::new();
    place.key("training");
    place.bucket(BUCKET);
    for key in ["data/a.csv", "data/deep/b.csv", "data/c.bin"] {
        place.put(BUCKET, key, TABLE);
    }
    place
}

fn get(place: &Place, key: &str) -> Option<Vec<u8>> {
    let answer = place
        .wait(place.s3().get_object().bucket(BUCKET).key(key).send())
        .ok()?;
    Some(place.wait(answer.body.collect()).unwrap().to_vec())
}

fn is_token(place: &Place, key: &str) -> bool {
    get(place, key).is_some_and(|body| body.starts_with(b"gAAAAA"))
}

fn encrypt(
    place: &Place,
    from: &str,
    to: &str,
    more: &[&str],
) -> (i32, std::collections::BTreeMap<String, Value>, Value) {
    let of = ["encrypt", "--json", from, to, "--key", "alias/training"];
    let done = place.run(&[&of[..], more].concat());
    assert!(!done.out.is_empty(), "{done:?}");
    let (rows, summary) = told(&done, BUCKET);
    (done.status, rows, summary)
}

fn versions(place: &Place, key: &str) -> Vec<Vec<u8>> {
    let listed = place
        .wait(place.s3().list_object_versions().bucket(BUCKET).prefix(key).send())
        .unwrap();
    let ids = listed
        .versions()
        .iter()
        .map(|version| version.version_id().unwrap().to_owned());
    ids.map(|id| {
        let call = place.s3().get_object().bucket(BUCKET).key(key).version_id(id);
        let answer = place.wait(call.send()).unwrap();
        place.wait(answer.body.collect()).unwrap().to_vec()
    })
    .collect()
}

fn verified(place: &Place, under: &str) -> usize {
    let verdicts = place
        .run(&["verify", "--json", "--require-bound", &uri(under)])
        .ok()
        .json();
    assert!(verdicts.iter().all(|row| row["intact"] == true), "{verdicts:?}");
    verdicts.len()
}

#[test]
fn in_place_each_plain_object_becomes_its_token_and_opens_to_itself() {
    let place = world();
    let large: Vec<u8> = (0..10_000_000_u32).map(|at| (at % 251) as u8).collect();
    place.put(BUCKET, "data/large", &large);
    let (status, rows, summary) = encrypt(&place, &uri("data/"), &uri("data/"), &[]);
    assert_eq!((status, rows.len()), (0, 4), "{summary}");
    assert_eq!(
        (summary["sealed"]["objects"].as_u64(), summary["gone"].as_u64()),
        (Some(4), Some(4))
    );
    let key = rows["data/a.csv"]["data_key_uri"].as_str().unwrap();
    assert!(rows.values().all(|row| row["data_key_uri"] == key));
    assert_eq!(verified(&place, "data/"), 4);
    for (object, plain) in [("data/deep/b.csv", TABLE), ("data/large", large.as_slice())] {
        assert!(is_token(&place, object));
        place.run(&["decrypt", "--overwrite", &uri(object), "-o", "out"]).ok();
        assert_eq!(std::fs::read(place.path("out")).unwrap(), plain);
    }
    assert_eq!(place.unfinished_uploads(BUCKET), 0);
    // The same again has nothing to do, and leaves no data key that nothing needs.
    let before = place.objects(BUCKET);
    let (status, rows, summary) = encrypt(&place, &uri("data/"), &uri("data/"), &[]);
    assert_eq!((status, summary["sealed"]["objects"].as_u64()), (0, Some(0)));
    assert!(
        rows.values()
            .all(|row| row["reason"].as_str().unwrap().contains("a token already"))
    );
    assert_eq!(place.objects(BUCKET), before);
}

#[test]
fn elsewhere_the_tokens_keep_their_names_and_the_plain_objects_stay() {
    let place = world();
    place.bucket("sagemaker-sealed");
    let to = "s3://sagemaker-sealed/in/";
    let (status, rows, summary) = encrypt(&place, &uri("data/"), to, &[]);
    assert_eq!((status, summary["stay"].as_u64()), (0, Some(3)), "{summary}");
    assert_eq!(rows["data/deep/b.csv"]["key"], "in/deep/b.csv");
    assert_eq!(get(&place, "data/deep/b.csv").as_deref(), Some(TABLE));
    place.run(&["decrypt", "s3://sagemaker-sealed/in/", "-o", "out"]).ok();
    assert_eq!(std::fs::read(place.path("out/deep/b.csv")).unwrap(), TABLE);
    // What is there already is passed over, and what stands there otherwise is named.
    place
        .wait(
            place
                .s3()
                .delete_object()
                .bucket("sagemaker-sealed")
                .key("in/a.csv")
                .send(),
        )
        .unwrap();
    place.put("sagemaker-sealed", "in/a.csv", b"somebody's");
    let (status, rows, _) = encrypt(&place, &uri("data/"), to, &[]);
    assert_eq!(status, 1);
    assert_eq!(
        rows["data/c.bin"]["reason"],
        "at the destination already: a token that says its name and length, not opened now"
    );
    let why = rows["data/a.csv"]["error"].as_str().unwrap();
    assert!(
        why.contains("s3://sagemaker-sealed/in/a.csv: it exists already"),
        "{why}"
    );
    let (status, rows, _) = encrypt(&place, &uri("data/"), to, &["--overwrite"]);
    assert_eq!((status, rows["data/a.csv"]["outcome"].as_str()), (0, Some("sealed")));
}

#[test]
fn what_is_encrypted_or_is_no_data_is_left_by_its_reason() {
    let place = world();
    place.write("x.csv", TABLE);
    place
        .run(&["encrypt", "x.csv", &uri("data/"), "--key", "alias/training"])
        .ok();
    let put = |key: &str, body: &[u8], metadata: &[(&str, &str)]| {
        let metadata = metadata
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let call = place
            .s3()
            .put_object()
            .bucket(BUCKET)
            .key(key)
            .set_metadata(Some(metadata.collect()));
        place.wait(call.body(ByteStream::from(body.to_vec())).send()).unwrap();
    };
    let fernet = b"gAAAAABo0000AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let wrapped = [&[1, 2, 3, 0, 0x78][..], &[0xb7; 179][..]].concat();
    let noise = b"\x8a\x00\xff\x31\x10\x00\x01random";
    put("data/fernet", fernet, &[]);
    put("data/c.datakey", &wrapped, &[]);
    put("data/wrapped", &wrapped, &[]);
    put("data/dont_look", &wrapped, &[]);
    put("data/client", noise, &[("x-amz-key-v2", "k"), ("x-amz-iv", "i")]);
    put("data/beside", noise, &[]);
    put(
        "data/beside.instruction",
        br#"{"x-amz-key-v2":"k","x-amz-iv":"i"}"#,
        &[("x-amz-crypto-instr-file", "")],
    );
    put("data/folder/", b"", &[]);
    put("data/empty", b"", &[]);
    put(".strongroom/manifests/job.json", b"{\"version\":1}", &[]);
    let (status, rows, summary) = encrypt(&place, &uri(""), &uri(""), &[]);
    // One of them may be plain.
    assert_eq!(
        (status, summary["sealed"]["objects"].as_u64(), &summary["not_checked"]),
        (1, Some(3), &1.into()),
        "{rows:?}"
    );
    for (key, reason) in [
        ("data/x.csv", "a token already (strongroom-bound)"),
        ("data/fernet", "a token already (fernet)"),
        ("data/c.datakey", "an encrypted data key"),
        ("data/wrapped", UNCALLED),
        ("data/dont_look", "an encrypted data key"),
        ("data/client", "encrypted already (s3-encryption-client-v2)"),
        ("data/beside", "encrypted already (s3-encryption-client-v2)"),
        ("data/beside.instruction", "encrypted already (s3-instruction-file)"),
        ("data/folder/", "the mark of a folder"),
        ("data/empty", "empty: there is nothing to encrypt"),
        (".strongroom/manifests/job.json", "strongroom's own, below .strongroom/"),
    ] {
        assert_eq!(rows[key]["reason"], reason, "{key}");
    }
    assert_eq!(get(&place, "data/wrapped"), Some(wrapped));
    // What others laid where strongroom keeps its own stays plain, so it is no success.
    for key in [".strongroom/customers.csv", "data/.strongroom/data-keys/letter"] {
        place.put(BUCKET, key, TABLE);
        let (status, rows, _) = encrypt(&place, &uri(""), &uri(""), &[]);
        let why = rows[key]["error"].as_str().unwrap_or_default();
        assert!(status == 1 && why.contains("is nothing of that"), "{key}: {rows:?}");
        place
            .wait(place.s3().delete_object().bucket(BUCKET).key(key).send())
            .unwrap();
    }
}

#[test]
fn an_object_that_somebody_replaces_meanwhile_is_neither_replaced_nor_deleted() {
    static DONE: AtomicBool = AtomicBool::new(false);
    for (operation, to, more) in [
        ("PutObject", "data/", &[][..]),
        ("DeleteObject", "sealed/", &["--delete-plain"][..]),
    ] {
        let place = world();
        let s3 = place.s3();
        DONE.store(false, Ordering::SeqCst);
        let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), move |seen| {
            let is_it = seen.name() == operation && seen.line.contains("data/a.csv");
            if is_it && !DONE.swap(true, Ordering::SeqCst) {
                let put = s3.put_object().bucket(BUCKET).key("data/a.csv");
                let put = put.body(ByteStream::from_static(b"theirs")).send();
                tokio::runtime::Runtime::new().unwrap().block_on(put).unwrap();
            }
            Trouble::None
        });
        let (from, to) = (uri("data/"), uri(to));
        let arguments = [&["encrypt", "--json", &from, &to, "--key", "alias/training"][..], more].concat();
        let done = place.run_as(&[("AWS_ENDPOINT_URL", Some(proxy.url()))], &arguments);
        assert_eq!(done.status, 1, "{done:?}");
        let (rows, _) = told(&done, BUCKET);
        let why = rows["data/a.csv"]["error"].as_str().unwrap();
        assert!(
            why.contains("data/a.csv") && why.contains("it is another object since"),
            "{why}"
        );
        assert_eq!(get(&place, "data/a.csv").as_deref(), Some(&b"theirs"[..]));
    }
}

#[test]
fn what_would_be_done_is_told_first_and_wrong_usage_is_refused() {
    let place = world();
    let before = place.objects(BUCKET);
    let (from, to) = (uri("data/"), uri("sealed/"));
    let ahead = ["encrypt", &from, &to, "--key", "alias/training", "--dry-run"];
    let said = place.run(&ahead).ok().out;
    assert!(
        said.contains("3 objects") && said.contains("encrypted to s3://sagemaker-plain/sealed/"),
        "{said}"
    );
    assert!(said.contains("the plain objects stay where they are"), "{said}");
    let said = place.run(&[&ahead[..], &["--delete-plain"]].concat()).ok().out;
    assert!(
        said.contains("keeps no versions: the plain objects are gone for good"),
        "{said}"
    );
    assert_eq!(place.objects(BUCKET), before);
    place.write("x.csv", TABLE);
    let key = ["--key", "alias/training"];
    let usage = |arguments: &[&str], words: &[&str]| {
        place
            .run(&[&["encrypt"][..], arguments, &key[..]].concat())
            .failed(2, words);
    };
    usage(&[&from, "out"], &["tokens of what is in S3 stay in S3"]);
    usage(&[&from, "x.csv", &to], &["one object or prefix goes at a time"]);
    usage(&[&from, &uri("sealed")], &["end it with /"]);
    usage(&[&uri("data/a.csv"), &uri("sealed")], &["an object keeps its name"]);
    usage(&[&from, &uri(".strongroom/data-keys/")], &["strongroom's own"]);
    usage(&["x.csv", &to, "--delete-plain"], &["--delete-plain", "in S3 already"]);
    usage(&[&from, &to, "--no-resume"], &["--no-resume"]);
    assert_eq!(place.objects(BUCKET), before);
}

#[test]
fn a_look_ahead_at_a_bucket_that_is_not_there_fails_with_its_name_and_what_helps() {
    let place = world();
    let (from, to) = (uri("data/"), "s3://sagemaker-nowhere/sealed/");
    let ahead = ["encrypt", &from, to, "--key", "alias/training", "--dry-run"];
    let words = ["write below s3://sagemaker-nowhere/sealed/", "check the bucket's name"];
    place.run(&ahead).failed(1, &words);
    let nowhere = "s3://sagemaker-nowhere/";
    for ahead in [
        &["rotate", nowhere, "--dry-run"][..],
        &["rewrap", nowhere, "--to", "alias/training", "--dry-run"],
        &["encrypt", nowhere, &from, "--key", "alias/training", "--dry-run"],
    ] {
        place
            .run(ahead)
            .failed(1, &["sagemaker-nowhere", "check the bucket's name"]);
    }
    place.bucket("sagemaker-nowhere");
    place.run(&ahead).ok();
}

#[test]
fn what_has_the_mark_of_a_data_key_and_is_no_text_is_named_and_stays() {
    let place = world();
    let picture =
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\0\0\0\x02\0\x08\x06\0\0\0\xf4\x78\xd4\xfa of what should be kept";
    let put = place.s3().put_object().bucket(BUCKET).key("data/hidden.png");
    let put = put
        .metadata("strongroom-key-object", "1")
        .body(ByteStream::from_static(picture));
    place.wait(put.send()).unwrap();
    for to in ["data/", "sealed/"] {
        let (status, rows, _) = encrypt(&place, &uri("data/"), &uri(to), &[]);
        let why = rows["data/hidden.png"]["error"].as_str().unwrap();
        assert!(
            status == 1 && why.contains("calls it an encrypted data key") && why.contains("take the mark off"),
            "{why}"
        );
        assert_eq!(get(&place, "data/hidden.png").as_deref(), Some(&picture[..]));
    }
}

#[test]
fn killed_at_random_moments_and_run_again_all_is_encrypted_and_nothing_plain_is_lost() {
    let long = std::env::var_os("STRONGROOM_LONG").is_some();
    let (count, kills) = if long { (300, 20) } else { (60, 5) };
    let place = world();
    let body = |at: usize| format!("{at},{}\n", at * at).repeat(20);
    for at in 0..count {
        place.put(BUCKET, &format!("many/{at:03}"), body(at).as_bytes());
    }
    let large = vec![7_u8; 9 << 20];
    place.put(BUCKET, "many/large", &large);
    let arguments = [
        "encrypt",
        &uri("many/"),
        &uri("sealed/"),
        "--key",
        "alias/training",
        "--delete-plain",
    ];
    let mut seed = 0x2545_f491_u64;
    for _ in 0..kills {
        let mut child = place
            .command(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_millis(50 + (seed >> 40) % 700));
        let _ = child.kill();
        child.wait().unwrap();
        let objects = place.objects(BUCKET);
        let there = |key: &str| objects.iter().any(|object| object == key);
        for at in 0..count {
            let (plain, sealed) = (format!("many/{at:03}"), format!("sealed/{at:03}"));
            assert!(there(&plain) || there(&sealed), "{plain} is lost");
        }
    }
    // On a quick machine all of it may be done by now.
    place.put(BUCKET, "many/last", b"x");
    place.run(&arguments).ok();
    assert!(!place.objects(BUCKET).iter().any(|key| key.starts_with("many/")));
    place.run(&["decrypt", &uri("sealed/"), "-o", "out"]).ok();
    for at in 0..count {
        assert_eq!(
            std::fs::read(place.path(&format!("out/{at:03}"))).unwrap(),
            body(at).as_bytes()
        );
    }
    assert_eq!(std::fs::read(place.path("out/large")).unwrap(), large);
}

#[test]
fn in_the_dashboard_a_prefix_is_encrypted_in_place_once_its_buckets_name_is_typed() {
    for size in [(120, 36), (80, 24)] {
        let place = world();
        let mut session = at(&place, &uri(""), size);
        session
            .wait("data/")
            .select("data/")
            .keys("1")
            .wait("training")
            .keys("3");
        session
            .action("encrypt in S3")
            .wait("Encrypt s3://")
            .wait("alias/training")
            .keys(ENTER);
        session.wait("3 objects").wait("their tokens").wait("gone for good");
        assert!(!is_token(&place, "data/a.csv"));
        assert_eq!(session.agree(), BUCKET);
        session.wait("3 objects encrypted").wait("0 failed");
        assert!(is_token(&place, "data/a.csv"));
        assert_eq!(verified(&place, "data/"), 3);
    }
}

#[test]
fn in_the_dashboard_what_is_marked_is_encrypted_to_another_prefix() {
    let place = world();
    let mut session = at(&place, &uri("data/"), (120, 36));
    session
        .wait("a.csv")
        .select("a.csv")
        .keys("1")
        .wait("training")
        .keys("3")
        .keys(" ")
        .select("c.bin")
        .keys(" ");
    session
        .action("encrypt in S3")
        .wait("2 marked places")
        .keys("sealed/")
        .keys(TAB);
    session.wait("data/sealed/").keys(ENTER);
    session
        .wait("2 objects")
        .wait("the plain objects stay")
        .wait("y yes")
        .keys("y");
    session.wait("2 objects encrypted");
    assert!(is_token(&place, "data/sealed/a.csv") && is_token(&place, "data/sealed/c.bin"));
    assert_eq!(get(&place, "data/a.csv").as_deref(), Some(TABLE));
    assert_eq!(get(&place, "data/sealed/deep/b.csv"), None);
}

#[test]
fn no_token_takes_the_place_of_an_object_that_is_to_be_encrypted() {
    let place = world();
    for key in ["data/data/a.csv", "data/x"] {
        place.put(BUCKET, key, format!("{key}\n").as_bytes());
    }
    for to in [uri(""), uri("data/deep/")] {
        let all = [
            "encrypt",
            &uri("data/"),
            &to,
            "--key",
            "alias/training",
            "--overwrite",
            "--delete-plain",
        ];
        let done = place.run(&all);
        done.failed(2, &["source and destination lie in each other", "leave --overwrite"]);
    }
    assert_eq!(get(&place, "data/data/a.csv").unwrap(), b"data/data/a.csv\n");
    // Without it whatever is there stays.
    let (status, rows, _) = encrypt(&place, &uri("data/"), &uri(""), &[]);
    assert_eq!(status, 1, "{rows:?}");
    assert_eq!(get(&place, "data/a.csv").unwrap(), TABLE);
    assert_eq!(get(&place, "data/data/a.csv").unwrap(), b"data/data/a.csv\n");
}

#[test]
fn a_token_that_is_older_than_its_object_or_opens_to_something_else_is_not_taken_for_it() {
    let place = world();
    let (status, ..) = encrypt(&place, &uri("data/"), &uri("sealed/"), &[]);
    assert_eq!(status, 0);
    // S3 tells whole seconds.
    let token = place.wait(place.s3().head_object().bucket(BUCKET).key("sealed/a.csv").send());
    let token = token.unwrap().last_modified.unwrap();
    let changed = b"x,y\n1,3\n2,5\n";
    loop {
        place.put(BUCKET, "data/a.csv", changed);
        let plain = place.wait(place.s3().head_object().bucket(BUCKET).key("data/a.csv").send());
        if plain.unwrap().last_modified.unwrap().secs() > token.secs() {
            break;
        }
    }
    let (status, rows, summary) = encrypt(&place, &uri("data/"), &uri("sealed/"), &["--delete-plain"]);
    assert_eq!((status, &summary["failed"]), (1, &1.into()), "{rows:?}");
    let error = rows["data/a.csv"]["error"].as_str().unwrap();
    assert!(error.contains("older than the object"), "{error}");
    assert_eq!(get(&place, "data/a.csv").unwrap(), changed);
    assert_eq!(get(&place, "data/c.bin"), None, "its token holds: {rows:?}");
}
