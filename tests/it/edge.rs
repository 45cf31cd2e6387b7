//! Where the program ends and strangers begin: nothing that they wrote acts on a terminal, and nothing that they set
//! makes it panic.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::Stdio;

use serde_json::Value;
use strongroom::printable;

use crate::fake::refusing_proxy;
use crate::place::{Done, Place};
use crate::proxy::{Proxy, Trouble};

/// What can stand in a file's name and an object's key, but should not reach a terminal.
const NAME: &str = "a\u{9b}2J\u{90}x\u{202e}g\u{200b}p\u{2028}\u{e0041}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}.csv";

/// Every line of both is harmless.
fn assert_harmless(done: &Done) {
    for line in done.out.lines().chain(done.err.lines()) {
        assert!(printable::is_clean(line), "{line:?}");
    }
}

/// It failed with so many words, and of its own will.
fn assert_fault(done: &Done, status: i32, words: &str) {
    assert_eq!(done.status, status, "{done:?}");
    assert!(done.err.contains(words) && done.err.lines().count() == 1, "{done:?}");
    assert!(!done.err.contains("fault of strongroom itself"), "{done:?}");
    assert_harmless(done);
}

#[test]
fn hostile_names_act_on_no_terminal_and_json_gives_them_back() {
    let place = Place::new();
    place.key("training");
    place.bucket("sagemaker-edge");
    place.write(NAME, "x,y\n1,2\n");
    let key = format!("data/{NAME}");
    let uri = format!("s3://sagemaker-edge/{key}");
    let to = ["encrypt", NAME, "s3://sagemaker-edge/data/", "--key", "alias/training"];
    let made = place.run(&[&to[..], &["--json"]].concat()).ok();
    assert_harmless(&made);
    assert_eq!(made.json()[0]["key"], Value::from(key));
    for arguments in [
        &["verify", uri.as_str()][..],
        &["verify", "s3://sagemaker-edge/data/"],
        &["decrypt", &uri, "-o", "plain.csv"],
        &["decrypt", "s3://sagemaker-edge/data/", "-o", "out"],
    ] {
        assert_harmless(&place.run(arguments).ok());
        let again = [arguments, &["--json", "--overwrite"]].concat();
        let done = place
            .run(if arguments[0] == "verify" {
                &again[..again.len() - 1]
            } else {
                &again
            })
            .ok();
        assert_harmless(&done);
        assert_eq!(done.json()[0]["source"], Value::from(uri.as_str()), "{done:?}");
    }
    // Where the data is the point it is as it is.
    place.write("raw", b"\x1b[31m\xff\n");
    place
        .run(&["encrypt", "raw", "raw.token", "--key", "alias/training"])
        .ok();
    let out = place.command(&["decrypt", "raw.token", "-o", "-"]).output().unwrap();
    assert_eq!(out.stdout, b"\x1b[31m\xff\n");
}

#[test]
fn what_is_typed_wrongly_is_said_back_harmless() {
    let place = Place::new();
    let hostile = "\x1b[2J\x1b]0;owned\x07\u{9b}31m\u{202e}x\r\ny";
    for arguments in [
        &[hostile][..],
        &["verify", hostile],
        &["decrypt", hostile],
        &["decrypt", "x", "--context", hostile],
        &["encrypt", hostile, "s3://b/", "--key", hostile],
        &["--profile", hostile, "verify", "x"],
        &["--config", hostile],
        &["prove", "--key", hostile, "--role", hostile],
        &["watch", hostile],
        &["start", hostile, "--role", hostile, "--channel", hostile],
        &["start", hostile, "--role", hostile, "--channel", "train=s3://b/data/"],
        &["sandbox", "--fill", hostile],
    ] {
        let done = place.run(arguments);
        assert_ne!(done.status, 0, "{done:?}");
        assert!(!done.err.is_empty(), "{done:?}");
        assert!(!done.err.contains("fault of strongroom itself"), "{done:?}");
        assert_harmless(&done);
    }
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let place = Place::new();
    place.key("training");
    place.bucket("sagemaker-edge");
    place.write("a.csv", "x,y\n1,2\n");
    let empty = [
        ("AWS_ENDPOINT_URL_KMS", Some("")),
        ("AWS_ENDPOINT_URL_S3", Some("")),
        ("AWS_REGION", Some("")),
        ("AWS_DEFAULT_REGION", Some("us-east-1")),
        ("AWS_PROFILE", Some("")),
        ("AWS_SESSION_TOKEN", Some("")),
        ("AWS_CONFIG_FILE", Some("")),
        ("AWS_RETRY_MODE", Some("")),
        ("AWS_MAX_ATTEMPTS", Some("")),
        ("AWS_USE_FIPS_ENDPOINT", Some("")),
    ];
    let to = "s3://sagemaker-edge/data/";
    place
        .run_as(&empty, &["encrypt", "a.csv", to, "--key", "alias/training"])
        .ok();
    place.run_as(&empty, &["verify", to]).ok();
}

