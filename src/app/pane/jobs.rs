//! Training and processing jobs: rows and details.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Facts;
use crate::app::format::{self, Line, Tone};
use crate::app::losses::Loss;
use crate::app::table::{Order, Row};
use crate::domain::sheet::Named;
use crate::domain::{
    Door, Fault, Job, JobDetail, JobKind, JobProgress, JobSettings, JobStatus, PlaintextPlace, Transition,
};

impl Row for Job {
    const ORDERS: &'static [Order<Self>] = &[
        ("AGE", by_age),
        ("NAME", |a, b| a.name.cmp(&b.name)),
        ("STATUS", |a, b| {
            a.status.as_str().cmp(b.status.as_str()).then_with(|| by_age(a, b))
        }),
        ("KIND", |a, b| a.kind.cmp(&b.kind).then_with(|| by_age(a, b))),
        ("ROLE", |a, b| by_role(a).cmp(&by_role(b)).then_with(|| by_age(a, b))),
    ];

    fn id(&self) -> Cow<'_, str> {
        Job::id(self)
    }

    fn record(&self) -> Vec<Named> {
        vec![
            ("name", json!(self.name)),
            ("kind", json!(self.kind.as_str())),
            ("arn", json!(Some(&self.arn).filter(|arn| !arn.is_empty()))),
            ("status", json!(self.status.as_str())),
            ("secondary_status", json!(self.secondary)),
            (
                "role_arn",
                json!(self.detail.as_ref().map(|detail| detail.role_arn.as_str())),
            ),
            (
                "model",
                json!(self.detail.as_ref().and_then(|detail| detail.model.as_deref())),
            ),
            ("created", json!(self.created)),
            ("ended", json!(self.ended)),
        ]
    }

    fn text(&self) -> Cow<'_, str> {
        let role = self
            .detail
            .as_ref()
            .map_or("", |detail| format::last_part(&detail.role_arn));
        let kind = match self.kind {
            JobKind::Training => "",
            JobKind::Processing => JobKind::Processing.as_str(),
        };
        Cow::Owned(format!("{} {} {role} {kind}", self.name, self.status.as_str()))
    }

    fn inherit(&mut self, earlier: Self) {
        // Two questions may be answered in the other order: an ended job does not run again, another of its name may.
        if self.status.is_active() && earlier.status.has_ended() && self.created == earlier.created {
            *self = earlier;
            return;
        }
        // What was described while it ran is not what it is once it has ended.
        if self.status == earlier.status {
            self.detail = self.detail.take().or(earlier.detail);
            self.secondary = self.secondary.take().or(earlier.secondary);
        }
        if self.created == earlier.created {
            self.progress = self.progress.take().or(earlier.progress);
        }
    }
}

fn by_age(a: &Job, b: &Job) -> Ordering {
    a.created.cmp(&b.created).then_with(|| a.name.cmp(&b.name))
}

/// What is not known yet comes last.
fn by_role(job: &Job) -> (bool, Option<&str>) {
    let role = job.detail.as_ref().map(|detail| format::last_part(&detail.role_arn));
    (role.is_none(), role)
}

/// Seconds from its creation to its end, or until now.
pub fn took(job: &Job, now: Timestamp) -> Option<i64> {
    let end = if job.status.is_active() { now } else { job.ended? };
    Some(end.as_second().saturating_sub(job.created?.as_second()))
}

/// What a job in progress is at, since when, and how far: `Training 1m 20s, epoch 12/20`. Nothing of one that has ended.
pub fn phase(job: &Job, loss: Option<&Loss>, now: Timestamp) -> Option<String> {
    if !job.status.is_active() {
        return None;
    }
    let secondary = job.secondary.as_deref().filter(|word| *word != job.status.as_str())?;
    let mut words = secondary.to_owned();
    let mut transitions = job.detail.iter().flat_map(|detail| &detail.transitions);
    let current = transitions.rfind(|step| step.end.is_none());
    if let Some(start) = current.and_then(|step| step.start) {
        words = format!("{words} {}", format::span(now.as_second() - start.as_second()));
    }
    if let Some(epoch) = loss.and_then(|loss| loss.epoch).filter(|_| secondary == "Training") {
        let of = job.detail.as_ref().and_then(|detail| epochs(detail));
        let of = of.map(|of| format!("/{of}")).unwrap_or_default();
        words = format!("{words}, epoch {epoch}{of}");
    }
    Some(words)
}

/// How many epochs it was asked for, where its hyperparameters say so.
fn epochs(detail: &JobDetail) -> Option<u64> {
    let named = ["epochs", "num_epochs", "num_train_epochs", "max_epochs"];
    let value = named.into_iter().find_map(|name| detail.hyperparameters.get(name))?;
    value.trim_matches('"').parse().ok()
}

