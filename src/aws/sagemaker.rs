//! SageMaker: training jobs, listed, described, created and stopped; [`processing`] jobs too.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sagemaker::operation::describe_training_job::DescribeTrainingJobOutput;
use aws_sdk_sagemaker::primitives::DateTime;
use aws_sdk_sagemaker::types::{
    AlgorithmSpecification, Channel as SdkChannel, CheckpointConfig, DataSource, OutputDataConfig, ResourceConfig,
    S3DataDistribution, S3DataSource, S3DataType, SecondaryStatus, SecondaryStatusTransition, SortBy, SortOrder,
    StoppingCondition, Tag, TrainingInputMode, TrainingInstanceType, TrainingJobStatus, TrainingJobSummary, VpcConfig,
};
use jiff::Timestamp;

use super::fault::{Expected, Heard};
use super::{Aws, List, Paged, timestamp};
use crate::domain::{
    Brought, Channel, Fault, Job, JobDetail, JobKind, JobPlan, JobSettings, JobSpec, JobStatus, Original,
    PlaintextPlace, Transition, bring,
};

mod bulk_jobs;
mod processing;

pub(crate) use bulk_jobs::create_bulk_job;
pub(crate) use processing::{describe_processing_job, list_processing_jobs};

/// The jobs of a kind, newest first; with `since`, only what changed after it.
pub(crate) fn list_jobs(aws: &Aws, kind: JobKind, since: Option<Timestamp>) -> List<'_, Job> {
    match kind {
        JobKind::Training => list_training_jobs(aws, since),
        JobKind::Processing => list_processing_jobs(aws, since),
    }
}

/// The job with this id.
pub(crate) async fn describe_job(aws: &Aws, id: &str) -> Result<Job, Fault> {
    match JobKind::split(id) {
        (JobKind::Training, name) => describe_training_job(aws, name).await,
        (JobKind::Processing, name) => describe_processing_job(aws, name).await,
    }
}

/// Tells the job with this id to stop.
pub(crate) async fn stop_job(aws: &Aws, id: &str) -> Result<(), Fault> {
    match JobKind::split(id) {
        (JobKind::Training, name) => stop_training_job(aws, name).await,
        (JobKind::Processing, name) => processing::stop_processing_job(aws, name).await,
    }
}

/// Newest first; with `since`, only what changed after it.
pub(crate) fn list_training_jobs(aws: &Aws, since: Option<Timestamp>) -> List<'_, Job> {
    let call = move |token| {
        aws.sagemaker()
            .list_training_jobs()
            .max_results(100)
            .sort_by(SortBy::CreationTime)
            .sort_order(SortOrder::Descending)
            .set_last_modified_time_after(since.map(|at| DateTime::from_millis(at.as_millisecond())))
            .set_next_token(token)
            .send()
    };
    List::of("list", "training jobs", call, |answer| {
        let rows = answer.training_job_summaries().iter().map(row);
        Paged::new(rows.collect(), answer.next_token())
    })
}

pub(crate) async fn describe_training_job(aws: &Aws, name: &str) -> Result<Job, Fault> {
    let act = "describe training job";
    let call = aws.sagemaker().describe_training_job().training_job_name(name);
    let answer = call.send().await.heard(act, name)?;
    Ok(Job {
        kind: JobKind::Training,
        name: answer.training_job_name().unwrap_or(name).to_owned(),
        arn: answer.training_job_arn().expected(act, name, "ARN")?.to_owned(),
        status: status(answer.training_job_status()).expected(act, name, "status")?,
        secondary: answer.secondary_status().map(|word| word.as_str().to_owned()),
        created: answer.creation_time().and_then(timestamp),
        modified: answer.last_modified_time().and_then(timestamp),
        ended: answer.training_end_time().and_then(timestamp),
        detail: Some(Box::new(detail(&answer))),
        progress: None,
    })
}

