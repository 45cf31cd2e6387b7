//! The command line's contract, through the real program against a world of its own: results, `--json` shapes, exit
//! statuses.

use serde_json::{Value, json};
use strongroom::actions;
use strongroom::domain::{JobPlan, JobSettings, JobSpec};

use crate::place::{Place, files, never};

#[path = "cli/doctor.rs"]
mod doctor;
#[path = "cli/job_options.rs"]
mod job_options;
#[path = "cli/proofs.rs"]
mod proofs;
#[path = "cli/start.rs"]
mod start;

const TABLE: &[u8] = b"x,y\n1,2\n2,4\n3,6\n4,8\n";

fn keys(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn encrypted(place: &Place, bucket: &str) -> Value {
    place.write("x.csv", TABLE);
    let to = format!("s3://{bucket}/data/");
    let done = place
        .run(&["encrypt", "x.csv", &to, "--key", "alias/training", "--json"])
        .ok();
    done.json().remove(0)
}

#[test]
fn encrypt_verify_and_decrypt_say_what_the_contract_says() {
    let place = Place::new();
    let key_arn = place.key("training");
    place.bucket("sagemaker-cli");
    let made = encrypted(&place, "sagemaker-cli");
    assert_eq!(
        keys(&made),
        [
            "bucket",
            "bytes",
            "data_key_uri",
            "etag",
            "key",
            "kms_key_id",
            "path",
            "resumed",
            "token_bytes"
        ]
    );
    assert_eq!(made["path"], "x.csv");
    assert_eq!(
        (&made["bucket"], &made["key"]),
        (&json!("sagemaker-cli"), &json!("data/x.csv"))
    );
    assert_eq!(made["kms_key_id"], json!(key_arn));
    assert_eq!(made["bytes"], TABLE.len());
    assert_eq!(made["resumed"], false);
    assert!(!made["etag"].as_str().unwrap().contains('"'));
    assert!(
        made["data_key_uri"]
            .as_str()
            .unwrap()
            .starts_with("s3://sagemaker-cli/.strongroom/data-keys/")
    );

    // The data key beside the token is not one of them, and that is said.
    let done = place.run(&["verify", "s3://sagemaker-cli/", "--json"]).ok();
    assert!(
        done.err
            .contains("passed over, by size and first bytes: 1 encrypted data key;"),
        "{done:?}"
    );
    let verdict = done.lines();
    assert_eq!(verdict.len(), 1, "key objects are passed over: {verdict:?}");
    assert_eq!(
        keys(&verdict[0]),
        [
            "bound",
            "checked",
            "contested",
            "created",
            "error",
            "format",
            "intact",
            "kms_key_id",
            "put_at",
            "source"
        ]
    );
    assert_eq!(verdict[0]["format"], "strongroom");
    assert_eq!(
        (&verdict[0]["checked"], &verdict[0]["intact"], &verdict[0]["bound"]),
        (&json!(true), &json!(true), &json!("bound"))
    );
    assert_eq!(verdict[0]["error"], Value::Null);

    let opened = place
        .run(&["decrypt", "s3://sagemaker-cli/data/x.csv", "-o", "opened.csv", "--json"])
        .ok()
        .json();
    assert_eq!(
        keys(&opened[0]),
        ["bound", "bytes", "host", "lost_of", "path", "put_at", "source"]
    );
    assert_eq!(opened[0]["path"], "opened.csv");
    assert_eq!(opened[0]["bound"], "bound");
    assert_eq!(std::fs::read(place.path("opened.csv")).unwrap(), TABLE);
}

#[test]
fn nothing_is_overwritten_unless_that_is_asked_for() {
    let place = Place::new();
    place.key("training");
    place.bucket("sagemaker-cli");
    encrypted(&place, "sagemaker-cli");
    let to = "s3://sagemaker-cli/data/";
    place
        .run(&["encrypt", "x.csv", to, "--key", "alias/training"])
        .failed(1, &["s3://sagemaker-cli/data/x.csv", "--overwrite"]);
    place
        .run(&["encrypt", "x.csv", to, "--key", "alias/training", "--overwrite"])
        .ok();

    place
        .run(&["decrypt", "s3://sagemaker-cli/data/x.csv"])
        .failed(1, &["x.csv", "--overwrite"]);
    assert_eq!(std::fs::read(place.path("x.csv")).unwrap(), TABLE);
}

#[test]
fn a_local_token_opens_with_the_data_key_beside_it() {
    let place = Place::new();
    place.key("training");
    place.write("x.csv", TABLE);
    place
        .run(&["encrypt", "x.csv", "x.token", "--key", "alias/training"])
        .ok();
    assert!(place.path("x.token.datakey").is_file());
    place.run(&["verify", "x.token"]).ok();
    let done = place.run(&["decrypt", "x.token", "-o", "-"]).ok();
    assert_eq!(done.out.as_bytes(), TABLE);
    place
        .run(&["verify", "x.token", "--require-bound"])
        .failed(1, &["verify tokens", "of 1 object 1 intact but not bound"]);
}

#[test]
fn wrong_usage_ends_with_2_and_touches_nothing() {
    let place = Place::new();
    place.key("training");
    place.write("a/x.csv", TABLE);
    place.write("b/x.csv", TABLE);
    let table: &[&[&str]] = &[
        &["encrypt", "a/x.csv", "out/", "--key"],
        &["encrypt", "a", "b", "-", "--key", "alias/training"],
        &["encrypt", "a/x.csv", "-", "--key", "alias/training", "--json"],
        &[
            "encrypt",
            "a/x.csv",
            "b/x.csv",
            "s3://bucket/data/",
            "--key",
            "alias/training",
        ],
        &[
            "encrypt",
            "a/x.csv",
            "a/x.csv",
            "--key",
            "alias/training",
            "--overwrite",
        ],
        &["encrypt", "a/x.csv", "s3:///key", "--key", "alias/training"],
        &["decrypt", "a/x.csv"],
        &["prove", "--key", "alias/training"],
        &["watch"],
        &["start", "image", "--role", "trainer"],
        &["train"],
        &["serve"],
        &["no-such-command"],
        &["--sandbox", "--region", "eu-west-1", "doctor"],
    ];
    let before = files(place.home.path());
    for arguments in table {
        let done = place.run(arguments);
        assert_eq!(done.status, 2, "{arguments:?}: {done:?}");
        assert!(!done.err.is_empty(), "{arguments:?}");
    }
    assert_eq!(files(place.home.path()), before);
}

#[test]
fn doctor_says_line_by_line_what_works() {
    let place = Place::new();
    let checks = place.run(&["doctor", "--json"]).ok().json();
    let names: Vec<&str> = checks.iter().filter_map(|check| check["name"].as_str()).collect();
    assert_eq!(
        names,
        [
            "region",
            "credentials",
            "clock",
            "KMS",
            "S3",
            "SageMaker",
            "IAM",
            "CloudWatch Logs"
        ]
    );
    for check in &checks {
        assert_eq!(keys(check), ["detail", "name", "ok", "remedy"]);
        assert_eq!(check["ok"], true, "{check}");
    }
}

#[test]
fn completions_and_manual_need_no_world() {
    let place = Place::new();
    let nowhere = [("AWS_ENDPOINT_URL", None), ("AWS_REGION", None)];
    for shell in ["bash", "zsh", "fish"] {
        let script = place.run_as(&nowhere, &["completions", shell]).ok();
        assert!(script.out.contains("strongroom"), "{shell}");
        assert!(script.out.contains("prove") && script.out.contains("watch"), "{shell}");
    }
    let page = place.run_as(&nowhere, &["man"]).ok().out;
    assert!(page.contains(".TH strongroom"), "{page}");
}

#[test]
fn the_model_of_a_job_is_verified_and_decrypted_as_an_archive() {
    let place = Place::new();
    let key_arn = place.key("training");
    place.bucket("sagemaker-cli");
    encrypted(&place, "sagemaker-cli");
    let role_arn = place.role("trainer", "sagemaker-cli");
    place.grant(&key_arn, &role_arn);
    place
        .wait(actions::start_job(&place.aws, &job(&role_arn), &never()))
        .unwrap();
    let told = place.run(&["watch", "job-1", "--json"]).ok().json();
    let last = told.iter().rev().find(|news| news["event"] == "status").unwrap();
    assert_eq!(last["status"], "Completed");
    let model = last["model"].as_str().unwrap();
    assert!(
        told.iter()
            .any(|news| news["text"].as_str().is_some_and(|text| text.contains("loss="))),
        "{told:?}"
    );

    let verdict = place.run(&["verify", model, "--json"]).ok().json();
    assert_eq!(
        (&verdict[0]["intact"], &verdict[0]["bound"]),
        (&json!(true), &json!("inside"))
    );
    assert_eq!(verdict[0]["kms_key_id"], json!(key_arn));
    let opened = place.run(&["decrypt", model, "-o", "model", "--json"]).ok().json();
    assert_eq!(opened[0]["path"], "model/model.bin");
    assert!(std::fs::metadata(place.path("model/model.bin")).unwrap().len() > 0);

    // The same archive as a local file.
    let (bucket, key) = model.strip_prefix("s3://").unwrap().split_once('/').unwrap();
    let answer = place
        .wait(place.s3().get_object().bucket(bucket).key(key).send())
        .unwrap();
    let bytes = place.wait(answer.body.collect()).unwrap().into_bytes();
    place.write("model.tar.gz", bytes);
    place.run(&["verify", "model.tar.gz"]).ok();
    place.run(&["decrypt", "model.tar.gz", "-o", "again"]).ok();
    assert_eq!(
        std::fs::read(place.path("model/model.bin")).unwrap(),
        std::fs::read(place.path("again/model.bin")).unwrap()
    );
}

#[test]
fn watch_fails_with_the_jobs_own_reason() {
    let place = Place::new();
    place.key("training");
    place.bucket("sagemaker-cli");
    encrypted(&place, "sagemaker-cli");
    let role_arn = place.role("trainer", "sagemaker-cli");
    place
        .wait(actions::start_job(&place.aws, &job(&role_arn), &never()))
        .unwrap();
    place
        .run(&["watch", "job-1"])
        .failed(1, &["train job-1", "is not authorized to perform: kms:Decrypt"]);
    place.run(&["watch", "no-such-job"]).failed(1, &["no-such-job"]);
}

#[test]
fn a_read_only_session_proves_and_changes_nothing() {
    let place = Place::new();
    place.key("training");
    place.role("trainer", "sagemaker-cli");
    let ask = ["--read-only", "prove", "--key", "alias/training", "--role", "trainer"];
    place.run(&ask).ok();
    let mut story = ask.to_vec();
    story.push("--story");
    place
        .run(&story)
        .failed(1, &["create a grant on", "read-only", "without --read-only"]);
    place.write("x.csv", TABLE);
    place
        .run(&[
            "--read-only",
            "encrypt",
            "x.csv",
            "s3://sagemaker-cli/data/",
            "--key",
            "alias/training",
        ])
        .failed(1, &["read-only"]);
}

#[test]
fn every_change_of_the_command_line_is_in_the_audit_log_and_nothing_else() {
    let place = Place::new();
    place.key("training");
    place.bucket("sagemaker-cli");
    place.run(&["doctor"]).ok();
    let log = place.path(".local/state/strongroom/audit.jsonl");
    assert!(!log.exists(), "looking is no change");
    encrypted(&place, "sagemaker-cli");
    place.run(&["verify", "s3://sagemaker-cli/data/x.csv"]).ok();
    let text = std::fs::read_to_string(&log).unwrap();
    let entries: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let calls: Vec<&str> = entries.iter().filter_map(|entry| entry["call"].as_str()).collect();
    assert_eq!(calls.first(), Some(&"kms:GenerateDataKey"), "{calls:?}");
    // Of what is written the first is the key object, and twice it is tried whether the server heeds conditions.
    assert_eq!(calls[1..], ["s3:PutObject"; 4], "{calls:?}");
    let (tries, entries): (Vec<&Value>, Vec<&Value>) = entries.iter().partition(|entry| entry["status"] == 412);
    let is_own = |entry: &&Value| {
        entry["resource"]
            .as_str()
            .is_some_and(|on| on.contains(".strongroom/data-keys/"))
    };
    assert!(tries.len() == 2 && tries.iter().all(is_own), "{tries:?}");
    for entry in entries {
        assert_eq!(entry["status"], 200);
        assert!(entry["request_id"].is_string() && entry["time"].is_string(), "{entry}");
        assert!(entry["access_key_id"].as_str().unwrap().starts_with("AKIA"), "{entry}");
        assert!(
            entry["resource"].is_string() && entry["outcome"] == "allowed",
            "{entry}"
        );
    }
    assert!(!text.contains("wJalr") && !text.to_lowercase().contains("secret"));
}

fn job(role_arn: &str) -> JobSpec {
    JobSpec {
        name: "job-1".to_owned(),
        role_arn: role_arn.to_owned(),
        image: "image".to_owned(),
        instance_type: "ml.m5.large".to_owned(),
        instance_count: 1,
        volume_gb: 10,
        max_runtime: 120,
        bucket: "sagemaker-cli".to_owned(),
        object: "data/x.csv".to_owned(),
        output: "s3://sagemaker-cli/output".to_owned(),
        hyperparameters: std::collections::BTreeMap::new(),
        moved_from: None,
        settings: JobSettings::default(),
        plan: JobPlan::default(),
        original: None,
    }
}

#[test]
fn a_misspelt_profile_is_refused_naming_those_there_are() {
    let place = Place::new();
    let verify = ["verify", "s3://sagemaker-cli/x"];
    place
        .run(&[&["--profile", "resaerch"], verify.as_slice()].concat())
        .failed(1, &["use profile resaerch", "no profile", "--profile or AWS_PROFILE"]);
    place.write(
        ".aws/config",
        "[profile research]\nregion = us-east-1\n[profile other]\n",
    );
    for (flag, variable) in [(Some("resaerch"), None), (None, Some("resaerch"))] {
        let flag: Vec<&str> = flag.iter().flat_map(|name| ["--profile", name]).collect();
        let arguments = [flag, verify.to_vec()].concat();
        place
            .run_as(&[("AWS_PROFILE", variable)], &arguments)
            .failed(1, &["use profile resaerch", "other, research"]);
    }
    // The right one is used: only then is the world asked, which has no such bucket.
    let done = place.run(&[&["--profile", "research"], verify.as_slice()].concat());
    assert!(done.err.contains("1 not checked"), "{done:?}");
}