/// The facts of a job; how it ended goes with why it was refused and what it logged last.
pub(crate) fn overview(
    job: &Job,
    refusal: Option<&Fault>,
    [refused, logged]: [Vec<Line>; 2],
    now: Timestamp,
    columns: usize,
) -> Vec<Line> {
    let mut facts = Facts::new(columns);
    facts.heading(&job.name);
    if job.kind == JobKind::Processing {
        facts.plain("Kind", JobKind::Processing.as_str());
    }
    let secondary = job.secondary.as_deref().filter(|word| *word != job.status.as_str());
    let status = secondary.map_or_else(
        || job.status.as_str().to_owned(),
        |word| format!("{} · {word}", job.status.as_str()),
    );
    facts.fact("Status", format::job_tone(&job.status), &status);
    // What it means and what mends it comes before AWS's own words: it is on the first screen.
    if !refused.is_empty() {
        facts.lines.push(Line::blank());
        facts.lines.extend(refused);
        facts.lines.push(Line::blank());
    }
    let reason = job.detail.as_ref().and_then(|detail| detail.why());
    if let Some(reason) = &reason {
        facts.fact("Failure", Tone::Bad, reason);
    }
    if let Some(progress) = &job.progress {
        self::progress(&mut facts, progress);
    }
    if let Some(remedy) = job.detail.as_ref().and_then(|detail| detail.remedy()) {
        facts.fact("Remedy", Tone::Warn, remedy);
    }
    if reason.is_some() || matches!(job.status, JobStatus::Failed | JobStatus::Stopped) {
        facts.lines.push(Line::blank());
        facts.lines.extend(logged);
    }
    if let Some(seconds) = took(job, now) {
        facts.plain("Took", &format::span(seconds));
    }
    if let Some(created) = job.created {
        facts.plain("Created", &format::time(created));
    }
    match (&job.detail, refusal) {
        (Some(detail), _) => describe(&mut facts, job.kind, detail),
        (None, Some(fault)) => facts.fact("Details", Tone::Warn, &fault.at(Door::Dashboard)),
        (None, None) => facts.fact("Details", Tone::Dim, "asking…"),
    }
    facts.lines
}

/// How far a job's hosts are, beside its status, where there is little room: shards `12/48`, and failures `12/48 ✗1`.
pub fn brief(progress: &JobProgress) -> String {
    let (done, all) = progress.shards();
    match progress.failed() {
        0 => format!("{done}/{all}"),
        failed => format!("{done}/{all} ✗{failed}"),
    }
}

