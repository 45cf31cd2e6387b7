//! Everything that is done to a thing beside the main job: the menu of its actions, the form of each, the request that
//! a filled form makes.

mod forms;
mod send;

use forms::form;
pub(super) use send::{listed, pairs, request};

use super::form::Form;
use super::overlay::{Confirm, Menu, Overlay, Then};
use super::pane::Pane;
use super::state::{Change, Intent, State};
use super::{Effect, Topic, cleanup, story, text};
use crate::domain::{ImageSpec, JobSpec, KeyState, ObjectFormat, ObjectRow, Request};

/// Bytes of plaintext that a preview keeps in memory.
const PREVIEWED: usize = 256 << 10;
/// How far dependents of a key are looked for.
const BUCKETS: usize = 20;
const OBJECTS: usize = 5000;
/// Entries of the audit log on screen.
const AUDITED: usize = 500;

/// One of the further actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each has a label and a sentence in `ACTIONS`")]
pub enum More {
    EditPolicy,
    PutPolicyBack,
    AllowRole,
    AddAlias,
    MoveAlias,
    DeleteAlias,
    Tags,
    Describe,
    RotationOn,
    RotationOff,
    Dependents,
    EncryptMessage,
    DecryptMessage,
    NewDataKey,
    OpenDataKey,
    ReEncrypt,
    Story,
    GrantsEverywhere,
    RetireGrant,
    Preview,
    ListArchive,
    ProveObject,
    EmptyBucket,
    DeleteBucket,
    CloneJob,
    NewRole,
    RolePolicies,
    DetachPolicy,
    TrustService,
    TrustCaller,
    DistrustCaller,
    DeleteRole,
    NewRepository,
    BuildImage,
    TryImage,
    Interrupted,
    CleanUp,
    Audit,
}

/// An action with the words that people see.
#[derive(Debug, Clone, Copy)]
pub struct Action {
    /// The action.
    pub more: More,
    /// What it is called.
    pub label: &'static str,
    /// What it does.
    pub help: &'static str,
}

const fn action(more: More, label: &'static str, help: &'static str) -> Action {
    Action { more, label, help }
}

