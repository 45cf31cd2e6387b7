//! Key objects are what they are by their bytes: neither a mark nor a name makes one, and none is passed over without a word.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::*;

/// Of the outside of those that KMS makes.
pub(crate) const WRAPPED: [u8; 184] = {
    let mut bytes = [0xb7; 184];
    (bytes[0], bytes[1], bytes[2], bytes[3], bytes[4]) = (1, 2, 3, 0, 0x78);
    bytes
};
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\0\0\0\x02\0\x08\x06\0\0\0\xf4\x78\xd4\xfa of what should be kept from others";
const MARK: (&str, &str) = ("strongroom-key-object", "1");

#[test]
fn a_small_binary_with_the_mark_or_the_name_of_a_key_object_is_told_and_never_passed_over() {
    let (place, _) = world();
    let hidden = ["data/hidden.png", "data/dont_look", "data/.strongroom/data-keys/hidden"];
    put(&place, hidden[0], PICTURE, &[MARK]);
    put(&place, hidden[1], NOISE, &[]);
    put(&place, hidden[2], PICTURE, &[]);
    put(&place, "data/short", &WRAPPED[..20], &[MARK]);
    put(&place, "data/kept", &WRAPPED, &[MARK]);
    let data = uri("data/");
    let (status, rows, summary) = audit(&place, &[&data]);
    assert_eq!(status, 1);
    assert_eq!(rows["data/kept"]["kind"], "key-object");
    for key in hidden.into_iter().chain(["data/short"]) {
        let (kind, wrong) = (&rows[key]["kind"], rows[key]["wrong"].to_string());
        assert_eq!(kind, "sse-s3", "{key}");
        assert!(wrong.contains("no client has encrypted it"), "{key}: {wrong}");
        assert!(wrong.contains("calls it an encrypted data key"), "{key}: {wrong}");
    }
    assert_eq!(
        summary["wrong"]["called an encrypted data key, and none"], 4,
        "{summary}"
    );

    let verified = place.run(&["verify", &data]);
    let decrypted = place.run(&["decrypt", &data, "-o", "back"]);
    for (done, told) in [(&verified, &verified.out), (&decrypted, &decrypted.err)] {
        assert_eq!(done.status, 1, "{done:?}");
        for key in hidden.into_iter().chain(["data/short"]) {
            assert!(told.contains(&uri(key)), "{key}: {done:?}");
        }
        assert!(!told.contains("data/kept"), "{done:?}");
    }
}

#[test]
fn how_many_key_objects_were_passed_over_is_said() {
    let (place, _) = world();
    put(&place, "data/kept", &WRAPPED, &[MARK]);
    let words = "passed over, by size and first bytes: 1 encrypted data key;";
    for arguments in [
        &["verify", &uri("data/")][..],
        &["decrypt", &uri("data/"), "-o", "back"],
    ] {
        let done = place.run(arguments).ok();
        assert!(done.err.contains(words), "{done:?}");
        assert!(!done.out.contains("data/kept"), "{done:?}");
    }
    assert!(
        !place
            .run(&["verify", &uri("data/x.csv")])
            .ok()
            .err
            .contains("passed over")
    );
}

#[test]
fn a_key_object_that_holds_another_data_key_than_its_token_is_told_by_a_deep_audit() {
    let (place, _) = world();
    let (_, rows, _) = audit(&place, &[&uri("")]);
    let own = rows.keys().find(|key| key.starts_with(".strongroom/")).unwrap();
    put(&place, own, &WRAPPED, &[MARK]);
    let data = uri("data/");
    assert_eq!(
        audit(&place, &[&data]).0,
        0,
        "by metadata and first bytes it is as before"
    );
    let (status, rows, summary) = audit(&place, &[&data, "--deep"]);
    assert_eq!(
        (status, &summary["wrong"]["whose key object holds another data key"]),
        (1, &2.into()),
        "{summary}"
    );
    for row in rows.values() {
        let wrong = row["wrong"].to_string();
        assert!(
            wrong.contains(&uri(own)) && wrong.contains("holds another data key"),
            "{row}"
        );
        assert_eq!(row["intact"], true, "its own metadata opens it: {row}");
    }
    put(&place, own, &[7; 7000], &[MARK]);
    let (status, _, summary) = audit(&place, &[&data, "--deep"]);
    assert_eq!(
        (status, &summary["wrong"]["whose key object holds another data key"]),
        (1, &2.into()),
        "longer than any: {summary}"
    );
}

