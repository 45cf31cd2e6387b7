//! Options of `strongroom start` beyond its channels: where plaintext goes, plain channels, hyperparameters from a file.

use serde_json::json;
use strongroom::actions;
use strongroom::domain::{GrantSpec, JobSpec, Outcome, PlaintextPlace, Weight};

use super::start::{BUCKET, TRAIN, describe, manifest, ready, start};
use crate::place::{Place, never};

/// The ARN of the key that the data is under.
fn data_key(place: &Place) -> String {
    let kms = aws_sdk_kms::Client::new(&place.sdk());
    let described = place.wait(kms.describe_key().key_id("alias/training").send()).unwrap();
    described.key_metadata().unwrap().arn().unwrap().to_owned()
}

fn volume_key(place: &Place) -> Option<String> {
    let job = describe(place);
    let resources = job.resource_config().unwrap();
    resources.volume_kms_key_id().map(str::to_owned)
}

#[test]
fn plaintext_on_the_volume_is_encrypted_with_the_key_of_the_data_and_a_clone_keeps_it() {
    let place = ready(true);
    let role = place.wait(actions::role_arn(&place.aws, "trainer")).unwrap();
    let grant = GrantSpec::for_volume(&data_key(&place), &role, "job-1");
    place.wait(actions::grant(&place.aws, &grant)).unwrap();
    let script = "readlink -f \"$SM_CHANNEL_TRAIN\"; cat \"$SM_CHANNEL_TRAIN\"/a.csv";
    let more = [
        "--channel",
        TRAIN,
        "--plaintext",
        "volume",
        "--wait",
        "--",
        "sh",
        "-c",
        script,
    ];
    let done = start(&place, "exits-9", &more).ok();
    let key = data_key(&place);
    assert!(
        done.out
            .contains(&format!("started; plaintext goes to the volumes, which {key} encrypts")),
        "{done:?}"
    );
    assert!(done.out.contains("x,y"), "{done:?}");
    let folder = done
        .out
        .lines()
        .find(|line| line.contains(".strongroom-plaintext-"))
        .unwrap();
    assert!(!folder.trim().starts_with("/dev/shm"), "{folder}");
    assert_eq!(volume_key(&place), Some(key));
    let parameters = describe(&place).hyper_parameters().unwrap().clone();
    assert_eq!(parameters["strongroom_plaintext"], "volume");
    let known = place
        .wait(actions::watch_job(&place.aws, "job-1", &never(), |_| Ok(())))
        .unwrap();
    assert_eq!(known.detail.unwrap().settings.plaintext, PlaintextPlace::Volume);
}

#[test]
fn a_job_whose_role_may_make_no_grant_for_its_volumes_fails_before_it_has_data() {
    let place = ready(true);
    let more = ["--channel", TRAIN, "--plaintext", "volume", "--wait", "--", "true"];
    let told = start(&place, "exits-9", &more).failed(
        1,
        &[
            "the volumes could not be encrypted under the KMS key",
            "kms:CreateGrant",
        ],
    );
    assert!(!told.out.contains("Downloading"), "{told:?}");
}

#[test]
fn a_volume_has_the_key_that_is_given_and_local_storage_has_none() {
    let place = ready(true);
    let other = place.key("volumes");
    let given = ["--channel", TRAIN, "--plaintext", "volume", "--volume-key", &other];
    start(&place, "image", &given).ok();
    assert_eq!(volume_key(&place), Some(other.clone()));

    let local = ["--instance", "ml.g5.xlarge"];
    let begin = ["start", "image", "--role", "trainer", "--channel", TRAIN, "--name"];
    let started = |name: &str, more: &[&str]| {
        let all = [&begin[..], &[name], &local, more].concat();
        place.run(&all).ok().out
    };
    let told = started("job-2", &["--plaintext", "volume"]);
    assert!(told.contains("hardware encrypts"), "{told}");
    let told = started("job-3", &["--volume-key", &other]);
    assert!(told.contains("the volume key is not used"), "{told}");
    let told = started("job-4", &["--plaintext", "volume", "--volume-key", &other]);
    assert!(
        told.contains("hardware encrypts") && told.contains("the volume key is not used"),
        "{told}"
    );
}

#[test]
fn a_volumes_key_is_looked_at_before_the_job_starts_and_its_arn_is_sent() {
    let place = ready(true);
    let other = place.key("volumes");
    let with = |key: &str| {
        let given = ["--channel", TRAIN, "--plaintext", "volume", "--volume-key", key];
        start(&place, "image", &given)
    };
    with("alias/nope").failed(1, &["no KMS key alias/nope", "give --volume-key KEY"]);
    let kms = aws_sdk_kms::Client::new(&place.sdk());
    place.wait(kms.disable_key().key_id(&other).send()).unwrap();
    with("alias/volumes").failed(1, &[&other, "not enabled: it is Disabled", "give --volume-key KEY"]);
    let looked_for = sagemaker_jobs(&place);
    assert_eq!(looked_for, 0);
    place.wait(kms.enable_key().key_id(&other).send()).unwrap();
    let told = with("alias/volumes").ok().out;
    assert!(told.contains(&format!("which {other} encrypts")), "{told}");
    assert_eq!(volume_key(&place), Some(other));
}

