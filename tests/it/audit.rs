//! An audit of a bucket: what everything in it is, by one request an object, each by the real program.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketVersioningStatus, ServerSideEncryption, VersioningConfiguration};
use serde_json::Value;

use crate::place::{Done, Place};
use crate::proxy::{Proxy, Trouble, named};
use crate::pty::{ENTER, ESC};

#[path = "audit/key_objects.rs"]
mod key_objects;
#[path = "audit/versions.rs"]
mod versions;

const BUCKET: &str = "sagemaker-audited";
const TABLE: &[u8] = b"x,y\n1,2\n2,4\n3,6\n4,8\n";
const NOISE: &[u8] = b"\x8a\x00\xff\x31\x10\x00\x01random";

fn uri(key: &str) -> String {
    format!("s3://{BUCKET}/{key}")
}

/// A world with a key, and two tokens at `data/`.
fn world() -> (Place, String) {
    let place = Place::new();
    let key_arn = place.key("training");
    place.bucket(BUCKET);
    place.write("x.csv", TABLE);
    place.write("y.csv", TABLE);
    let to = uri("data/");
    place
        .run(&["encrypt", "x.csv", "y.csv", &to, "--key", "alias/training"])
        .ok();
    (place, key_arn)
}

fn put(place: &Place, key: &str, body: &[u8], metadata: &[(&str, &str)]) {
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
}

fn copy(place: &Place, from: &str, to: &str) {
    let call = place
        .s3()
        .copy_object()
        .copy_source(format!("{BUCKET}/{from}"))
        .bucket(BUCKET)
        .key(to);
    place.wait(call.send()).unwrap();
}

/// Rows by key, and the summary.
fn told(done: &Done) -> (BTreeMap<String, Value>, Value) {
    let mut lines = done.lines();
    let summary = lines.pop().unwrap()["summary"].clone();
    let start = format!("s3://{BUCKET}/");
    let key = |row: &Value| row["source"].as_str().unwrap().strip_prefix(&start).unwrap().to_owned();
    (lines.into_iter().map(|row| (key(&row), row)).collect(), summary)
}

fn audit(place: &Place, arguments: &[&str]) -> (i32, BTreeMap<String, Value>, Value) {
    let done = place.run(&[&["audit", "--json"], arguments].concat());
    let (rows, summary) = told(&done);
    (done.status, rows, summary)
}

#[test]
fn everything_in_a_bucket_is_named_by_one_request_an_object() {
    let (place, key_arn) = world();
    copy(&place, "data/x.csv", "elsewhere/x.csv");
    copy(&place, "data/x.csv", "data/z.csv");
    put(
        &place,
        "boto/token",
        b"gAAAAABo0000AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        &[],
    );
    put(&place, "open/plain.csv", TABLE, &[]);
    put(&place, "open/empty", b"", &[]);
    put(&place, "open/folder/", b"", &[]);
    put(
        &place,
        "client/two",
        NOISE,
        &[
            ("x-amz-key-v2", "k"),
            ("x-amz-iv", "i"),
            ("x-amz-cek-alg", "g"),
            ("x-amz-wrap-alg", "w"),
        ],
    );
    put(&place, "client/beside", NOISE, &[]);
    put(
        &place,
        "client/beside.instruction",
        br#"{"x-amz-key-v2":"k","x-amz-iv":"i"}"#,
        &[("x-amz-crypto-instr-file", "")],
    );
    put(
        &place,
        ".strongroom/data-keys/left",
        &key_objects::WRAPPED,
        &[("strongroom-key-object", "1")],
    );
    let by_s3 = place
        .s3()
        .put_object()
        .bucket(BUCKET)
        .key("open/by-kms")
        .body(ByteStream::from_static(TABLE));
    let by_s3 = by_s3
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id(&key_arn);
    place.wait(by_s3.send()).unwrap();

    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), |_| Trouble::None);
    let changes = [("AWS_ENDPOINT_URL", Some(proxy.url()))];
    let done = place.run_as(&changes, &["audit", &uri(""), "--json"]);
    let (rows, summary) = told(&done);
    let own_key = rows
        .keys()
        .find(|key| key.starts_with(".strongroom/") && !key.ends_with("left"))
        .unwrap()
        .clone();
    let kinds: BTreeMap<&str, &str> = rows
        .iter()
        .map(|(key, row)| (key.as_str(), row["kind"].as_str().unwrap()))
        .collect();
    let expected = [
        (own_key.as_str(), "key-object"),
        (".strongroom/data-keys/left", "key-object"),
        ("boto/token", "fernet"),
        ("client/beside", "s3-encryption-client-v2"),
        ("client/beside.instruction", "s3-instruction-file"),
        ("client/two", "s3-encryption-client-v2"),
        ("data/x.csv", "strongroom-bound"),
        ("data/y.csv", "strongroom-bound"),
        ("data/z.csv", "strongroom-unbound"),
        ("elsewhere/x.csv", "strongroom-moved"),
        ("open/by-kms", "sse-kms"),
        ("open/empty", "empty"),
        ("open/folder/", "empty"),
        ("open/plain.csv", "sse-s3"),
    ];
    assert_eq!(kinds, expected.into_iter().collect());
    for key in ["data/x.csv", "open/by-kms"] {
        let row = &rows[key];
        assert_eq!(row["kms_key_id"], key_arn.as_str(), "{row}");
        assert_eq!(
            (&row["kms_key_alias"], &row["kms_key_state"]),
            (&"alias/training".into(), &"Enabled".into())
        );
    }
    assert_eq!(rows[&own_key]["key_object_use"], "referenced");
    // A token of others may be under it.
    assert_eq!(rows[".strongroom/data-keys/left"]["key_object_use"], "unknown");
    assert_eq!(
        (done.status, &summary["well"], &summary["objects"]),
        (1, &false.into(), &14.into())
    );
    assert_eq!(summary["wrong"]["not encrypted by a client"], 2, "{summary}");
    assert_eq!(summary["wrong"]["under another name than it was put"], 1);
    assert_eq!(summary["not_moved_together"]["objects"], 1);

    let operations = proxy.operations();
    let count = |name: &str| operations.iter().filter(|operation| named(operation) == name).count();
    assert_eq!(count("GetObject"), 14, "{operations:?}");
    assert_eq!(
        (count("HeadObject"), count("DescribeKey"), count("Decrypt")),
        (0, 1, 0),
        "{operations:?}"
    );
}

