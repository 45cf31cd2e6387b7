//! What is said of an object was seen: intact, not intact, no token, not checked, each by the real program.

use std::io::Cursor;

use aws_sdk_s3::primitives::ByteStream;
use serde_json::{Value, json};
use strongroom::actions;
use strongroom::envelope::{DataKey, seal};
use zeroize::Zeroizing;

use crate::place::{Place, access};
use crate::pty::ESC;

const BUCKET: &str = "sagemaker-verdicts";
const TABLE: &[u8] = b"x,y\n1,2\n2,4\n3,6\n4,8\n";

/// A world with a key, and `data/x.csv` under it.
fn world() -> (Place, String) {
    let place = Place::new();
    let key_arn = place.key("training");
    place.bucket(BUCKET);
    place.write("x.csv", TABLE);
    let to = uri("data/");
    place.run(&["encrypt", "x.csv", &to, "--key", "alias/training"]).ok();
    (place, key_arn)
}

fn uri(key: &str) -> String {
    format!("s3://{BUCKET}/{key}")
}

fn verdict(place: &Place, arguments: &[&str]) -> (i32, Value) {
    let done = place.run(&[&["verify", "--json"], arguments].concat());
    let lines = done.lines();
    assert_eq!(lines.len(), 1, "{done:?}");
    (done.status, lines[0].clone())
}

/// Its body and metadata.
fn object(place: &Place, key: &str) -> (Vec<u8>, Vec<(String, String)>) {
    let answer = place
        .wait(place.s3().get_object().bucket(BUCKET).key(key).send())
        .unwrap();
    let metadata = answer.metadata.unwrap_or_default().into_iter().collect();
    (place.wait(answer.body.collect()).unwrap().to_vec(), metadata)
}

fn put(place: &Place, key: &str, body: &[u8], metadata: &[(String, String)]) {
    let metadata = metadata.iter().cloned().collect();
    let call = place
        .s3()
        .put_object()
        .bucket(BUCKET)
        .key(key)
        .set_metadata(Some(metadata));
    place.wait(call.body(ByteStream::from(body.to_vec())).send()).unwrap();
}

fn three(said: &Value) -> (&Value, &Value, &Value) {
    (&said["checked"], &said["intact"], &said["format"])
}

#[test]
fn plain_bytes_under_copied_metadata_are_not_intact() {
    let (place, _) = world();
    let (token, metadata) = object(&place, "data/x.csv");
    put(&place, "data/x.csv", b"plain bytes", &metadata);
    let (status, said) = verdict(&place, &[&uri("data/x.csv")]);
    assert_eq!(
        (status, three(&said)),
        (1, (&json!(true), &json!(false), &json!("strongroom")))
    );

    // As long as it says, and no token all the same: only reading it tells.
    put(&place, "data/x.csv", &vec![b'A'; token.len()], &metadata);
    let (status, said) = verdict(&place, &[&uri("data/x.csv")]);
    assert_eq!(
        (status, three(&said)),
        (1, (&json!(true), &json!(false), &json!("strongroom")))
    );
    assert_eq!((&said["bound"], &said["created"]), (&Value::Null, &Value::Null));
}

#[test]
fn what_could_not_be_read_is_not_checked_and_nothing_is_said_of_it() {
    let (place, key_arn) = world();
    let source = uri("data/x.csv");
    let nowhere = [("AWS_ENDPOINT_URL", Some("http://127.0.0.1:9"))];
    let done = place.run_as(&nowhere, &["verify", &source, "--json"]);
    let said = &done.lines()[0];
    assert_eq!(
        (done.status, three(said)),
        (1, (&json!(false), &Value::Null, &Value::Null))
    );
    assert!(said["error"].as_str().unwrap().contains(&source), "{said}");
    let done = place.run_as(&nowhere, &["verify", &source]);
    assert!(
        done.out.contains("not checked") && !done.out.to_lowercase().contains("intact"),
        "{done:?}"
    );

    let user = place.user("nobody", &[]);
    let denied = access(&user);
    let done = place.run_as(&denied, &["verify", &source, "--json"]);
    assert_eq!(
        three(&done.lines()[0]),
        (&json!(false), &Value::Null, &Value::Null),
        "{done:?}"
    );

    place.wait(actions::disable_key(&place.aws, &key_arn)).unwrap();
    let (status, said) = verdict(&place, &[&source]);
    assert_eq!(
        (status, three(&said)),
        (1, (&json!(false), &Value::Null, &json!("strongroom")))
    );
    assert_eq!((&said["bound"], &said["kms_key_id"]), (&Value::Null, &Value::Null));
    assert!(said["error"].as_str().unwrap().contains("disabled"), "{said}");

    let (status, said) = verdict(&place, &["no-such-file"]);
    assert_eq!((status, three(&said)), (1, (&json!(false), &Value::Null, &Value::Null)));
    place.write("token", object(&place, "data/x.csv").0);
    let (status, said) = verdict(&place, &["token"]);
    assert_eq!(
        (status, three(&said)),
        (1, (&json!(false), &Value::Null, &json!("fernet"))),
        "no data key: {said}"
    );
}

