//! The main job by keystrokes: encrypt, grant, prove, train, decrypt, and taking each back. Every request is made here.

use std::collections::BTreeMap;

use super::Effect;
use super::form::{Form, Purpose};
use super::overlay::{Confirm, Overlay, Then};
use super::pane::Pane;
use super::state::State;
use super::text::{self, Tone};
use crate::domain::{FileRow, JobSpec, JobStatus, KeyState, ObjectRow, Request, TrainingJob};

pub(super) use super::words::{aws_command, proof_lines, title, told, tone, verdict_lines};

/// What a grant for a training job needs, and what else it may hold.
const OPERATIONS: &[(&str, bool)] = &[
    ("Decrypt", true),
    ("Encrypt", true),
    ("GenerateDataKey", false),
    ("ReEncryptFrom", false),
    ("ReEncryptTo", false),
    ("DescribeKey", false),
    ("RetireGrant", false),
];

/// Encrypts the selected or marked files to the place shown, under the selected key; asks only when a name exists, or
/// the account and destination are new.
pub(super) fn encrypt(state: &mut State, effects: &mut Vec<Effect>) {
    let (Some(key), Some((bucket, prefix))) = (state.key().cloned(), state.place.clone()) else {
        return;
    };
    if let Some(detail) = key.detail.as_ref().filter(|detail| detail.state != KeyState::Enabled) {
        let state_word = detail.state.as_str();
        let text = format!(
            "The key {} is {state_word}: choose one that is Enabled (1).",
            key.name()
        );
        return state.say(Tone::Warn, text);
    }
    let files: Vec<FileRow> = state.files.chosen().into_iter().cloned().collect();
    let named = match files.as_slice() {
        [only] => only.name.clone(),
        several => text::count(several.len(), "file"),
    };
    let exists = |file: &FileRow| {
        let name = format!("{prefix}{}", file.name);
        !file.is_dir && state.objects.rows().iter().any(|row| row.key() == name)
    };
    let existing: Vec<&str> = files
        .iter()
        .filter(|file| exists(file))
        .map(|file| file.name.as_str())
        .collect();
    let overwrite = !existing.is_empty();
    let destination = format!("{bucket}/{prefix}");
    let account = state
        .identity
        .as_ref()
        .map(|who| who.account.clone())
        .unwrap_or_default();
    let consent = (account.clone(), destination.clone());
    let is_new = !state.settings.sandbox && !state.settings.consents.contains(&consent);
    let question = if overwrite {
        Some(format!("Replace {} at s3://{destination}?", existing.join(", ")))
    } else if is_new {
        Some(format!("Encrypt and upload {named} to s3://{destination}?"))
    } else {
        None
    };
    let explanation = if is_new {
        format!(
            "This is the first upload from here to that place, in account {account}, under {}.",
            key.name()
        )
    } else {
        format!(
            "The new tokens are under {}; their old data key object stays.",
            key.name()
        )
    };
    let request = Request::Encrypt {
        paths: files.iter().map(|file| file.path.clone()).collect(),
        bucket,
        prefix,
        key: key.arn.clone(),
        context: BTreeMap::new(),
        overwrite,
    };
    match question {
        None => state.start(request, effects),
        Some(question) => confirm(state, question, explanation, request, is_new.then_some(consent)),
    }
}

pub(super) fn verify(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some((bucket, objects)) = chosen_objects(state) {
        state.start(Request::Verify { bucket, objects }, effects);
    }
}

/// The bucket, and its selected or marked objects; prefixes are not objects.
fn chosen_objects(state: &State) -> Option<(String, Vec<String>)> {
    let (bucket, _) = state.place.as_ref()?;
    let chosen = state.objects.chosen().into_iter();
    let objects = chosen.filter(|row| matches!(row, ObjectRow::Object { .. }));
    Some((bucket.clone(), objects.map(|row| row.key().to_owned()).collect()))
}

