//! The walk: the steps from an empty account to a decrypted model and back, each with its live state and the key that
//! does it, named by what it is done to. What proofs found out, the role that was named last, the object that was encrypted last
//! and where a model was opened are remembered by the state; all else is read off the panes.

use super::format::{self, Tone};
use super::pane::Pane;
use super::seen::ReadResult;
use super::state::State;
use super::state::action::Action;
use super::state::overlay::{Overlay, Subject, Walk};
use super::state::target::Target;
use super::{Effect, actions, details};
use crate::domain::{FileRow, Grant, Job, JobStatus, KeyState, ObjectRow, ProofMethod};

/// One step of the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of steps")]
pub enum Step {
    Key,
    Bucket,
    Role,
    Denied,
    Grant,
    Allowed,
    Data,
    Image,
    Job,
    Model,
    CleanUp,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The step.
    pub step: Step,
    /// What it is called.
    pub title: &'static str,
    /// Done, missing, or not needed.
    pub mark: Mark,
    /// As it is now.
    pub words: String,
    /// What Enter does, and to what. Untrusted: it names keys, roles, objects.
    pub next: String,
}

/// Done, missing, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It is as it should be.
    Done,
    /// It is to be done, or is on its way.
    Open,
    /// Something is wrong.
    Wrong,
    /// Nothing needs it.
    Free,
}

impl Mark {
    /// Its sign and meaning.
    pub fn sign(self) -> (Tone, &'static str) {
        match self {
            Self::Done => (Tone::Good, "✓"),
            Self::Open => (Tone::Warn, "○"),
            Self::Wrong => (Tone::Bad, "✗"),
            Self::Free => (Tone::Dim, "·"),
        }
    }
}

/// Every step as it stands now.
pub fn steps(state: &State) -> Vec<Standing> {
    [
        key(state),
        bucket(state),
        role(state),
        denied(state),
        grant(state),
        allowed(state),
        data(state),
        image(state),
        job(state),
        model(state),
        clean_up(),
    ]
    .into()
}

/// The first step that is not as it should be; the last one when all are.
pub fn next(state: &State) -> usize {
    let open = |standing: &Standing| matches!(standing.mark, Mark::Open | Mark::Wrong);
    let steps = steps(state);
    steps.iter().position(open).unwrap_or(steps.len() - 1)
}

/// The role of the walk: that of the newest job of the key, else of its first grant, else the first that SageMaker trusts.
pub(super) fn role_arn(state: &State) -> Option<String> {
    let jobs = state.jobs.rows().iter().filter(|job| state.is_job_linked(job));
    let newest = jobs.max_by_key(|job| job.created);
    let of_job = newest
        .and_then(|job| job.detail.as_ref())
        .map(|detail| detail.role_arn.clone());
    let of_grant = || {
        let mut grants = state.grants.rows().iter();
        grants
            .find(|grant| grant.grantee.contains(":role/"))
            .map(|grant| grant.grantee.clone())
    };
    let trusted = || {
        let mut roles = state.roles.iter();
        roles.find(|role| role.trusts_sagemaker).map(|role| role.arn.clone())
    };
    state.last_role.clone().or(of_job).or_else(trusted).or_else(of_grant)
}

fn standing(
    step: Step,
    title: &'static str,
    mark: Mark,
    words: impl Into<String>,
    next: impl Into<String>,
) -> Standing {
    Standing {
        step,
        title,
        mark,
        words: words.into(),
        next: next.into(),
    }
}

fn key(state: &State) -> Standing {
    let (mark, words) = match state.key() {
        None => (Mark::Open, "none yet".to_owned()),
        Some(key) => match key.detail.as_ref().map(|detail| &detail.state) {
            Some(KeyState::Enabled) => (Mark::Done, format!("{} is Enabled", key.name())),
            Some(other) => (Mark::Wrong, format!("{} is {}", key.name(), other.as_str())),
            None => (Mark::Open, format!("{}, state unknown", key.name())),
        },
    };
    let next = match state.key() {
        None => "make a key",
        Some(_) => "go to the keys, to select or make another",
    };
    standing(Step::Key, "KMS key", mark, words, next)
}

fn bucket(state: &State) -> Standing {
    let (mark, words) = match &state.place {
        Some((bucket, prefix)) => (Mark::Done, format!("s3://{bucket}/{prefix} is open")),
        None => (Mark::Open, "none is open".to_owned()),
    };
    let next = match &state.place {
        Some(_) => "go there, or to another",
        None if state.buckets.rows().is_empty() => "make a bucket",
        None => "go to the buckets, to open one",
    };
    standing(Step::Bucket, "Bucket", mark, words, next)
}