#[test]
fn what_is_no_token_is_named_with_what_opens_it() {
    let (place, _) = world();
    let random = [0x8a, 0x00, 0xff, 0x31, 0x07, 0x90, 0xe2, 0x11];
    let with = |name: &str| vec![(name.to_owned(), "AAAA".to_owned())];
    put(&place, "o/plain", b"id,name\n", &[]);
    put(&place, "o/v1", &random, &with("x-amz-key"));
    put(&place, "o/v2", &random, &with("x-amz-key-v2"));
    put(&place, "o/v3", &random, &with("x-amz-c"));
    put(&place, "o/beside", &random, &[]);
    put(
        &place,
        "o/beside.instruction",
        br#"{"x-amz-key-v2":"AAAA","x-amz-iv":"AAAA"}"#,
        &[],
    );
    put(&place, "o/alone", &random, &[]);
    put(&place, "o/sdk1", b"\x01\x80\x03\x78\x00\x00", &[]);
    put(&place, "o/sdk2", b"\x02\x05\x78\x00\x00", &[]);
    let open = ("sse-s3", "gets it as it is");
    let client = ("s3-encryption-client", "Amazon S3 Encryption Client");
    let sdk = ("aws-encryption-sdk", "aws-encryption-cli");
    for (key, (format, tool)) in [
        ("o/plain", open),
        ("o/v1", client),
        ("o/v2", client),
        ("o/v3", client),
        ("o/beside", client),
        ("o/alone", open),
        ("o/sdk1", sdk),
        ("o/sdk2", sdk),
    ] {
        let (status, said) = verdict(&place, &[&uri(key)]);
        assert_eq!(
            (status, three(&said)),
            (1, (&json!(true), &Value::Null, &json!(format))),
            "{key}"
        );
        place
            .run(&["decrypt", &uri(key), "-o", "out"])
            .failed(1, &[&uri(key), format, tool]);
        assert!(!place.path("out").exists(), "{key}");
    }
    for (name, bytes, word) in [
        ("plain", &b"id,name\n"[..], "not encrypted (plain)"),
        ("sdk1", b"\x01\x80\x03\x78\x00\x00", "aws-encryption-cli"),
        ("sdk2", b"\x02\x05\x78\x00\x00", "aws-encryption-cli"),
    ] {
        place.write(name, bytes);
        let (status, said) = verdict(&place, &[name]);
        assert_eq!(
            (status, &said["checked"], &said["intact"]),
            (1, &json!(true), &Value::Null),
            "{said}"
        );
        place.run(&["decrypt", name, "-o", "out"]).failed(1, &[name, word]);
    }
    let key_object = place
        .objects(BUCKET)
        .into_iter()
        .find(|key| key.starts_with(".strongroom/data-keys/"))
        .unwrap();
    let (status, said) = verdict(&place, &[&uri(&key_object)]);
    assert_eq!(
        (status, three(&said)),
        (1, (&json!(true), &Value::Null, &json!("key-object")))
    );
    place
        .run(&["verify", &uri("nothing/")])
        .failed(1, &["there is no token under it"]);
}

#[test]
fn white_space_before_a_token_and_a_time_in_the_future_are_treated_alike_everywhere() {
    let (place, key_arn) = world();
    place
        .run(&["encrypt", "x.csv", "x.token", "--key", "alias/training"])
        .ok();
    let ciphertext = std::fs::read(place.path("x.token.datakey")).unwrap();
    let kms = aws_sdk_kms::Client::new(&place.sdk());
    let call = kms
        .decrypt()
        .ciphertext_blob(aws_sdk_kms::primitives::Blob::new(ciphertext.clone()));
    let unwrapped = place.wait(call.send()).unwrap();
    let key = Zeroizing::new(unwrapped.plaintext.unwrap().into_inner());
    let key = DataKey::from_plaintext(&key).unwrap();
    let token = |seconds: u64| {
        let mut token = Vec::new();
        seal(&key, seconds, &mut Cursor::new(TABLE), &mut token).unwrap();
        token
    };
    place.put(BUCKET, "dk", &ciphertext);
    let data_key = uri("dk");
    let now = 1_790_000_000;
    let cases = [
        (now, json!("2026-09-21T14:13:20Z"), ""),
        (16_725_225_600, json!("2500-01-01T00:00:00Z"), "made in the future"),
        (1 << 36, json!("4147-08-20T07:32:16Z"), "made in the future"),
        (u64::MAX, Value::Null, "at a time that no calendar has"),
    ];
    for (seconds, created, odd) in cases {
        for space in ["", "\n  ", "\r\n\t \u{b}\u{c}\n"] {
            let body = [space.as_bytes(), &token(seconds)].concat();
            place.put(BUCKET, "t/token", &body);
            place.write("token", &body);
            for source in [uri("t/token"), "token".to_owned()] {
                let with = ["--data-key", &data_key];
                let (status, said) = verdict(&place, &[&[source.as_str()], &with[..]].concat());
                assert_eq!(
                    (status, three(&said)),
                    (0, (&json!(true), &json!(true), &json!("fernet"))),
                    "{said}"
                );
                assert_eq!((&said["created"], &said["kms_key_id"]), (&created, &json!(key_arn)));
                let told = place.run(&["verify", &source, "--data-key", &data_key]).ok().out;
                assert!(
                    told.contains(odd) && told.contains("future") == odd.contains("future"),
                    "{told}"
                );
                let _ = std::fs::remove_file(place.path("out"));
                let told = place
                    .run(&["decrypt", &source, "--data-key", &data_key, "-o", "out"])
                    .ok()
                    .out;
                assert!(told.contains(odd), "{told}");
                assert_eq!(std::fs::read(place.path("out")).unwrap(), TABLE);
            }
        }
    }
}

