//! SageMaker: training jobs, listed, described, created and stopped.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sagemaker::operation::describe_training_job::DescribeTrainingJobOutput;
use aws_sdk_sagemaker::primitives::DateTime;
use aws_sdk_sagemaker::types::{
    AlgorithmSpecification, Channel as SdkChannel, CheckpointConfig, DataSource, OutputDataConfig, ResourceConfig,
    S3DataDistribution, S3DataSource, S3DataType, SecondaryStatus, SecondaryStatusTransition, SortBy, SortOrder,
    StoppingCondition, Tag, TrainingInputMode, TrainingInstanceType, TrainingJobStatus, TrainingJobSummary,
};
use futures::TryStreamExt;
use jiff::Timestamp;

use super::fault::{Expected, Heard};
use super::{Aws, Paged, pages, timestamp};
use crate::domain::{Channel, Fault, JobDetail, JobSpec, JobStatus, TrainingJob, Transition};

/// Newest first; with `since`, only what changed after it.
pub(crate) async fn list_training_jobs(
    aws: &Aws,
    since: Option<Timestamp>,
    token: Option<String>,
) -> Result<Paged<TrainingJob>, Fault> {
    let call = aws
        .sagemaker()
        .list_training_jobs()
        .max_results(100)
        .sort_by(SortBy::CreationTime)
        .sort_order(SortOrder::Descending)
        .set_last_modified_time_after(since.map(|at| DateTime::from_millis(at.as_millisecond())))
        .set_next_token(token.clone());
    let (act, object) = ("list", "training jobs");
    let answer = call.send().await.heard(act, object)?;
    let rows = answer.training_job_summaries().iter().map(row);
    Paged::new(act, object, rows.collect(), token.as_deref(), answer.next_token())
}

pub(crate) async fn describe_training_job(aws: &Aws, name: &str) -> Result<TrainingJob, Fault> {
    let act = "describe training job";
    let call = aws.sagemaker().describe_training_job().training_job_name(name);
    let answer = call.send().await.heard(act, name)?;
    Ok(TrainingJob {
        name: answer.training_job_name().unwrap_or(name).to_owned(),
        arn: answer.training_job_arn().expected(act, name, "ARN")?.to_owned(),
        status: status(answer.training_job_status()).expected(act, name, "status")?,
        secondary: answer.secondary_status().map(|word| word.as_str().to_owned()),
        created: answer.creation_time().and_then(timestamp),
        modified: answer.last_modified_time().and_then(timestamp),
        ended: answer.training_end_time().and_then(timestamp),
        detail: Some(Box::new(detail(&answer))),
    })
}

/// Creates the job as `spec` says, with one channel `train` on every key that begins with `spec.object`.
pub(crate) async fn create_training_job(
    aws: &Aws,
    spec: &JobSpec,
    hyperparameters: &BTreeMap<String, String>,
    tag: (&str, &str),
) -> Result<(), Fault> {
    let act = "create training job";
    let source = S3DataSource::builder()
        .s3_data_type(S3DataType::S3Prefix)
        .s3_uri(super::s3::uri(&spec.bucket, &spec.object))
        .s3_data_distribution_type(S3DataDistribution::FullyReplicated)
        .build();
    let channel = SdkChannel::builder()
        .channel_name("train")
        .input_mode(TrainingInputMode::File)
        .data_source(DataSource::builder().s3_data_source(source).build())
        .build();
    let algorithm = AlgorithmSpecification::builder()
        .training_image(&spec.image)
        .training_input_mode(TrainingInputMode::File)
        .build();
    let resources = ResourceConfig::builder()
        .instance_type(TrainingInstanceType::from(spec.instance_type.as_str()))
        .instance_count(spec.instance_count)
        .volume_size_in_gb(spec.volume_gb)
        .build();
    let checkpoints = CheckpointConfig::builder()
        .s3_uri(spec.checkpoints_uri())
        .local_path(JobSpec::CHECKPOINTS_DIR)
        .build();
    let hyperparameters: HashMap<_, _> = hyperparameters.clone().into_iter().collect();
    let call = aws
        .sagemaker()
        .create_training_job()
        .training_job_name(&spec.name)
        .role_arn(&spec.role_arn)
        .set_hyper_parameters(Some(hyperparameters))
        .tags(Tag::builder().key(tag.0).value(tag.1).build())
        .algorithm_specification(algorithm)
        .input_data_config(channel)
        .output_data_config(OutputDataConfig::builder().s3_output_path(&spec.output).build())
        .checkpoint_config(checkpoints)
        .resource_config(resources)
        .stopping_condition(
            StoppingCondition::builder()
                .max_runtime_in_seconds(spec.max_runtime)
                .build(),
        );
    call.send().await.heard(act, &spec.name)?;
    Ok(())
}

