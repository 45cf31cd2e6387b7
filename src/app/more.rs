//! Everything that is done to a thing beside the main job: the menu of its actions, the form of each, the request that
//! a filled form makes. All are about a [`Target`], which is fixed when the menu opens: whatever arrives meanwhile, nothing
//! is done to anything else.

mod action;
mod forms;
mod send;
mod target;

use action::ACTIONS;
pub use action::{Action, More, action_of};
use forms::form;
pub(super) use send::{listed, pairs, request};
pub use target::Target;

use super::continuation::{Change, Continuation};
use super::form::Form;
use super::overlay::{Menu, Overlay};
use super::pane::Pane;
use super::state::State;
use super::text::{self, Tone};
use super::{Effect, cleanup};
use crate::domain::{
    AccountRequest, GrantRequest, ImageSpec, JobDetail, JobSpec, KeyRequest, KeyState, ObjectFormat, ObjectRequest,
    ObjectRow, Request,
};

/// Bytes of plaintext that a preview keeps in memory.
const PREVIEWED: usize = 256 << 10;
/// How far dependents of a key are looked for.
const BUCKETS: usize = 20;
const OBJECTS: usize = 5000;
/// Entries of the audit log on screen.
const AUDITED: usize = 10_000;

/// What can be done to what the cursor is on.
fn actions(state: &State, target: &Target) -> Vec<More> {
    let all = ACTIONS.iter().map(|action| action.more);
    all.filter(|more| is_offered(state, *more, target)).collect()
}