const ACTIONS: &[Action] = &[
    action(
        More::Preview,
        "preview",
        "Decrypt the beginning in memory and show it; wiped when closed",
    ),
    action(More::ListArchive, "members", "List the files inside the archive"),
    action(
        More::ProveObject,
        "prove object",
        "The bytes as stored, that they are unusable without the key, who opens them",
    ),
    action(
        More::EditPolicy,
        "edit policy",
        "The key policy in your editor; checked, shown as a diff, then put",
    ),
    action(
        More::PutPolicyBack,
        "put policy back",
        "The policy as it was before it was replaced from here",
    ),
    action(
        More::AllowRole,
        "allow role",
        "Name a role in the key policy instead of granting: shown as a diff, then put",
    ),
    action(More::AddAlias, "add alias", "One more name for the key"),
    action(More::MoveAlias, "move alias", "Let an existing alias point to this key"),
    action(More::DeleteAlias, "delete alias", "Take a name away; the key stays"),
    action(More::Tags, "tags", "Set and remove tags"),
    action(More::Describe, "description", "Change the description"),
    action(
        More::RotationOn,
        "rotation on",
        "New key material every year; old ciphertexts still open",
    ),
    action(More::RotationOff, "rotation off", "Keep the key material"),
    action(
        More::Dependents,
        "dependents",
        "What depends on the key: objects, grants, aliases, jobs",
    ),
    action(
        More::EncryptMessage,
        "encrypt message",
        "Encrypt up to 4096 bytes by KMS itself",
    ),
    action(
        More::DecryptMessage,
        "decrypt message",
        "Decrypt what KMS itself encrypted",
    ),
    action(
        More::NewDataKey,
        "new data key",
        "Generate one, keep C where you say, forget D",
    ),
    action(
        More::OpenDataKey,
        "open data key",
        "Which key wraps a C; does it unwrap for me, for a role",
    ),
    action(
        More::ReEncrypt,
        "re-wrap data key",
        "Wrap a C under this key; D never leaves KMS",
    ),
    action(
        More::Story,
        "proof story",
        "Denied, granted, allowed, revoked, denied: proved, and left as it was",
    ),
    action(
        More::RetireGrant,
        "retire grant",
        "Give the grant up as its grantee or retiring principal",
    ),
    action(
        More::GrantsEverywhere,
        "all grants",
        "The grants of every key that may be listed",
    ),
    action(
        More::EmptyBucket,
        "empty bucket",
        "Delete everything in it; counted first, typed to agree",
    ),
    action(
        More::DeleteBucket,
        "delete bucket",
        "Delete everything in it, then the bucket",
    ),
    action(More::CloneJob, "clone job", "A new job made as this one was"),
    action(
        More::NewRole,
        "new role",
        "An execution role with the least policy for this bucket",
    ),
    action(
        More::RolePolicies,
        "role policies",
        "Who may assume a role and what it may do",
    ),
    action(More::DetachPolicy, "detach policy", "Take a policy off a role"),
    action(More::TrustService, "trust SageMaker", "Let SageMaker assume a role"),
    action(
        More::TrustCaller,
        "trust me",
        "Let yourself assume a role: you then read what it can read",
    ),
    action(More::DistrustCaller, "distrust me", "Take that back"),
    action(
        More::DeleteRole,
        "delete role",
        "Take every policy off a role, then delete it",
    ),
    action(
        More::NewRepository,
        "new repository",
        "An ECR repository for training images",
    ),
    action(
        More::BuildImage,
        "build image",
        "Build a training image from the folder shown, and push it",
    ),
    action(
        More::TryImage,
        "try image",
        "Run an image here over a made-up /opt/ml, before anyone pays",
    ),
    action(
        More::Interrupted,
        "interrupted",
        "Uploads that were interrupted on this machine: finish or abort them",
    ),
    action(
        More::CleanUp,
        "clean up",
        "Everything the walk made, each line with what takes it down",
    ),
    action(More::Audit, "audit log", "Every change this program asked AWS for"),
];

/// What can be done to what the cursor is on.
pub fn actions(state: &State) -> Vec<&'static Action> {
    ACTIONS.iter().filter(|action| is_offered(state, action.more)).collect()
}

fn is_offered(state: &State, more: More) -> bool {
    let object = match (state.focus, &state.place, state.objects.current()) {
        (Pane::Objects, Some(_), Some(row @ ObjectRow::Object { .. })) => Some(row),
        _ => None,
    };
    let format = object.and_then(super::pane::objects::info).map(|info| info.format);
    let bucket = state.focus == Pane::Objects && state.place.is_none() && state.buckets.current().is_some();
    let key = state.focus == Pane::Keys && state.key().is_some();
    let job = state.focus == Pane::Jobs && state.jobs.current().is_some();
    match more {
        More::Preview | More::ProveObject => object.is_some(),
        More::ListArchive if state.focus == Pane::Jobs => story::model(state).is_some(),
        More::ListArchive => format == Some(ObjectFormat::Archive),
        More::EmptyBucket | More::DeleteBucket => bucket,
        More::RetireGrant => state.focus == Pane::Grants && state.grants.current().is_some(),
        More::Story => (key || state.focus == Pane::Grants) && state.key().is_some(),
        More::GrantsEverywhere => matches!(state.focus, Pane::Keys | Pane::Grants),
        More::OpenDataKey => matches!(state.focus, Pane::Keys | Pane::Objects),
        More::CloneJob => job,
        More::RotationOn | More::RotationOff => {
            let detail = state.key().filter(|_| key).and_then(|key| key.detail.as_ref());
            detail.is_some_and(|detail| {
                detail.state == KeyState::Enabled && detail.rotation != Some(more == More::RotationOn)
            })
        }
        More::PutPolicyBack => state
            .key()
            .is_some_and(|of| key && state.previous_policies.contains_key(&of.arn)),
        More::EditPolicy
        | More::AllowRole
        | More::AddAlias
        | More::MoveAlias
        | More::DeleteAlias
        | More::Tags
        | More::Describe
        | More::Dependents
        | More::EncryptMessage
        | More::DecryptMessage
        | More::NewDataKey
        | More::ReEncrypt => key,
        More::BuildImage => matches!(state.focus, Pane::Jobs | Pane::Files),
        More::NewRole
        | More::RolePolicies
        | More::DetachPolicy
        | More::TrustService
        | More::TrustCaller
        | More::DistrustCaller
        | More::DeleteRole => matches!(state.focus, Pane::Grants | Pane::Jobs),
        More::NewRepository | More::TryImage => state.focus == Pane::Jobs,
        More::Interrupted => matches!(state.focus, Pane::Objects | Pane::Files),
        More::CleanUp | More::Audit => true,
    }
}