#[test]
fn the_endpoint_of_one_service_comes_before_that_of_all_and_doctor_says_who_said_so() {
    let place = Place::new();
    place.key("training");
    place.bucket("sagemaker-edge");
    place.write("a.csv", "x,y\n1,2\n");
    let to = "s3://sagemaker-edge/data/";
    place.run(&["encrypt", "a.csv", to, "--key", "alias/training"]).ok();
    let nowhere = "http://127.0.0.1:9";
    let one = [("AWS_ENDPOINT_URL_S3", Some(nowhere))];
    assert_fault(&place.run_as(&one, &["verify", to]), 1, "s3://sagemaker-edge/data/");
    let checks = place.run_as(&one, &["doctor", "--json"]).json();
    let told = checks[0]["detail"].as_str().unwrap();
    for part in [
        "us-east-1 (AWS_REGION)",
        "S3 at http://127.0.0.1:9 (AWS_ENDPOINT_URL_S3)",
        "(AWS_ENDPOINT_URL)",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let here = place.endpoint();
    let own = place.write(
        "config",
        format!("[default]\nendpoint_url = {here}\nservices = own\n[services own]\ns3 =\n  endpoint_url = {nowhere}\n"),
    );
    let file = ("AWS_CONFIG_FILE", Some(own.to_str().unwrap()));
    // The environment comes before the profile, also where it speaks of all services and the profile of one.
    place.run_as(&[file], &["verify", to]).ok();
    let profile = [file, ("AWS_ENDPOINT_URL", None)];
    assert_fault(&place.run_as(&profile, &["verify", to]), 1, "s3://sagemaker-edge/data/");
    let checks = place.run_as(&profile, &["doctor", "--json"]).json();
    assert!(
        checks[0]["detail"]
            .as_str()
            .unwrap()
            .contains("S3 at http://127.0.0.1:9 (the profile)")
    );
    place.run_as(&profile, &["--endpoint-url", here, "verify", to]).ok();
    place.run_as(&one, &["--endpoint-url", here, "verify", to]).ok();
    let ignored = [one[0], ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", Some("true"))];
    place.run_as(&ignored, &["--endpoint-url", here, "verify", to]).ok();
    let told = |changes: &[(&str, Option<&str>)], arguments: &[&str]| {
        let checks = place
            .run_as(changes, &[arguments, &["doctor", "--json"]].concat())
            .lines();
        checks[0]["detail"].as_str().unwrap().to_owned()
    };
    assert!(told(&one, &["--endpoint-url", here]).ends_with("(--endpoint-url)"));
    assert!(told(&one, &["--sandbox"]).ends_with("(the sandbox)"));
    // Where nothing is at AWS the region is a word, in one place or in several.
    let nameless = ("AWS_REGION", None);
    let region = "us-east-1 (as the endpoint is given without one)";
    assert!(told(&[nameless], &[]).starts_with(region));
    assert!(told(&[nameless, one[0]], &[]).starts_with(region));
    let alone = [nameless, one[0], ("AWS_ENDPOINT_URL", None)];
    assert_fault(&place.run_as(&alone, &["verify", to]), 1, "no region is set");
}

#[test]
fn only_what_is_on_loopback_is_asked_without_the_proxy() {
    let place = Place::new();
    place.key("training");
    place.write("a.csv", "x,y\n1,2\n");
    let encrypt = |to| ["encrypt", "a.csv", to, "--key", "alias/training"];
    let (proxy, asked) = refusing_proxy();
    let proxies = ["HTTP_PROXY", "HTTPS_PROXY"].map(|name| (name, Some(proxy.as_str())));
    place.run_as(&proxies, &encrypt("a.token")).ok();
    assert_eq!(*asked.lock().unwrap(), BTreeSet::new());
    // What is not heeded leads nowhere: this is for AWS.
    let once = ("AWS_MAX_ATTEMPTS", Some("1"));
    let ignored = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", Some("true"));
    let to_aws = [proxies[0], proxies[1], once, ignored];
    assert_fault(&place.run_as(&to_aws, &encrypt("b.token")), 1, "HTTPS_PROXY");
    let kms = "CONNECT kms.us-east-1.amazonaws.com:443".to_owned();
    assert_eq!(*asked.lock().unwrap(), BTreeSet::from([kms.clone()]));
    // One service is here, the others are not.
    let sts = ("AWS_ENDPOINT_URL_STS", Some(place.endpoint()));
    let one = [proxies[0], proxies[1], once, ("AWS_ENDPOINT_URL", None), sts];
    let checks = place.run_as(&one, &["doctor", "--json"]).lines();
    let is_well = |name: &str| checks.iter().find(|check| check["name"] == name).unwrap()["ok"] == true;
    assert!(is_well("credentials") && !is_well("KMS"), "{checks:?}");
    let asked = asked.lock().unwrap();
    assert!(asked.contains(&kms) && asked.len() > 3, "{asked:?}");
    assert!(
        asked.iter().all(|line| line.contains(".amazonaws.com:443")),
        "{asked:?}"
    );
}

#[test]
fn services_that_a_profile_names_and_nobody_describes_are_not_looked_for_at_aws() {
    let place = Place::new();
    let config =
        "[profile own]\nregion = us-east-1\nservices = mine\n[services thine]\nkms =\n  endpoint_url = http://x\n";
    place.write(".aws/config", config);
    let unset = ("AWS_ENDPOINT_URL", None);
    for changes in [&[unset, ("AWS_PROFILE", Some("own"))][..], &[unset]] {
        let named: &[&str] = if changes.len() == 1 { &["--profile", "own"] } else { &[] };
        let done = place.run_as(changes, &[named, &["verify", "s3://b/x"]].concat());
        assert_fault(&done, 1, "use profile own");
        assert_fault(&done, 1, "[services mine]");
    }
    place.write(".aws/config", config.replace("profile own", "default"));
    assert_fault(&place.run_as(&[unset], &["verify", "s3://b/x"]), 1, "[services mine]");
    place.write(".aws/config", config.replace("thine", "mine"));
    let done = place.run_as(&[unset], &["--profile", "own", "doctor", "--json"]);
    assert!(
        done.lines()[0]["detail"].as_str().unwrap().contains("KMS at http://x"),
        "{done:?}"
    );
}

#[test]
fn a_call_is_tried_as_often_as_the_environment_says() {
    let place = Place::new();
    place.write("a.csv", "x,y\n1,2\n");
    let proxy = Proxy::start(place.sandbox.as_ref().unwrap(), |_| Trouble::Unavailable);
    for attempts in ["1", "2"] {
        proxy.forget();
        let changes = [
            ("AWS_ENDPOINT_URL", Some(proxy.url())),
            ("AWS_MAX_ATTEMPTS", Some(attempts)),
        ];
        let done = place.run_as(&changes, &["doctor", "--json"]);
        assert_eq!(done.status, 1, "{done:?}");
        let asked = proxy.operations();
        let times = asked.iter().filter(|operation| *operation == "ListKeys").count();
        assert_eq!(times.to_string(), attempts, "{asked:?}");
    }
}

#[test]
fn certificates_that_a_person_names_are_read_before_the_first_call() {
    let place = Place::new();
    for (bundle, cause) in [
        ("nowhere.pem", "No such file"),
        ("empty.pem", "no certificate that can be used"),
    ] {
        place.write(
            "empty.pem",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        );
        let changes = [("AWS_CA_BUNDLE", Some(bundle))];
        let done = place.run_as(&changes, &["verify", "s3://b/x"]);
        assert_fault(&done, 1, cause);
        assert_fault(&done, 1, "AWS_CA_BUNDLE");
        place.write("own", format!("[default]\nca_bundle = {bundle}\n"));
        let profile = [("AWS_CONFIG_FILE", Some("own"))];
        assert_fault(&place.run_as(&profile, &["verify", "s3://b/x"]), 1, "ca_bundle");
    }
}

#[test]
fn a_region_or_an_endpoint_that_cannot_be_is_a_fault_that_names_it() {
    let place = Place::new();
    for region in ["us-east-1\n", "us\x1beast", "us east", "ü"] {
        let done = place.run(&["--region", region, "verify", "s3://b/x"]);
        assert_fault(&done, 1, "it is no name of a region");
    }
    for url in [
        "x",
        "http://",
        "http://a b",
        "http://a\n",
        "ftp://a",
        "http://a:b",
        "http://[::1",
        "http://a/?x",
        "\u{1b}",
    ] {
        let done = place.run(&["--endpoint-url", url, "verify", "s3://b/x"]);
        assert_fault(&done, 1, "use endpoint");
        assert_fault(
            &place.run_as(&[("AWS_ENDPOINT_URL", Some(url))], &["verify", "s3://b/x"]),
            1,
            "use endpoint",
        );
        for name in ["AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL_S3"] {
            let changes = [("AWS_ENDPOINT_URL", None), (name, Some(url))];
            assert_fault(&place.run_as(&changes, &["verify", "s3://b/x"]), 1, name);
        }
    }
    place.write(
        ".aws/config",
        "[default]\nendpoint_url = nonsense\nregion = us-east-1\n",
    );
    let unset = [("AWS_ENDPOINT_URL", None)];
    assert_fault(
        &place.run_as(&unset, &["verify", "s3://b/x"]),
        1,
        "use endpoint `nonsense`",
    );
    place.write(".aws/config", b"[\xff\x1b\nnonsense [[[ \x00");
    let done = place.run(&["--profile", "a", "verify", "s3://b/x"]);
    assert_fault(&done, 1, "use profile a");
}

#[test]
fn whoever_stops_reading_or_has_no_room_makes_no_panic() {
    let place = Place::new();
    for arguments in [
        &["completions", "bash"][..],
        &["man"],
        &["--help"],
        &["doctor", "--json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let done = place.command(arguments).stdout(writer).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!((done.status.code(), said.as_str()), (Some(1), ""), "{arguments:?}");
        let full = || File::options().write(true).open("/dev/full").unwrap();
        let done = place.command(arguments).stdout(full()).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1));
        assert!(
            said.contains("standard output: No space left") && said.lines().count() == 1,
            "{said}"
        );
        let done = place
            .command(&["nonsense"])
            .stdout(Stdio::null())
            .stderr(full())
            .status()
            .unwrap();
        assert_eq!(done.code(), Some(2));
    }
}

#[test]
fn a_home_that_is_not_there_and_names_that_are_no_text_are_no_panic() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let odd = OsStr::from_bytes(b"\xff\x1b");
    for command in [
        place.command(&["verify", "s3://b/x"]).env_remove("HOME"),
        place.command(&["verify", "s3://b/x"]).env("HOME", odd),
        place.command(&["verify"]).arg(odd),
        place.command(&["decrypt"]).arg(odd),
        place.command(&["encrypt"]).arg(odd).arg("s3://b/").args(["--key", "k"]),
        place.command(&["encrypt"]).arg(odd).arg(odd).args(["--key", "k"]),
        place.command(&["verify", "s3://b/x"]).env("AWS_PROFILE", odd),
        place.command(&["verify", "s3://b/x"]).env("AWS_REGION", odd),
    ] {
        let done = command.output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(matches!(done.status.code(), Some(1 | 2)), "{command:?}: {said}");
        assert!(said.lines().all(printable::is_clean), "{said:?}");
        assert!(
            !said.contains("fault of strongroom itself") && !said.is_empty(),
            "{command:?}: {said}"
        );
    }
}

