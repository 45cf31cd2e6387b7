//! Acts on a bucket or prefix that other machines carry out, and their reports.

use super::audits::place;
use super::jobs::{image, settings};
use super::{asks, only_if, start};
use crate::app::form::{Blank, Filled, Form};
use crate::app::pane::Pane;
use crate::app::state::State;
use crate::app::state::action::{Action, Begin};
use crate::app::state::target::Target;
use crate::domain::{BulkAct, BulkFolder, BulkJob, BulkRequest, Engine, Job, JobSettings, JobStatus, bring};

/// A day.
const LONGEST_RUN: i32 = 86_400;

pub(super) const AUDIT: Action = Action {
    label: "audit on hosts",
    help: "Have the hosts of a processing job audit a bucket or prefix",
    changes: true,
    offered: |state, target| only_if(place(state, target).is_some(), ""),
    begin: |state, target| {
        let (bucket, prefix) = place(state, target)?;
        Some(Begin::Fill(form(state, bucket, prefix)))
    },
};

pub(super) const REPORT: Action = Action {
    label: "report",
    help: "The report of what a processing job has done",
    changes: false,
    offered: |state, target| {
        let job = target.job(state).filter(|_| target.pane == Pane::Jobs);
        only_if(
            done(state, target).is_some(),
            match job {
                None => "For a report, select a processing job of strongroom (4).",
                Some(job) if job.detail.is_none() => "What this job does is not known yet.",
                Some(_) => "Only a processing job of strongroom has a report.",
            },
        )
    },
    begin: |state, target| {
        let (act, folder) = done(state, target)?;
        start(BulkRequest::Collect { act, folder })
    },
};

pub(super) const GO_ON: Action = Action {
    label: "go on with it",
    help: "A new job for what a processing job has left undone",
    changes: true,
    offered: |state, target| {
        let has_ended = |job: &Job| matches!(job.status, JobStatus::Failed | JobStatus::Stopped);
        let is_there = done(state, target).is_some() && target.job(state).is_some_and(has_ended);
        only_if(is_there, "")?;
        only_if(
            engine(state, target).is_some(),
            "Its image has no strongroom: name a program in [jobs] of the configuration.",
        )
    },
    begin: |state, target| {
        let (_, folder) = done(state, target)?;
        let engine = Box::new(engine(state, target)?);
        Some(Begin::Ask(BulkRequest::GoOn { folder, engine }.into()))
    },
};

/// What carried it out; none if it was brought a program and none is known now.
fn engine(state: &State, target: &Target) -> Option<Engine> {
    let detail = target.job(state)?.detail.as_deref()?;
    let known = state.settings.context.jobs.program.clone();
    let program = if bring::begins_processing(&detail.command) {
        Some(known?)
    } else {
        None
    };
    Some(Engine {
        role_arn: detail.role_arn.clone(),
        image: detail.image.clone(),
        instance_type: detail.instance_type.clone(),
        instances: detail.instance_count,
        volume_gb: detail.volume_gb,
        max_runtime: detail.max_runtime.unwrap_or(LONGEST_RUN),
        settings: JobSettings {
            program,
            ..detail.settings.clone()
        },
    })
}

/// What the job under the cursor does, and where.
fn done(state: &State, target: &Target) -> Option<(BulkAct, BulkFolder)> {
    let job = target.job(state).filter(|_| target.pane == Pane::Jobs)?;
    BulkJob::of_arguments(&job.detail.as_deref()?.command)
}

/// Asks how far to look, and who does.
fn form(state: &State, bucket: String, prefix: String) -> Form {
    let note = "Lists what is there, and has the hosts of a processing job look at it as their role: one request an object. The \
                list and what they find are kept in .strongroom/bulk/ of the bucket; V on the job opens the report.";
    let mut form = Blank::about(
        format!("on processing {bucket} {prefix}"),
        format!("Audit s3://{bucket}/{prefix} on processing"),
        note,
    );
    let known = settings(state);
    let role = form.role_chosen("Role", &state.roles, state.last_role.as_deref().unwrap_or_default());
    let image = form.text("Image", image(state), "with strongroom in it, or any with a program");
    let instances = form.text("Instances", "4", "");
    let kind = form.text("Instance", "ml.m5.large", "");
    let volume = form.text("Volume GB", "10", "");
    let longest = form.text("Longest run", LONGEST_RUN.to_string(), "seconds");
    let program = known.program.as_ref().map(|path| path.to_string_lossy().into_owned());
    let program = form.text(
        "Program",
        program.unwrap_or_default(),
        "a static strongroom for images without any; none: the image's",
    );
    let how = form.checks(
        "Look at",
        [("tokens to their end", false), ("older versions too", false)],
    );
    let dir = state.dir.clone();
    form.reading(move |filled: &Filled<'_>| {
        let [deep, versions] = filled.checked(how);
        let engine = Engine {
            role_arn: filled.role(role)?,
            image: filled.required(image)?,
            instance_type: filled.required(kind)?,
            instances: filled.number(instances)?,
            volume_gb: filled.number(volume)?,
            max_runtime: filled.number(longest)?,
            settings: JobSettings {
                program: filled.optional(program).map(|path| dir.join(path)),
                ..known.clone()
            },
        };
        asks(BulkRequest::Audit {
            bucket: bucket.clone(),
            prefix: prefix.clone(),
            deep,
            versions,
            engine: Box::new(engine),
        })
    })
}