pub(super) fn ask_decrypt(state: &mut State) {
    let Some((bucket, objects)) = chosen_objects(state) else {
        return;
    };
    let to = match objects.as_slice() {
        [only] => {
            let base = text::last_part(only);
            state.dir.join(base.strip_suffix(".tar.gz").unwrap_or(base))
        }
        _ => state.dir.clone(),
    };
    let (title, label) = match objects.as_slice() {
        [only] => (format!("Decrypt s3://{bucket}/{only}"), "To"),
        several => (
            format!("Decrypt {}", text::count(several.len(), "object")),
            "Into the folder",
        ),
    };
    let note = "The file appears only once its whole token is verified. An existing file is never replaced.";
    let form = Form::new(Purpose::Decrypt(bucket, objects), title, note).text(label, to.to_string_lossy(), "");
    state.overlays.push(Overlay::Form(form));
}

pub(super) fn ask_proof(state: &mut State) {
    let Some((arn, name)) = state.key().map(|key| (key.arn.clone(), key.name().to_owned())) else {
        return;
    };
    let note = "Assumes the role and tries the key as it: what KMS answers is the proof.";
    let mut form = Form::new(Purpose::Proof(arn), format!("Who may use {name}?"), note);
    form = form.roles("Role", &state.roles);
    if state.focus == Pane::Grants
        && let Some(grant) = state.grants.current().filter(|grant| grant.grantee.contains(":role/"))
    {
        form.paste(&grant.grantee);
    }
    state.overlays.push(Overlay::Form(form));
}

pub(super) fn ask_new(state: &mut State) {
    let form = match (state.focus, &state.place) {
        (Pane::Keys, _) => {
            let note = "A symmetric key for ENCRYPT_DECRYPT with the console's default policy: the account delegates to \
                        IAM, you administer and use it.";
            Form::new(Purpose::Key, "New KMS key", note)
                .text("Alias", "", "without alias/")
                .text("Description", "", "")
        }
        (Pane::Grants, _) => match state.key() {
            Some(key) => grant_form(state, &key.arn, key.name()),
            None => return,
        },
        (Pane::Objects, None) => {
            let name = format!("sagemaker-{}", state.now.strftime("%Y-%m-%d-%H-%M-%S"));
            let note = "AmazonSageMakerFullAccess reaches only buckets whose name contains sagemaker.";
            Form::new(Purpose::Bucket, "New bucket", note).text("Name", name, "")
        }
        (Pane::Objects, Some((bucket, prefix))) => {
            let note = "S3 has no folders: a prefix exists once something is uploaded to it.";
            let title = format!("Go to a prefix of {bucket}");
            Form::new(Purpose::Prefix(bucket.clone()), title, note).text("Prefix", prefix.clone(), "ends in /")
        }
        (Pane::Jobs, _) => return ask_job(state),
        (Pane::Files, _) => return,
    };
    state.overlays.push(Overlay::Form(form));
}

fn grant_form(state: &State, arn: &str, name: &str) -> Form {
    let note = "Until then the role is denied. A grant takes some minutes to be known everywhere.";
    Form::new(Purpose::Grant(arn.to_owned()), format!("Grant the use of {name}"), note)
        .roles("Role", &state.roles)
        .checks("Operations", OPERATIONS)
        .text("Name", "", "optional; makes the grant idempotent")
}

pub(super) fn ask_job(state: &mut State) {
    let (Some((bucket, _)), Some(ObjectRow::Object { key, .. })) = (&state.place, state.objects.current()) else {
        return;
    };
    let who = state.identity.as_ref();
    let account = who.map(|who| who.account.clone()).unwrap_or_default();
    let region = state.settings.region.clone().unwrap_or_default();
    let image = format!("{account}.dkr.ecr.{region}.amazonaws.com/example-image:latest");
    let name = format!("train-{}", state.now.strftime("%Y%m%d-%H%M%S"));
    let note = if state.settings.sandbox {
        "The job unwraps the data key as its role: without a grant it is denied. The sandbox runs a small reference \
         trainer for images it does not know."
    } else {
        "The job unwraps the data key as its role: without a grant on the key it is denied."
    };
    let form = Form::new(
        Purpose::Job(bucket.clone(), key.clone()),
        format!("Train on s3://{bucket}/{key}"),
        note,
    )
    .roles("Role", &state.roles)
    .text("Name", name, "")
    .text("Image", image, "")
    .text("Instance", "ml.m5.large", "")
    .text("Count", "1", "")
    .text("Volume GB", "10", "")
    .text("Longest run", "3600", "seconds")
    .text("Output", format!("s3://{bucket}/output"), "");
    state.overlays.push(Overlay::Form(form));
}