#[test]
fn a_setting_that_the_sdk_would_panic_at_is_a_fault_that_names_it() {
    let place = Place::new();
    place.bucket("sagemaker-edge");
    let list = ["verify", "s3://sagemaker-edge/"];
    for (variable, key, values) in [
        ("AWS_MAX_ATTEMPTS", "max_attempts", ["0", "abc", "-1", "99999999999999"]),
        ("AWS_RETRY_MODE", "retry_mode", ["foo", "standard!", "1", "none"]),
    ] {
        for value in values {
            let done = place.run_as(&[(variable, Some(value))], &list);
            assert_fault(&done, 1, &format!("use {variable}: its value is \"{value}\""));
            let own = place.write("own", format!("[default]\n{key} = {value}\n"));
            let file = ("AWS_CONFIG_FILE", own.to_str());
            let named = format!("use {key} of the profile default");
            assert_fault(&place.run_as(&[file], &list), 1, &named);
        }
    }
    // As the AWS CLI has it.
    for (variable, value) in [("AWS_RETRY_MODE", "legacy"), ("AWS_RETRY_MODE", "adaptive")] {
        let done = place.run_as(&[(variable, Some(value))], &["doctor"]);
        assert_eq!(done.status, 0, "{done:?}");
    }
}

#[test]
fn a_proxy_that_cannot_be_one_is_a_fault_that_names_the_variable_and_keeps_its_value() {
    let place = Place::new();
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "http_proxy"] {
        let done = place.run_as(&[(name, Some("http://ann:secret@pro xy"))], &["verify", "s3://b/x"]);
        assert_fault(&done, 1, &format!("use {name}: its value is no URL of a proxy"));
        assert!(!done.err.contains("secret"), "{done:?}");
    }
}