/// Creates the job as `spec` says, its data in channels: every key that begins with a channel's. What an original has
/// besides is kept, shown or not: a clone is no less secure than that; but it has checkpoints of its own.
pub(crate) async fn create_training_job(
    aws: &Aws,
    (spec, brought): (&JobSpec, Option<&Brought>),
    original: OriginalJob,
    hyperparameters: &BTreeMap<String, String>,
    tag: (&str, &str),
) -> Result<(), Fault> {
    let OriginalJob {
        described: original,
        mut tags,
    } = original;
    tags.extend(spec.settings.tags.clone());
    tags.insert(tag.0.to_owned(), tag.1.to_owned());
    let tags = tags
        .into_iter()
        .map(|(name, value)| Tag::builder().key(name).value(value).build());
    let call = aws
        .sagemaker()
        .create_training_job()
        .training_job_name(&spec.name)
        .role_arn(&spec.role_arn)
        .set_hyper_parameters(Some(hyperparameters.clone().into_iter().collect()))
        .set_tags(Some(tags.collect()))
        .algorithm_specification(algorithm(spec, brought, original.algorithm_specification))
        .set_input_data_config(Some(channels(spec, brought, original.input_data_config)))
        .output_data_config(output(spec, original.output_data_config))
        .checkpoint_config(checkpoints(spec))
        .resource_config(resources(spec, original.resource_config))
        .stopping_condition(stopping_condition(spec, original.stopping_condition))
        .set_vpc_config(vpc(&spec.settings))
        .set_enable_inter_container_traffic_encryption(Some(spec.settings.encrypts_traffic).filter(|on| *on))
        .set_enable_managed_spot_training(spec.settings.spot_wait.map(|_| true))
        .set_environment(environment(&spec.settings))
        .set_debug_hook_config(original.debug_hook_config)
        .set_debug_rule_configurations(original.debug_rule_configurations)
        .set_tensor_board_output_config(original.tensor_board_output_config)
        .set_experiment_config(original.experiment_config)
        .set_profiler_config(original.profiler_config)
        .set_profiler_rule_configurations(original.profiler_rule_configurations)
        .set_retry_strategy(original.retry_strategy)
        .set_remote_debug_config(original.remote_debug_config)
        .set_infra_check_config(original.infra_check_config)
        .set_serverless_job_config(original.serverless_job_config)
        .set_mlflow_config(original.mlflow_config)
        .set_model_package_config(original.model_package_config);
    call.send().await.heard("create training job", &spec.name)?;
    Ok(())
}

/// What another job is made after; nothing of it is set for one that is made by itself.
pub(crate) struct OriginalJob {
    described: DescribeTrainingJobOutput,
    /// But for those that AWS gives.
    tags: BTreeMap<String, String>,
}

impl OriginalJob {
    /// What it ran in place of what its image runs by itself, but for strongroom.
    pub(crate) fn command(&self) -> Option<Vec<String>> {
        let algorithm = self.described.algorithm_specification()?;
        let (entrypoint, arguments) = (algorithm.container_entrypoint(), algorithm.container_arguments());
        let is_ours = entrypoint == JobPlan::ENTRYPOINT || bring::is_entrypoint(entrypoint);
        let own = if is_ours { &[] } else { entrypoint };
        let command = [own, arguments].concat();
        (!entrypoint.is_empty() && !command.is_empty()).then_some(command)
    }
}

/// Looks at the job that `spec` is made after, if there is one.
pub(crate) async fn original_job(aws: &Aws, spec: &JobSpec) -> Result<OriginalJob, Fault> {
    let Some(Original { job: name, .. }) = &spec.original else {
        return Ok(OriginalJob {
            described: DescribeTrainingJobOutput::builder().build(),
            tags: BTreeMap::new(),
        });
    };
    let act = "describe training job";
    let call = aws.sagemaker().describe_training_job().training_job_name(name);
    let described = call.send().await.heard(act, name)?;
    if described.enable_network_isolation() == Some(true) {
        let cause = "its containers have no network: none could ask KMS for the data key";
        let remedy = "start a new job on the object instead of a clone";
        return Err(Fault::invalid("clone training job", name, cause, remedy));
    }
    let arn = described.training_job_arn().expected(act, name, "ARN")?.to_owned();
    let mut tags = tags(aws, &arn).await?;
    tags.retain(|name, _| !name.starts_with("aws:"));
    Ok(OriginalJob { described, tags })
}