/// Opens the menu.
pub(super) fn menu(state: &mut State) {
    let title = match super::state::reference(state) {
        Some(reference) if state.focus == Pane::Keys => {
            let name = state.key_name(&reference);
            name.unwrap_or(&reference).to_owned()
        }
        Some(reference) => text::last_part(&reference).to_owned(),
        None => state.focus.name().to_owned(),
    };
    state.overlays.push(Overlay::Menu(Menu { title, cursor: 0 }));
}

/// Does one of the actions, or asks for what it needs first.
pub(super) fn run(state: &mut State, more: More, effects: &mut Vec<Effect>) {
    match more {
        More::EditPolicy => change_policy(state, Change::ByHand, effects),
        More::PutPolicyBack => {
            let earlier = state
                .key()
                .and_then(|key| state.previous_policies.get(&key.arn))
                .cloned();
            if let Some(earlier) = earlier {
                change_policy(state, Change::Back(earlier), effects);
            }
        }
        More::CloneJob => clone_job(state),
        More::Interrupted => state.overlays.push(Overlay::Interrupted(0)),
        More::CleanUp => cleanup::open(state, effects),
        More::RetireGrant => retire(state),
        More::EmptyBucket | More::DeleteBucket => count(state, more == More::DeleteBucket, effects),
        _ => match direct(state, more) {
            Some(request) => {
                state.start(request, effects);
            }
            None => state.ask(form(state, more)),
        },
    }
}

/// What an action asks for without asking the person anything.
fn direct(state: &State, more: More) -> Option<Request> {
    let key_arn = || state.key().map(|key| key.arn.clone());
    let (bucket, object) = place(state);
    Some(match more {
        More::RotationOn | More::RotationOff => Request::SetRotation {
            key_arn: key_arn()?,
            on: more == More::RotationOn,
        },
        More::Dependents => dependents(key_arn()?),
        More::GrantsEverywhere => Request::GrantsOf { key_arns: Vec::new() },
        More::Preview => preview(bucket, object, None),
        More::ListArchive => Request::ListArchive { bucket, object },
        More::Audit => Request::AuditLog { most: AUDITED },
        _ => return None,
    })
}

/// What an action would ask for as things stand; nothing while something must be filled in first.
pub(super) fn foreseen(state: &State, more: More) -> Option<Request> {
    let bucket = || state.buckets.current().map(|bucket| bucket.name.clone());
    Some(match more {
        More::EmptyBucket => Request::EmptyBucket {
            bucket: bucket()?,
            expected: 0,
        },
        More::DeleteBucket => Request::DeleteBucket {
            bucket: bucket()?,
            expected: 0,
        },
        More::RetireGrant => retirement(state)?,
        More::EditPolicy | More::PutPolicyBack | More::AllowRole | More::CloneJob | More::CleanUp => return None,
        _ => return direct(state, more).or_else(|| request(state, more, &form(state, more)).ok()),
    })
}