fn role(state: &State) -> Standing {
    let next = match &state.place {
        Some((bucket, _)) => format!("make a role for s3://{bucket}"),
        None => "make a role".to_owned(),
    };
    let Some(arn) = role_arn(state) else {
        return standing(Step::Role, "Execution role", Mark::Open, "none yet", next);
    };
    let listed = state.roles.iter().find(|role| role.arn == arn);
    let name = format::last_part(&arn);
    let (mark, words) = match listed {
        Some(role) if !role.trusts_sagemaker => (Mark::Wrong, format!("{name}: SageMaker may not assume it")),
        _ => (Mark::Done, format!("{name}: SageMaker may assume it")),
    };
    standing(Step::Role, "Execution role", mark, words, next)
}

/// What the selected key is called, and the role of the walk.
fn parties(state: &State) -> (String, String) {
    let key = state.key().map_or("the key", |key| key.name()).to_owned();
    let role = role_arn(state).map_or_else(|| "the role".to_owned(), |arn| format::last_part(&arn).to_owned());
    (key, role)
}

/// The newest proof of the key and the role that came out so, in words.
fn proved(state: &State, allowed: bool) -> Option<String> {
    let (key, role) = (&state.key()?.arn, role_arn(state)?);
    let mut proofs = state.proofs.iter().rev();
    let found = proofs.find(|proof| proof.key_arn == *key && proof.role_arn == role && proof.allowed == allowed)?;
    let how = match found.method {
        ProofMethod::Reasoned => "reasoned from policies",
        ProofMethod::Assumed => "proved",
    };
    Some(match format::age(found.at, state.now).as_str() {
        "now" => format!("{how} just now"),
        age => format!("{how} {age} ago"),
    })
}

fn denied(state: &State) -> Standing {
    let (mark, words) = match proved(state, false) {
        Some(words) => (Mark::Done, words),
        None if granted(state).is_some() => (Mark::Free, "not proved before the grant".to_owned()),
        None => (Mark::Open, "not proved yet".to_owned()),
    };
    let (key, role) = parties(state);
    let next = format!("try Decrypt under {key} as {role}, which is to be denied");
    standing(Step::Denied, "Denied without grant", mark, words, next)
}

fn granted(state: &State) -> Option<&Grant> {
    let role = role_arn(state)?;
    let mut grants = state.grants.rows().iter();
    grants.find(|grant| grant.grantee == role && grant.operations.iter().any(|operation| operation == "Decrypt"))
}

fn grant(state: &State) -> Standing {
    let (mark, words) = match granted(state) {
        Some(grant) => (
            Mark::Done,
            format!(
                "{} to {}",
                grant.operations.join(", "),
                format::last_part(&grant.grantee)
            ),
        ),
        None => (Mark::Open, "none to this role on this key".to_owned()),
    };
    let (key, role) = parties(state);
    let next = format!("grant {role} Decrypt and Encrypt under {key}");
    standing(Step::Grant, "Grant", mark, words, next)
}

fn allowed(state: &State) -> Standing {
    let (mark, words) = match (proved(state, true), granted(state)) {
        (Some(words), Some(_)) => (Mark::Done, words),
        _ => (Mark::Open, "not proved yet".to_owned()),
    };
    let (key, role) = parties(state);
    let next = format!("try Decrypt under {key} as {role}, which is to be allowed");
    standing(Step::Allowed, "Allowed with grant", mark, words, next)
}

/// The object that was encrypted last, else the first at the place shown: a token under the selected key.
fn linked_object(state: &State) -> Option<&ObjectRow> {
    let is_linked =
        |row: &&ObjectRow| state.is_object_linked(row) && row.info().is_some_and(|info| info.format.is_token());
    let last = last_encrypted(state);
    let mut rows = state.objects.rows().iter();
    let encrypted = rows.find(|row| last == Some(row.key()) && is_linked(row));
    encrypted.or_else(|| state.objects.rows().iter().find(is_linked))
}

/// The key of the object that was encrypted last, if that is at the place shown.
fn last_encrypted(state: &State) -> Option<&str> {
    let (open, prefix) = state.place.as_ref()?;
    let (bucket, key) = state.last_encrypted.as_ref()?;
    (bucket == open && key.starts_with(prefix.as_str())).then_some(key.as_str())
}