pub(super) fn ask_remove(state: &mut State) {
    match state.focus {
        Pane::Keys => ask_remove_key(state),
        Pane::Grants => {
            let Some(grant) = state.grants.current().cloned() else {
                return;
            };
            let question = format!("Revoke the grant of {}?", text::last_part(&grant.grantee));
            let explanation =
                "It takes some minutes to reach everywhere; a job that has unwrapped its data key keeps it.".to_owned();
            let request = Request::RevokeGrant {
                key_arn: grant.key_arn,
                grant_id: grant.id,
            };
            confirm(state, question, explanation, request, None);
        }
        Pane::Jobs => {
            let Some(name) = state.jobs.current().map(|job| job.name.clone()) else {
                return;
            };
            let question = format!("Stop the job {name}?");
            let explanation = "It is told to end and has two minutes; what it wrote until then is kept.".to_owned();
            confirm(state, question, explanation, Request::StopJob { name }, None);
        }
        Pane::Objects => {
            let Some((bucket, objects)) = chosen_objects(state) else {
                return;
            };
            let question = match objects.as_slice() {
                [only] => format!("Delete s3://{bucket}/{only}?"),
                several => format!("Delete {} of s3://{bucket}?", text::count(several.len(), "object")),
            };
            let holds_key = objects
                .iter()
                .any(|object| object.starts_with(".strongroom/data-keys/"));
            let explanation = if holds_key {
                "It is an encrypted data key: tokens under it whose metadata does not carry it can never be opened again."
            } else {
                "Nothing brings it back, unless the bucket keeps versions."
            };
            let request = Request::DeleteObjects { bucket, objects };
            confirm(state, question, explanation.to_owned(), request, None);
        }
        Pane::Files => {}
    }
}

/// Disabling can be taken back, so it comes first; a disabled key can be given up.
fn ask_remove_key(state: &mut State) {
    let Some(key) = state.key().cloned() else { return };
    match key.detail.as_ref().map(|detail| &detail.state) {
        Some(KeyState::Enabled) | None => {
            let question = format!("Disable the key {}?", key.name());
            let explanation = "Nothing under it opens until it is enabled again (u).".to_owned();
            confirm(
                state,
                question,
                explanation,
                Request::DisableKey { key_arn: key.arn },
                None,
            );
        }
        Some(_) => {
            let (_, objects, jobs) = state.linked();
            let note = format!(
                "After that nothing under it ever opens again. Under it, as far as this screen tells: {}, {}. Other \
                 places were not looked at.",
                text::count(objects, "object"),
                text::count(jobs, "job"),
            );
            let title = format!("Schedule the deletion of {}", key.name());
            let form = Form::new(Purpose::Deletion(key.arn), title, note).text("Days", "30", "7 to 30");
            state.overlays.push(Overlay::Form(form));
        }
    }
}

/// Enables a disabled key; takes a scheduled deletion back.
pub(super) fn restore(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(key) = state.key().cloned() else { return };
    let key_arn = key.arn.clone();
    match key.detail.map(|detail| detail.state) {
        Some(KeyState::PendingDeletion) => state.start(Request::CancelKeyDeletion { key_arn }, effects),
        Some(KeyState::Disabled) => state.start(Request::EnableKey { key_arn }, effects),
        _ => {}
    }
}

fn confirm(
    state: &mut State,
    question: String,
    explanation: String,
    request: Request,
    consent: Option<(String, String)>,
) {
    state.overlays.push(Overlay::Confirm(Confirm {
        question,
        explanation,
        typed: None,
        then: Then::Start(Box::new(request), consent),
    }));
}