/// The value of one tag of a job.
pub(crate) async fn tag(aws: &Aws, arn: &str, name: &str) -> Result<Option<String>, Fault> {
    let act = "read the tags of";
    let mut pages = pages(|token| async move {
        let call = aws.sagemaker().list_tags().resource_arn(arn);
        let answer = call.set_next_token(token.clone()).send().await;
        let answer = answer.heard(act, arn)?;
        Paged::new(
            act,
            arn,
            Some(answer.tags().to_vec()),
            token.as_deref(),
            answer.next_token(),
        )
    });
    while let Some(tags) = pages.try_next().await? {
        if let Some(tag) = tags.iter().find(|tag| tag.key() == Some(name)) {
            return Ok(tag.value().map(str::to_owned));
        }
    }
    Ok(None)
}

pub(crate) async fn stop_training_job(aws: &Aws, name: &str) -> Result<(), Fault> {
    let call = aws.sagemaker().stop_training_job().training_job_name(name);
    call.send().await.heard("stop training job", name)?;
    Ok(())
}

fn row(summary: &TrainingJobSummary) -> Option<TrainingJob> {
    Some(TrainingJob {
        name: summary.training_job_name()?.to_owned(),
        arn: summary.training_job_arn()?.to_owned(),
        status: status(summary.training_job_status())?,
        secondary: summary.secondary_status().map(|word| word.as_str().to_owned()),
        created: summary.creation_time().and_then(timestamp),
        modified: summary.last_modified_time().and_then(timestamp),
        ended: summary.training_end_time().and_then(timestamp),
        detail: None,
    })
}

fn status(status: Option<&TrainingJobStatus>) -> Option<JobStatus> {
    status.map(|status| JobStatus::parse(status.as_str()))
}

fn detail(answer: &DescribeTrainingJobOutput) -> JobDetail {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let resources = answer.resource_config();
    let instance_type = resources.and_then(ResourceConfig::instance_type);
    JobDetail {
        role_arn: text(answer.role_arn()),
        image: text(
            answer
                .algorithm_specification()
                .and_then(AlgorithmSpecification::training_image),
        ),
        instance_type: text(instance_type.map(TrainingInstanceType::as_str)),
        instance_count: resources.and_then(ResourceConfig::instance_count).unwrap_or_default(),
        channels: answer.input_data_config().iter().map(channel).collect(),
        output: answer
            .output_data_config()
            .and_then(OutputDataConfig::s3_output_path)
            .map(str::to_owned),
        model: answer
            .model_artifacts()
            .and_then(|artifacts| artifacts.s3_model_artifacts())
            .filter(|uri| !uri.is_empty())
            .map(str::to_owned),
        hyperparameters: answer
            .hyper_parameters()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        failure: answer
            .failure_reason()
            .filter(|reason| !reason.is_empty())
            .map(str::to_owned),
        transitions: answer.secondary_status_transitions().iter().map(transition).collect(),
        billable_seconds: answer.billable_time_in_seconds(),
        training_seconds: answer.training_time_in_seconds(),
        max_runtime: answer
            .stopping_condition()
            .and_then(StoppingCondition::max_runtime_in_seconds),
        metrics: answer
            .final_metric_data_list()
            .iter()
            .filter_map(|metric| Some((metric.metric_name()?.to_owned(), metric.value()?)))
            .collect(),
    }
}

fn channel(channel: &SdkChannel) -> Channel {
    let uri = channel
        .data_source()
        .and_then(DataSource::s3_data_source)
        .and_then(S3DataSource::s3_uri);
    Channel {
        name: channel.channel_name().unwrap_or_default().to_owned(),
        uri: uri.unwrap_or_default().to_owned(),
    }
}

fn transition(step: &SecondaryStatusTransition) -> Transition {
    Transition {
        status: step.status().map_or("", SecondaryStatus::as_str).to_owned(),
        start: step.start_time().and_then(timestamp),
        end: step.end_time().and_then(timestamp),
        message: step.status_message().unwrap_or_default().to_owned(),
    }
}