fn algorithm(
    spec: &JobSpec,
    brought: Option<&Brought>,
    original: Option<AlgorithmSpecification>,
) -> AlgorithmSpecification {
    let mut algorithm = original.unwrap_or_else(|| {
        AlgorithmSpecification::builder()
            .training_input_mode(TrainingInputMode::File)
            .build()
    });
    // One of SageMaker's own, or of the marketplace, has a name in place of an image.
    if algorithm.algorithm_name.is_none() {
        algorithm.training_image = Some(spec.image.clone());
    }
    if let Some(brought) = brought {
        algorithm.container_entrypoint = Some(bring::entrypoint(&brought.sha256));
    } else if !spec.plan.command.is_empty() && !bring::is_entrypoint(algorithm.container_entrypoint()) {
        algorithm.container_entrypoint = Some(JobPlan::ENTRYPOINT.map(str::to_owned).to_vec());
    }
    if !spec.plan.command.is_empty() {
        algorithm.container_arguments = Some(spec.plan.command.clone());
    }
    algorithm
}

fn channels(spec: &JobSpec, brought: Option<&Brought>, original: Option<Vec<SdkChannel>>) -> Vec<SdkChannel> {
    let mut channels = original.unwrap_or_default();
    if let Some(brought) = brought {
        channels.retain(|channel| channel.channel_name() != Some(bring::CHANNEL));
        channels.push(whole(bring::CHANNEL, &brought.uri, S3DataDistribution::FullyReplicated));
    }
    for asked in spec.channels() {
        let uri = asked.uri();
        let new = whole(&asked.name, &uri, S3DataDistribution::from(asked.distribution()));
        let own = channels
            .iter_mut()
            .find(|channel| channel.channel_name() == Some(&asked.name));
        match own {
            Some(own) => match own.data_source.as_mut().and_then(|data| data.s3_data_source.as_mut()) {
                Some(known) => known.s3_uri = Some(uri),
                None => own.data_source = new.data_source,
            },
            None => channels.push(new),
        }
    }
    channels
}

/// Every key that begins with the URI's, as files.
fn whole(name: &str, uri: &str, distribution: S3DataDistribution) -> SdkChannel {
    let source = S3DataSource::builder()
        .s3_data_type(S3DataType::S3Prefix)
        .s3_uri(uri)
        .s3_data_distribution_type(distribution)
        .build();
    SdkChannel::builder()
        .channel_name(name)
        .input_mode(TrainingInputMode::File)
        .data_source(DataSource::builder().s3_data_source(source).build())
        .build()
}

fn output(spec: &JobSpec, original: Option<OutputDataConfig>) -> OutputDataConfig {
    let mut output = original.unwrap_or_else(|| OutputDataConfig::builder().build());
    output.s3_output_path = Some(spec.output.clone());
    output.kms_key_id.clone_from(&spec.settings.output_key);
    output
}

/// Never those of the original: the new job would begin with them and write over them, and what a script writes to the usual
/// folder is plaintext.
fn checkpoints(spec: &JobSpec) -> CheckpointConfig {
    CheckpointConfig::builder()
        .s3_uri(spec.checkpoints_uri())
        .local_path(JobSpec::CHECKPOINTS_DIR)
        .build()
}

fn resources(spec: &JobSpec, original: Option<ResourceConfig>) -> ResourceConfig {
    let mut resources = original.unwrap_or_else(|| ResourceConfig::builder().build());
    // Instances of several kinds are in groups, each with its own type and count.
    if resources.instance_groups().is_empty() {
        resources.instance_type = Some(TrainingInstanceType::from(spec.instance_type.as_str()));
        resources.instance_count = Some(spec.instance_count);
    }
    resources.volume_size_in_gb = Some(spec.volume_gb);
    resources.volume_kms_key_id.clone_from(&spec.settings.volume_key);
    resources
}

