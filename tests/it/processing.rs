//! An audit by many hosts: the report is the one of one machine, byte for byte, whatever happened to a host.

use aws_sdk_s3::primitives::ByteStream;
use strongroom::domain::capability;

use crate::place::Place;

#[path = "processing/begun.rs"]
mod begun;
#[path = "processing/forged.rs"]
mod forged;
#[path = "processing/hosts.rs"]
mod hosts;
#[path = "processing/kept.rs"]
mod kept;
#[path = "processing/left.rs"]
mod left;
#[path = "processing/rewrapped.rs"]
mod rewrapped;
#[path = "processing/sealed.rs"]
mod sealed;

const BUCKET: &str = "sagemaker-many-hosts";
const HOSTS: usize = 4;
const TABLE: &[u8] = b"x,y\n1,2\n2,4\n3,6\n4,8\n";
const NOISE: &[u8] = b"\x8a\x00\xff\x31\x10\x00\x01random";
const FERNET: &[u8] = b"gAAAAABo0000AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn uri(key: &str) -> String {
    format!("s3://{BUCKET}/{key}")
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
        .set_metadata(Some(metadata.collect()))
        .body(ByteStream::from(body.to_vec()));
    place.wait(call.send()).unwrap();
}

fn copy(place: &Place, from: &str, to: &str) {
    let call = place.s3().copy_object().copy_source(format!("{BUCKET}/{from}"));
    place.wait(call.bucket(BUCKET).key(to).send()).unwrap();
}

/// A world with some of everything: tokens under two data keys, moved and renamed ones, other tools' and plain objects, ciphertext
/// whose instruction file comes much later in the list, names that need quoting, an orphaned key object.
fn mixed() -> Place {
    let place = Place::new();
    place.key("training");
    place.key("second");
    place.bucket(BUCKET);
    for number in 0..20 {
        place.write(&format!("parts/part-{number:02}"), format!("part {number}\n"));
    }
    for (to, key) in [("data/", "alias/training"), ("more/", "alias/second")] {
        place.run(&["encrypt", "parts", &uri(to), "--key", key]).ok();
    }
    for number in 0..4 {
        copy(
            &place,
            &format!("data/part-{number:02}"),
            &format!("away/part-{number:02}"),
        );
    }
    copy(&place, "data/part-00", "data/renamed");
    put(&place, "client/beside", NOISE, &[]);
    for number in 0..12 {
        put(&place, &format!("client/beside-{number:02}"), TABLE, &[]);
    }
    put(
        &place,
        "client/beside.instruction",
        br#"{"x-amz-key-v2":"k","x-amz-iv":"i"}"#,
        &[("x-amz-crypto-instr-file", "")],
    );
    put(
        &place,
        "client/lacks",
        NOISE,
        &[("x-amz-key-v2", "k"), ("x-amz-iv", "i")],
    );
    put(&place, "open/fernet", FERNET, &[]);
    put(&place, "open/=1,\n\u{1b}[2J\u{202e}.csv", TABLE, &[]);
    put(&place, "open/a+b%20 \"c\"", TABLE, &[]);
    put(&place, "open/empty", b"", &[]);
    let left = ".strongroom/data-keys/left";
    let wrapped = [&[1, 2, 3, 0, 0x78][..], &[0xb7; 179]].concat();
    put(&place, left, &wrapped, &[("strongroom-key-object", "1")]);
    place
}

/// What `audit` says of a place, three ways: for people, as JSON, as a table.
fn reports(place: &Place, arguments: &[&str], name: &str) -> [String; 3] {
    let table = format!("{name}.csv");
    let done = |more: &[&str]| place.run(&[&["audit"], arguments, more].concat());
    let (text, json) = (done(&[]), done(&["--json"]));
    let csv = done(&["--csv", &table]);
    for done in [&text, &json, &csv] {
        assert!(done.status == 1 && done.err.contains("wrong"), "{done:?}");
    }
    [text.out, json.out, std::fs::read_to_string(place.path(&table)).unwrap()]
}

fn equal(one: &[String; 3], many: &[String; 3]) {
    for (one, many) in one.iter().zip(many) {
        assert_eq!(one, many);
    }
}

fn body(place: &Place, key: &str) -> Vec<u8> {
    let answer = place.wait(place.s3().get_object().bucket(BUCKET).key(key).send());
    place.wait(answer.unwrap().body.collect()).unwrap().to_vec()
}

