use std::fs;

use super::*;

struct Scene {
    _root: tempfile::TempDir,
    workspace: Workspace,
    all: BTreeMap<String, OsString>,
}

fn scene(hyperparameters: &str, resources: &str) -> Scene {
    let root = tempfile::tempdir().unwrap();
    let config = root.path().join("input/config");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("hyperparameters.json"), hyperparameters).unwrap();
    let inputs = r#"{"train": {"TrainingInputMode": "File"}, "hold-out": {}, "strongroom": {}}"#;
    fs::write(config.join("inputdataconfig.json"), inputs).unwrap();
    fs::write(config.join("resourceconfig.json"), resources).unwrap();
    fs::create_dir_all(root.path().join("code/lib")).unwrap();
    fs::write(root.path().join("code/lib/train.py"), "print()").unwrap();
    let job = Job::read(root.path()).unwrap();
    let workspace = Workspace::create(&job, 0).unwrap();
    let all = variables(&job, &workspace);
    Scene {
        _root: root,
        workspace,
        all,
    }
}

impl Scene {
    fn text(&self, name: &str) -> &str {
        self.all[name].to_str().unwrap()
    }

    fn value(&self, name: &str) -> Exact {
        Exact::read(self.text(name)).unwrap()
    }
}

const TWO: &str = r#"{"current_host": "algo-2", "hosts": ["algo-1", "algo-2"], "network_interface_name": "eth1",
    "current_instance_type": "ml.m5.large", "current_group_name": "b", "instance_groups": [
    {"instance_group_name": "a", "hosts": ["algo-1"]}, {"instance_group_name": "b", "hosts": ["algo-2"]}]}"#;

#[test]
fn command_finds_private_folders_and_hyperparameters_by_the_toolkits_names() {
    let hyperparameters = r#"{"epochs": "5", "learning-rate": "0.10", "name": "\"quoted\"", "seed": "123456789012345678901",
        "deep": "{\"b\": [true, null], \"a\": \"x\"}", "strongroom_plaintext": "volume",
        "sagemaker_program": "\"train.py\"", "sagemaker_mpi_enabled": "true", "sagemaker_region": "\"eu-west-1\""}"#;
    let scene = scene(hyperparameters, TWO);
    let folder = |path: std::path::PathBuf| path.into_os_string();
    assert_eq!(scene.all["SAGEMAKER_BASE_DIR"], scene.workspace.root());
    assert_eq!(scene.all["SM_CHANNEL_TRAIN"], folder(scene.workspace.channel("train")));
    for name in ["SM_CHANNEL_HOLD-OUT", "SM_CHANNEL_HOLD_OUT"] {
        assert_eq!(scene.all[name], folder(scene.workspace.channel("hold-out")));
    }
    assert_eq!(scene.all["SM_MODEL_DIR"], folder(scene.workspace.model()));
    assert_eq!(scene.all["SM_MODULE_DIR"], folder(scene.workspace.code()));
    for (name, value) in [
        ("SM_CHANNELS", r#"["hold-out","train"]"#),
        ("SM_HP_EPOCHS", "5"),
        ("SM_HP_LEARNING-RATE", "0.10"),
        ("SM_HP_LEARNING_RATE", "0.10"),
        ("SM_HP_NAME", "quoted"),
        ("SM_HP_SEED", "123456789012345678901"),
        ("SM_HP_DEEP", r#"{"a":"x","b":[true,null]}"#),
        (
            "SM_HPS",
            r#"{"deep":{"a":"x","b":[true,null]},"epochs":5,"learning-rate":0.10,"name":"quoted","seed":123456789012345678901}"#,
        ),
        (
            "SM_USER_ARGS",
            r#"["--deep","a=x,b=[True, None]","--epochs","5","--learning-rate","0.10","--name","quoted","--seed","123456789012345678901"]"#,
        ),
        ("SM_FRAMEWORK_PARAMS", r#"{"sagemaker_mpi_enabled":true}"#),
        ("SM_USER_ENTRY_POINT", "train.py"),
        ("SM_MODULE_NAME", "train"),
        ("SM_LOG_LEVEL", "20"),
        ("SM_CURRENT_HOST", "algo-2"),
        ("SM_HOSTS", r#"["algo-1","algo-2"]"#),
        ("SM_NETWORK_INTERFACE_NAME", "eth1"),
        ("SM_CURRENT_INSTANCE_TYPE", "ml.m5.large"),
        ("SM_CURRENT_INSTANCE_GROUP", "b"),
        ("SM_CURRENT_INSTANCE_GROUP_HOSTS", r#"["algo-2"]"#),
        ("SM_INSTANCE_GROUPS", r#"["a","b"]"#),
        ("SM_DISTRIBUTION_INSTANCE_GROUPS", r#"["b"]"#),
        ("SM_IS_HETERO", "true"),
        ("SM_NUM_NEURONS", "0"),
        ("SAGEMAKER_REGION", "eu-west-1"),
        ("CURRENT_HOST", "algo-2"),
    ] {
        assert_eq!(scene.text(name), value, "{name}");
    }
    let whole = scene.value("SM_TRAINING_ENV");
    assert_eq!(whole.get("master_hostname").unwrap().as_text(), Some("algo-2"));
    assert_eq!(whole.get("is_master"), Some(&Exact::Bool(true)));
    assert!(!scene.text("SM_INPUT_DATA_CONFIG").contains("strongroom"));
    assert!(!scene.all.contains_key("SM_HP_STRONGROOM_PLAINTEXT"));
}

#[test]
fn the_private_tree_is_a_whole_opt_ml_for_the_toolkit() {
    let hyperparameters =
        r#"{"seed": "123456789012345678901", "name": "\"quoted\"", "strongroom_plaintext": "volume"}"#;
    let scene = scene(hyperparameters, "{}");
    let read = |name: &str| fs::read_to_string(scene.workspace.config().join(name)).unwrap();
    let delivered = r#"{"name":"\"quoted\"","seed":"123456789012345678901"}"#;
    assert_eq!(read("hyperparameters.json"), delivered);
    assert_eq!(
        read("inputdataconfig.json"),
        r#"{"hold-out":{},"train":{"TrainingInputMode":"File"}}"#
    );
    assert_eq!(
        read("resourceconfig.json"),
        r#"{"current_host":"algo-1","hosts":["algo-1"]}"#
    );
    assert_eq!(
        fs::read_to_string(scene.workspace.code().join("lib/train.py")).unwrap(),
        "print()"
    );
    // Where it is there the toolkit copies nothing out of it to S3 by itself.
    assert!(scene.workspace.intermediate().is_dir());
    assert_eq!(scene.text("SM_MODULE_NAME"), "None");
    assert_eq!(scene.text("SM_CURRENT_INSTANCE_TYPE"), "local");
}
