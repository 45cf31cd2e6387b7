//! The main job by keystrokes: encrypt, grant, prove, train, decrypt, and taking each back. Every request is made here.

use std::collections::BTreeMap;

mod encrypt;
mod remove;
mod send;

use super::form::{Form, Purpose};
use super::overlay::{Confirm, Overlay, Then};
use super::pane::Pane;
use super::state::State;
use super::text::{self, Tone};
use super::{Consent, Effect};
use crate::domain::{JobSpec, JobStatus, ObjectRequest, ObjectRow, ProofRequest, Request, TrainingJob};

pub(super) use encrypt::encrypt;
pub(super) use remove::{ask_remove, restore};
pub(super) use send::{requests, send};

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

pub(super) fn verify(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some((bucket, objects)) = chosen_objects(state) {
        let request = Request::Object(ObjectRequest::Verify {
            bucket,
            objects,
            accept_unbound: false,
        });
        state.start(request, effects);
    }
}

/// The choice of a decryption that opens an object whose name is not the one it was written with.
const RENAMED: &str = "even if it was renamed";
/// Opens a token that may have lost its metadata.
const STRIPPED: &str = "even without metadata";

/// The bucket, and its selected or marked objects; prefixes are not objects.
fn chosen_objects(state: &State) -> Option<(String, Vec<String>)> {
    let (bucket, _) = state.place.as_ref()?;
    let chosen = state.objects.chosen().into_iter();
    let objects = chosen.filter(|row| matches!(row, ObjectRow::Object { .. }));
    Some((bucket.clone(), objects.map(|row| row.key().to_owned()).collect()))
}

/// Bucket and key of the model that the selected job has written.
pub(super) fn model(state: &State) -> Option<(String, String)> {
    model_of(state.jobs.current()?)
}

/// Bucket and key of the model that a job has written.
pub(super) fn model_of(job: &TrainingJob) -> Option<(String, String)> {
    let detail = job.detail.as_ref()?;
    let (bucket, key) = detail.model.as_deref()?.strip_prefix("s3://")?.split_once('/')?;
    Some((bucket.to_owned(), key.to_owned()))
}

pub(super) fn ask_decrypt(state: &mut State) {
    if state.focus == Pane::Jobs {
        if let Some((bucket, key)) = model(state) {
            ask_decrypt_of(state, bucket, vec![key]);
        }
    } else if let Some((bucket, objects)) = chosen_objects(state) {
        ask_decrypt_of(state, bucket, objects);
    }
}

fn ask_decrypt_of(state: &mut State, bucket: String, objects: Vec<String>) {
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
    let form = Form::new(Purpose::Decrypt(bucket, objects), title, note)
        .text(label, to.to_string_lossy(), "")
        .checks("Open it", &[(RENAMED, false), (STRIPPED, false)]);
    state.ask(form);
}

/// Asks where the audit log is to go.
pub(super) fn ask_save_audit(state: &mut State) {
    let to = state.dir.join("strongroom-audit.jsonl");
    let note = "All of it, a line of JSON a change, whatever the filter shows. An existing file is never replaced.";
    let form = Form::new(Purpose::SaveAudit, "Save the audit log", note);
    state.ask(form.text("To", to.to_string_lossy(), ""));
}

/// Asks where a job's log is to go.
pub(super) fn ask_save(state: &mut State, job: String) {
    let to = state.dir.join(format!("{job}.log"));
    let note = "All of it, from its first line. An existing file is never replaced.";
    let title = format!("Save the log of {job}");
    state.ask(Form::new(Purpose::SaveLog(job), title, note).text("To", to.to_string_lossy(), ""));
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
    state.ask(form);
}

/// Assumes the role and tries the key, at once.
pub(super) fn prove(state: &mut State, key_arn: String, role_arn: String, effects: &mut Vec<Effect>) {
    let request = Request::Proof(ProofRequest::Access {
        key_arn,
        role_arn,
        trust: false,
    });
    state.start(request, effects);
}

