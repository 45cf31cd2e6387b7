use super::*;

fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

#[test]
fn hyperparameters_are_read_with_and_without_json_quotes() {
    let root = root(&[(
        "input/config/hyperparameters.json",
        r#"{"kms_key_id": "\"arn:aws:kms:us-east-1:1:key/k\"", "key_bucket": "b", "epochs": 5, "empty": "\"\""}"#,
    )]);
    let job = Job::read(root.path()).unwrap();
    assert_eq!(
        job.hyperparameter("kms_key_id").unwrap(),
        "arn:aws:kms:us-east-1:1:key/k"
    );
    assert_eq!(job.hyperparameter("key_bucket").unwrap(), "b");
    assert_eq!(job.hyperparameter("epochs").unwrap(), "5");
    assert_eq!(job.hyperparameter("empty"), None);
    assert_eq!(job.required("missing").unwrap_err().kind, FaultKind::Invalid);
}

#[test]
fn command_is_not_told_of_what_is_ours() {
    let root = root(&[
        (
            "input/config/hyperparameters.json",
            r#"{"seed": "123456789012345678901", "by_hand": 123456789012345678901, "strongroom_plaintext": "volume",
                "kms_key_id": "k", "train_channel": "train", "train_file": "\"x.csv\""}"#,
        ),
        (
            "input/config/inputdataconfig.json",
            r#"{"train": {}, "strongroom": {}}"#,
        ),
    ]);
    let job = Job::read(root.path()).unwrap();
    let left = Exact::Map(job.hyperparameters_of_command()).json();
    assert_eq!(
        left,
        r#"{"by_hand":123456789012345678901,"seed":123456789012345678901}"#
    );
    assert_eq!(job.channels.keys().collect::<Vec<_>>(), ["train"]);
    let path = r#"{"train_file": "/opt/ml/input/data/train/x.csv"}"#;
    fs::write(root.path().join("input/config/hyperparameters.json"), path).unwrap();
    let job = Job::read(root.path()).unwrap();
    assert!(job.hyperparameters_of_command().contains_key("train_file"));
}

#[test]
fn hosts_are_as_sagemaker_names_them() {
    let with = |text: &str| {
        let root = root(&[("input/config/resourceconfig.json", text)]);
        Job::read(root.path()).map(|job| job.resources)
    };
    let one = with(r#"{"current_host": "algo-1", "hosts": ["algo-1"]}"#).unwrap();
    assert_eq!((one.host(), &*one.current_host), (None, "algo-1"));
    let two = with(r#"{"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]}"#).unwrap();
    assert_eq!(two.host(), Some("algo-2"));
    assert_eq!(with("{}").unwrap().hosts, ["algo-1"]);
    for wrong in ["", "../up", ".hidden", "a b"] {
        let fault = with(&format!(r#"{{"current_host": "{wrong}"}}"#)).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Invalid, "{wrong}");
    }
}

#[test]
fn without_inputdataconfig_the_folders_are_the_channels() {
    let root = root(&[("input/data/train/a", "x"), ("input/data/test/b", "y")]);
    let job = Job::read(root.path()).unwrap();
    assert_eq!(job.channels.keys().collect::<Vec<_>>(), ["test", "train"]);
    assert_eq!(job.resources.hosts, ["algo-1"]);
}

#[test]
fn checkpoints_are_where_the_job_says_but_never_outside_or_among_other_things() {
    let with = |path: &str| {
        let text = format!(r#"{{"strongroom_checkpoints": "{path}"}}"#);
        let root = root(&[("input/config/hyperparameters.json", &text)]);
        let job = Job::read(root.path());
        job.map(|job| job.checkpoints_dir.strip_prefix(root.path()).unwrap().to_path_buf())
    };
    assert_eq!(with("").unwrap(), Path::new("checkpoints"));
    assert_eq!(with("/opt/ml/checkpoints/").unwrap(), Path::new("checkpoints"));
    assert_eq!(
        with(JobSpec::CHECKPOINTS_DIR).unwrap(),
        Path::new("strongroom-checkpoints")
    );
    for wrong in [
        "/opt/ml",
        "/opt/ml/",
        "/opt/ml/../up",
        "/opt/ml/model/x",
        "/opt/ml/input",
        "/tmp/x",
        "checkpoints",
    ] {
        assert_eq!(with(wrong).unwrap_err().kind, FaultKind::Invalid, "{wrong}");
    }
}

#[test]
fn pipe_mode_is_refused_with_its_remedy() {
    let root = root(&[(
        "input/config/inputdataconfig.json",
        r#"{"train": {"TrainingInputMode": "Pipe"}}"#,
    )]);
    let fault = Job::read(root.path()).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Invalid);
    assert!(fault.remedy.contains("File"));
}

#[test]
fn a_channel_name_cannot_leave_the_input_folder() {
    let root = root(&[("input/config/inputdataconfig.json", r#"{"../up": {}}"#)]);
    assert_eq!(Job::read(root.path()).unwrap_err().kind, FaultKind::Invalid);
}