fn is_offered(state: &State, more: More, target: &Target) -> bool {
    let in_pane = |panes: &[Pane]| panes.contains(&target.pane);
    let listed_key = target.listed_key(state);
    let key = target.pane == Pane::Keys && listed_key.is_some();
    let object = target.object(state).filter(|_| target.pane == Pane::Objects);
    match more {
        More::Preview | More::ProveObject => object.is_some(),
        More::ListArchive if target.pane == Pane::Jobs => target.model(state).is_some(),
        More::ListArchive => {
            let format = object.and_then(ObjectRow::info).map(|info| info.format);
            format == Some(ObjectFormat::Archive)
        }
        More::EmptyBucket | More::DeleteBucket => target.bucket(state).is_some(),
        More::RetireGrant => target.pane == Pane::Grants && target.grant(state).is_some(),
        More::Story => in_pane(&[Pane::Keys, Pane::Grants]) && listed_key.is_some(),
        More::GrantsEverywhere => in_pane(&[Pane::Keys, Pane::Grants]),
        More::OpenDataKey => in_pane(&[Pane::Keys, Pane::Objects]),
        More::CloneJob => {
            let detail = target.job(state).and_then(|job| job.detail.as_deref());
            target.pane == Pane::Jobs && detail.and_then(trained_on).is_some()
        }
        More::RotationOn | More::RotationOff => {
            let detail = listed_key.filter(|_| key).and_then(|key| key.detail.as_ref());
            detail.is_some_and(|detail| {
                detail.state == KeyState::Enabled && detail.rotation != Some(more == More::RotationOn)
            })
        }
        More::PutPolicyBack => listed_key.is_some_and(|of| key && state.previous_policies.contains_key(&of.arn)),
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
        More::BuildImage => in_pane(&[Pane::Jobs, Pane::Files]),
        More::NewRole
        | More::RolePolicies
        | More::DetachPolicy
        | More::TrustService
        | More::TrustCaller
        | More::DistrustCaller
        | More::DeleteRole => in_pane(&[Pane::Grants, Pane::Jobs]),
        More::NewRepository | More::TryImage => target.pane == Pane::Jobs,
        More::Interrupted => in_pane(&[Pane::Objects, Pane::Files]),
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
    let target = Target::of(state);
    let actions = actions(state, &target);
    state.overlays.push(Overlay::Menu(Menu {
        title,
        target,
        actions,
        cursor: 0,
    }));
}

/// Does what the menu's cursor is on, to what the menu was opened on; or says that it cannot be done any more.
pub(super) fn choose(state: &mut State, menu: &Menu, effects: &mut Vec<Effect>) {
    let Some(more) = menu.actions.get(menu.cursor).copied() else {
        return;
    };
    if is_offered(state, more, &menu.target) {
        return run(state, more, menu.target.clone(), effects);
    }
    let label = action_of(more).label;
    let words = format!("Not any more: {label} of {}. It has changed, or is gone.", menu.title);
    state.say(Tone::Warn, words);
}

/// Does one of the actions, or asks for what it needs first.
pub(super) fn run(state: &mut State, more: More, target: Target, effects: &mut Vec<Effect>) {
    match more {
        More::EditPolicy => change_policy(state, &target, Change::ByHand, None, effects),
        More::PutPolicyBack => {
            let earlier = target
                .key
                .as_ref()
                .and_then(|key_arn| state.previous_policies.get(key_arn));
            if let Some(earlier) = earlier.cloned() {
                change_policy(state, &target, Change::Back(earlier), None, effects);
            }
        }
        More::CloneJob => clone_job(state, &target),
        More::Interrupted => super::interrupted::open(state),
        More::CleanUp => cleanup::open(state, effects),
        More::RetireGrant => {
            if let Some(request) = retirement(state, &target) {
                state.start(request, effects);
            }
        }
        More::EmptyBucket | More::DeleteBucket => {
            if let Some(bucket) = target.bucket {
                let delete = more == More::DeleteBucket;
                state.begin(
                    Request::Object(ObjectRequest::CountBucket { bucket }),
                    Continuation::EmptyBucket(delete),
                    effects,
                );
            }
        }
        _ => match direct(state, more, &target) {
            Some(request) => {
                state.start(request, effects);
            }
            None => {
                let form = form(state, more, target);
                state.ask(form);
            }
        },
    }
}

/// What an action asks for without asking the person anything.
fn direct(state: &State, more: More, target: &Target) -> Option<Request> {
    let key_arn = || target.key.clone();
    let (bucket, object) = target.place_of_object(state);
    Some(match more {
        More::RotationOn | More::RotationOff => Request::Key(KeyRequest::SetRotation {
            key_arn: key_arn()?,
            on: more == More::RotationOn,
        }),
        More::Dependents => dependents(key_arn()?),
        More::GrantsEverywhere => Request::Grant(GrantRequest::List { key_arns: Vec::new() }),
        More::Preview => preview(bucket, object, None),
        More::ListArchive => Request::Object(ObjectRequest::ListArchive { bucket, object }),
        More::Audit => Request::Account(AccountRequest::AuditLog { most: AUDITED }),
        _ => return None,
    })
}

/// What an action would ask for as things stand; nothing while something must be filled in first.
pub(super) fn foreseen(state: &State, menu: &Menu) -> Option<Request> {
    let (more, target) = (*menu.actions.get(menu.cursor)?, &menu.target);
    Some(match more {
        More::EmptyBucket => Request::Object(ObjectRequest::EmptyBucket {
            bucket: target.bucket.clone()?,
            expected: 0,
            older: 0,
        }),
        More::DeleteBucket => Request::Object(ObjectRequest::DeleteBucket {
            bucket: target.bucket.clone()?,
            expected: 0,
            older: 0,
        }),
        More::RetireGrant => retirement(state, target)?,
        More::EditPolicy | More::PutPolicyBack | More::AllowRole | More::CloneJob | More::CleanUp => return None,
        _ => {
            let filled = || request(more, target, &form(state, more, target.clone())).ok();
            return direct(state, more, target).or_else(filled);
        }
    })
}

pub(super) fn dependents(key_arn: String) -> Request {
    Request::Key(KeyRequest::FindDependents {
        key_arn,
        most_buckets: BUCKETS,
        most_objects: OBJECTS,
    })
}

pub(super) fn preview(bucket: String, object: String, member: Option<String>) -> Request {
    Request::Object(ObjectRequest::Preview {
        bucket,
        object,
        member,
        most: PREVIEWED,
        accept_unbound: false,
    })
}

/// Shows the key's policy with this role named in it, as soon as the policy is there.
pub(super) fn allow_role(state: &mut State, target: &Target, role_arn: String, form: Form, effects: &mut Vec<Effect>) {
    change_policy(state, target, Change::Allow(role_arn), Some(Box::new(form)), effects);
}

/// Reads the key's policy, whatever was read earlier: it is changed as it is now.
fn change_policy(
    state: &mut State,
    target: &Target,
    change: Change,
    form: Option<Box<Form>>,
    effects: &mut Vec<Effect>,
) {
    if let Some(key_arn) = target.key.clone() {
        let continuation = Continuation::ChangePolicy(change, form);
        state.begin(Request::Key(KeyRequest::ReadPolicy { key_arn }), continuation, effects);
    }
}

fn retirement(state: &State, target: &Target) -> Option<Request> {
    let grant = target.grant(state)?;
    Some(Request::Grant(GrantRequest::Retire {
        key_arn: grant.key_arn.clone(),
        grant_id: grant.id.clone(),
        grantee: grant.grantee.clone(),
    }))
}

/// Where the data of a job is, below `s3://`.
fn trained_on(detail: &JobDetail) -> Option<&str> {
    detail.channels.first()?.uri.strip_prefix("s3://")
}

/// The form of a new job, filled in as an earlier one was.
fn clone_job(state: &mut State, target: &Target) {
    let detail = target.job(state).and_then(|job| job.detail.as_deref());
    let Some((detail, uri)) = detail.and_then(|detail| Some((detail, trained_on(detail)?))) else {
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
        moved_from: None,
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