#[test]
fn credentials_that_no_request_can_carry_are_a_fault_that_names_where_they_come_from() {
    let place = Place::new();
    let get = ["decrypt", "s3://b/x", "-o", "x"];
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKIA\nX"),
        ("AWS_SECRET_ACCESS_KEY", "secret\n"),
        ("AWS_SESSION_TOKEN", "to\u{1b}ken"),
        ("AWS_SESSION_TOKEN", "t\u{f6}ken"),
    ] {
        let done = place.run_as(&[(name, Some(value))], &get);
        assert_fault(&done, 1, &format!("{name} in the environment"));
        assert!(!done.err.contains("ken\""), "{done:?}");
    }
    let answer = r#"{"Version":1,"AccessKeyId":"AKIA","SecretAccessKey":"s","SessionToken":"a\\nb"}"#;
    let script = place.write("give", format!("#!/bin/sh\nprintf '{answer}'\n"));
    let own = place.write(
        "own",
        format!("[default]\ncredential_process = sh {}\n", script.display()),
    );
    let changes = [
        ("AWS_CONFIG_FILE", own.to_str()),
        ("AWS_ACCESS_KEY_ID", None),
        ("AWS_SECRET_ACCESS_KEY", None),
    ];
    let done = place.run_as(&changes, &get);
    assert_fault(&done, 1, "the credential_process of the profile");
    // Also where they assume a role.
    let role = "[profile role]\nrole_arn = arn:aws:iam::111122223333:role/trainer\nsource_profile = default\n";
    place.write("own", std::fs::read_to_string(&own).unwrap() + role);
    let done = place.run_as(&changes, &[&["--profile", "role"], &get[..]].concat());
    assert_fault(&done, 1, "the credential_process of the profile");
    let done = place.run_as(&[("AWS_EXECUTION_ENV", Some("a\nb"))], &get);
    assert_fault(&done, 1, "use AWS_EXECUTION_ENV");
}

#[test]
fn half_an_access_key_in_the_environment_is_refused_by_name() {
    let place = Place::new();
    for (missing, given) in [
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
    ] {
        let done = place.run_as(&[(missing, None)], &["verify", "s3://b/x"]);
        assert_fault(&done, 1, &format!("use {missing}: {given} is set and it is not"));
    }
}