#[test]
fn a_prefix_of_whole_tokens_is_well_and_a_damaged_one_is_found_only_by_reading_it() {
    let (place, _) = world();
    let data = uri("data/");
    let (status, rows, summary) = audit(&place, &[&data, "--deep"]);
    assert_eq!(
        (status, &summary["intact"], &summary["well"]),
        (0, &2.into(), &true.into())
    );
    assert!(rows.values().all(|row| row["intact"] == true));

    let answer = place
        .wait(place.s3().get_object().bucket(BUCKET).key("data/x.csv").send())
        .unwrap();
    let metadata: Vec<(String, String)> = answer.metadata.clone().unwrap().into_iter().collect();
    let mut token = place.wait(answer.body.collect()).unwrap().to_vec();
    let at = token.len() - 20;
    token[at] ^= 1;
    let metadata: Vec<(&str, &str)> = metadata
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    put(&place, "data/x.csv", &token, &metadata);
    assert_eq!(
        audit(&place, &[&data]).0,
        0,
        "by metadata and first bytes it is as before"
    );
    let (status, rows, _) = audit(&place, &[&data, "--deep"]);
    assert_eq!(
        (status, &rows["data/x.csv"]["intact"], &rows["data/y.csv"]["intact"]),
        (1, &false.into(), &true.into())
    );

    put(&place, "data/x.csv", &token[..token.len() - 4], &metadata);
    let (status, rows, _) = audit(&place, &[&data]);
    let wrong = rows["data/x.csv"]["wrong"].to_string();
    assert!(
        status == 1 && wrong.contains("bytes are stored, but a token of"),
        "{wrong}"
    );
}

#[test]
fn what_cannot_be_read_is_counted_by_its_cause_and_a_disabled_key_is_named() {
    let (place, key_arn) = world();
    let actions = ["s3:ListBucket", "s3:GetObject"];
    let resource = format!(
        "\"arn:aws:s3:::{BUCKET}\",\"arn:aws:s3:::{BUCKET}/data/x.csv\",\"arn:aws:s3:::{BUCKET}/.strongroom/*\""
    );
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["{}"],"Resource":[{resource}]}}]}}"#,
        actions.join("\",\"")
    );
    let access = place.user("auditor", &[&policy]);
    let changes: Vec<_> = access
        .iter()
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect();
    let done = place.run_as(&changes, &["audit", &uri("data/"), "--json"]);
    let (rows, summary) = told(&done);
    assert_eq!(rows["data/y.csv"]["kind"], "unread");
    assert!(rows["data/y.csv"]["unread"].as_str().unwrap().contains("s3:GetObject"));
    assert_eq!((done.status, &summary["unread"]["AccessDenied"]), (1, &1.into()));
    // Whether the key can be used nobody told.
    assert_eq!(
        (&rows["data/x.csv"]["kind"], &rows["data/x.csv"]["kms_key_state"]),
        (&"strongroom-bound".into(), &Value::Null)
    );
    assert_eq!(summary["kms_keys"][0]["unknown"], "AccessDeniedException");

    place
        .wait(strongroom::actions::disable_key(&place.aws, &key_arn))
        .unwrap();
    let (status, _, summary) = audit(&place, &[&uri("data/")]);
    assert_eq!(
        (status, &summary["wrong"]["under a KMS key that cannot be used"]),
        (1, &2.into())
    );
}

