//! Where the walk stands: each step from an empty account to a decrypted model and back, named by what it is done to. What
//! proofs found out, the role that was named last, the object that was encrypted last and where a model was opened are
//! remembered; all else is read off the panes, and once an event, for nothing that is drawn looks through lists.

use super::State;
use super::linked::Linked;
use super::overlay::Overlay;
use crate::app::format::{self, Tone};
use crate::app::pane::files::what;
use crate::app::seen::ReadResult;
use crate::app::table::Listing as _;
use crate::domain::{FileRow, Grant, JobStatus, KeyState, ProofMethod};

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
    /// Whether that may be done here: where nothing may be changed, what only looks.
    pub may_go: bool,
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
    standings(state, &Linked::of(state))
}

fn standings(state: &State, linked: &Linked) -> Vec<Standing> {
    let mut steps = vec![
        key(state),
        bucket(state),
        role(state, linked),
        denied(state, linked),
        grant(state, linked),
        allowed(state, linked),
        data(state, linked),
        image(state),
        job(state, linked),
        model(state, linked),
        clean_up(),
    ];
    for standing in &mut steps {
        standing.may_go = !state.settings.is_read_only()
            || match standing.step {
                Step::Key => state.key().is_some(),
                Step::Bucket => state.place.is_some() || state.buckets.count() > 0,
                Step::Denied | Step::Allowed | Step::Model | Step::CleanUp => true,
                Step::Job => is_worth_a_look(state, linked),
                Step::Role | Step::Grant | Step::Data | Step::Image => false,
            };
    }
    steps
}

impl State {
    /// Every step as it stands, while the walk is on screen, or beside the lists of whoever has no key yet.
    pub fn walk(&self) -> &[Standing] {
        &self.walk
    }

    /// Takes stock, where somebody looks.
    pub(super) fn take_stock(&mut self) {
        let is_walked = self.overlays.iter().any(|overlay| matches!(overlay, Overlay::Guide(_)));
        let is_key = |overlay: &Overlay| matches!(overlay, Overlay::Details(shown) if shown.is_of_key());
        if is_walked || self.overlays.iter().any(is_key) {
            self.linked = std::mem::take(&mut self.linked).renewed(self);
        }
        // Who has nothing yet is shown the way.
        let is_led = self.keys.is_whole() && self.keys.count() == 0;
        self.walk = if is_walked || is_led {
            standings(self, &self.linked)
        } else {
            Vec::new()
        };
    }
}

/// The role of the walk: that of the newest job of the key, else of its first grant, else the first that SageMaker trusts.
pub(in crate::app) fn role_arn(state: &State, linked: &Linked) -> Option<String> {
    let of_job = linked
        .newest_job(state)
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
        may_go: true,
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
        None if state.buckets.count() == 0 => "make a bucket",
        None => "go to the buckets, to open one",
    };
    standing(Step::Bucket, "Bucket", mark, words, next)
}

