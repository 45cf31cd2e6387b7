//! What `doctor` says of permissions, and the policy document that it prints for an administrator.

use serde_json::{Value, json};

use crate::place::{Place, access};

const BUCKET: &str = "sagemaker-cli";

/// A world with a key, a bucket and a role, and what names them.
fn ready() -> (Place, Vec<String>) {
    let place = Place::new();
    let key_arn = place.key("training");
    place.bucket(BUCKET);
    place.role("trainer", BUCKET);
    let named = ["--key", &key_arn, "--bucket", BUCKET, "--role", "trainer"];
    let named = named.map(str::to_owned).to_vec();
    (place, named)
}

fn with<'a>(arguments: &[&'a str], named: &'a [String]) -> Vec<&'a str> {
    let named = named.iter().map(String::as_str);
    arguments.iter().copied().chain(named).collect()
}

fn actions(document: &Value) -> Vec<&str> {
    let statements = document["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|statement| statement["Action"].as_array().unwrap());
    actions.map(|action| action.as_str().unwrap()).collect()
}

#[test]
fn whoever_may_do_everything_lacks_nothing() {
    let (place, named) = ready();
    let checks = place.run(&with(&["doctor", "--json"], &named)).ok().json();
    let of = |name: &str| checks.iter().find(|check| check["name"] == name).unwrap();
    assert!(checks.iter().all(|check| check["ok"] == true), "{checks:#?}");
    for (name, how) in [
        ("kms:GenerateDataKey", "dry run"),
        ("s3:GetObject", "asked"),
        ("s3:PutObject", "simulated"),
        ("iam:PassRole", "simulated"),
    ] {
        assert!(of(name)["detail"].as_str().unwrap().contains(how), "{}", of(name));
    }
    let done = place.run(&with(&["doctor", "--policy"], &named)).ok();
    let document: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(document, json!({"Version": "2012-10-17", "Statement": []}));
    assert!(done.err.contains("nothing is missing"), "{done:?}");
}

#[test]
fn what_is_missing_is_a_document_and_with_it_the_main_job_is_allowed() {
    let (place, named) = ready();
    let person = place.user("person", &[]);
    let person = access(&person);
    place
        .run_as(&person, &with(&["doctor"], &named))
        .failed(1, &["checks failed"]);
    let missing = || {
        let done = place.run_as(&person, &with(&["doctor", "--policy"], &named)).ok();
        (serde_json::from_str::<Value>(&done.out).unwrap(), done.err)
    };
    let (document, told) = missing();
    for action in ["kms:GenerateDataKey", "kms:CreateGrant", "s3:PutObject", "iam:PassRole"] {
        assert!(actions(&document).contains(&action), "{action}: {document:#}");
    }
    assert!(told.contains("could not check s3:PutObject"), "{told}");
    assert!(!told.contains("could not check kms:GenerateDataKey"), "{told}");
    let text = document.to_string();
    let is_left = |word: &&str| text.contains(&format!(":{word}")) || text.contains(&format!("/{word}"));
    let left = ["REGION", "ACCOUNT", "KEY_ID", "BUCKET", "ROLE"]
        .into_iter()
        .find(is_left);
    assert_eq!(left, None, "{document:#}");

    let iam = aws_sdk_iam::Client::new(&place.sdk());
    let put = iam.put_user_policy().user_name("person").policy_name("asked-for");
    place.wait(put.policy_document(&text).send()).unwrap();
    // What needs the simulator, which the person may not use, stays; all that was asked is there.
    let (rest, told) = missing();
    for action in actions(&rest) {
        assert!(told.contains(&format!("could not check {action}")), "{action}: {told}");
    }
    assert!(!actions(&rest).contains(&"kms:GenerateDataKey"), "{rest:#}");
    place.write("x.csv", "x,y\n1,2\n");
    let to = format!("s3://{BUCKET}/data/");
    place
        .run_as(&person, &["encrypt", "x.csv", &to, "--key", &named[1]])
        .ok();
    place.run_as(&person, &["decrypt", &to, "-o", "opened"]).ok();
}

#[test]
fn what_is_not_named_keeps_its_placeholder_and_an_unknown_capability_is_wrong_usage() {
    let place = Place::new();
    let done = place.run(&["doctor", "--policy", "--for", "encrypt"]).ok();
    let document: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(actions(&document), ["kms:GenerateDataKey", "s3:PutObject"]);
    let resources: Vec<&Value> = (0..2)
        .map(|index| &document["Statement"][index]["Resource"][0])
        .collect();
    assert_eq!(
        resources,
        ["arn:aws:kms:us-east-1:111122223333:key/KEY_ID", "arn:aws:s3:::BUCKET/*"]
    );
    assert!(
        done.err.contains("give --key") && done.err.contains("give --bucket"),
        "{done:?}"
    );
    place
        .run(&["doctor", "--for", "everything"])
        .failed(2, &["no capability everything", "browse-keys"]);
}

#[test]
fn what_does_not_exist_has_failed_and_nothing_is_allowed_on_it() {
    let (place, named) = ready();
    let gone_key = named[1].replace(&named[1][named[1].len() - 12..], "000000000000");
    for (at, name, actions_on) in [
        (
            1,
            gone_key.as_str(),
            ["kms:DescribeKey", "kms:GenerateDataKey", "kms:Decrypt"].as_slice(),
        ),
        (
            3,
            "sagemaker-nowhere",
            &["s3:ListBucket", "s3:GetObject", "s3:PutObject"],
        ),
        (5, "nobody", &["iam:PassRole"]),
    ] {
        let mut named = named.clone();
        named[at] = name.to_owned();
        let done = place.run(&with(&["doctor", "--json"], &named));
        assert_eq!(done.status, 1, "{done:?}");
        let checks = done.json();
        let policy = place.run(&with(&["doctor", "--policy"], &named)).ok();
        let document: Value = serde_json::from_str(&policy.out).unwrap();
        for action in actions_on {
            let Some(check) = checks.iter().find(|check| check["name"] == *action) else {
                continue;
            };
            assert_eq!(check["ok"], false, "{check}");
            assert!(check["detail"].as_str().unwrap().contains("does not exist"), "{check}");
            assert!(actions(&document).contains(action), "{action}: {document:#}");
        }
        assert!(policy.err.contains("does not exist"), "{policy:?}");
    }
    for (at, name) in [(1, "no key"), (5, "no role!")] {
        let mut named = named.clone();
        named[at] = name.to_owned();
        place.run(&with(&["doctor"], &named)).failed(1, &["it is no name of a"]);
    }
}

#[test]
fn what_a_policy_denies_is_said_to_be_and_no_allow_is_asked_for_it() {
    let (place, named) = ready();
    let statements = json!([
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": ["kms:GenerateDataKey", "s3:PutObject"], "Resource": "*"},
    ]);
    let (id, secret) = crate::company::user(&place, "denied", &statements);
    let person = [
        ("AWS_ACCESS_KEY_ID", Some(id.as_str())),
        ("AWS_SECRET_ACCESS_KEY", Some(secret.as_str())),
    ];
    let done = place.run_as(&person, &with(&["doctor", "--policy"], &named)).ok();
    let document: Value = serde_json::from_str(&done.out).unwrap();
    for action in ["kms:GenerateDataKey", "s3:PutObject"] {
        assert!(!actions(&document).contains(&action), "{document:#}");
        assert!(
            done.err.contains(&format!("{action} is not in the document")),
            "{done:?}"
        );
    }
    assert!(!done.err.contains("nothing is missing"), "{done:?}");
    let done = place.run_as(&person, &with(&["doctor"], &named));
    assert!(
        done.status == 1 && done.out.contains("whoever keeps the policy"),
        "{done:?}"
    );
}
