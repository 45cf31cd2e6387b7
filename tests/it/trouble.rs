//! Bad input and trouble at the command line: every message names the act, the object and the remedy, on one line; nothing
//! is half-written; nothing orphaned stays in S3.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::place::{Place, access, files, finish};

const BUCKET: &str = "sagemaker-trouble";
/// Where nobody listens, nor will: a port that was free a moment ago may be another test's now.
pub(crate) const NOBODY: &str = "http://127.0.0.1:1";

/// A world with a key, a bucket, and a plain file in the person's home.
fn ready() -> Place {
    let place = Place::new();
    place.key("training");
    place.bucket(BUCKET);
    place.write("x.csv", b"x,y\n1,2\n");
    place
}

fn encrypt(name: &str) -> [String; 5] {
    let to = format!("s3://{BUCKET}/data/");
    ["encrypt", name, &to, "--key", "alias/training"].map(str::to_owned)
}

fn words(line: &[String]) -> Vec<&str> {
    line.iter().map(String::as_str).collect()
}

fn assert_untouched(place: &Place) {
    assert!(place.objects(BUCKET).is_empty(), "{:?}", place.objects(BUCKET));
    assert_eq!(place.unfinished_uploads(BUCKET), 0);
}

#[test]
fn missing_credentials_are_said_with_what_to_do() {
    let place = ready();
    let without = [("AWS_ACCESS_KEY_ID", None), ("AWS_SECRET_ACCESS_KEY", None)];
    place
        .run_as(&without, &words(&encrypt("x.csv")))
        .failed(1, &["no credentials found", "aws configure sso", "--sandbox"]);
    assert_untouched(&place);
}

#[test]
fn a_stale_session_and_a_wrong_secret_ask_to_renew_them() {
    let place = ready();
    let stale = [("AWS_SESSION_TOKEN", Some("stale"))];
    let wrong = [("AWS_SECRET_ACCESS_KEY", Some("wrong"))];
    place
        .run_as(&stale, &words(&encrypt("x.csv")))
        .failed(1, &["alias/training", "or renew the"]);
    place
        .run_as(&wrong, &words(&encrypt("x.csv")))
        .failed(1, &["alias/training", "secret access key"]);
    assert_untouched(&place);
}

#[test]
fn no_region_and_a_wrong_region_are_told_apart() {
    let place = ready();
    let none = [("AWS_REGION", None), ("AWS_ENDPOINT_URL", None)];
    place
        .run_as(&none, &words(&encrypt("x.csv")))
        .failed(1, &["no region is set", "--region"]);
    let wrong = [("AWS_REGION", Some("eu-west-1"))];
    let source = format!("s3://{BUCKET}/data/x.csv");
    place
        .run_as(&wrong, &["decrypt", &source, "-o", "y.csv"])
        .failed(1, &[&source, "region"]);
    place
        .run_as(&wrong, &["encrypt", "x.csv", "x.token", "--key", "alias/training"])
        .failed(1, &["eu-west-1", "give --region"]);
    assert!(!files(place.home.path()).iter().any(|path| path.ends_with("x.csv.part")));
}

#[test]
fn an_endpoint_where_nobody_listens_is_named_within_the_patience_of_a_person() {
    let place = ready();
    let began = std::time::Instant::now();
    place
        .run_as(&[("AWS_ENDPOINT_URL", Some(NOBODY))], &words(&encrypt("x.csv")))
        .failed(1, &[&format!("s3://{BUCKET}/data/x.csv"), "check the network"]);
    assert!(
        began.elapsed() < std::time::Duration::from_secs(60),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn whoever_may_not_read_an_object_hears_it_in_s3s_own_words() {
    let place = ready();
    place.run(&words(&encrypt("x.csv"))).ok();
    let kms = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}"#;
    let user = place.user("ann", &[kms]);
    let changes = access(&user);
    let source = format!("s3://{BUCKET}/data/x.csv");
    place
        .run_as(&changes, &["decrypt", &source, "-o", "y.csv"])
        .failed(1, &[&source, "not authorized to perform: s3:GetObject"]);
    assert!(!place.path("y.csv").exists());
}

#[test]
fn whoever_may_use_the_key_but_not_the_bucket_leaves_nothing_there() {
    let place = ready();
    place.write("big.bin", vec![7; 20 << 20]);
    let kms = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}"#;
    let user = place.user("ann", &[kms]);
    let changes = access(&user);
    for name in ["x.csv", "big.bin"] {
        place
            .run_as(&changes, &words(&encrypt(name)))
            .failed(1, &[BUCKET, "not authorized to perform: s3:", "ask for the permission"]);
        assert_untouched(&place);
    }
    let checks = place.run_as(&changes, &["doctor", "--json"]);
    assert_eq!(checks.status, 1, "{checks:?}");
    let well: Vec<(String, bool)> = checks
        .lines()
        .iter()
        .map(|check| (check["name"].as_str().unwrap().to_owned(), check["ok"] == true))
        .collect();
    assert!(well.contains(&("KMS".to_owned(), true)), "what works goes on: {well:?}");
    assert!(well.contains(&("S3".to_owned(), false)), "{well:?}");
}