fn role(state: &State, linked: &Linked) -> Standing {
    let next = match &state.place {
        Some((bucket, _)) => format!("make a role for s3://{bucket}"),
        None => "make a role".to_owned(),
    };
    let Some(arn) = role_arn(state, linked) else {
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
fn parties(state: &State, linked: &Linked) -> (String, String) {
    let key = state.key().map_or("the key", |key| key.name()).to_owned();
    let role = role_arn(state, linked).map_or_else(|| "the role".to_owned(), |arn| format::last_part(&arn).to_owned());
    (key, role)
}

/// The newest proof of the key and the role that came out so, in words.
fn proved(state: &State, linked: &Linked, allowed: bool) -> Option<String> {
    let (key, role) = (&state.key()?.arn, role_arn(state, linked)?);
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

fn denied(state: &State, linked: &Linked) -> Standing {
    let (mark, words) = match proved(state, linked, false) {
        Some(words) => (Mark::Done, words),
        None if granted(state, linked).is_some() => (Mark::Free, "not proved before the grant".to_owned()),
        None => (Mark::Open, "not proved yet".to_owned()),
    };
    let (key, role) = parties(state, linked);
    let next = format!("try Decrypt under {key} as {role}, which is to be denied");
    standing(Step::Denied, "Denied without grant", mark, words, next)
}

pub(in crate::app) fn granted<'a>(state: &'a State, linked: &Linked) -> Option<&'a Grant> {
    let role = role_arn(state, linked)?;
    let mut grants = state.grants.rows().iter();
    grants.find(|grant| grant.grantee == role && grant.operations.iter().any(|operation| operation == "Decrypt"))
}

fn grant(state: &State, linked: &Linked) -> Standing {
    let (mark, words) = match granted(state, linked) {
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
    let (key, role) = parties(state, linked);
    let next = format!("grant {role} Decrypt and Encrypt under {key}");
    standing(Step::Grant, "Grant", mark, words, next)
}

fn allowed(state: &State, linked: &Linked) -> Standing {
    let (mark, words) = match (proved(state, linked, true), granted(state, linked)) {
        (Some(words), Some(_)) => (Mark::Done, words),
        _ => (Mark::Open, "not proved yet".to_owned()),
    };
    let (key, role) = parties(state, linked);
    let next = format!("try Decrypt under {key} as {role}, which is to be allowed");
    standing(Step::Allowed, "Allowed with grant", mark, words, next)
}

/// What is encrypted next: what the person marked or put the cursor on, else a table under the cursor, else the sandbox's
/// sample, else what the cursor is on.
pub(in crate::app) fn next_files(state: &State) -> (Vec<FileRow>, bool) {
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

fn data(state: &State, linked: &Linked) -> Standing {
    let (mark, words) = match linked.token(state) {
        Some(row) => {
            let name = format::last_part(row.key());
            let words = match state.seen(row).map(|seen| &seen.result) {
                Some(ReadResult::Verified { .. }) => format!("{name} is under the key: verified here"),
                Some(ReadResult::Refuted(_)) | None => format!("{name} says it is under the key"),
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
            let (key, _) = parties(state, linked);
            let what = what(&files);
            format!("encrypt and upload {what} under {key} to s3://{bucket}/{prefix}")
        }
    };
    standing(Step::Data, "Data encrypted", mark, words, next)
}

fn image(state: &State) -> Standing {
    let words = if state.settings.sandbox {
        "not needed: the sandbox brings a trainer"
    } else {
        "yours, begun by strongroom train"
    };
    standing(Step::Image, "Training image", Mark::Free, words, "build and push one")
}

fn job(state: &State, linked: &Linked) -> Standing {
    let (mark, words) = match linked.reading_job(state) {
        Some(job) => {
            let mark = match job.status {
                JobStatus::Completed => Mark::Done,
                JobStatus::Failed | JobStatus::Stopped => Mark::Wrong,
                _ => Mark::Open,
            };
            (mark, format!("{} is {}", job.name, job.status.as_str()))
        }
        None => match state.last_here() {
            Some(key) => (Mark::Open, format!("none has read {} yet", format::last_part(key))),
            None => (Mark::Open, "none has used the key yet".to_owned()),
        },
    };
    let next = match (linked.reading_job(state), linked.token(state)) {
        (Some(job), _) if is_worth_a_look(state, linked) => format!("look at {}", job.name),
        (_, Some(row)) => {
            let (key, role) = parties(state, linked);
            format!("train on {} under {key} as {role}", format::last_part(row.key()))
        }
        _ => "encrypt the data first".to_owned(),
    };
    standing(Step::Job, "Training job", mark, words, next)
}

fn model(state: &State, linked: &Linked) -> Standing {
    let model = linked
        .reading_job(state)
        .and_then(|job| job.detail.as_ref())
        .and_then(|detail| detail.model.clone());
    let next = match &model {
        Some(model) => format!("decrypt {model} beside your files"),
        None => "train first".to_owned(),
    };
    let (mark, words) = match (&state.opened_model, model) {
        (Some(path), _) => (Mark::Done, format!("decrypted to {path}")),
        (None, Some(model)) => (Mark::Open, model),
        (None, None) => (Mark::Open, "none yet".to_owned()),
    };
    standing(Step::Model, "Model", mark, words, next)
}

fn clean_up() -> Standing {
    standing(
        Step::CleanUp,
        "Clean up",
        Mark::Free,
        "what bears strongroom's tag",
        "see what there is to take down",
    )
}

/// A job that failed without a grant is tried again once there is one; others are looked at.
pub(in crate::app) fn is_worth_a_look(state: &State, linked: &Linked) -> bool {
    linked.reading_job(state).is_some_and(|job| match job.status {
        JobStatus::Failed | JobStatus::Stopped => {
            let since = granted(state, linked).and_then(|grant| grant.created);
            since.is_none() || since < job.created
        }
        _ => true,
    })
}