/// A role of the document that is for it; its name.
fn worker_role(place: &Place) -> &'static str {
    role(place, include_str!("../../assets/policies/roles/bulk-worker.json"))
}

fn role(place: &Place, document: &str) -> &'static str {
    let iam = aws_sdk_iam::Client::new(&place.sdk());
    let known = |word: &str| {
        let value = match word {
            "ACCOUNT" => "111122223333",
            "REGION" => "us-east-1",
            "KEY_ID" => "*",
            "BUCKET" => BUCKET,
            _ => return None,
        };
        Some(value.to_owned())
    };
    let policy = capability::fill(document, known);
    place.wait(async {
        let role = iam
            .create_role()
            .role_name("bulk-worker")
            .assume_role_policy_document(TRUST);
        role.send().await.unwrap();
        let put = iam.put_role_policy().role_name("bulk-worker").policy_name("least");
        put.policy_document(policy).send().await.unwrap();
    });
    "bulk-worker"
}

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const ENGINE: [&str; 8] = [
    "--on",
    "processing",
    "--instances",
    "4",
    "--image",
    "image",
    "--role",
    "bulk-worker",
];

#[test]
fn a_job_of_four_hosts_under_the_least_role_tells_what_one_machine_tells_byte_for_byte() {
    let place = mixed();
    worker_role(&place);
    let all = uri("");
    let one = reports(&place, &[&all], "one");
    let begun = place
        .run(&[&["audit", &all, "--json"], &ENGINE[..]].concat())
        .ok()
        .json();
    let id = begun[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&begun[0]["job"], &begun[0]["shards"]),
        (&id.as_str().into(), &16.into())
    );
    let waited = place.run(&["audit", &all, "--on", "processing", "--resume", &id, "--wait"]);
    assert_eq!(waited.out, one[0], "{waited:?}");
    equal(
        &one,
        &reports(&place, &[&all, "--on", "processing", "--resume", &id], "many"),
    );
}

/// The first process of a job's host that there is, killed as its machine would be.
fn kill_a_host(id: &str) {
    let from = uri(&format!(".strongroom/bulk/{id}/"));
    loop {
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
            // The host's own, and not what confines it.
            let is_host = words.get(1) == Some(&b"bulk-worker".as_slice()) && words.contains(&from.as_bytes());
            let number = process.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(pid) = number.filter(|_| is_host).and_then(rustix::process::Pid::from_raw) {
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
                return;
            }
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_job_of_which_a_host_dies_fails_and_the_next_one_does_what_is_missing() {
    let place = mixed();
    worker_role(&place);
    let all = uri("");
    let one = reports(&place, &[&all], "one");
    let begun = place
        .run(&[&["audit", &all, "--json"], &ENGINE[..]].concat())
        .ok()
        .json();
    let id = begun[0]["id"].as_str().unwrap().to_owned();
    kill_a_host(&id);
    let waited = place.run(&["audit", &all, "--on", "processing", "--resume", &id, "--wait"]);
    waited.failed(
        1,
        &[
            &format!("its job {id} failed"),
            "of its 16 shards have no result",
            "--resume",
        ],
    );
    let again = place.run(&[&["audit", &all, "--resume", &id, "--wait"], &ENGINE[..]].concat());
    assert_eq!(again.out, one[0], "{again:?}");
    assert!(again.err.contains(&format!("the job {id}-2 does")), "{again:?}");
    equal(
        &one,
        &reports(&place, &[&all, "--on", "processing", "--resume", &id], "many"),
    );
}

#[test]
fn a_job_brings_strongroom_to_an_image_that_has_none() {
    let place = mixed();
    worker_role(&place);
    place.write("static", crate::bring::program());
    let data = uri("data/");
    let one = place.run(&["audit", &data]);
    let many = place.run(&[&["audit", &data, "--program", "static", "--wait"], &ENGINE[..]].concat());
    assert_eq!((one.status, &one.out), (many.status, &many.out), "{many:?}");
    assert!(
        many.err
            .contains("strongroom uploaded to s3://sagemaker-many-hosts/.strongroom/program/"),
        "{many:?}"
    );
    let log = place.run(&["doctor", "--bucket", BUCKET, "--for", "audit-on-processing", "--json"]);
    assert!(log.out.contains("sagemaker:CreateProcessingJob"), "{log:?}");
}