pub(super) fn ask_new(state: &mut State) {
    let form = match (state.focus, &state.place) {
        (Pane::Keys, _) => key_form(state),
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
    state.ask(form);
}

fn key_form(state: &State) -> Form {
    let note = "With the console's default policy: the account delegates to IAM, administrators administer, users use. \
                Sessions are entered as their roles.";
    let me = state.identity.as_ref().map(|who| who.arn.clone()).unwrap_or_default();
    Form::new(Purpose::Key, "New KMS key", note)
        .text("Alias", "", "without alias/")
        .text("Description", "", "")
        .text("Administrators", me, "ARNs, separated by commas")
        .text("Users", "", "ARNs of who may use it by policy")
        .text("Tags", "", "NAME=VALUE, NAME=VALUE")
        .text("Spec", "SYMMETRIC_DEFAULT", "or RSA_2048, ECC_NIST_P256, HMAC_256 …")
        .text("Usage", "ENCRYPT_DECRYPT", "or SIGN_VERIFY, GENERATE_VERIFY_MAC …")
        .checks(
            "And",
            &[("rotate every year", false), ("show me the policy first", false)],
        )
}

fn grant_form(state: &State, arn: &str, name: &str) -> Form {
    let note = "Until then the role is denied. A grant takes some minutes to be known everywhere.";
    Form::new(Purpose::Grant(arn.to_owned()), format!("Grant the use of {name}"), note)
        .roles("Role", &state.roles)
        .checks("Operations", OPERATIONS)
        .text("Name", "", "optional; makes the grant idempotent")
        .text("Context", "", "K=V, K=V: only with this encryption context")
        .checks("The context", &[("must be exactly this", false)])
}

pub(super) fn ask_job(state: &mut State) {
    let (Some((bucket, _)), Some(ObjectRow::Object { key, .. })) = (&state.place, state.objects.current()) else {
        return;
    };
    let who = state.identity.as_ref();
    let account = who.map(|who| who.account.clone()).unwrap_or_default();
    let region = state.settings.region.clone().unwrap_or_default();
    let spec = JobSpec {
        name: format!("train-{}", state.now.strftime("%Y%m%d-%H%M%S")),
        role_arn: state.walk_role.clone().unwrap_or_default(),
        image: format!("{account}.dkr.ecr.{region}.amazonaws.com/example-image:latest"),
        instance_type: "ml.m5.large".to_owned(),
        instance_count: 1,
        volume_gb: 10,
        max_runtime: 3600,
        output: format!("s3://{bucket}/output"),
        bucket: bucket.clone(),
        object: key.clone(),
        hyperparameters: BTreeMap::new(),
        moved_from: None,
    };
    job_form(state, spec);
}

/// Opens the form of a new job, filled in so.
pub(super) fn job_form(state: &mut State, spec: JobSpec) {
    let note = if state.settings.sandbox {
        "The job unwraps the data key as its role: without a grant it is denied. The sandbox runs a small reference \
         trainer for images it does not know."
    } else {
        "The job unwraps the data key as its role: without a grant on the key it is denied."
    };
    let title = format!("Train on s3://{}/{}", spec.bucket, spec.object);
    let form = Form::new(Purpose::Job(spec.bucket, spec.object), title, note)
        .roles("Role", &state.roles)
        .choosing(&spec.role_arn)
        .text("Name", spec.name, "")
        .text("Image", spec.image, "")
        .text("Instance", spec.instance_type, "")
        .text("Count", spec.instance_count.to_string(), "")
        .text("Volume GB", spec.volume_gb.to_string(), "")
        .text("Longest run", spec.max_runtime.to_string(), "seconds")
        .text("Output", spec.output, "")
        .text(
            "Moved from",
            spec.moved_from.unwrap_or_default(),
            "the old prefix, if the data was moved here",
        )
        .checks("Instead", &[("only look what would make it fail", false)]);
    state.ask(form);
}

/// Decrypts the newest model of the selected key beside the local files.
pub(super) fn ask_model(state: &mut State) {
    let jobs = state.jobs.rows().iter().filter(|job| state.is_job_linked(job));
    let models = jobs.filter_map(|job| Some((job.created, job.detail.as_ref()?.model.clone()?)));
    let newest = models.max().map(|(_, uri)| uri);
    let place = newest
        .as_deref()
        .and_then(|uri| uri.strip_prefix("s3://")?.split_once('/'));
    match place {
        Some((bucket, key)) => ask_decrypt_of(state, bucket.to_owned(), vec![key.to_owned()]),
        None => state.say(Tone::Warn, "No job of this key has written a model yet."),
    }
}

fn ask(state: &mut State, question: String, explanation: Vec<String>, request: Request, consent: Option<Consent>) {
    let confirm = confirm(question, explanation, request, consent);
    state.overlays.push(Overlay::Confirm(confirm));
}

fn confirm(question: String, explanation: Vec<String>, request: Request, consent: Option<Consent>) -> Confirm {
    Confirm {
        question,
        explanation,
        typed: None,
        then: Then::Start(Box::new(request), consent),
    }
}

/// Lists a job that was started just now, before the next list has it.
pub(super) fn list_job(state: &mut State, name: &str) {
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
}