#[test]
fn whoever_may_begin_an_upload_and_no_more_leaves_no_key_object() {
    let place = ready();
    let some = format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Effect": "Allow", "Action": ["kms:*", "s3:ListBucket"], "Resource": "*"}},
            {{"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"],
              "Resource": "arn:aws:s3:::{BUCKET}/.strongroom/*"}}]}}"#
    );
    let user = place.user("ann", &[&some]);
    let changes = access(&user);
    place
        .run_as(&changes, &words(&encrypt("x.csv")))
        .failed(1, &["data/x.csv", "s3:PutObject"]);
    assert_untouched(&place);
}

#[test]
fn a_bucket_or_key_that_does_not_exist_is_named() {
    let place = ready();
    place
        .run(&[
            "encrypt",
            "x.csv",
            "s3://no-such-bucket-here/data/",
            "--key",
            "alias/training",
        ])
        .failed(1, &["s3://no-such-bucket-here/", "bucket"]);
    let to = format!("s3://{BUCKET}/data/");
    place
        .run(&["encrypt", "x.csv", &to, "--key", "alias/nobody"])
        .failed(1, &["alias/nobody", "check the name"]);
    let source = format!("s3://{BUCKET}/nothing.csv");
    place.run(&["decrypt", &source]).failed(1, &[&source]);
    place
        .run(&["verify", &source])
        .failed(1, &["of 1 object 1 not checked"]);
    assert_untouched(&place);
    assert!(!place.path("nothing.csv").exists());
}

#[test]
fn a_disabled_key_is_said_with_its_remedy() {
    let place = ready();
    let kms = aws_sdk_kms::Client::new(&place.sdk());
    let key = place.wait(kms.describe_key().key_id("alias/training").send()).unwrap();
    let id = key.key_metadata.unwrap().key_id;
    place.wait(kms.disable_key().key_id(id).send()).unwrap();
    place
        .run(&words(&encrypt("x.csv")))
        .failed(1, &["alias/training", "is disabled", "enable the key"]);
    assert_untouched(&place);
}