fn stopping_condition(spec: &JobSpec, original: Option<StoppingCondition>) -> StoppingCondition {
    let mut condition = original.unwrap_or_else(|| StoppingCondition::builder().build());
    condition.max_runtime_in_seconds = Some(spec.max_runtime);
    condition.max_wait_time_in_seconds = spec.settings.spot_wait;
    condition
}

fn vpc(settings: &JobSettings) -> Option<VpcConfig> {
    (!settings.subnets.is_empty() || !settings.security_groups.is_empty()).then(|| {
        VpcConfig::builder()
            .set_subnets(Some(settings.subnets.clone()))
            .set_security_group_ids(Some(settings.security_groups.clone()))
            .build()
    })
}

fn environment(settings: &JobSettings) -> Option<HashMap<String, String>> {
    let all: HashMap<_, _> = settings.environment.clone().into_iter().collect();
    Some(all).filter(|all| !all.is_empty())
}

/// The value of one tag of a job.
pub(crate) async fn tag(aws: &Aws, arn: &str, name: &str) -> Result<Option<String>, Fault> {
    Ok(tags(aws, arn).await?.remove(name))
}

async fn tags(aws: &Aws, arn: &str) -> Result<BTreeMap<String, String>, Fault> {
    let call = move |token| {
        aws.sagemaker()
            .list_tags()
            .resource_arn(arn)
            .set_next_token(token)
            .send()
    };
    let tags = List::of("read the tags of", arn, call, |answer| {
        Paged::new(Some(answer.tags().to_vec()), answer.next_token())
    });
    let tags = tags.every().await?.into_iter();
    Ok(tags.filter_map(|tag| Some((tag.key?, tag.value?))).collect())
}

async fn stop_training_job(aws: &Aws, name: &str) -> Result<(), Fault> {
    let call = aws.sagemaker().stop_training_job().training_job_name(name);
    call.send().await.heard("stop training job", name)?;
    Ok(())
}

fn row(summary: &TrainingJobSummary) -> Option<Job> {
    Some(Job {
        kind: JobKind::Training,
        name: summary.training_job_name()?.to_owned(),
        arn: summary.training_job_arn()?.to_owned(),
        status: status(summary.training_job_status())?,
        secondary: summary.secondary_status().map(|word| word.as_str().to_owned()),
        created: summary.creation_time().and_then(timestamp),
        modified: summary.last_modified_time().and_then(timestamp),
        ended: summary.training_end_time().and_then(timestamp),
        detail: None,
        progress: None,
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
        volume_gb: resources
            .and_then(ResourceConfig::volume_size_in_gb)
            .unwrap_or_default(),
        settings: settings(answer),
        command: answer
            .algorithm_specification()
            .map(|algorithm| [algorithm.container_entrypoint(), algorithm.container_arguments()].concat())
            .unwrap_or_default(),
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
        message: None,
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

fn settings(answer: &DescribeTrainingJobOutput) -> JobSettings {
    let key = |key: Option<&str>| key.filter(|key| !key.is_empty()).map(str::to_owned);
    let vpc = answer.vpc_config();
    let is_spot = answer.enable_managed_spot_training() == Some(true);
    JobSettings {
        subnets: vpc.map(|vpc| vpc.subnets().to_vec()).unwrap_or_default(),
        security_groups: vpc.map(|vpc| vpc.security_group_ids().to_vec()).unwrap_or_default(),
        volume_key: key(answer.resource_config().and_then(ResourceConfig::volume_kms_key_id)),
        output_key: key(answer.output_data_config().and_then(OutputDataConfig::kms_key_id)),
        encrypts_traffic: answer.enable_inter_container_traffic_encryption() == Some(true),
        spot_wait: answer
            .stopping_condition()
            .and_then(StoppingCondition::max_wait_time_in_seconds)
            .filter(|_| is_spot),
        environment: answer.environment().cloned().unwrap_or_default().into_iter().collect(),
        tags: BTreeMap::new(),
        plaintext: answer
            .hyper_parameters()
            .and_then(|all| PlaintextPlace::parse(all.get(JobSpec::PLAINTEXT_PARAMETER)?.trim_matches('"')))
            .unwrap_or_default(),
        program: None,
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
