//! Processing jobs that carry out an act on a prefix, created.

use aws_sdk_sagemaker::types::{
    AppSpecification, NetworkConfig, ProcessingClusterConfig, ProcessingInput, ProcessingInstanceType,
    ProcessingResources, ProcessingS3DataDistributionType as Distribution, ProcessingS3DataType as DataType,
    ProcessingS3Input, ProcessingS3InputMode, ProcessingStoppingCondition, Tag,
};

use super::{environment, vpc};
use crate::aws::fault::Heard;
use crate::aws::{Aws, s3};
use crate::domain::{Brought, BulkJob, Fault, JobSettings, bring};

/// Where the shards of a host are delivered to.
const SHARDS: &str = "/opt/ml/processing/input/shards";

/// Creates the job. Its hosts get a part of the shards each; everything else they read and write themselves.
pub(crate) async fn create_bulk_job(aws: &Aws, job: &BulkJob, brought: Option<&Brought>) -> Result<(), Fault> {
    let engine = &job.engine;
    let (place, kind) = match &job.missing {
        Some(key) => (s3::uri(&job.folder.bucket, key), DataType::ManifestFile),
        None => (s3::uri(&job.folder.bucket, &job.folder.shards()), DataType::S3Prefix),
    };
    let shards = input("shards", &place, SHARDS, kind, Distribution::Shardedbys3Key);
    let program = brought.map(|brought| {
        let to = bring::PROCESSING_FOLDER;
        input(
            bring::CHANNEL,
            &brought.uri,
            to,
            DataType::S3Prefix,
            Distribution::Fullyreplicated,
        )
    });
    let entrypoint = match brought {
        Some(brought) => bring::processing_entrypoint(&brought.sha256),
        None => vec!["strongroom".to_owned()],
    };
    let words = [vec![BulkJob::COMMAND.to_owned()], job.arguments()].concat();
    let cluster = ProcessingClusterConfig::builder()
        .instance_count(engine.instances)
        .instance_type(ProcessingInstanceType::from(engine.instance_type.as_str()))
        .volume_size_in_gb(engine.volume_gb)
        .set_volume_kms_key_id(engine.settings.volume_key.clone());
    let own = (BulkJob::TAG.to_owned(), job.folder.id().to_owned());
    let mut tags = engine.settings.tags.clone();
    tags.extend([own]);
    let tags = tags.iter();
    let tags = tags.map(|(name, value)| Tag::builder().key(name).value(value).build());
    let call = aws
        .sagemaker()
        .create_processing_job()
        .processing_job_name(&job.name)
        .role_arn(&engine.role_arn)
        .set_processing_inputs(Some([shards].into_iter().chain(program).collect()))
        .processing_resources(ProcessingResources::builder().cluster_config(cluster.build()).build())
        .stopping_condition(
            ProcessingStoppingCondition::builder()
                .max_runtime_in_seconds(engine.max_runtime)
                .build(),
        )
        .app_specification(
            AppSpecification::builder()
                .image_uri(&engine.image)
                .set_container_entrypoint(Some(entrypoint))
                .set_container_arguments(Some(words))
                .build(),
        )
        .set_environment(environment(&engine.settings))
        .set_network_config(network(&engine.settings))
        .set_tags(Some(tags.collect()));
    call.send().await.heard("create processing job", &job.name).map(drop)
}

fn input(name: &str, from: &str, to: &str, kind: DataType, distribution: Distribution) -> ProcessingInput {
    let source = ProcessingS3Input::builder()
        .s3_uri(from)
        .local_path(to)
        .s3_data_type(kind)
        .s3_input_mode(ProcessingS3InputMode::File)
        .s3_data_distribution_type(distribution)
        .build();
    ProcessingInput::builder().input_name(name).s3_input(source).build()
}

fn network(settings: &JobSettings) -> Option<NetworkConfig> {
    let vpc = vpc(settings);
    (vpc.is_some() || settings.encrypts_traffic).then(|| {
        NetworkConfig::builder()
            .set_vpc_config(vpc)
            .set_enable_inter_container_traffic_encryption(settings.encrypts_traffic.then_some(true))
            .build()
    })
}