#[test]
fn garbage_after_a_token_is_told_at_its_first_byte() {
    let (place, _) = world();
    place.write("x.csv", b"secret\n");
    place
        .run(&["encrypt", "x.csv", "x.token", "--key", "alias/training"])
        .ok();
    let token = std::fs::read(place.path("x.token")).unwrap();
    place.write("x.token", [&token, &b"x-GARBAGE"[..]].concat());
    let place_of_it = format!("at byte {}", token.len());
    let done = place.run(&["verify", "x.token"]);
    assert!(
        done.status == 1 && done.out.contains("NOT INTACT") && done.out.contains(&place_of_it),
        "{done:?}"
    );
    place
        .run(&["decrypt", "x.token", "-o", "out"])
        .failed(1, &[&place_of_it]);
    assert!(!place.path("out").exists());

    // No padding ends the token of 39 bytes: what follows is told by the length that it says.
    place.write("y.csv", [b'y'; 39]);
    let (to, source) = (uri("data/"), uri("data/y.csv"));
    place.run(&["encrypt", "y.csv", &to, "--key", "alias/training"]).ok();
    let (token, metadata) = object(&place, "data/y.csv");
    assert!(!token.ends_with(b"="));
    put(&place, "data/y.csv", &[&token, &b"xGARBAGE"[..]].concat(), &metadata);
    let told = format!(
        "{} bytes are stored, but a token of 39 bytes has {}",
        token.len() + 8,
        token.len()
    );
    let done = place.run(&["verify", &source]);
    assert!(
        done.status == 1 && done.out.contains("NOT INTACT") && done.out.contains(&told),
        "{done:?}"
    );
    place.run(&["decrypt", &source, "-o", "out"]).failed(1, &[&told]);
    put(&place, "data/y.csv", &token[..token.len() - 4], &metadata);
    place
        .run(&["decrypt", &source, "-o", "out"])
        .failed(1, &["but a token of 39 bytes has"]);
    assert!(!place.path("out").exists());
}

#[test]
fn an_archive_without_tokens_is_said_to_have_none() {
    let (place, _) = world();
    let gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let empty = tar::Builder::new(gz).into_inner().unwrap().finish().unwrap();
    place.put(BUCKET, "m/model.tar.gz", &empty);
    place.write("model.tar.gz", &empty);
    let stored = uri("m/model.tar.gz");
    for source in ["model.tar.gz", &stored] {
        for json in [&[][..], &["--json"]] {
            let words = ["it holds no token", "nothing in it to open"];
            let decrypt = [&["decrypt", source, "-o", "out"][..], json].concat();
            place.run(&decrypt).failed(1, &words);
            assert!(!place.path("out").exists());
        }
        let (status, said) = verdict(&place, &[source]);
        assert_eq!((status, &said["encrypted"]), (1, &Value::Null), "{said}");
        assert!(said["error"].as_str().unwrap().contains("it holds no token"), "{said}");
    }
}

