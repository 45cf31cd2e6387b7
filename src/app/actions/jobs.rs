//! Actions on jobs.

use std::collections::BTreeMap;

use super::{asks, only_if};
use crate::app::command::Keyed;
use crate::app::details;
use crate::app::form::{Blank, Form, Sent, joined};
use crate::app::format;
use crate::app::pane::Pane;
use crate::app::pane::files::free;
use crate::app::state::State;
use crate::app::state::action::{Action, Begin};
use crate::app::state::linked::Linked;
use crate::app::state::overlay::{Overlay, Subject};
use crate::app::state::target::Target;
use crate::app::state::walk::role_arn;
use crate::domain::arn::host_suffix;
use crate::domain::{
    Channel, DataChannel, Job, JobDetail, JobKind, JobPlan, JobRequest, JobSettings, JobSpec, JobStatus, ObjectUri,
    Original, PlaintextPlace, Request, bring,
};

pub(in crate::app) const TRAIN: Action = Action {
    label: Keyed::Train.name(),
    help: Keyed::Train.help(),
    changes: true,
    offered: |state, target| {
        let is_here = target.pane == Pane::Objects && target.place.is_some();
        let is_there = state.objects.marked() > 0 || target.object_row(state).is_some();
        only_if(
            is_here && is_there,
            "To train, select or mark encrypted objects or prefixes (3).",
        )
    },
    begin: |state, target| new(state, target).map(Begin::Fill),
};

pub(in crate::app) const LOG: Action = Action {
    label: Keyed::Log.name(),
    help: Keyed::Log.help(),
    changes: false,
    offered: |state, target| {
        let is_there = target.pane == Pane::Jobs && target.job(state).is_some();
        only_if(is_there, "To read a log, select a job (4).")
    },
    begin: |_, _| {
        Some(Begin::Do(|state, _| {
            if let Some(name) = state.jobs.current().map(|job| job.id().into_owned()) {
                details::open_log(state, &name);
            }
        }))
    },
};

pub(super) const METRICS: Action = Action {
    label: "metrics",
    help: "What the job measures: its curves, and what it ended with",
    changes: false,
    offered: |state, target| {
        let is_there = target.pane == Pane::Jobs && target.job(state).is_some();
        only_if(is_there, "To see what a job measures, select one (4).")
    },
    begin: |_, _| {
        Some(Begin::Do(|state, _| {
            if let Some(name) = state.jobs.current().map(|job| job.id().into_owned()) {
                details::open_page(state, Subject::Job(name), "Metrics");
            }
        }))
    },
};

pub(in crate::app) const CLONE: Action = Action {
    label: "clone job",
    help: "A new job made as this one was",
    changes: true,
    offered: |state, target| only_if(target.pane == Pane::Jobs && trained_on(state, target).is_some(), ""),
    begin: |state, target| {
        let (detail, data) = trained_on(state, target)?;
        let spec = JobSpec {
            name: new_name(state),
            role_arn: detail.role_arn.clone(),
            image: detail.image.clone(),
            instance_type: detail.instance_type.clone(),
            instance_count: detail.instance_count,
            volume_gb: detail.volume_gb.max(1),
            max_runtime: detail.max_runtime.unwrap_or(3600),
            output: detail.output.clone().unwrap_or_default(),
            bucket: data.bucket,
            object: data.key,
            hyperparameters: kept(&detail.hyperparameters),
            moved_from: None,
            settings: detail.settings.clone(),
            plan: JobPlan {
                others: others(detail),
                ..JobPlan::default()
            },
            original: Some(Original {
                job: target.job(state)?.name.clone(),
                channel: of_data(detail).next()?.name.clone(),
            }),
        };
        Some(Begin::Fill(form(state, spec)))
    },
};

