//! SageMaker's processing jobs: listed, described and stopped.

use aws_sdk_sagemaker::operation::describe_processing_job::DescribeProcessingJobOutput;
use aws_sdk_sagemaker::primitives::DateTime;
use aws_sdk_sagemaker::types::{
    AppSpecification, NetworkConfig, ProcessingClusterConfig, ProcessingInput, ProcessingInstanceType,
    ProcessingJobStatus, ProcessingJobSummary, ProcessingOutput, ProcessingOutputConfig, ProcessingResources,
    ProcessingStoppingCondition, SortBy, SortOrder, VpcConfig,
};
use jiff::Timestamp;

use crate::aws::fault::{Expected, Heard};
use crate::aws::{Aws, List, Paged, timestamp};
use crate::domain::{Channel, Fault, Job, JobDetail, JobKind, JobSettings, JobStatus};

/// Newest first; with `since`, only what changed after it.
pub(crate) fn list_processing_jobs(aws: &Aws, since: Option<Timestamp>) -> List<'_, Job> {
    let call = move |token| {
        aws.sagemaker()
            .list_processing_jobs()
            .max_results(100)
            .sort_by(SortBy::CreationTime)
            .sort_order(SortOrder::Descending)
            .set_last_modified_time_after(since.map(|at| DateTime::from_millis(at.as_millisecond())))
            .set_next_token(token)
            .send()
    };
    List::of("list", "processing jobs", call, |answer| {
        let rows = answer.processing_job_summaries().iter().map(row);
        Paged::new(rows.collect(), answer.next_token())
    })
}

/// The job of this name, without how far its hosts are.
pub(crate) async fn describe_processing_job(aws: &Aws, name: &str) -> Result<Job, Fault> {
    let act = "describe processing job";
    let call = aws.sagemaker().describe_processing_job().processing_job_name(name);
    let answer = call.send().await.heard(act, name)?;
    Ok(Job {
        kind: JobKind::Processing,
        name: answer.processing_job_name().unwrap_or(name).to_owned(),
        arn: answer.processing_job_arn().expected(act, name, "ARN")?.to_owned(),
        status: status(answer.processing_job_status()).expected(act, name, "status")?,
        secondary: None,
        created: answer.creation_time().and_then(timestamp),
        modified: answer.last_modified_time().and_then(timestamp),
        ended: answer.processing_end_time().and_then(timestamp),
        detail: Some(Box::new(detail(&answer))),
        progress: None,
    })
}

/// Tells it to stop.
pub(crate) async fn stop_processing_job(aws: &Aws, name: &str) -> Result<(), Fault> {
    let call = aws.sagemaker().stop_processing_job().processing_job_name(name);
    call.send().await.heard("stop processing job", name)?;
    Ok(())
}

fn row(summary: &ProcessingJobSummary) -> Option<Job> {
    Some(Job {
        kind: JobKind::Processing,
        name: summary.processing_job_name()?.to_owned(),
        arn: summary.processing_job_arn()?.to_owned(),
        status: status(summary.processing_job_status())?,
        secondary: None,
        created: summary.creation_time().and_then(timestamp),
        modified: summary.last_modified_time().and_then(timestamp),
        ended: summary.processing_end_time().and_then(timestamp),
        detail: None,
        progress: None,
    })
}

fn status(status: Option<&ProcessingJobStatus>) -> Option<JobStatus> {
    status.map(|status| JobStatus::parse(status.as_str()))
}

fn detail(answer: &DescribeProcessingJobOutput) -> JobDetail {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let said = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let cluster = answer
        .processing_resources()
        .and_then(ProcessingResources::cluster_config);
    let application = answer.app_specification();
    let command = application.map(|application| {
        let entrypoint = application.container_entrypoint().iter();
        entrypoint.chain(application.container_arguments()).cloned().collect()
    });
    let outputs = answer.processing_output_config().map(ProcessingOutputConfig::outputs);
    let output = outputs.and_then(|outputs| outputs.iter().find_map(output));
    JobDetail {
        role_arn: text(answer.role_arn()),
        image: text(application.and_then(AppSpecification::image_uri)),
        instance_type: text(
            cluster
                .and_then(ProcessingClusterConfig::instance_type)
                .map(ProcessingInstanceType::as_str),
        ),
        instance_count: cluster
            .and_then(ProcessingClusterConfig::instance_count)
            .unwrap_or_default(),
        volume_gb: cluster
            .and_then(ProcessingClusterConfig::volume_size_in_gb)
            .unwrap_or_default(),
        settings: settings(answer, cluster),
        command: command.unwrap_or_default(),
        channels: answer.processing_inputs().iter().map(channel).collect(),
        output,
        failure: said(answer.failure_reason()),
        message: said(answer.exit_message()),
        max_runtime: answer
            .stopping_condition()
            .and_then(ProcessingStoppingCondition::max_runtime_in_seconds),
        ..JobDetail::default()
    }
}

fn settings(answer: &DescribeProcessingJobOutput, cluster: Option<&ProcessingClusterConfig>) -> JobSettings {
    let key = |key: Option<&str>| key.filter(|key| !key.is_empty()).map(str::to_owned);
    let network = answer.network_config();
    let vpc = network.and_then(NetworkConfig::vpc_config);
    let output = answer.processing_output_config();
    JobSettings {
        subnets: vpc.map(VpcConfig::subnets).unwrap_or_default().to_vec(),
        security_groups: vpc.map(VpcConfig::security_group_ids).unwrap_or_default().to_vec(),
        volume_key: key(cluster.and_then(ProcessingClusterConfig::volume_kms_key_id)),
        output_key: key(output.and_then(ProcessingOutputConfig::kms_key_id)),
        encrypts_traffic: network.and_then(NetworkConfig::enable_inter_container_traffic_encryption) == Some(true),
        environment: answer.environment().cloned().unwrap_or_default().into_iter().collect(),
        ..JobSettings::default()
    }
}

fn channel(input: &ProcessingInput) -> Channel {
    let uri = input.s3_input().and_then(|source| source.s3_uri());
    Channel {
        name: input.input_name().unwrap_or_default().to_owned(),
        uri: uri.unwrap_or_default().to_owned(),
    }
}

fn output(output: &ProcessingOutput) -> Option<String> {
    Some(output.s3_output()?.s3_uri()?.to_owned())
}