#[test]
fn an_archive_is_what_its_members_are_and_a_token_may_have_its_name() {
    let (place, _) = world();
    let archive = |name: &str, bytes: &[u8]| {
        let gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gz);
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        tar.append_data(&mut header, name, bytes).unwrap();
        tar.into_inner().unwrap().finish().unwrap()
    };
    let plain = archive("model.bin", b"weights");
    place.put(BUCKET, "dont_look", b"not reached");
    place.put(BUCKET, "m/model.tar.gz", &plain);
    place.write("model.tar.gz", &plain);
    place.write("model.tar.gz.datakey", b"not reached");

    place
        .run(&["encrypt", "x.csv", "x.token", "--key", "alias/training"])
        .ok();
    let token = std::fs::read(place.path("x.token")).unwrap();
    let ours = archive("x.csv", &token);
    place.write("ours.tar.gz", &ours);
    std::fs::copy(place.path("x.token.datakey"), place.path("ours.tar.gz.datakey")).unwrap();
    let (status, said) = verdict(&place, &["ours.tar.gz"]);
    assert_eq!(
        (status, three(&said)),
        (0, (&json!(true), &json!(true), &json!("fernet"))),
        "{said}"
    );
    let mixed = archive("plain.bin", b"weights");
    place.write("mixed.tar.gz", &mixed);
    std::fs::copy(place.path("x.token.datakey"), place.path("mixed.tar.gz.datakey")).unwrap();
    let (status, said) = verdict(&place, &["mixed.tar.gz"]);
    assert_eq!(
        (status, three(&said)),
        (1, (&json!(true), &Value::Null, &json!("archive"))),
        "{said}"
    );
    assert!(
        said["error"].as_str().unwrap().contains("mixed.tar.gz/plain.bin"),
        "{said}"
    );
    place
        .run(&["decrypt", "mixed.tar.gz", "-o", "mixed"])
        .failed(1, &["mixed.tar.gz/plain.bin", "(plain)"]);
    assert!(!place.path("mixed").exists());
    place.write("mixed.tar.gz", &ours[..ours.len() / 2]);
    let (status, said) = verdict(&place, &["mixed.tar.gz"]);
    assert_eq!((status, &said["intact"]), (1, &json!(false)), "cut off: {said}");

    // Where the cut is in a member that was begun, and where something follows.
    let incompressible: Vec<u8> = (0..200_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    place.write("large", &incompressible);
    place
        .run(&["encrypt", "large", "large.token", "--key", "alias/training"])
        .ok();
    let large = archive("large", &std::fs::read(place.path("large.token")).unwrap());
    std::fs::copy(place.path("large.token.datakey"), place.path("large.tar.gz.datakey")).unwrap();
    place.write("large.tar.gz", &large);
    place.run(&["verify", "large.tar.gz"]).ok();
    for (bytes, why) in [
        (&large[..large.len() / 2], "damaged or cut off"),
        (&large[..large.len() - 4], "damaged or cut off"),
        (&[&large[..], b"more"].concat(), "more bytes follow behind its end"),
    ] {
        place.write("large.tar.gz", bytes);
        let (status, said) = verdict(&place, &["large.tar.gz"]);
        assert_eq!((status, &said["intact"]), (1, &json!(false)), "{why}: {said}");
        let told = place.run(&["decrypt", "large.tar.gz", "-o", "large.out"]);
        told.failed(1, &[why, "get the archive again"]);
        assert!(!place.path("large.out").exists());
    }

    // The archive as the plaintext of a token that bears its name.
    let to = uri("data/");
    place
        .run(&["encrypt", "model.tar.gz", &to, "--key", "alias/training"])
        .ok();
    let (status, said) = verdict(&place, &[&uri("data/model.tar.gz")]);
    assert_eq!(
        (status, three(&said)),
        (0, (&json!(true), &json!(true), &json!("strongroom"))),
        "{said}"
    );
    place
        .run(&["decrypt", &uri("data/model.tar.gz"), "-o", "back.tar.gz"])
        .ok();
    assert_eq!(std::fs::read(place.path("back.tar.gz")).unwrap(), plain);
}

#[test]
fn the_dashboard_says_verified_only_of_what_it_read() {
    let (place, _) = world();
    let mut session = place.dashboard((120, 36));
    // What is known of a row says below it what was not.
    let is_verified = |screen: &str| screen.replace("not verified", "").contains("verified");
    session
        .wait("training")
        .keys("3")
        .wait("data/")
        .select("data/")
        .keys("\r");
    session
        .select("x.csv 120 B strongroom")
        .keys("\r")
        .wait("says it is strongroom")
        .wait("not verified");
    session
        .keys(ESC)
        .keys("v")
        .wait("is intact, bound")
        .wait_until("verified", is_verified)
        .keys("\r");
    session.wait("for this ETag: intact, bound").keys(ESC);

    let (_, metadata) = object(&place, "data/x.csv");
    put(&place, "data/x.csv", b"plain bytes", &metadata);
    session
        .keys("r")
        .wait("refuted")
        .wait_until("nothing verified", |screen| !is_verified(screen))
        .keys("\r")
        .wait("11 bytes are stored")
        .keys(ESC);
    session.keys("v").wait("NOT INTACT").keys(ESC);
    session.wait("not intact");
}