/// The further channels of a job: the container of the new one takes in nothing that it is not told of. The boto3 way
/// tells it of one data key alone, and looks at no other channel.
fn others(detail: &JobDetail) -> Vec<DataChannel> {
    let has = |name| detail.hyperparameters.contains_key(name);
    if has("ciphertext_s3_key") && !has("strongroom_manifest") {
        return Vec::new();
    }
    let further = of_data(detail).skip(1);
    further
        .filter_map(|channel| DataChannel::read(&channel.name, &channel.uri))
        .collect()
}

/// The channels of a job but for the one that brings strongroom.
fn of_data(detail: &JobDetail) -> impl Iterator<Item = &Channel> {
    detail.channels.iter().filter(|channel| channel.name != bring::CHANNEL)
}

/// All but what is found out anew for every job: the boto3 way a person may have said where the data key is. The SageMaker
/// SDK writes texts with quotes.
fn kept(hyperparameters: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let is_bound = hyperparameters.contains_key("strongroom_manifest");
    let is_of_data = |name: &str| JobSpec::BOTO3_PARAMETERS.contains(&name) || name == "train_file";
    // A script has a parameter of that name too, for a path.
    let is_path = |value: &str| value.trim_matches('"').starts_with('/');
    let kept = hyperparameters.iter().filter(|(name, value)| match name.as_str() {
        JobSpec::MODEL_KEY_PARAMETER => true,
        "train_channel" => false,
        "train_file" => !is_bound || is_path(value),
        name if is_of_data(name) => !is_bound,
        name => !name.starts_with("strongroom_"),
    });
    kept.map(|(name, value)| {
        let value = if is_of_data(name) || name == JobSpec::MODEL_KEY_PARAMETER {
            value.trim_matches('"')
        } else {
            value
        };
        (name.clone(), value.to_owned())
    })
    .collect()
}

/// What the configuration says of jobs; of the network, else what the newest job that is known has.
pub(super) fn settings(state: &State) -> JobSettings {
    let mut settings = state.settings.context.jobs.clone();
    if settings.subnets.is_empty() && settings.security_groups.is_empty() {
        let known = state
            .jobs
            .rows()
            .iter()
            .filter_map(|job| Some((job.created, job.detail.as_deref()?)));
        let in_vpc = known.filter(|(_, detail)| !detail.settings.subnets.is_empty());
        if let Some((_, detail)) = in_vpc.max_by_key(|(created, _)| *created) {
            settings.subnets.clone_from(&detail.settings.subnets);
            settings.security_groups.clone_from(&detail.settings.security_groups);
        }
    }
    settings
}

/// A job that is known, and where its data is.
fn trained_on<'a>(state: &'a State, target: &Target) -> Option<(&'a JobDetail, ObjectUri)> {
    let job = target.job(state).filter(|job| job.kind == JobKind::Training)?;
    let detail = job.detail.as_deref()?;
    Some((detail, ObjectUri::parse(&of_data(detail).next()?.uri)?))
}

/// What is marked of the open bucket, else what the cursor is on: a channel each.
fn data(state: &State, target: &Target) -> Option<Vec<DataChannel>> {
    let (bucket, _) = target.place.as_ref()?;
    let rows = if state.objects.marked() > 0 {
        state.objects.chosen()
    } else {
        vec![target.object_row(state)?]
    };
    let objects: Vec<String> = rows.into_iter().map(|row| row.key().to_owned()).collect();
    Some(DataChannel::of(bucket, &objects)).filter(|channels| !channels.is_empty())
}

