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

#[test]
fn json_that_says_more_than_the_aws_cli_does_is_data_and_a_plaintext_data_key_is_kept_and_named() {
    let (place, _) = world();
    let text = BASE64_STANDARD.encode(own(&place));
    let json = |more: &str| format!("{{\"CiphertextBlob\": \"{text}\", \"KeyId\": \"k\"{more}}}");
    let customer = ", \"customer\": \"Ada\"";
    let late = format!(", \"KeyMaterialId\": \"{}\"{customer}", "f".repeat(512));
    put(&place, "mixed/data.json", json(customer).as_bytes(), &[]);
    put(&place, "mixed/late.json", json(&late).as_bytes(), &[]);
    let plaintext = json(", \"Plaintext\": \"AAAA\"");
    for key in ["mixed/open.json", "mixed/open.datakey"] {
        put(&place, key, plaintext.as_bytes(), &[]);
    }
    let mixed = uri("mixed/");
    let (status, rows, summary) = audit(&place, &[&mixed]);
    assert_eq!(
        (status, &summary["wrong"]["with a data key in plaintext"]),
        (1, &2.into()),
        "{summary}"
    );
    for key in ["mixed/data.json", "mixed/late.json"] {
        assert_eq!(rows[key]["kind"], "sse-s3", "{key}");
    }
    for key in ["mixed/open.json", "mixed/open.datakey"] {
        let wrong = rows[key]["wrong"].to_string();
        assert_eq!(rows[key]["kind"], "key-object", "{key}");
        assert!(wrong.contains("the plaintext data key lies in it"), "{key}: {wrong}");
    }

    let encrypt = ["encrypt", &mixed, &mixed, "--key", "alias/training", "--json"];
    let done = place.run(&encrypt);
    let (rows, summary) = told(&done);
    assert_eq!((done.status, &summary["not_checked"]), (1, &2.into()), "{summary}");
    for key in ["mixed/data.json", "mixed/late.json"] {
        assert_eq!(rows[key]["outcome"], "sealed", "{key}");
    }
    for key in ["mixed/open.json", "mixed/open.datakey"] {
        assert_eq!(rows[key]["outcome"], "not-checked", "{key}");
        assert_eq!(rows[key]["error"], "the plaintext data key lies in it", "{key}");
        assert_eq!(get(&place, key), plaintext.as_bytes());
    }
}

#[test]
fn hexadecimal_of_an_encrypted_data_key_is_never_sealed_and_is_told_by_what_kms_says_of_its_bytes() {
    let (place, _) = world();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let spelled = [hex(&own(&place)), hex(&WRAPPED)];
    let keys = ["mixed/a.txt", "mixed/b.txt"];
    for (key, text) in keys.iter().zip(&spelled) {
        put(&place, key, text.as_bytes(), &[]);
    }
    put(&place, "mixed/x.csv", TABLE, &[]);
    let mixed = uri("mixed/");
    let (_, rows, _) = audit(&place, &[&mixed]);
    for key in keys {
        assert_eq!(rows[key]["kind"], "key-object", "{key}");
    }
    let done = place.run(&["encrypt", &mixed, &mixed, "--key", "alias/training", "--json"]);
    let (rows, summary) = told(&done);
    assert_eq!((done.status, &summary["not_checked"]), (1, &1.into()), "{summary}");
    assert_eq!(rows[keys[0]]["reason"], "an encrypted data key in hexadecimal");
    assert_eq!(rows[keys[0]]["outcome"], "passed-over");
    assert_eq!(rows[keys[1]]["outcome"], "not-checked");
    for (key, text) in keys.iter().zip(&spelled) {
        assert_eq!(&get(&place, key), text.as_bytes(), "{key}");
    }
    let verified = place.run(&["verify", &mixed]).ok();
    assert!(verified.err.contains("2 encrypted data keys"), "{verified:?}");
}

#[test]
fn why_kms_did_not_confirm_is_told_a_look_ahead_names_what_would_be_left_and_the_way_out_works() {
    let (place, key_arn) = world();
    place.key("second");
    put(&place, "mixed/a.bin", &own(&place), &[]);
    put(&place, "mixed/w.bin", &WRAPPED, &[]);
    put(&place, "mixed/x.csv", TABLE, &[]);
    let mixed = uri("mixed/");
    let encrypt = ["encrypt", &mixed, &mixed, "--key", "alias/second"];
    let ahead = [&encrypt[..], &["--dry-run"]].concat();
    let cannot_decrypt = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"kms:Decrypt","Resource":"*"}]}"#;
    let user = place.user("sealer", &[cannot_decrypt]);
    let done = place.run_as(&as_user(&user), &[&ahead[..], &["--json"]].concat());
    let plan = done.lines().pop().unwrap()["plan"].clone();
    let left = &plan["left_unchecked"];
    assert_eq!(
        (done.status, &left[0]["source"]),
        (1, &uri("mixed/a.bin").into()),
        "{plan}"
    );
    assert!(left[0]["error"].to_string().contains("access denied"), "{left}");

    place
        .wait(strongroom::actions::disable_key(&place.aws, &key_arn))
        .unwrap();
    let done = place.run(&ahead);
    for (key, why) in [
        ("mixed/a.bin", "its KMS key is disabled"),
        ("mixed/w.bin", "data that names no KMS key"),
    ] {
        let start = format!("{}: not checked", uri(key));
        let line = done.out.lines().find(|line| line.starts_with(&start));
        assert!(line.is_some_and(|line| line.contains(why)), "{key}: {done:?}");
    }
    let (rows, _) = told(&place.run(&[&encrypt[..], &["--json"]].concat()));
    assert_eq!(rows["mixed/a.bin"]["error"], "its KMS key is disabled");

    place.write("w.bin", WRAPPED);
    let upload = |to: &str, more: &[&str]| {
        place.run(&[&["encrypt", "w.bin", &uri(to), "--key", "alias/second"][..], more].concat())
    };
    let refused = upload("mixed/", &["--overwrite"]);
    assert!(
        refused.status == 1 && refused.err.contains("encrypted data keys are never overwritten"),
        "{refused:?}"
    );
    upload("mixed/renamed/", &[]).ok();
}

#[test]
fn a_deep_audit_asks_kms_of_key_objects_that_nothing_calls_one() {
    let (place, _) = world();
    put(&place, "keys/a.bin", &own(&place), &[]);
    put(&place, "keys/w.datakey", &WRAPPED, &[]);
    let keys = uri("keys/");
    assert_eq!(audit(&place, &[&keys, "--deep"]).0, 0);
    put(&place, "keys/w.bin", &WRAPPED, &[]);
    assert_eq!(audit(&place, &[&keys]).0, 0, "by its first bytes it is one");
    let (status, rows, summary) = audit(&place, &[&keys, "--deep"]);
    assert_eq!((status, &summary["not_checked_objects"]), (1, &1.into()), "{summary}");
    let row = &rows["keys/w.bin"];
    assert_eq!(row["kind"], "key-object", "{row}");
    assert!(
        row["not_checked"].to_string().contains("data that names no KMS key"),
        "{row}"
    );
}

fn get(place: &Place, key: &str) -> Vec<u8> {
    let answer = place.wait(place.s3().get_object().bucket(BUCKET).key(key).send());
    place.wait(answer.unwrap().body.collect()).unwrap().to_vec()
}