/// What a filled form asks for; or why it cannot be asked yet.
pub(super) fn send(state: &mut State, form: &Form, effects: &mut Vec<Effect>) -> Result<(), String> {
    let required = |label: &str| match form.value(label) {
        value if value.is_empty() => Err(format!("{label} is missing")),
        value => Ok(value),
    };
    let number = |label: &str| {
        let value = form.value(label);
        value
            .parse::<i32>()
            .map_err(|_| format!("{label}: {value} is not a number"))
    };
    let request = match &form.purpose {
        Purpose::Key => Request::CreateKey {
            description: form.value("Description"),
            alias: form.value("Alias"),
        },
        Purpose::Grant(key_arn) => {
            let operations = form.checked("Operations");
            if operations.is_empty() {
                return Err("Check at least one operation".to_owned());
            }
            Request::CreateGrant {
                key_arn: key_arn.clone(),
                grantee: required("Role")?,
                operations,
                name: Some(form.value("Name")).filter(|name| !name.is_empty()),
            }
        }
        Purpose::Proof(key_arn) => Request::Prove {
            key_arn: key_arn.clone(),
            role_arn: required("Role")?,
        },
        Purpose::Bucket => Request::CreateBucket {
            bucket: required("Name")?,
        },
        Purpose::Prefix(bucket) => {
            let prefix = form.value("Prefix");
            let ends_well = prefix.is_empty() || prefix.ends_with('/');
            let prefix = if ends_well { prefix } else { prefix + "/" };
            state.place = Some((bucket.clone(), prefix));
            state.objects.reset();
            return Ok(());
        }
        Purpose::Job(bucket, object) => {
            let spec = JobSpec {
                role_arn: required("Role")?,
                name: required("Name")?,
                image: required("Image")?,
                instance_type: required("Instance")?,
                instance_count: number("Count")?,
                volume_gb: number("Volume GB")?,
                max_runtime: number("Longest run")?,
                output: required("Output")?,
                bucket: bucket.clone(),
                object: object.clone(),
                hyperparameters: BTreeMap::new(),
            };
            state.focus = Pane::Jobs;
            Request::StartJob(Box::new(spec))
        }
        Purpose::Decrypt(bucket, objects) => {
            let several = objects.len() > 1;
            let to = required(if several { "Into the folder" } else { "To" })?;
            let to = state.dir.join(to);
            for object in objects {
                let base = text::last_part(object);
                let to = if several {
                    to.join(base.strip_suffix(".tar.gz").unwrap_or(base))
                } else {
                    to.clone()
                };
                let request = Request::Decrypt {
                    bucket: bucket.clone(),
                    object: object.clone(),
                    to,
                    overwrite: false,
                    accept_name: false,
                };
                state.start(request, effects);
            }
            return Ok(());
        }
        Purpose::Deletion(key_arn) => {
            let days = number("Days")?;
            if !(7..=30).contains(&days) {
                return Err("Days must be 7 to 30".to_owned());
            }
            let name = state.key_name(key_arn).unwrap_or(key_arn).to_owned();
            state.overlays.push(Overlay::Confirm(Confirm {
                question: format!("Delete {name} in {days} days?"),
                explanation: format!("To agree, type its name: {name}"),
                typed: Some((name, tui_input::Input::default())),
                then: Then::Start(
                    Box::new(Request::ScheduleKeyDeletion {
                        key_arn: key_arn.clone(),
                        days,
                    }),
                    None,
                ),
            }));
            return Ok(());
        }
    };
    state.start(request, effects);
    Ok(())
}

/// Puts the cursor on a job that was started just now, before the next list has it.
pub(super) fn show_job(state: &mut State, name: &str) {
    state.jobs.merge(TrainingJob {
        name: name.to_owned(),
        arn: String::new(),
        status: JobStatus::InProgress,
        secondary: None,
        created: Some(state.now),
        modified: None,
        ended: None,
        detail: None,
    });
    state.jobs.want(name);
}