/// What is encrypted next: what the person marked or put the cursor on, else a table under the cursor, else the sandbox's
/// sample, else what the cursor is on.
fn next_files(state: &State) -> (Vec<FileRow>, bool) {
    let here: Vec<FileRow> = state.files.chosen().into_iter().cloned().collect();
    if state.files.is_chosen() {
        return (here, true);
    }
    let is_table = |file: &FileRow| !file.is_dir && file.name.to_ascii_lowercase().ends_with(".csv");
    match &state.settings.sample {
        Some(sample) if !here.iter().any(is_table) => (vec![sample.clone()], false),
        _ => (here, false),
    }
}

fn data(state: &State) -> Standing {
    let (mark, words) = match linked_object(state) {
        Some(row) => {
            let name = format::last_part(row.key());
            let words = match state.seen(row).map(|seen| &seen.result) {
                Some(ReadResult::Verified { .. }) => format!("{name} is encrypted under the key: verified here"),
                Some(ReadResult::Refuted(_)) | None => format!("{name} says it is encrypted under the key"),
            };
            (Mark::Done, words)
        }
        None => (Mark::Open, "nothing at the place shown is under the key".to_owned()),
    };
    let (files, _) = next_files(state);
    let next = match &state.place {
        _ if files.is_empty() => "select a file to encrypt (5)".to_owned(),
        None => "open a bucket first".to_owned(),
        Some((bucket, prefix)) => {
            let (key, _) = parties(state);
            let what = actions::what(&files);
            format!("encrypt and upload {what} under {key} to s3://{bucket}/{prefix}")
        }
    };
    standing(Step::Data, "Data encrypted", mark, words, next)
}

fn image(state: &State) -> Standing {
    let words = if state.settings.sandbox {
        "not needed here: the sandbox brings a reference trainer"
    } else {
        "yours, with strongroom train as its entry point"
    };
    standing(Step::Image, "Training image", Mark::Free, words, "build and push one")
}

/// The newest job of the key; of those that read what was encrypted last, if something was.
fn newest_job(state: &State) -> Option<&Job> {
    let read = last_encrypted(state).zip(state.place.as_ref());
    let read = read.map(|(key, (bucket, _))| format!("s3://{bucket}/{key}"));
    let is_meant = |job: &&Job| {
        let mut channels = job.detail.iter().flat_map(|detail| &detail.channels);
        let reads = |uri: &String| channels.any(|channel| uri.starts_with(&channel.uri));
        state.is_job_linked(job) && read.as_ref().is_none_or(reads)
    };
    state.jobs.rows().iter().filter(is_meant).max_by_key(|job| job.created)
}

fn job(state: &State) -> Standing {
    let (mark, words) = match newest_job(state) {
        Some(job) => {
            let mark = match job.status {
                JobStatus::Completed => Mark::Done,
                JobStatus::Failed | JobStatus::Stopped => Mark::Wrong,
                _ => Mark::Open,
            };
            (mark, format!("{} is {}", job.name, job.status.as_str()))
        }
        None => match last_encrypted(state) {
            Some(key) => (Mark::Open, format!("none has read {} yet", format::last_part(key))),
            None => (Mark::Open, "none has used the key yet".to_owned()),
        },
    };
    let next = match (newest_job(state), linked_object(state)) {
        (Some(job), _) if is_worth_a_look(state) => format!("look at {}", job.name),
        (_, Some(row)) => {
            let (key, role) = parties(state);
            format!("train on {} under {key} as {role}", format::last_part(row.key()))
        }
        _ => "encrypt the data first".to_owned(),
    };
    standing(Step::Job, "Training job", mark, words, next)
}

fn model(state: &State) -> Standing {
    let model = newest_job(state)
        .and_then(|job| job.detail.as_ref())
        .and_then(|detail| detail.model.clone());
    let next = match &model {
        Some(model) => format!("decrypt {model} beside your files"),
        None => "train first".to_owned(),
    };
    let (mark, words) = match (&state.opened_model, model) {
        (Some(path), _) => (Mark::Done, format!("decrypted to {path}")),
        (None, Some(model)) => (Mark::Open, format::cut_front(&model, 60)),
        (None, None) => (Mark::Open, "none yet".to_owned()),
    };
    standing(Step::Model, "Model", mark, words, next)
}

fn clean_up() -> Standing {
    standing(
        Step::CleanUp,
        "Clean up",
        Mark::Free,
        "jobs, grants, key, bucket, role, repository",
        "see what there is to take down",
    )
}