#[test]
fn key_objects_are_missing_needed_or_orphaned_and_only_what_was_seen_is_said() {
    let (place, _) = world();
    put(&place, ".strongroom/data-keys/left", &WRAPPED, &[MARK]);
    let (_, rows, _) = audit(&place, &[&uri("")]);
    assert_eq!(
        rows[".strongroom/data-keys/left"]["key_object_use"], "unknown",
        "an older version may name it"
    );
    let (status, rows, summary) = audit(&place, &[&uri(""), "--versions"]);
    assert_eq!(rows[".strongroom/data-keys/left"]["key_object_use"], "orphaned");
    assert_eq!(
        (status, summary["key_objects"].to_string()),
        (0, r#"{"orphaned":1,"referenced":1,"unknown":0}"#.to_owned())
    );
    let (_, rows, _) = audit(&place, &[&uri(".strongroom/")]);
    assert!(
        rows.values().all(|row| row["key_object_use"] == "unknown"),
        "the tokens were not seen: {rows:?}"
    );

    let own_key = rows.keys().find(|key| !key.ends_with("left")).unwrap();
    place
        .wait(place.s3().delete_object().bucket(BUCKET).key(own_key).send())
        .unwrap();
    let (status, rows, summary) = audit(&place, &[&uri("data/")]);
    assert_eq!((status, &summary["wrong"]["without its key object"]), (1, &2.into()));
    let wrong = rows["data/x.csv"]["wrong"].to_string();
    assert!(
        wrong.contains(own_key.as_str()) && wrong.contains("still carries the data key"),
        "{wrong}"
    );
}

#[test]
fn one_rule_tells_audit_verify_decrypt_rotate_and_encrypt_what_an_encrypted_data_key_is() {
    let (place, _) = world();
    copy(&place, "data/x.csv", "mixed/x.csv");
    let text = BASE64_STANDARD.encode(WRAPPED);
    let spelled = [
        text.clone(),
        format!("{text}\n"),
        format!("\"{text}\""),
        text.replace('+', "-")
            .replace('/', "_")
            .trim_end_matches('=')
            .to_owned(),
        format!("{{\n    \"CiphertextBlob\": \"{text}\",\n    \"KeyId\": \"k\"\n}}\n"),
    ];
    let mut bodies: Vec<Vec<u8>> = spelled.into_iter().map(String::into_bytes).collect();
    bodies.push(WRAPPED.to_vec());
    bodies.push([&WRAPPED[..], b"\n"].concat());
    let names: Vec<String> = (0..bodies.len()).map(|number| format!("mixed/{number}.bin")).collect();
    for (name, body) in names.iter().zip(&bodies) {
        put(&place, name, body, &[]);
    }
    let trap = [&WRAPPED[..5], &TABLE.repeat(4)].concat();
    put(&place, "mixed/trap.csv", &trap, &[]);
    let mixed = uri("mixed/");
    let (status, rows, summary) = audit(&place, &[&mixed]);
    assert_eq!((status, rows["mixed/trap.csv"]["kind"].as_str()), (1, Some("sse-s3")));
    assert_eq!(summary["kinds"]["key-object"]["objects"], 7, "{summary}");
    for name in &names {
        assert_eq!(rows[name]["kind"], "key-object", "{name}");
        assert_eq!(rows[name]["key_object_use"], "unknown", "{name}");
    }

    let encrypt = [
        "encrypt",
        &mixed,
        &uri("sealed/"),
        "--key",
        "alias/training",
        "--delete-plain",
    ];
    // KMS does not open them: they may be data, and not all is said to be encrypted.
    let done = place.run(&encrypt);
    assert!(
        done.status == 1 && done.err.contains("1 object done, 7 not checked"),
        "{done:?}"
    );
    for (name, body) in names.iter().zip(&bodies) {
        let line = format!(
            "{}: not checked, and kept: it begins as an encrypted data key, and KMS did not confirm it",
            uri(name)
        );
        assert!(done.err.contains(&line), "{line}: {done:?}");
        assert_eq!(&get(&place, name), body);
    }
    assert!(
        !place.objects(BUCKET).contains(&"mixed/trap.csv".to_owned()),
        "{done:?}"
    );
    for how in [&["--json"][..], &["--json", "--dry-run"]] {
        let done = place.run(&[&encrypt[..], how].concat());
        let last = done.lines().pop().unwrap();
        let of_all = last.get("plan").unwrap_or(&last["summary"]);
        assert_eq!((done.status, &of_all["not_checked"]), (1, &7.into()), "{done:?}");
    }
    let (rows, summary) = told(&place.run(&[&encrypt[..], &["--json"]].concat()));
    assert_eq!(
        (&rows[&names[0]]["outcome"], &summary["well"]),
        (&"not-checked".into(), &false.into())
    );

    let passed = "7 encrypted data keys";
    let verified = place.run(&["verify", &mixed]).ok();
    assert!(verified.err.contains(passed), "{verified:?}");
    let decrypted = place.run(&["decrypt", &mixed, "-o", "back"]).ok();
    assert!(decrypted.err.contains(passed), "{decrypted:?}");
    assert_eq!(std::fs::read_dir(place.path("back")).unwrap().count(), 1);
    let (rows, _) = told(&place.run(&["rotate", &mixed, "--json"]).ok());
    for name in &names {
        assert_eq!(rows[name]["reason"], "an encrypted data key", "{name}");
    }
}

/// The only encrypted data key of strongroom's uploads.
fn own(place: &Place) -> Vec<u8> {
    let all = place.objects(BUCKET);
    let own = all.iter().find(|key| key.starts_with(".strongroom/")).unwrap();
    get(place, own)
}

#[test]
fn what_kms_opens_is_an_encrypted_data_key_whatever_it_is_called_and_encrypting_the_rest_is_all_that_was_asked_for() {
    let (place, _) = world();
    let own = own(&place);
    put(&place, "mixed/a.bin", &own, &[]);
    put(&place, "mixed/b.txt", BASE64_STANDARD.encode(&own).as_bytes(), &[]);
    put(&place, "mixed/c.bin", &[own.as_slice(), b"\n"].concat(), &[]);
    put(&place, "mixed/x.csv", TABLE, &[]);
    let mixed = uri("mixed/");
    let encrypt = ["encrypt", &mixed, &mixed, "--key", "alias/training", "--json"];
    let (rows, summary) = told(&place.run(&encrypt).ok());
    for key in ["mixed/a.bin", "mixed/b.txt", "mixed/c.bin"] {
        assert_eq!(rows[key]["reason"], "an encrypted data key", "{key}: {summary}");
    }
    assert_eq!(
        (&rows["mixed/x.csv"]["outcome"], &summary["not_checked"]),
        (&"sealed".into(), &0.into())
    );
    assert_eq!(get(&place, "mixed/a.bin"), own);
}

#[test]
fn a_data_key_that_is_named_is_read_in_every_spelling_in_s3_as_on_this_disk_and_refused_in_hexadecimal() {
    let (place, _) = world();
    let own = own(&place);
    let text = BASE64_STANDARD.encode(&own);
    let spellings = [
        format!("{text}\n").into_bytes(),
        format!("{{\"CiphertextBlob\": \"{text}\", \"KeyId\": \"k\"}}").into_bytes(),
        [own.as_slice(), b"\n"].concat(),
        [own.as_slice(), b"\r\n"].concat(),
    ];
    let verify = |data_key: &str| place.run(&["verify", &uri("data/x.csv"), "--data-key", data_key]);
    for spelling in spellings {
        put(&place, "keys/c", &spelling, &[]);
        place.write("c", &spelling);
        for data_key in [uri("keys/c"), "c".to_owned()] {
            verify(&data_key).ok();
        }
    }
    let hex: String = own.iter().map(|byte| format!("{byte:02x}")).collect();
    put(&place, "keys/c", hex.as_bytes(), &[]);
    place.write("c", &hex);
    for data_key in [uri("keys/c"), "c".to_owned()] {
        let done = verify(&data_key);
        let told = format!("{}{}", done.out, done.err);
        assert!(done.status == 1 && told.contains("in hexadecimal"), "{told}");
    }
}

fn get(place: &Place, key: &str) -> Vec<u8> {
    let answer = place.wait(place.s3().get_object().bucket(BUCKET).key(key).send());
    place.wait(answer.unwrap().body.collect()).unwrap().to_vec()
}
