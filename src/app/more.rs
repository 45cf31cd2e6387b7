//! Everything that is done to a thing beside the main job: the menu of its actions, the form of each, the request that
//! a filled form makes.

mod send;

pub(super) use send::{listed, pairs, request};

use super::Effect;
use super::form::{Form, Purpose};
use super::overlay::{Confirm, Menu, Overlay, Then};
use super::pane::Pane;
use super::state::{Intent, State};
use super::text;
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
        Some(reference) => text::last_part(&reference).to_owned(),
        None => state.focus.name().to_owned(),
    };
    state.overlays.push(Overlay::Menu(Menu { title, cursor: 0 }));
}

/// Does one of the actions, or asks for what it needs first.
pub(super) fn run(state: &mut State, more: More, effects: &mut Vec<Effect>) {
    let key = state.key().map(|key| (key.arn.clone(), key.name().to_owned()));
    let (arn, name) = key.unwrap_or_default();
    let object = match (&state.place, state.objects.current()) {
        (Some((bucket, _)), Some(row)) => (bucket.clone(), row.key().to_owned()),
        _ => Default::default(),
    };
    let bucket = state
        .buckets
        .current()
        .map(|bucket| bucket.name.clone())
        .unwrap_or_default();
    let form = |title: String, note: &str| Form::new(Purpose::More(more), title, note);
    let form = match more {
        More::EditPolicy => return edit_policy(state, &arn, effects),
        More::PutPolicyBack => return put_policy_back(state, arn),
        More::RotationOn | More::RotationOff => {
            let on = more == More::RotationOn;
            return state.start(Request::SetRotation { key_arn: arn, on }, effects);
        }
        More::Dependents => return state.start(dependents(arn), effects),
        More::GrantsEverywhere => return state.start(Request::GrantsOf { key_arns: Vec::new() }, effects),
        More::RetireGrant => return retire(state),
        More::Preview => {
            let (bucket, object) = object;
            return state.start(preview(bucket, object, None), effects);
        }
        More::ListArchive => {
            let (bucket, object) = object;
            return state.start(Request::ListArchive { bucket, object }, effects);
        }
        More::EmptyBucket | More::DeleteBucket => {
            state.intent = Some(Intent::Empty {
                bucket: bucket.clone(),
                delete: more == More::DeleteBucket,
            });
            return state.start(Request::CountBucket { bucket }, effects);
        }
        More::CloneJob => return clone_job(state),
        More::Interrupted => return state.overlays.push(Overlay::Interrupted(0)),
        More::CleanUp => return state.start(Request::PlanCleanUp, effects),
        More::Audit => return state.start(Request::AuditLog { most: AUDITED }, effects),
        More::AddAlias => form(format!("One more alias for {name}"), "").text("Alias", "", "without alias/"),
        More::MoveAlias => form(
            format!("Let an alias point to {name}"),
            "Whoever uses the alias uses this key from then on.",
        )
        .text("Alias", "", "an existing one, without alias/"),
        More::DeleteAlias => {
            let first = state
                .key()
                .and_then(|key| key.aliases.first().cloned())
                .unwrap_or_default();
            form(
                format!("Delete an alias of {name}"),
                "The key stays; whoever uses the alias finds nothing.",
            )
            .text("Alias", first.trim_start_matches("alias/"), "without alias/")
        }
        More::Tags => form(format!("Tags of {name}"), "")
            .text("Set", "", "NAME=VALUE, NAME=VALUE")
            .text("Remove", "", "NAME, NAME"),
        More::Describe => {
            let detail = state.key().and_then(|key| key.detail.as_ref());
            let now = detail.map(|detail| detail.description.clone()).unwrap_or_default();
            form(format!("Description of {name}"), "").text("Description", now, "")
        }
        More::EncryptMessage => form(
            format!("Encrypt a message under {name}"),
            "1 to 4096 bytes, by KMS itself.",
        )
        .text("Message", "", "or a file:")
        .text("File", "", "")
        .text("Context", "", "K=V, K=V; needed again to decrypt")
        .text("Write to", "", "a new file; empty shows it here"),
        More::DecryptMessage => form(
            "Decrypt a message".to_owned(),
            "What KMS itself encrypted; wiped when closed.",
        )
        .text("Ciphertext", "", "base64, or a file:")
        .text("File", "", "")
        .text("Context", "", "K=V, K=V")
        .text("Write to", "", "a new file; empty shows it here"),
        More::NewDataKey => {
            let to = state
                .place
                .as_ref()
                .map(|(bucket, prefix)| format!("s3://{bucket}/{prefix}data-key"));
            form(
                format!("New data key under {name}"),
                "D is forgotten at once; C is kept where you say.",
            )
            .text("Keep C at", to.unwrap_or_default(), "s3://BUCKET/KEY or a path")
            .text("Context", "", "K=V, K=V")
        }
        More::OpenDataKey => {
            let at = if state.focus == Pane::Objects {
                format!("s3://{}/{}", object.0, object.1)
            } else {
                String::new()
            };
            form(
                "Open an encrypted data key".to_owned(),
                "Which KMS key wraps it; does it unwrap for you, for a role.",
            )
            .text("C is at", at, "s3://BUCKET/KEY or a path")
            .text("Context", "", "K=V, K=V")
            .optional_role("Role", &state.roles)
        }
        More::ReEncrypt => form(
            format!("Wrap a data key under {name}"),
            "KMS does it: D never leaves KMS.",
        )
        .text("C is at", "", "s3://BUCKET/KEY or a path")
        .text("Keep C at", "", "a new place")
        .text("Context", "", "K=V, K=V"),
        More::Story => form(
            format!("Prove the story of {name}"),
            "Expect denied, grant, expect allowed, revoke, expect denied; everything is left as it was.",
        )
        .roles("Role", &state.roles),
        More::ProveObject => form(
            format!("Prove {}", text::last_part(&object.1)),
            "With the grant checked, the role is granted the key for the last step and the grant revoked afterwards.",
        )
        .roles("Role", &state.roles)
        .checks("Steps", &[("grant for the last step", true)]),
        More::NewRole => {
            let (bucket, prefix) = state.place.clone().unwrap_or_default();
            form(
                "New execution role".to_owned(),
                "Trusted by SageMaker in this account only. The least policy: this bucket's data, key objects and output, the \
                 image, the logs. No kms: that is the grant's work.",
            )
            .text("Name", "example-role", "")
            .text("Bucket", bucket, "")
            .text("Data", prefix, "a prefix or an object")
            .text("Output", "output/", "a prefix")
            .text("Image", "", "empty: any of this account")
            .checks("Policy", &[("AmazonSageMakerFullAccess instead", false)])
        }
        More::RolePolicies | More::TrustService | More::TrustCaller | More::DistrustCaller | More::DeleteRole => {
            let note = match more {
                More::TrustCaller => "Whoever may assume the role can read the training data. Take it back afterwards.",
                More::DeleteRole => "Its policies are taken off first. Grants to it stay on their keys, useless.",
                _ => "",
            };
            let label = ACTIONS
                .iter()
                .find(|action| action.more == more)
                .map_or("", |action| action.label);
            form(format!("Role: {label}"), note).roles("Role", &state.roles)
        }
        More::DetachPolicy => form("Take a policy off a role".to_owned(), "")
            .roles("Role", &state.roles)
            .text("Policy", "", "ARN of an attached one, name of an inline one"),
        More::NewRepository => form("New ECR repository".to_owned(), "").text("Name", "example-image", ""),
        More::BuildImage => {
            let folder = state.dir.to_string_lossy().into_owned();
            form(
                "Build a training image".to_owned(),
                "With docker or podman, from a folder that holds a Dockerfile.",
            )
            .text("Folder", folder, "")
            .text("Repository", "example-image", "")
            .text("Tag", "latest", "")
            .checks("Then", &[("push it to ECR", true)])
        }
        More::TryImage => form("Try a training image here".to_owned(), "").text("Image", "example-image:latest", ""),
    };
    state.overlays.push(Overlay::Form(form));
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

fn edit_policy(state: &mut State, arn: &str, effects: &mut Vec<Effect>) {
    match &state.policy {
        Some((of, Ok(text))) if of == arn => {
            let text = text.clone();
            super::review::edit(
                state,
                Intent::Policy {
                    key_arn: arn.to_owned(),
                    before: text.clone(),
                },
                text,
                effects,
            );
        }
        // It is asked for while it is wanted; the editor opens when it is there.
        _ => {
            state.intent = Some(Intent::EditPolicy {
                key_arn: arn.to_owned(),
            });
        }
    }
}

fn put_policy_back(state: &mut State, key_arn: String) {
    if let (Some(policy), Some((of, Ok(now)))) = (state.previous_policies.get(&key_arn), &state.policy)
        && *of == key_arn
    {
        let (policy, before) = (policy.clone(), now.clone());
        let purpose = Intent::Policy {
            key_arn,
            before: before.clone(),
        };
        return super::review::show(state, purpose, before, policy);
    }
    let Some(policy) = state.previous_policies.get(&key_arn).cloned() else {
        return;
    };
    super::review::show(
        state,
        Intent::Policy {
            key_arn,
            before: String::new(),
        },
        String::new(),
        policy,
    );
}

fn retire(state: &mut State) {
    let Some(grant) = state.grants.current().cloned() else {
        return;
    };
    state.overlays.push(Overlay::Confirm(Confirm {
        question: format!("Retire the grant of {}?", text::last_part(&grant.grantee)),
        explanation: "Only its grantee, its retiring principal or the account may.".to_owned(),
        typed: None,
        then: Then::Start(
            Box::new(Request::RetireGrant {
                key_arn: grant.key_arn,
                grant_id: grant.id,
            }),
            None,
        ),
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