/// The open bucket and the selected object; of a job its model.
fn place(state: &State) -> (String, String) {
    if state.focus == Pane::Jobs
        && let Some(model) = story::model(state)
    {
        return model;
    }
    match (&state.place, state.objects.current()) {
        (Some((bucket, _)), Some(row)) => (bucket.clone(), row.key().to_owned()),
        _ => Default::default(),
    }
}

/// A bucket is counted before anything in it goes.
fn count(state: &mut State, delete: bool, effects: &mut Vec<Effect>) {
    let Some(bucket) = state.buckets.current().map(|bucket| bucket.name.clone()) else {
        return;
    };
    state.intent = Some(Intent::Empty {
        bucket: bucket.clone(),
        delete,
    });
    state.start(Request::CountBucket { bucket }, effects);
}

pub(super) fn dependents(key_arn: String) -> Request {
    Request::FindDependents {
        key_arn,
        most_buckets: BUCKETS,
        most_objects: OBJECTS,
    }
}

pub(super) fn preview(bucket: String, object: String, member: Option<String>) -> Request {
    Request::Preview {
        bucket,
        object,
        member,
        most: PREVIEWED,
    }
}

/// Shows the key's policy with this role named in it, as soon as the policy is there.
pub(super) fn allow_role(state: &mut State, role_arn: String, effects: &mut Vec<Effect>) {
    change_policy(state, Change::Allow(role_arn), effects);
}

/// Fetches the selected key's policy, whatever was fetched earlier: it is changed as it is now.
fn change_policy(state: &mut State, change: Change, effects: &mut Vec<Effect>) {
    let Some(key_arn) = state.key().map(|key| key.arn.clone()) else {
        return;
    };
    state.policy = None;
    effects.push(Effect::Refresh(vec![Topic::KeyPolicy(key_arn.clone())]));
    state.intent = Some(Intent::EditPolicy { key_arn, change });
}

fn retirement(state: &State) -> Option<Request> {
    let grant = state.grants.current()?;
    Some(Request::RetireGrant {
        key_arn: grant.key_arn.clone(),
        grant_id: grant.id.clone(),
    })
}

fn retire(state: &mut State) {
    let (Some(grant), Some(request)) = (state.grants.current(), retirement(state)) else {
        return;
    };
    state.overlays.push(Overlay::Confirm(Confirm {
        question: format!("Retire the grant of {}?", text::last_part(&grant.grantee)),
        explanation: "Only its grantee, its retiring principal or the account may.".to_owned(),
        typed: None,
        then: Then::Start(Box::new(request), None),
    }));
}

/// The form of a new job, filled in as an earlier one was.
fn clone_job(state: &mut State) {
    let Some(job) = state.jobs.current() else { return };
    let Some(detail) = job.detail.as_deref() else { return };
    let Some(uri) = detail
        .channels
        .first()
        .and_then(|channel| channel.uri.strip_prefix("s3://"))
    else {
        return;
    };
    let (bucket, object) = uri.split_once('/').unwrap_or((uri, ""));
    let spec = JobSpec {
        name: format!("train-{}", state.now.strftime("%Y%m%d-%H%M%S")),
        role_arn: detail.role_arn.clone(),
        image: detail.image.clone(),
        instance_type: detail.instance_type.clone(),
        instance_count: detail.instance_count,
        volume_gb: 10,
        max_runtime: detail.max_runtime.unwrap_or(3600),
        output: detail.output.clone().unwrap_or_default(),
        bucket: bucket.to_owned(),
        object: object.to_owned(),
        hyperparameters: std::collections::BTreeMap::new(),
    };
    super::story::job_form(state, spec);
}

/// The image that a filled form asks for.
fn image_spec(form: &Form) -> ImageSpec {
    ImageSpec {
        folder: form.value("Folder").into(),
        repository: form.value("Repository"),
        tag: form.value("Tag"),
        push: !form.checked("Then").is_empty(),
    }
}
