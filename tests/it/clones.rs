//! Clones of jobs whose original was made by somebody else: several channels, prefixes without a slash at their end.

use aws_sdk_sagemaker::types::{
    AlgorithmSpecification, Channel, DataSource, OutputDataConfig, ResourceConfig, S3DataSource, S3DataType,
    StoppingCondition, TrainingInputMode, TrainingInstanceType,
};
use strongroom::actions;
use strongroom::domain::{DataChannel, JobPlan, JobSpec, Original};

use crate::place::{Place, never};
use crate::walk::{BUCKET, TABLE, job, with_data};

/// A job on these channels, by name and what stands behind the bucket.
fn original(place: &Place, role: &str, channels: &[(&str, &str)]) {
    let channel = |(name, below): &(&str, &str)| {
        let source = S3DataSource::builder()
            .s3_data_type(S3DataType::S3Prefix)
            .s3_uri(format!("s3://{BUCKET}/{below}"));
        let source = DataSource::builder().s3_data_source(source.build()).build();
        Channel::builder().channel_name(*name).data_source(source).build()
    };
    let algorithm = AlgorithmSpecification::builder()
        .training_image("image")
        .training_input_mode(TrainingInputMode::File);
    let resources = ResourceConfig::builder()
        .instance_type(TrainingInstanceType::MlM5Large)
        .instance_count(1)
        .volume_size_in_gb(10);
    let output = OutputDataConfig::builder().s3_output_path(format!("s3://{BUCKET}/output"));
    let create = aws_sdk_sagemaker::Client::new(&place.sdk())
        .create_training_job()
        .training_job_name("original")
        .role_arn(role)
        .algorithm_specification(algorithm.build())
        .set_input_data_config(Some(channels.iter().map(channel).collect()))
        .output_data_config(output.build())
        .resource_config(resources.build())
        .stopping_condition(StoppingCondition::builder().max_runtime_in_seconds(120).build());
    place.wait(create.send()).unwrap();
}

/// As the form of a clone has it: with the original's further channel.
fn clone(name: &str, role: &str, object: &str, further: &str) -> JobSpec {
    let further = DataChannel::read("validation", &format!("s3://{BUCKET}/{further}"));
    JobSpec {
        plan: JobPlan {
            others: further.into_iter().collect(),
            ..JobPlan::default()
        },
        original: Some(Original {
            job: "original".to_owned(),
            channel: "train".to_owned(),
        }),
        ..job(name, role, object)
    }
}

#[test]
fn a_clone_opens_the_tokens_of_all_its_channels_also_of_prefixes_without_a_slash() {
    let place = Place::new();
    let key = with_data(&place);
    let role = place.role("trainer", BUCKET);
    place.grant(&key, &role);
    // Under a data key of its own.
    place.write("y.csv", TABLE);
    let to = format!("s3://{BUCKET}/data/check/");
    place.run(&["encrypt", "y.csv", &to, "--key", "alias/training"]).ok();
    let own = format!("s3://{BUCKET}/data/own/");
    place.run(&["encrypt", "y.csv", &own, "--key", "alias/training"]).ok();
    original(&place, &role, &[("train", "data/own"), ("validation", "data/check")]);
    let spec = clone("clone", &role, "data/own", "data/check");
    place.wait(actions::start_job(&place.aws, &spec, &never())).unwrap();
    let done = place.run(&["watch", "clone"]).ok();
    for opened in ["decrypted train/y.csv", "decrypted validation/y.csv"] {
        assert!(done.out.contains(opened), "{opened}: {}", done.out);
    }
}

#[test]
fn a_clone_is_not_started_where_its_container_would_refuse_a_channel() {
    let place = Place::new();
    let key = with_data(&place);
    let role = place.role("trainer", BUCKET);
    place.grant(&key, &role);
    place.put(BUCKET, "data/plain/y.csv", b"x,y\n1,2\n");
    original(&place, &role, &[("train", "data/x.csv"), ("validation", "data/plain/")]);
    let before = place.objects(BUCKET);
    let spec = clone("clone", &role, "data/x.csv", "data/plain/");
    let refused = place.wait(actions::start_job(&place.aws, &spec, &never())).unwrap_err();
    let said = refused.to_string();
    assert!(said.contains("data/plain/y.csv is not an encrypted token"), "{said}");
    assert_eq!(place.objects(BUCKET), before);
}

#[test]
fn a_prefix_that_ends_within_names_is_no_folder() {
    let place = Place::new();
    with_data(&place);
    place.put(BUCKET, "data-2/x.csv", b"x,y\n1,2\n");
    let role = place.role("trainer", BUCKET);
    let spec = job("within", &role, "data");
    let refused = place.wait(actions::start_job(&place.aws, &spec, &never())).unwrap_err();
    assert!(refused.to_string().contains("SageMaker would deliver"), "{refused}");
}