#[test]
fn a_file_that_cannot_be_read_fails_alone_and_the_others_are_uploaded() {
    let place = ready();
    // Opens, says it is a regular file, and cannot be read: whoever runs this.
    std::os::unix::fs::symlink("/proc/self/mem", place.path("unreadable")).unwrap();
    let to = format!("s3://{BUCKET}/data/");
    place
        .run(&["encrypt", "unreadable", &to, "--key", "alias/training"])
        .failed(1, &["unreadable"]);
    assert_untouched(&place);
    let done = place.run(&["encrypt", "x.csv", "unreadable", &to, "--key", "alias/training"]);
    assert_eq!(done.status, 1, "{done:?}");
    assert!(done.out.contains("x.csv -> "), "{done:?}");
    assert!(done.err.contains("unreadable"), "{done:?}");
    place
        .run(&["encrypt", "missing.csv", &to, "--key", "alias/training"])
        .failed(1, &["missing.csv", "check the path"]);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_uploaded() {
    let place = ready();
    let path = place.write("growing.bin", vec![1; 32 << 20]);
    let stop = Arc::new(AtomicBool::new(false));
    let (told, growing) = (Arc::clone(&stop), path.clone());
    let writer = std::thread::spawn(move || {
        let mut file = std::fs::OpenOptions::new().append(true).open(growing).unwrap();
        while !told.load(Ordering::Relaxed) {
            file.write_all(b"more").unwrap();
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    });
    let done = place.run(&words(&encrypt("growing.bin")));
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    done.failed(1, &["growing.bin", "changed"]);
    assert_untouched(&place);
}

#[test]
fn a_full_disk_is_said_and_nothing_stands_under_the_final_name() {
    let place = ready();
    place.run(&words(&encrypt("x.csv"))).ok();
    let source = format!("s3://{BUCKET}/data/x.csv");
    let mut command = place.command(&["decrypt", &source, "-o", "-"]);
    command.stdout(std::fs::File::create("/dev/full").unwrap());
    finish(command.output().unwrap()).failed(
        1,
        &["write standard output", "No space left on device", "free some space"],
    );

    // No file of this process may pass 64 KiB: the spool and the plaintext both would.
    place.write("big.csv", vec![b'1'; 1 << 20]);
    place.run(&words(&encrypt("big.csv"))).ok();
    let source = format!("s3://{BUCKET}/data/big.csv");
    let mut command = std::process::Command::new("sh");
    let inner = place.command(&["decrypt", &source, "-o", "opened.csv"]);
    command.arg("-c").arg("ulimit -f 64; trap '' XFSZ; exec \"$0\" \"$@\"");
    command.arg(inner.get_program()).args(inner.get_args());
    command.current_dir(place.home.path()).env_clear();
    for (name, value) in inner.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command.process_group(0);
    let before = files(place.home.path());
    finish(command.output().unwrap()).failed(1, &["File too large"]);
    assert!(!place.path("opened.csv").exists());
    let left: Vec<_> = files(place.home.path())
        .into_iter()
        .filter(|path| !before.contains(path))
        .collect();
    let plain = |path: &std::path::PathBuf| std::fs::read(path).unwrap().starts_with(b"1111");
    assert!(!left.iter().any(plain), "{left:?}");
}

#[test]
fn control_characters_in_names_and_answers_never_reach_the_terminal() {
    let place = ready();
    place.write("red\u{1b}[31m.csv", b"1");
    let done = place.run(&words(&encrypt("red\u{1b}[31m.csv"))).ok();
    assert!(
        done.out.contains("red\u{fffd}[31m.csv") && !done.out.contains('\u{1b}'),
        "{done:?}"
    );
    let done = place.run(&["decrypt", "no\u{1b}[2J.token", "-o", "x"]);
    assert!(done.status == 1 && !done.err.contains('\u{1b}'), "{done:?}");
}

#[test]
fn a_file_of_proc_says_why_it_has_no_bytes_and_not_to_try_again() {
    let place = ready();
    let done = place.run(&["encrypt", "/proc/self/status", "out", "--key", "alias/training"]);
    done.failed(
        1,
        &["/proc/self/status", "does not hold as many bytes as its size says"],
    );
    assert!(!place.path("out").exists());
}

#[test]
fn a_bucket_of_another_region_says_which() {
    use std::io::{Read, Write};

    let place = ready();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in server.incoming() {
            let mut connection = connection.unwrap();
            let _ = connection.read(&mut [0; 8192]);
            let answer = "HTTP/1.1 301 Moved Permanently\r\nx-amz-bucket-region: eu-central-1\r\n\
                          x-amz-request-id: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    let mut command = place.command(&["decrypt", "s3://elsewhere/x", "-o", "x"]);
    command.env("AWS_ENDPOINT_URL", url);
    finish(command.output().unwrap()).failed(1, &["s3://elsewhere/x", "eu-central-1"]);
}

#[test]
fn an_answer_without_an_end_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut head = [0; 4096];
                let _ = std::io::Read::read(&mut stream, &mut head);
                let begin = b"HTTP/1.1 200 OK\r\ncontent-type: application/xml\r\n\r\n<ListBucketResult>";
                let _ = std::io::Write::write_all(&mut stream, begin);
                while std::io::Write::write_all(&mut stream, &vec![b' '; 1 << 16]).is_ok() {}
            });
        }
    });
    let place = crate::place::Place::new();
    let environment = [("AWS_ENDPOINT_URL", Some(url.as_str()))];
    place
        .run_as(&environment, &["verify", "s3://bucket/data/"])
        .failed(1, &["the answer is longer than 64 MiB", "endpoint"]);
}

#[test]
fn files_without_an_end_that_the_environment_names_are_refused() {
    let place = crate::place::Place::new();
    for name in ["AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        place
            .run_as(&[(name, Some("/dev/zero"))], &["verify", "s3://bucket/data/"])
            .failed(1, &["/dev/zero", "it is longer than 16 MiB", name]);
    }
}