/// Whether what a step needs next may be done here: where nothing may be changed, what only looks.
pub fn may_go(state: &State, row: usize) -> bool {
    let Some(standing) = steps(state).into_iter().nth(row) else {
        return false;
    };
    !state.settings.is_read_only()
        || match standing.step {
            Step::Key => state.key().is_some(),
            Step::Bucket => state.place.is_some() || !state.buckets.rows().is_empty(),
            Step::Denied | Step::Allowed | Step::Model | Step::CleanUp => true,
            Step::Job => is_worth_a_look(state),
            Step::Role | Step::Grant | Step::Data | Step::Image => false,
        }
}

/// The step that was begun in the walk is done: the cursor goes on, unless the person has moved it.
pub(super) fn go_further(state: &mut State) {
    let Some(Overlay::Guide(walk)) = state.overlays.last() else {
        return;
    };
    let Some(begun) = walk.begun else { return };
    if steps(state)
        .get(begun)
        .is_none_or(|standing| standing.mark != Mark::Done)
    {
        return;
    }
    let row = if walk.row == begun { next(state) } else { walk.row };
    if let Some(Overlay::Guide(walk)) = state.overlays.last_mut() {
        *walk = Walk { row, begun: None };
    }
}

/// Does what the step in this row of the walk needs next. The walk stays below whatever that asks or shows, unless it is a
/// pane that is gone to.
pub(super) fn go(state: &mut State, row: usize, effects: &mut Vec<Effect>) {
    let Some(step) = steps(state).get(row).map(|standing| standing.step) else {
        return;
    };
    let leaves = match step {
        Step::Key => state.key().is_some(),
        Step::Bucket => state.place.is_some() || !state.buckets.rows().is_empty(),
        _ => false,
    };
    match state.overlays.last_mut() {
        Some(Overlay::Guide(_)) if leaves => drop(state.overlays.pop()),
        Some(Overlay::Guide(walk)) => walk.begun = Some(row),
        _ => {}
    }
    begin(state, step, effects);
}

fn begin(state: &mut State, step: Step, effects: &mut Vec<Effect>) {
    match step {
        Step::Key => {
            state.focus = Pane::Keys;
            if state.key().is_none() {
                actions::run_here(state, &actions::NEW, effects);
            }
        }
        Step::Bucket => {
            state.focus = Pane::Objects;
            if state.place.is_none() && state.buckets.rows().is_empty() {
                actions::run_here(state, &actions::NEW, effects);
            }
        }
        Step::Role => further(state, &actions::NEW_ROLE, effects),
        Step::Denied | Step::Allowed => {
            let (Some(key), Some(role)) = (state.key().map(|key| key.arn.clone()), role_arn(state)) else {
                return state.say(Tone::Warn, "A proof needs a key and a role first.");
            };
            actions::prove(state, key, role, effects);
        }
        Step::Grant => {
            state.focus = Pane::Grants;
            let role = role_arn(state).unwrap_or_default();
            actions::grant_to(state, &role);
        }
        Step::Data => encrypt(state, effects),
        Step::Image => further(state, &actions::BUILD_IMAGE, effects),
        Step::Job => match (newest_job(state).map(|job| job.id().into_owned()), linked_object(state)) {
            (Some(name), _) if is_worth_a_look(state) => {
                state.focus = Pane::Jobs;
                state.jobs.want(&name);
                details::open(state, Subject::Job(name));
            }
            (_, Some(row)) => {
                let key = row.key().to_owned();
                state.focus = Pane::Objects;
                state.objects.want(&key);
                actions::run_here(state, &actions::TRAIN, effects);
            }
            _ => state.say(Tone::Warn, "Encrypt the data first."),
        },
        Step::Model => actions::ask_model(state),
        Step::CleanUp => further(state, &actions::CLEAN_UP, effects),
    }
}

fn encrypt(state: &mut State, effects: &mut Vec<Effect>) {
    if let Err(why) = state.settings.may_change() {
        return state.say(Tone::Warn, why);
    }
    let (files, is_chosen) = next_files(state);
    if files.is_empty() || state.key().is_none() || state.place.is_none() {
        return state.say(
            Tone::Warn,
            "To encrypt and upload: select a key (1), open a bucket (3), select a file (5).",
        );
    }
    actions::encrypt_these(state, files, is_chosen, effects);
}

fn further(state: &mut State, action: &Action, effects: &mut Vec<Effect>) {
    let target = Target::of(state);
    actions::run(state, action, &target, effects);
}

/// A job that failed without a grant is tried again once there is one; others are looked at.
fn is_worth_a_look(state: &State) -> bool {
    newest_job(state).is_some_and(|job| match job.status {
        JobStatus::Failed | JobStatus::Stopped => {
            let since = granted(state).and_then(|grant| grant.created);
            since.is_none() || since < job.created
        }
        _ => true,
    })
}