fn sagemaker_jobs(place: &Place) -> usize {
    let sagemaker = aws_sdk_sagemaker::Client::new(&place.sdk());
    let listed = place.wait(sagemaker.list_training_jobs().send()).unwrap();
    listed.training_job_summaries().len()
}

#[test]
fn data_under_several_kms_keys_wants_the_volumes_key_said() {
    let place = ready(true);
    place.key("second");
    let path = place.write("e.csv", "x,y\n1,2\n");
    let to = format!("s3://{BUCKET}/data/train/");
    place
        .run(&["encrypt", path.to_str().unwrap(), &to, "--key", "alias/second"])
        .ok();
    let volume = ["--channel", TRAIN, "--plaintext", "volume"];
    start(&place, "image", &volume).failed(1, &["under 2 of them", "--volume-key", "[jobs]"]);
    let config = "[jobs]\nplaintext = 'volume'\nvolume-key = 'alias/second'\n";
    place.write(".config/strongroom/config.toml", config);
    start(&place, "image", &["--channel", TRAIN]).ok();
    let second = place.wait(
        aws_sdk_kms::Client::new(&place.sdk())
            .describe_key()
            .key_id("alias/second")
            .send(),
    );
    assert_eq!(
        volume_key(&place).as_deref(),
        second.unwrap().key_metadata().unwrap().arn()
    );
    let parameters = describe(&place).hyper_parameters().unwrap().clone();
    assert_eq!(parameters["strongroom_plaintext"], "volume");
}

#[test]
fn a_channel_of_code_is_declared_plain_and_arrives_as_it_is() {
    let place = ready(true);
    place.put(BUCKET, "data/code/train.sh", b"cat \"$SM_CHANNEL_TRAIN\"/a.csv\n");
    let answer = place.s3().get_object().bucket(BUCKET).key("data/train/a.csv").send();
    let body = place.wait(answer).unwrap().body;
    let token = place.wait(body.collect()).unwrap().to_vec();
    place.put(BUCKET, "data/code/token.csv", &token);
    let plain = "code=s3://sagemaker-start/data/code/,plain";
    let more = ["--channel", TRAIN, "--channel"];
    let undeclared = [&more[..], &["code=s3://sagemaker-start/data/code/"]].concat();
    start(&place, "image", &undeclared).failed(1, &["data/code/train.sh is not an encrypted token", ",plain"]);
    let declared = [
        &more[..],
        &[plain, "--wait", "--", "sh", "-c", "sh $SM_CHANNEL_CODE/train.sh"],
    ]
    .concat();
    let done = start(&place, "exits-9", &declared).ok();
    assert!(done.out.starts_with("code: plain, as it is declared"), "{done:?}");
    for left in [
        "left code/train.sh as it is: not encrypted",
        "left code/token.csv as it is: it is a token, and is left because its channel is declared plain",
    ] {
        assert!(done.out.contains(left), "{done:?}");
    }
    assert!(done.out.contains("x,y"), "{done:?}");
    let listed = &manifest(&place)["channels"]["code"];
    assert_eq!(
        listed,
        &json!({ "prefix": "data/code/", "is_plain": true, "files": {} })
    );
    let only = ["start", "image", "--role", "trainer", "--channel", plain];
    place.run(&only).failed(1, &["every channel is declared plain"]);
}

