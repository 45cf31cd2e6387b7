//! Acts on a bucket or prefix that other machines carry out, and their reports.

use std::path::Path;

use super::audits::place;
use super::jobs::{image, settings};
use super::rewraps::{self, NewKey};
use super::seals::{self, Encryption, Rotation, Scope};
use super::{asks, only_if, start};
use crate::app::form::{Blank, Filled, Form, RoleKey, Sent, TextKey};
use crate::app::pane::Pane;
use crate::app::state::State;
use crate::app::state::action::{Action, Begin};
use crate::app::state::target::Target;
use crate::domain::audit::AuditRequest;
use crate::domain::rewrap::RewrapSpec;
use crate::domain::{BulkAct, BulkFolder, BulkJob, BulkOrder, BulkRequest, Engine, Job, JobSettings, JobStatus, bring};

/// A day.
const LONGEST_RUN: i32 = 86_400;

pub(super) const AUDIT: Action = Action {
    label: "audit on hosts",
    help: "Have hosts of a processing job audit a bucket or prefix",
    changes: true,
    offered: |state, target| only_if(place(state, target).is_some(), ""),
    begin: |state, target| {
        let (bucket, prefix) = place(state, target)?;
        Some(Begin::Fill(audit(state, bucket, prefix)))
    },
};

pub(super) const ROTATE: Action = Action {
    label: "rotate on hosts",
    help: "Have hosts of a processing job seal its tokens anew",
    changes: true,
    offered: |state, target| only_if(whole(state, target).is_some(), ""),
    begin: |state, target| whole(state, target).map(|scope| Begin::Fill(rotation(state, scope))),
};

pub(super) const ENCRYPT: Action = Action {
    label: "encrypt on hosts",
    help: "Have hosts of a processing job encrypt what is plain",
    changes: true,
    offered: |state, target| only_if(whole(state, target).is_some(), ""),
    begin: |state, target| {
        let scope = whole(state, target)?;
        Some(Begin::Fill(encryption(state, scope, &seals::key(state, target))))
    },
};

pub(super) const REWRAP: Action = Action {
    label: "re-wrap on hosts",
    help: "Have hosts of a processing job re-wrap its data keys",
    changes: true,
    offered: |state, target| only_if(rewrapped(state, target).is_some(), ""),
    begin: |state, target| rewrapped(state, target).map(|spec| Begin::Fill(rewrap(state, spec))),
};

/// A bucket or prefix as a whole; nothing where single objects are marked or under the cursor.
fn whole(state: &State, target: &Target) -> Option<Scope> {
    seals::scope(state, target).filter(|(_, _, places)| places.is_empty())
}

/// The same to re-wrap.
fn rewrapped(state: &State, target: &Target) -> Option<RewrapSpec> {
    rewraps::place(state, target).filter(|spec| spec.objects.is_empty() && spec.prefixes.len() == 1)
}

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
    let (act, folder, _) = BulkJob::of_arguments(&job.detail.as_deref()?.command)?;
    Some((act, folder))
}

/// Who does it, as each of the forms asks for it.
#[derive(Clone, Copy)]
struct Hosts {
    role: RoleKey,
    image: TextKey,
    instances: TextKey,
    kind: TextKey,
    volume: TextKey,
    longest: TextKey,
    program: TextKey,
}

impl Hosts {
    fn ask(form: &mut Blank, state: &State, known: &JobSettings) -> Self {
        let role = state.last_role.as_deref().unwrap_or_default();
        let program = known.program.as_ref().map(|path| path.to_string_lossy().into_owned());
        Self {
            role: form.role_chosen("Role", &state.roles, role),
            image: form.text("Image", image(state), "with strongroom in it, or any with a program"),
            instances: form.text("Instances", "4", ""),
            kind: form.text("Instance", "ml.m5.large", ""),
            volume: form.text("Volume GB", "10", ""),
            longest: form.text("Longest run", LONGEST_RUN.to_string(), "seconds"),
            program: form.text(
                "Program",
                program.unwrap_or_default(),
                "a static strongroom for images without any; none: the image's",
            ),
        }
    }

