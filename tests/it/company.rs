//! A person in a company: no right to list anything, several profiles, regions and roles.

use std::path::PathBuf;

use serde_json::json;
use strongroom_sandbox::{Options, Sandbox};

use crate::place::Place;
use crate::pty::{ENTER, ESC, Session};

const SIZE: (u16, u16) = (120, 36);

/// Access of a user who may do this and nothing else: id and secret.
pub(crate) fn user(place: &Place, name: &str, statements: &serde_json::Value) -> (String, String) {
    let iam = aws_sdk_iam::Client::new(&place.sdk());
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    place.wait(async {
        iam.create_user().user_name(name).send().await.unwrap();
        let put = iam.put_user_policy().user_name(name).policy_name("work");
        put.policy_document(policy).send().await.unwrap();
        let key = iam.create_access_key().user_name(name).send().await.unwrap();
        let key = key.access_key.unwrap();
        (key.access_key_id, key.secret_access_key)
    })
}

#[test]
fn who_may_list_nothing_does_the_whole_main_job_by_names() {
    let place = Place::new();
    let key = place.key("data");
    place.bucket("team-data");
    let role = place.role("trainer", "team-data");
    place.write("train.csv", "x,y\n1,2\n2,4\n3,6\n4,8\n");
    let work = json!([
        {"Effect": "Allow", "Action": ["kms:DescribeKey", "kms:GenerateDataKey", "kms:Decrypt", "kms:CreateGrant"], "Resource": key},
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:GetBucketLocation"], "Resource": ["arn:aws:s3:::team-data/*", "arn:aws:s3:::team-data"]},
        {"Effect": "Allow", "Action": ["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:AddTags"], "Resource": "*"},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role},
        {"Effect": "Allow", "Action": ["logs:DescribeLogStreams", "logs:GetLogEvents"], "Resource": "*"},
    ]);
    let (id, secret) = user(&place, "ann", &work);
    let environment = [
        ("AWS_ENDPOINT_URL", place.endpoint()),
        ("AWS_ACCESS_KEY_ID", &id),
        ("AWS_SECRET_ACCESS_KEY", &secret),
        ("AWS_REGION", "us-east-1"),
    ];
    let open = ["s3://team-data/data/"];
    let mut session = Session::start_with(&open, place.home.path(), SIZE, &environment);
    session.wait("s3://team-data/data/").wait("kms:ListKeys");

    session.keys("O").keys("alias/data").keys(ENTER);
    session.wait("Enabled").wait("not all listed");
    session.keys("5").select("train.csv").encrypt().keys(ESC);
    session.keys("O").keys("s3://team-data/data/train.csv").keys(ENTER);
    session.wait("◆ train.csv");
    session
        .keys("2")
        .keys("n")
        .wait("Grant the use of")
        .keys(&role)
        .keys(ENTER);
    session.wait("The grant is there").keys(ESC);
    session.keys("3").keys("t").wait("▸ trainer").keys(ENTER);
    session.wait("Started the job").keys(ESC).wait("Completed");
}

/// A world with one key of this name, and what reaches it.
fn world(place: &Place, name: &str) -> (Sandbox, String) {
    let sandbox = place.wait(Sandbox::start(Options::default())).unwrap();
    let aws = crate::world::Aws::new(
        sandbox.endpoint_url(),
        sandbox.access_key_id(),
        sandbox.secret_access_key(),
    );
    place.wait(async {
        let key = aws.kms.create_key().send().await.unwrap().key_metadata.unwrap().key_id;
        let alias = aws.kms.create_alias().alias_name(format!("alias/{name}-key"));
        alias.target_key_id(&key).send().await.unwrap();
    });
    let profile = format!(
        "[profile {name}]\nregion = us-east-1\nendpoint_url = {}\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        sandbox.endpoint_url(),
        sandbox.access_key_id(),
        sandbox.secret_access_key()
    );
    (sandbox, profile)
}

/// Two of them, and the AWS configuration file that has their profiles.
fn two_worlds(place: &Place) -> ([Sandbox; 2], PathBuf) {
    let made = ["research", "production"].map(|name| world(place, name));
    let profiles: String = made.iter().map(|(_, profile)| profile.as_str()).collect();
    (made.map(|(sandbox, _)| sandbox), place.write("aws-config", profiles))
}

#[test]
fn profiles_regions_roles_and_contexts_are_changed_in_place_and_the_header_says_so() {
    let place = Place::new();
    let (worlds, config) = two_worlds(&place);
    let own = "[contexts.prod]\nprofile = 'production'\nread-only = true\ncolour = 'red'\n\
               [contexts.lab]\nprofile = 'research'\nregion = 'eu-west-1'\n";
    let own = place.write("config.toml", own);
    let environment = [
        ("AWS_CONFIG_FILE", config.to_str().unwrap()),
        ("AWS_PROFILE", "research"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let arguments = ["--config", own.to_str().unwrap()];
    let mut session = Session::start_with(&arguments, place.home.path(), SIZE, &environment);
    session.wait("research-key").wait("profile research");

    // Everything that may be chosen is proposed.
    session.keys("C").wait("prod ").wait("lab ").wait("profile production");
    session
        .keys("prod")
        .keys(ENTER)
        .wait("READ-ONLY")
        .wait("production-key");
    session.gone("research-key");
    session.keys("1").keys("n").wait("This context is read-only").keys(ESC);

    // Another profile by hand is no way out of what is read-only; a context that is not is one.
    session
        .keys(":")
        .keys("profile research")
        .keys(ENTER)
        .wait("research-key")
        .wait("READ-ONLY");
    session
        .keys("C")
        .keys("lab")
        .keys(ENTER)
        .wait("eu-west-1")
        .gone("READ-ONLY")
        .gone("research-key");
    session
        .keys(":")
        .keys("region us-east-1")
        .keys(ENTER)
        .wait("research-key");
    session
        .keys(":")
        .keys("role arn:aws:iam::111122223333:role/nobody")
        .keys(ENTER);
    session.wait("sts:AssumeRole").gone("research-key");
    // Back is the first that is proposed.
    session.keys("C").wait("research").keys(ENTER).wait("research-key");
    session.keys("q");
    assert_eq!(session.exit(), 0);

    let arguments = ["--config", own.to_str().unwrap(), "--aws-context", "prod"];
    let mut session = Session::start_with(&arguments, place.home.path(), SIZE, &environment);
    session.wait("production-key").wait("READ-ONLY").keys("q");
    assert_eq!(session.exit(), 0);
    let arguments = ["--config", own.to_str().unwrap(), "--aws-context", "none", "doctor"];
    let done = place.run(&arguments);
    assert_eq!(
        (done.status, done.err.contains("no such context, but lab, prod")),
        (2, true),
        "{done:?}"
    );
    for world in worlds {
        place.wait(world.stop());
    }
}

#[test]
fn a_mistyped_command_is_not_taken_for_something_to_open() {
    let place = Place::new();
    for name in ["encypt", "s3:/", "arn:aws:iam::1:role/x"] {
        let done = place.run(&[name]);
        assert_eq!(done.status, 2, "{done:?}");
        assert!(done.err.contains("s3://BUCKET/PREFIX/"), "{done:?}");
    }
    let done = place.run(&["s3://bucket/", "doctor"]);
    assert!(
        done.status == 2 && done.err.contains("only the dashboard opens"),
        "{done:?}"
    );
}

#[test]
fn a_clone_keeps_every_field_of_its_original_shown_or_not() {
    use aws_sdk_sagemaker::types::*;
    let place = Place::new();
    let key = place.key("data");
    place.bucket("team-data");
    let role = place.role("trainer", "team-data");
    place.grant(&key, &role);
    place.write("train.csv", "x,y\n1,2\n2,4\n3,6\n4,8\n");
    let done = place.run(&["encrypt", "train.csv", "s3://team-data/data/", "--key", "alias/data"]);
    assert_eq!(done.status, 0, "{done:?}");
    let sagemaker = aws_sdk_sagemaker::Client::new(&place.sdk());
    let channel = |name: &str| {
        let source = S3DataSource::builder().s3_data_type(S3DataType::S3Prefix);
        let source = source.s3_uri("s3://team-data/data/train.csv").build();
        Channel::builder()
            .channel_name(name)
            .content_type("text/csv")
            .data_source(DataSource::builder().s3_data_source(source).build())
            .build()
    };
    let resources = ResourceConfig::builder()
        .instance_type(TrainingInstanceType::MlM5Xlarge)
        .instance_count(1)
        .volume_size_in_gb(33)
        .volume_kms_key_id(&key);
    let algorithm = AlgorithmSpecification::builder()
        .training_image("111122223333.dkr.ecr.us-east-1.amazonaws.com/example-image:latest")
        .training_input_mode(TrainingInputMode::File)
        .metric_definitions(MetricDefinition::builder().name("loss").regex("loss=(.*)").build());
    let vpc = VpcConfig::builder()
        .subnets("subnet-0a1")
        .subnets("subnet-0b2")
        .security_group_ids("sg-0c3");
    let stopping = StoppingCondition::builder()
        .max_runtime_in_seconds(600)
        .max_wait_time_in_seconds(900);
    let output = OutputDataConfig::builder()
        .s3_output_path("s3://team-data/output")
        .kms_key_id(&key);
    let create = sagemaker
        .create_training_job()
        .training_job_name("original")
        .role_arn(&role)
        .algorithm_specification(algorithm.build())
        .input_data_config(channel("training"))
        .input_data_config(channel("validation"))
        .output_data_config(output.build())
        .resource_config(resources.build())
        .vpc_config(vpc.build())
        .stopping_condition(stopping.build())
        .enable_managed_spot_training(true)
        .enable_inter_container_traffic_encryption(true)
        .environment("REGION_OF_DATA", "eu")
        .hyper_parameters("epochs", "3")
        .hyper_parameters("strongroom_plaintext", "volume")
        .hyper_parameters("strongroom_model_key", "\"new\"")
        .tags(Tag::builder().key("team").value("research").build());
    place.wait(create.send()).unwrap();

    let mut session = place.dashboard(SIZE);
    session
        .wait("original")
        .keys("4")
        .select("original")
        .action("clone job")
        .wait("Train on");
    // The role may make no grant for its volumes, so that the word of the start may be gone before it is seen.
    session.keys(ENTER).wait_until("the start or its end", |screen| {
        screen.contains("Started the job train-") || screen.contains("● train-")
    });
    let describe = |name: &str| {
        let call = sagemaker.describe_training_job().training_job_name(name);
        place.wait(call.send()).unwrap()
    };
    let listed = place.wait(sagemaker.list_training_jobs().send()).unwrap();
    let names = listed
        .training_job_summaries()
        .iter()
        .filter_map(TrainingJobSummary::training_job_name);
    let clone = names
        .into_iter()
        .find(|name| name.starts_with("train-"))
        .unwrap()
        .to_owned();
    let (original, clone) = (describe("original"), describe(&clone));
    assert_eq!(clone.algorithm_specification, original.algorithm_specification);
    assert_eq!(clone.input_data_config, original.input_data_config);
    assert_eq!(clone.output_data_config, original.output_data_config);
    assert_eq!(clone.resource_config, original.resource_config);
    assert_eq!(clone.vpc_config, original.vpc_config);
    assert_eq!(clone.stopping_condition, original.stopping_condition);
    assert_eq!(clone.enable_managed_spot_training, Some(true));
    assert_eq!(clone.enable_inter_container_traffic_encryption, Some(true));
    assert_eq!(clone.environment, original.environment);
    let hyperparameters = clone.hyper_parameters().unwrap();
    assert_eq!(hyperparameters["epochs"], "3");
    assert_eq!(hyperparameters["train_channel"], "training");
    assert_eq!(hyperparameters["strongroom_plaintext"], "volume");
    assert_eq!(hyperparameters["strongroom_model_key"], "new");
    let tags = sagemaker.list_tags().resource_arn(clone.training_job_arn().unwrap());
    let tags = place.wait(tags.send()).unwrap();
    assert!(
        tags.tags()
            .iter()
            .any(|tag| tag.key() == Some("team") && tag.value() == Some("research"))
    );
}

#[test]
fn a_bucket_and_a_key_of_another_region_are_reached_where_they_are() {
    let regions = ["us-east-1", "eu-west-1"].map(str::to_owned);
    let place = Place::with(|options| options.regions = regions.into());
    let there = place
        .sdk()
        .into_builder()
        .region(aws_config::Region::from_static("eu-west-1"))
        .build();
    let s3 = aws_sdk_s3::Client::from_conf(aws_sdk_s3::config::Builder::from(&there).force_path_style(true).build());
    use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
    let elsewhere = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest1);
    let create = s3.create_bucket().bucket("far-data");
    place
        .wait(create.create_bucket_configuration(elsewhere.build()).send())
        .unwrap();
    let kms = aws_sdk_kms::Client::new(&there);
    let key = place
        .wait(kms.create_key().send())
        .unwrap()
        .key_metadata
        .unwrap()
        .arn
        .unwrap();
    assert!(key.contains(":eu-west-1:"), "{key}");

    let large = place.write("large.csv", vec![b'x'; 20 << 20]);
    place.write("train.csv", "x,y\n1,2\n");
    let to = "s3://far-data/data/";
    let done = place.run(&["encrypt", "train.csv", large.to_str().unwrap(), to, "--key", &key]);
    assert_eq!(done.status, 0, "{done:?}");
    let done = place.run(&["verify", to]);
    assert_eq!(done.status, 0, "{done:?}");
    let done = place.run(&["decrypt", "s3://far-data/data/train.csv", "-o", "back.csv"]);
    assert_eq!(done.status, 0, "{done:?}");
    assert_eq!(std::fs::read(place.path("back.csv")).unwrap(), b"x,y\n1,2\n");

    let mut session = place.dashboard(SIZE);
    session
        .wait("far-data")
        .keys("O")
        .keys(&key)
        .keys(ENTER)
        .wait("Enabled");
    session
        .keys("O")
        .keys("s3://far-data/data/")
        .keys(ENTER)
        .wait("train.csv")
        .wait("strongroom");
}

#[test]
fn where_one_was_is_found_first_in_the_next_session_and_nothing_of_it_is_kept() {
    let place = Place::new();
    let (worlds, config) = two_worlds(&place);
    let own = "[contexts.lab]\nprofile = 'research'\nregion = 'eu-west-1'\n[contexts.prod]\nprofile = 'production'\nread-only = true\n";
    let own = place.write("config.toml", own);
    let environment = [
        ("AWS_CONFIG_FILE", config.to_str().unwrap()),
        ("AWS_PROFILE", "research"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let arguments = ["--config", own.to_str().unwrap()];
    let begin = || Session::start_with(&arguments, place.home.path(), SIZE, &environment);
    let mut session = begin();
    session
        .wait("research-key")
        .keys("C")
        .keys("prod")
        .keys(ENTER)
        .wait("production-key");
    session
        .keys(":")
        .keys("region eu-west-3")
        .keys(ENTER)
        .wait("eu-west-3")
        .gone("production-key");
    session.keys("q");
    assert_eq!(session.exit(), 0);
    let kept = place.path(".local/state/strongroom/contexts.json");
    let text = std::fs::read_to_string(&kept).unwrap();
    assert!(text.contains("eu-west-3") && text.contains("prod"), "{text}");
    assert!(!text.contains("secret") && !text.contains("http://"), "{text}");

    let mut session = begin();
    session
        .wait("research-key")
        .keys("C")
        .wait("▸ profile production, eu-west-3");
    let screen = session.text();
    let at = |words: &str| screen.find(words).unwrap_or_else(|| panic!("no `{words}`:\n{screen}"));
    assert!(
        at("profile production, eu-west-3") < at("prod ") && at("prod ") < at("lab "),
        "{screen}"
    );
    // As read-only as it was.
    session.keys(ENTER).wait("READ-ONLY").wait("eu-west-3");
    session.keys("q");
    assert_eq!(session.exit(), 0);

    std::fs::write(&kept, "\u{1b}[2J not ours").unwrap();
    let mut session = begin();
    session.wait("research-key").keys("C").wait("lab ");
    for world in worlds {
        place.wait(world.stop());
    }
}