#[test]
fn hyperparameters_of_a_file_keep_their_digits() {
    let place = ready(true);
    let file = place.write(
        "hp.json",
        r#"{"seed": 123456789012345678901, "rate": 1e-05, "name": "a \"b\"", "deep": {"a": [1, 2.50]}, "on": true}"#,
    );
    let file = file.to_str().unwrap();
    start(
        &place,
        "image",
        &["--channel", TRAIN, "--hp-file", file, "--hp", "epochs=3"],
    )
    .ok();
    let parameters = describe(&place).hyper_parameters().unwrap().clone();
    for (name, value) in [
        ("seed", "123456789012345678901"),
        ("rate", "1e-05"),
        ("name", "a \"b\""),
        ("deep", "{\"a\": [1, 2.50]}"),
        ("on", "true"),
        ("epochs", "3"),
    ] {
        assert_eq!(parameters[name], value, "{name}");
    }
    let twice = ["--channel", TRAIN, "--hp-file", file, "--hp", "seed=1"];
    start(&place, "image", &twice).failed(2, &["`seed` is given beside it too"]);
    let dup = place.write("dup.json", r#"{"seed": 1, "rate": 2, "seed": 3}"#);
    let dup = ["--channel", TRAIN, "--hp-file", dup.to_str().unwrap()];
    start(&place, "image", &dup).failed(2, &["dup.json", "`seed` is given twice"]);
    let no_object = place.write("list.json", "[1]");
    let no_object = ["--channel", TRAIN, "--hp-file", no_object.to_str().unwrap()];
    start(&place, "image", &no_object).failed(2, &["list.json", "give a JSON object"]);
    let missing = ["--channel", TRAIN, "--hp-file", "none.json"];
    start(&place, "image", &missing).failed(2, &["none.json"]);
}

#[test]
fn what_sagemaker_or_the_container_would_refuse_is_refused_at_the_door() {
    let place = ready(true);
    for (more, words) in [
        (
            &["--hp", "strongroom_manifest=s3://b/x"][..],
            &["strongroom_manifest", "leave it out"][..],
        ),
        (&["--hp", "strongroom_plaintext=tape"], &["`tape`", "memory or volume"]),
        (
            &["--hp", "train_channel=mine"],
            &["train_channel is given as `mine`", "sets to train", "another name"],
        ),
        (
            &["--hp", "kms_key_id=alias/mine"],
            &["kms_key_id is given as `alias/mine`", "leave it out"],
        ),
        (&["--hp", "master_key_id=x"], &["master_key_id", "leave it out"]),
        (&["--hp", "key_bucket=mine"], &["key_bucket", "sets to sagemaker-start"]),
        (
            &["--hp", "ciphertext_s3_key=mine"],
            &["ciphertext_s3_key", "leave it out"],
        ),
        (
            &["--hp", "encryption_context={}"],
            &["encryption_context", "takes for itself"],
        ),
        (&["--hp", "strongroom_model_key=old"], &["`old`", "same or new"]),
        (
            &["--spot", "60", "--max-runtime", "600"],
            &["60 s in all", "give at least 600 s"],
        ),
        (
            &["--output", "s3://sagemaker-start/data/train/out"],
            &["inside of the channel train", "outside of the data"],
        ),
        (
            &["--output", "s3://sagemaker-start/data/train/"],
            &["inside of the channel train"],
        ),
        (
            &["--output", "s3://not-there-at-all/out"],
            &["no bucket not-there-at-all", "create it"],
        ),
    ] {
        start(&place, "image", &[&["--channel", TRAIN], more].concat()).failed(1, words);
    }
    let listed = place.wait(
        place
            .s3()
            .list_objects_v2()
            .bucket(BUCKET)
            .prefix(".strongroom/manifests/")
            .send(),
    );
    assert_eq!(listed.unwrap().key_count(), Some(0));
    start(
        &place,
        "image",
        &["--channel", TRAIN, "--hp", "strongroom_model_key=new"],
    )
    .ok();
}

#[test]
fn the_look_before_a_job_sums_its_channels_and_asks_for_what_a_volume_needs() {
    let place = ready(true);
    let role = place.wait(actions::role_arn(&place.aws, "trainer")).unwrap();
    let mut spec = crate::walk::job("job-1", &role, "data/train/");
    spec.bucket = BUCKET.to_owned();
    spec.output = format!("s3://{BUCKET}/output");
    let look = |spec: &JobSpec| match place.wait(actions::preflight(&place.aws, spec)).unwrap() {
        Outcome::Preflighted { findings, .. } => findings,
        other => panic!("{other:?}"),
    };
    let weight = |findings: &[strongroom::domain::Finding], what: &str| {
        let found = findings.iter().find(|finding| finding.what == what);
        found.map(|finding| (finding.weight, finding.detail.clone()))
    };
    let findings = look(&spec);
    assert_eq!(
        weight(&findings, "the plaintext fits into memory").unwrap().0,
        Weight::Well
    );
    assert_eq!(
        weight(&findings, "the tokens fit on the volume").unwrap().0,
        Weight::Well
    );
    assert_eq!(weight(&findings, "the volumes are encrypted"), None);

    let new_key = ("strongroom_model_key".to_owned(), "new".to_owned());
    spec.hyperparameters.extend([new_key]);
    let (lacks, detail) = weight(&look(&spec), "the role may decrypt the data key").unwrap();
    assert_eq!(lacks, Weight::Blocks, "{detail}");
    assert!(detail.contains("GenerateDataKey"), "{detail}");
    spec.hyperparameters.clear();

    spec.settings.plaintext = PlaintextPlace::Volume;
    let findings = look(&spec);
    let (lacks, detail) = weight(&findings, "the volumes are encrypted").unwrap();
    assert_eq!(lacks, Weight::Warns, "{detail}");
    let repair = findings
        .iter()
        .find(|finding| finding.what == "the volumes are encrypted")
        .and_then(|finding| finding.repair.clone());
    let Some(strongroom::domain::Request::Grant(strongroom::domain::GrantRequest::New(grant))) = repair else {
        panic!("{repair:?}");
    };
    place.wait(actions::grant(&place.aws, &grant)).unwrap();
    let findings = look(&spec);
    let (mended, detail) = weight(&findings, "the volumes are encrypted").unwrap();
    assert_eq!(mended, Weight::Well, "{detail}");
    place.wait(actions::start_job(&place.aws, &spec, &never())).unwrap();
}