    fn read(self, filled: &Filled<'_>, dir: &Path, known: &JobSettings) -> Result<Engine, String> {
        Ok(Engine {
            role_arn: filled.role(self.role)?,
            image: filled.required(self.image)?,
            instance_type: filled.required(self.kind)?,
            instances: filled.number(self.instances)?,
            volume_gb: filled.number(self.volume)?,
            max_runtime: filled.number(self.longest)?,
            settings: JobSettings {
                program: filled.optional(self.program).map(|path| dir.join(path)),
                ..known.clone()
            },
        })
    }
}

/// A form that asks who does it, then what else its act asks; once it is filled in it is looked at what would make the job fail, and
/// from there it is begun.
fn form<F: Send + Sync + 'static>(
    state: &State,
    (title, note): (String, &'static str),
    more: impl FnOnce(&mut Blank) -> F,
    order: impl Fn(&F, &Filled<'_>) -> Result<BulkOrder, String> + Send + Sync + 'static,
) -> Form {
    const KEPT: &str = "The list and what comes of it are kept in .strongroom/bulk/ of the bucket; V on the job opens the report. \
                        First it is looked at what would make the job fail.";
    let known = settings(state);
    let mut form = Blank::new(title, format!("{note} {KEPT}"));
    let hosts = Hosts::ask(&mut form, state, &known);
    let fields = more(&mut form);
    let dir = state.dir.clone();
    form.reading(move |filled: &Filled<'_>| -> Result<Sent, String> {
        asks(BulkRequest::Preflight {
            engine: Box::new(hosts.read(filled, &dir, &known)?),
            order: order(&fields, filled)?,
        })
    })
}

fn audit(state: &State, bucket: String, prefix: String) -> Form {
    let title = format!("Audit s3://{bucket}/{prefix} on processing");
    let note =
        "Lists what is there, and has the hosts of a processing job look at it as their role: one request an object.";
    let how = |form: &mut Blank| {
        form.checks(
            "Look at",
            [("tokens to their end", false), ("older versions too", false)],
        )
    };
    form(state, (title, note), how, move |how, filled| {
        let [deep, versions] = filled.checked(*how);
        Ok(BulkOrder::Audit(AuditRequest {
            bucket: bucket.clone(),
            prefix: prefix.clone(),
            deep,
            versions,
        }))
    })
}

fn rotation(state: &State, scope: Scope) -> Form {
    let title = format!("Rotate the data keys of s3://{}/{} on processing", scope.0, scope.1);
    let note = "Each token of strongroom is read to its end by a host, sealed under a new data key of its shard, and replaced only if \
                it held.";
    form(state, (title, note), Rotation::ask, move |fields, filled| {
        Ok(BulkOrder::Seal(seals::spec(&scope, fields.read(filled)?)))
    })
}

fn encryption(state: &State, scope: Scope, key: &str) -> Form {
    let title = format!("Encrypt s3://{}/{} on processing", scope.0, scope.1);
    let note = "Hosts make tokens of plain objects: in place, or at another prefix under the same names, under a data key a shard. What \
                is encrypted is left.";
    let ask = |form: &mut Blank| Encryption::ask(form, &scope, key);
    let asked = scope.clone();
    form(state, (title, note), ask, move |fields, filled| {
        Ok(BulkOrder::Seal(seals::spec(&asked, fields.read(filled)?)))
    })
}

fn rewrap(state: &State, spec: RewrapSpec) -> Form {
    let title = format!("Re-wrap {} on processing", spec.place());
    let note = "From here KMS wraps each data key anew, once; then hosts have the tokens name it, and the tokens stay where they are. Old \
                key objects stay.";
    let ask = |form: &mut Blank| NewKey::ask(form, state);
    form(state, (title, note), ask, move |fields, filled| {
        Ok(BulkOrder::Rewrap(fields.read(filled, spec.clone())?))
    })
}