/// A new job on the selected or marked objects and prefixes.
pub(super) fn new(state: &State, target: &Target) -> Option<Form> {
    let mut channels = data(state, target)?.into_iter();
    let DataChannel {
        name, bucket, object, ..
    } = channels.next()?;
    // What the walk has named is what it begins.
    let is_walked = state
        .overlays
        .iter()
        .any(|overlay| matches!(overlay, Overlay::Guide(_)));
    let role = state.last_role.clone();
    let role = role.or_else(|| is_walked.then(|| role_arn(state, &Linked::of(state))).flatten());
    let spec = JobSpec {
        name: new_name(state),
        role_arn: role.unwrap_or_default(),
        image: image(state),
        instance_type: "ml.m5.large".to_owned(),
        instance_count: 1,
        volume_gb: 10,
        max_runtime: 3600,
        output: format!("s3://{bucket}/output"),
        bucket,
        object,
        hyperparameters: BTreeMap::new(),
        moved_from: None,
        settings: settings(state),
        plan: JobPlan {
            channel: Some(name),
            others: channels.collect(),
            ..JobPlan::default()
        },
        original: None,
    };
    Some(form(state, spec))
}

/// The image that a new job is offered.
pub(super) fn image(state: &State) -> String {
    let who = state.identity.as_ref();
    let account = who.map(|who| who.account.clone()).unwrap_or_default();
    let region = state.settings.region.clone().unwrap_or_default();
    format!(
        "{account}.dkr.ecr.{region}.{}/example-image:latest",
        host_suffix(&region)
    )
}

fn new_name(state: &State) -> String {
    format!("train-{}", state.now.strftime("%Y%m%d-%H%M%S"))
}