/// How far a job's hosts are, in a line: `12 of 48 shards, 1 failed`.
fn shards(progress: &JobProgress) -> String {
    let (done, all) = progress.shards();
    let failed = match progress.failed() {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    format!("{done} of {all} shards{failed}")
}

/// How far its hosts are together, and each of several.
pub(in crate::app) fn progress(facts: &mut Facts, progress: &JobProgress) {
    let tone = if progress.failed() > 0 { Tone::Bad } else { Tone::Accent };
    facts.fact("Done", tone, &shards(progress));
    let (objects, bytes) = progress.rate();
    facts.plain(
        "Objects",
        &format!(
            "{}, {}; {objects:.0} and {} a second",
            progress.objects(),
            format::size(progress.bytes()),
            format::size(bytes as u64)
        ),
    );
    if progress.hosts.len() > 1 {
        for (name, host) in &progress.hosts {
            let of = JobProgress {
                hosts: [(name.clone(), host.clone())].into(),
            };
            facts.plain(name, &format!("{}: {}", host.act.as_str(), shards(&of)));
        }
    }
}

fn describe(facts: &mut Facts, kind: JobKind, detail: &JobDetail) {
    let input = match kind {
        JobKind::Training => "Channel",
        JobKind::Processing => "Input",
    };
    facts.plain("Message", detail.message.as_deref().unwrap_or_default());
    facts.plain("Role", &detail.role_arn);
    facts.plain("KMS key", detail.kms_key().unwrap_or_default());
    facts.plain("Image", &detail.image);
    facts.plain("Command", &detail.command.join(" "));
    facts.plain(
        "Runs on",
        &format!("{} × {}", detail.instance_count, detail.instance_type),
    );
    for channel in &detail.channels {
        facts.plain(&format!("{input} {}", channel.name), &channel.uri);
    }
    facts.plain("Output", detail.output.as_deref().unwrap_or_default());
    settings(facts, &detail.settings);
    facts.fact("Model", Tone::Good, detail.model.as_deref().unwrap_or_default());
    let seconds = |seconds: Option<i32>| seconds.map(|seconds| format::span(seconds.into())).unwrap_or_default();
    facts.plain("Trained for", &seconds(detail.training_seconds));
    facts.plain("Billed for", &seconds(detail.billable_seconds));
    facts.plain("Longest run", &seconds(detail.max_runtime));
    if !detail.metrics.is_empty() {
        facts.heading("Final metrics");
        facts.named(detail.metrics.iter().map(|(name, _)| name.as_str()));
        for (name, value) in &detail.metrics {
            facts.plain(name, &value.to_string());
        }
    }
    if !detail.transitions.is_empty() {
        facts.heading("Timeline");
        facts.named(detail.transitions.iter().map(|step| step.status.as_str()));
        for step in &detail.transitions {
            facts.plain(&step.status, &timeline(step));
        }
    }
    if !detail.hyperparameters.is_empty() {
        facts.heading("Hyperparameters");
        facts.named(detail.hyperparameters.keys().map(String::as_str));
        for (name, value) in &detail.hyperparameters {
            facts.plain(name, value);
        }
    }
}

fn settings(facts: &mut Facts, settings: &JobSettings) {
    facts.plain("Subnets", &settings.subnets.join(", "));
    facts.plain("Security groups", &settings.security_groups.join(", "));
    if settings.plaintext == PlaintextPlace::Volume {
        facts.plain("Plaintext", "on the volume");
    }
    facts.plain("Volume key", settings.volume_key.as_deref().unwrap_or_default());
    facts.plain("Output key", settings.output_key.as_deref().unwrap_or_default());
    facts.plain(
        "Between hosts",
        if settings.encrypts_traffic { "encrypted" } else { "" },
    );
    let spot = settings
        .spot_wait
        .map(|wait| format!("{} in all", format::span(wait.into())));
    facts.plain("Spot", &spot.unwrap_or_default());
    for (name, value) in &settings.environment {
        facts.plain("Environment", &format!("{name}={value}"));
    }
}

fn timeline(step: &Transition) -> String {
    let start = step
        .start
        .map(|at| at.strftime("%H:%M:%S").to_string())
        .unwrap_or_default();
    let took = match (step.start, step.end) {
        (Some(start), Some(end)) => format::span(end.as_second() - start.as_second()),
        _ => String::new(),
    };
    format!("{start}  {took:<8} {}", step.message)
}

/// The job in the shape of its description.
pub(crate) fn json(job: &Job) -> Value {
    match job.kind {
        JobKind::Training => training_json(job),
        JobKind::Processing => processing_json(job),
    }
}

fn processing_json(job: &Job) -> Value {
    let mut value = json!({
        "ProcessingJobName": job.name,
        "ProcessingJobArn": job.arn,
        "ProcessingJobStatus": job.status.as_str(),
        "CreationTime": job.created,
        "LastModifiedTime": job.modified,
        "ProcessingEndTime": job.ended,
    });
    if let Some(detail) = &job.detail {
        value["RoleArn"] = json!(detail.role_arn);
        value["AppSpecification"] = json!({ "ImageUri": detail.image, "Command": detail.command });
        value["ProcessingResources"] = json!({ "ClusterConfig": {
            "InstanceType": detail.instance_type,
            "InstanceCount": detail.instance_count,
            "VolumeSizeInGB": detail.volume_gb,
        } });
        let input = |input: &crate::domain::Channel| json!({ "InputName": input.name, "S3Uri": input.uri });
        value["ProcessingInputs"] = detail.channels.iter().map(input).collect();
        value["Environment"] = json!(detail.settings.environment);
        value["FailureReason"] = json!(detail.failure);
        value["ExitMessage"] = json!(detail.message);
        value["StoppingCondition"] = json!({ "MaxRuntimeInSeconds": detail.max_runtime });
    }
    value
}

fn training_json(job: &Job) -> Value {
    let mut value = json!({
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "TrainingJobStatus": job.status.as_str(),
        "SecondaryStatus": job.secondary,
        "CreationTime": job.created,
        "LastModifiedTime": job.modified,
        "TrainingEndTime": job.ended,
    });
    if let Some(detail) = &job.detail {
        value["RoleArn"] = json!(detail.role_arn);
        value["AlgorithmSpecification"] = json!({ "TrainingImage": detail.image });
        value["ResourceConfig"] = json!({
            "InstanceType": detail.instance_type,
            "InstanceCount": detail.instance_count,
        });
        let channel = |channel: &crate::domain::Channel| json!({ "ChannelName": channel.name, "S3Uri": channel.uri });
        value["InputDataConfig"] = detail.channels.iter().map(channel).collect();
        value["OutputDataConfig"] = json!({ "S3OutputPath": detail.output });
        value["ModelArtifacts"] = json!({ "S3ModelArtifacts": detail.model });
        value["HyperParameters"] = json!(detail.hyperparameters);
        value["FailureReason"] = json!(detail.failure);
        let step = |step: &Transition| {
            json!({
                "Status": step.status,
                "StartTime": step.start,
                "EndTime": step.end,
                "StatusMessage": step.message,
            })
        };
        value["SecondaryStatusTransitions"] = detail.transitions.iter().map(step).collect();
        value["TrainingTimeInSeconds"] = json!(detail.training_seconds);
        value["BillableTimeInSeconds"] = json!(detail.billable_seconds);
        value["StoppingCondition"] = json!({ "MaxRuntimeInSeconds": detail.max_runtime });
        let metric = |(name, metric): &(String, f32)| json!({ "MetricName": name, "Value": metric });
        value["FinalMetricDataList"] = detail.metrics.iter().map(metric).collect();
    }
    value
}