/// A user with these policies, as the program is run by it.
fn as_user(access: &[(String, String)]) -> Vec<(&str, Option<&str>)> {
    let variables = access.iter();
    variables
        .map(|(name, value)| (name.as_str(), Some(value.as_str())))
        .collect()
}

#[test]
fn objects_of_whose_kms_key_or_key_object_nothing_could_be_asked_are_not_checked_and_never_well() {
    let (place, key_arn) = world();
    put(&place, "none/empty", b"", &[]);
    let reads = format!(
        r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Action":["s3:ListBucket","s3:GetObject"],"Resource":["arn:aws:s3:::{BUCKET}","arn:aws:s3:::{BUCKET}/*"]}}]}}"#
    );
    let access = place.user("auditor", &[&reads]);
    let data = uri("data/");
    let done = place.run_as(&as_user(&access), &["audit", &data, "--json"]);
    let (rows, summary) = told(&done);
    assert_eq!((done.status, &summary["well"]), (1, &false.into()), "{done:?}");
    assert_eq!(
        (&summary["wrong_objects"], &summary["not_checked_objects"]),
        (&0.into(), &2.into())
    );
    let class = "under a KMS key whose state could not be asked (AccessDeniedException)";
    assert_eq!(summary["not_checked"][class], 2, "{summary}");
    let row = rows["data/x.csv"]["not_checked"].to_string();
    assert!(row.contains("the state of its KMS key could not be asked"), "{row}");
    assert!(done.err.contains("of 2 objects 2 not checked"), "{}", done.err);
    let told_people = place.run_as(&as_user(&access), &["audit", &data]);
    assert!(
        told_people.out.contains(&format!("not checked: 2 {class}")) && told_people.out.contains("kms:DescribeKey"),
        "{}",
        told_people.out
    );
    assert!(!told_people.out.contains("nothing is wrong"), "{}", told_people.out);
    // Where there is nothing that a key could open there is nothing to ask.
    assert_eq!(place.run_as(&as_user(&access), &["audit", &uri("none/")]).status, 0);

    // Who may unwrap knows that the key can be used, though it may not be described.
    let unwraps = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"kms:Decrypt","Resource":"{key_arn}"}}]}}"#
    );
    let access = place.user("reader", &[&reads, &unwraps]);
    let done = place.run_as(&as_user(&access), &["audit", &data, "--json", "--deep"]);
    assert_eq!(done.status, 0, "{done:?}");

    // The same of key objects that may not be looked for.
    let no_key_objects = format!(
        r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Action":["s3:ListBucket","kms:*"],"Resource":"*"}},
            {{"Effect":"Deny","Action":"s3:ListBucket","Resource":"*","Condition":{{"StringLike":{{"s3:prefix":".strongroom/*"}}}}}},
            {{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::{BUCKET}/data/*"}}]}}"#
    );
    let access = place.user("narrow", &[&no_key_objects]);
    let done = place.run_as(&as_user(&access), &["audit", &data, "--json"]);
    let (_, summary) = told(&done);
    assert_eq!(
        (done.status, &summary["not_checked_objects"]),
        (1, &2.into()),
        "{summary}"
    );
    assert!(
        summary["not_checked"]
            .to_string()
            .contains("key object could not be looked for"),
        "{summary}"
    );
}

#[test]
fn older_versions_and_delete_markers_are_told_when_they_are_asked_for() {
    let (place, _) = world();
    let versioned = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Enabled)
        .build();
    let call = place
        .s3()
        .put_bucket_versioning()
        .bucket(BUCKET)
        .versioning_configuration(versioned);
    place.wait(call.send()).unwrap();
    put(&place, "open/plain.csv", TABLE, &[]);
    let token = b"gAAAAABo0000AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    put(&place, "open/plain.csv", token, &[]);
    place
        .wait(place.s3().delete_object().bucket(BUCKET).key("open/plain.csv").send())
        .unwrap();
    let open = uri("open/");
    let (status, rows, _) = audit(&place, &[&open]);
    assert_eq!((status, rows.len()), (0, 0));
    let done = place.run(&["audit", "--json", "--versions", &open]);
    let lines = done.lines();
    let told: Vec<_> = lines
        .iter()
        .filter_map(|row| Some((row["kind"].as_str()?, row["latest"].as_bool()?)))
        .collect();
    assert_eq!(told[0], ("delete-marker", true));
    assert_eq!(told.len(), 3);
    assert!(
        told.contains(&("sse-s3", false)) && told.contains(&("fernet", false)),
        "{told:?}"
    );
    assert_eq!(done.status, 1);
}

#[test]
fn the_table_for_a_spreadsheet_has_what_is_wrong_first_and_no_formula() {
    let (place, _) = world();
    put(&place, "data/zz,\n\u{1b}[2J.csv", TABLE, &[]);
    let done = place.run(&["audit", &uri("data/"), "--csv", "audit.csv"]);
    assert_eq!(done.status, 1);
    let text = std::fs::read_to_string(place.path("audit.csv")).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows.len(), 4, "{text}");
    assert!(
        rows[1].starts_with("\"s3://sagemaker-audited/data/zz,\\u{a}\\u{1b}[2J.csv\","),
        "{text}"
    );
    assert!(rows[2].contains("data/x.csv,,true,"), "{text}");
    assert!(done.out.contains("sse-s3: no client has encrypted it"), "{done:?}");
    assert!(done.err.contains("of 3 objects 1 wrong"), "{done:?}");
    let again = place.run(&["audit", &uri("data/"), "--csv", "audit.csv"]);
    assert_eq!(again.status, 1);
    assert!(
        again.err.contains("it exists already") && again.err.contains("move that file away"),
        "{again:?}"
    );
    assert!(again.out.is_empty() && !again.err.contains("--overwrite"), "{again:?}");
    for (file, words) in [
        ("audit.csv", "move that file away"),
        ("none/audit.csv", "check the path"),
    ] {
        place
            .run(&["who", "alias/training", "--csv", file])
            .failed(1, &["write", file, words]);
    }
}

#[test]
fn an_audit_that_is_stopped_tells_what_it_saw_as_a_part() {
    static LOOKED: AtomicUsize = AtomicUsize::new(0);
    let (place, _) = world();
    for number in 0..40 {
        put(&place, &format!("open/{number:02}"), TABLE, &[]);
    }
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), |seen| {
        let is_late = seen.name() == "GetObject" && LOOKED.fetch_add(1, Ordering::SeqCst) >= 20;
        if is_late {
            Trouble::StallUnanswered
        } else {
            Trouble::None
        }
    });
    let mut command = place.command(&["audit", &uri("open/")]);
    command
        .env("AWS_ENDPOINT_URL", proxy.url())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("open/00: sse-s3"), "{first}");
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(
        rest.iter().any(|line| line.contains("a PART: it was stopped")),
        "{rest:?}"
    );
    assert!(!rest.iter().any(|line| line.contains("nothing is wrong")), "{rest:?}");
}

#[test]
fn in_the_dashboard_a_bucket_is_audited_filtered_saved_and_left_for_one_of_its_objects() {
    let (place, _) = world();
    put(&place, "open/plain.csv", TABLE, &[]);
    let mut session = place.dashboard((120, 36));
    session
        .bucket("sagemaker-audited")
        .keys("V")
        .wait("Audit s3://sagemaker-audited/")
        .keys(ENTER);
    session
        .wait("Audit of s3://sagemaker-audited/")
        .wait("1 wrong")
        .wait("strongroom-bound")
        .wait("training");
    // What is wrong stands first, with the cursor.
    session.wait("✗ sse-s3").wait("no client has encrypted it");
    session
        .keys("/")
        .keys("bound")
        .keys(ENTER)
        .wait("2 of 4 rows")
        .gone("✗ sse-s3");
    session
        .keys("D")
        .wait("Save the audit")
        .keys(ENTER)
        .wait("Saved the audit (4 rows)");
    session.keys(ESC).gone("Audit of s3://");
    let text = std::fs::read_to_string(place.path(&format!("audit-{BUCKET}.csv"))).unwrap();
    assert_eq!(text.lines().count(), 5, "{text}");
    // Kept for the session: nothing is asked.
    session
        .keys("V")
        .wait("Audit of s3://sagemaker-audited/")
        .wait("✗ sse-s3")
        .keys(ENTER);
    session
        .gone("Audit of s3://")
        .wait("sagemaker-audited/open/")
        .wait("plain.csv");
}