/// The form of a new job, filled in so.
fn form(state: &State, spec: JobSpec) -> Form {
    let note = if state.settings.sandbox {
        "The job unwraps the data key as its role: without a grant it is denied. The sandbox runs a small reference \
         trainer for images it does not know."
    } else {
        "The job unwraps the data key as its role: without a grant on the key it is denied."
    };
    let channels = spec.channels();
    let place = match channels.as_slice() {
        [only] => only.uri(),
        several => format::count(several.len(), "channel"),
    };
    let original = spec.original.as_ref();
    let after = original.map(|original| format!(" What is not asked for is as {} has it.", original.job));
    let note = format!("{note}{}", after.unwrap_or_default());
    let about = format!("train on {}", DataChannel::list(&channels));
    let mut form = Blank::about(about, format!("Train on {place}"), note);
    let role = form.role_chosen("Role", &state.roles, &spec.role_arn);
    let name = form.name("Name", &spec.name, "");
    let image = form.text("Image", &spec.image, "");
    let command = form.text("Command", "", "run by strongroom in the image; none: the image's own");
    let data = form.text(
        "Channels",
        DataChannel::list(&channels),
        "NAME=s3://…, …; ,sharded: a part to each instance; ,plain: no tokens",
    );
    let parameters = form.text(
        "Hyperparameters",
        joined(&spec.hyperparameters),
        "NAME=VALUE, … or @FILE of JSON",
    );
    let instance = form.text("Instance", &spec.instance_type, "");
    let count = form.text("Instances", spec.instance_count.to_string(), "");
    let volume = form.text("Volume GB", spec.volume_gb.to_string(), "");
    let place = spec.settings.plaintext.as_str();
    let plaintext = form.text("Plaintext", place, "memory, or volume: which is encrypted then");
    let longest = form.text("Longest run", spec.max_runtime.to_string(), "seconds");
    let output = form.text("Output", &spec.output, "");
    let moved = form.text(
        "Moved from",
        spec.moved_from.clone().unwrap_or_default(),
        "the old prefix, if the data was moved here",
    );
    let known = &spec.settings;
    let subnets = form.text("Subnets", known.subnets.join(", "), "of the VPC; none: outside of one");
    let groups = form.text("Security groups", known.security_groups.join(", "), "");
    let volume_key = form.text(
        "Volume key",
        known.volume_key.clone().unwrap_or_default(),
        "a KMS key; none: the data's, where plaintext is on the volume",
    );
    let output_key = form.text("Output key", known.output_key.clone().unwrap_or_default(), "a KMS key");
    let between = form.checks("Between hosts", [("encrypted", known.encrypts_traffic)]);
    let wait = known.spot_wait.map(|wait| wait.to_string());
    let wait = form.text(
        "Spot",
        wait.unwrap_or_default(),
        "seconds in all, waiting included; none: on demand",
    );
    let environment = form.text("Environment", joined(&known.environment), "NAME=VALUE, …");
    let tags = form.text("Tags", joined(&known.tags), "NAME=VALUE, …");
    let program = known.program.as_ref().map(|path| path.to_string_lossy().into_owned());
    let program = form.text(
        "Program",
        program.unwrap_or_default(),
        "a static strongroom for images without any; none: the image's",
    );
    let dir = state.dir.clone();
    let only_look = form.checks("Only look", [("at what would make it fail", false)]);
    form.reading(move |filled| {
        let mut given = DataChannel::read_list(&filled.required(data)?)?.into_iter();
        let first = given
            .next()
            .ok_or_else(|| format!("{} is missing", filled.label(data)))?;
        let file = filled.text(parameters);
        let parameter_file = file.trim().strip_prefix('@').map(|path| dir.join(path));
        let spec = Box::new(JobSpec {
            role_arn: filled.role(role)?,
            name: filled.required(name)?,
            image: filled.required(image)?,
            instance_type: filled.required(instance)?,
            instance_count: filled.number(count)?,
            volume_gb: filled.number(volume)?,
            max_runtime: filled.number(longest)?,
            output: filled.required(output)?,
            bucket: first.bucket,
            object: first.object,
            hyperparameters: match &parameter_file {
                Some(_) => BTreeMap::new(),
                None => filled.unless_changed(parameters, &spec.hyperparameters)?,
            },
            moved_from: filled.optional(moved),
            settings: JobSettings {
                subnets: filled.list(subnets),
                security_groups: filled.list(groups),
                volume_key: filled.optional(volume_key),
                output_key: filled.optional(output_key),
                encrypts_traffic: filled.checked(between) == [true],
                spot_wait: filled.optional(wait).map(|_| filled.number(wait)).transpose()?,
                environment: filled.unless_changed(environment, &spec.settings.environment)?,
                tags: filled.unless_changed(tags, &spec.settings.tags)?,
                plaintext: PlaintextPlace::parse(&filled.text(plaintext))
                    .ok_or_else(|| format!("{}: memory or volume", filled.label(plaintext)))?,
                program: filled.optional(program).map(|path| dir.join(path)),
            },
            plan: JobPlan {
                channel: Some(first.name),
                is_sharded: first.is_sharded,
                is_plain: first.is_plain,
                others: given.collect(),
                command: filled.words(command)?,
                parameter_file,
            },
            original: spec.original.clone(),
        });
        let [only_look] = filled.checked(only_look);
        if only_look {
            return asks(JobRequest::Preflight(spec));
        }
        Ok(Sent::Job(JobRequest::Start(spec).into()))
    })
}

/// What stops the job, if it runs.
pub(super) fn stop(state: &State, target: &Target) -> Option<Request> {
    let job = target.job(state).filter(|job| job.status.is_active())?;
    let name = job.id().into_owned();
    Some(Request::Job(JobRequest::Stop { name }))
}

/// Asks where a job's log is to go.
pub(in crate::app) fn ask_save(state: &mut State, job: String) {
    let note = "All of it, from its first line. An existing file is never replaced.";
    let name = JobKind::split(&job).1;
    let mut form = Blank::new(format!("Save the log of {name}"), note);
    let to = form.text(
        "To",
        free(&state.dir, &state.files, &format!("{name}.log")).to_string_lossy(),
        "",
    );
    let dir = state.dir.clone();
    state.ask(form.reading(move |filled| {
        let (job, to) = (job.clone(), dir.join(filled.required(to)?));
        asks(JobRequest::SaveLog { job, to })
    }));
}

/// Lists a job that was started just now, before the next list has it.
pub(in crate::app) fn list(state: &mut State, name: &str) {
    state.jobs.merge(Job {
        created: Some(state.now),
        ..Job::named(name, JobStatus::InProgress)
    });
}
