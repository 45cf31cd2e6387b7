//! An operation has told something: how far it is, or that it has ended. Then the outcome changes what is on screen, is said,
//! and leads to what follows.

use super::form::Form;
use super::format::{self, Tone};
use super::pane::Pane;
use super::seen::ReadResult;
use super::state::State;
use super::state::continuation::Continuation;
use super::state::operations::{Operation, Standing};
use super::state::overlay::{Next, Overlay};
use super::{Effect, OpEvent, OpId, Topic, actions, cleanup, job_alerts, next, outcome_text, results, row_updates};
use crate::domain::{
    Door, Fault, FaultKind, GrantRequest, JobKind, KeyChange, KeyState, ObjectRequest, Origin, Outcome, Request,
    Verdict,
};

pub(super) fn operation(state: &mut State, id: OpId, event: OpEvent, effects: &mut Vec<Effect>) {
    match event {
        OpEvent::Progress(progress) => return state.operations.advance(id, progress, state.now),
        OpEvent::Done(outcome) => {
            let is_here = state
                .operations
                .get(id)
                .is_none_or(|operation| operation.elsewhere.is_none());
            let names = if is_here {
                outcome_text::Names::of(state)
            } else {
                outcome_text::Names::new(&[], &state.settings.keymap)
            };
            let (tone, said) = outcome_text::told(&names, &outcome);
            match state.operations.end(id, Standing::Done(state.now, said.clone())) {
                Some(operation) if operation.elsewhere.is_none() => {
                    done(state, &operation, (tone, said), *outcome, effects);
                    follow(state, &operation, effects);
                }
                Some(operation) => tell_elsewhere(state, &operation, tone, &said, None),
                None => {}
            }
        }
        OpEvent::Failed(fault) => {
            let standing = Standing::Failed(state.now, Box::new(fault.clone()));
            match state.operations.end(id, standing) {
                Some(operation) if operation.elsewhere.is_none() => {
                    failed(state, &operation, fault, effects);
                    follow(state, &operation, effects);
                }
                Some(operation) => {
                    let said = fault.at(Door::Dashboard);
                    tell_elsewhere(state, &operation, Tone::Bad, &said, Some(fault));
                }
                None => {}
            }
        }
    }
    if state.leaving.is_some() && state.operations.running().next().is_none() {
        effects.push(Effect::Quit);
    }
}

/// It was begun in a context that was left: it changes nothing on screen, and nothing follows.
fn tell_elsewhere(state: &mut State, operation: &Operation, tone: Tone, said: &str, fault: Option<Fault>) {
    let context = operation.elsewhere.clone().unwrap_or_default();
    let text = format!("In {}: {said}", context.label());
    state.messages.say_of(context, state.now, tone, text, fault);
}

fn done(
    state: &mut State,
    operation: &Operation,
    (tone, said): (Tone, String),
    outcome: Outcome,
    effects: &mut Vec<Effect>,
) {
    change(state, operation, &outcome);
    let next = results::show(state, operation, outcome, effects);
    // The clean-up's plan is on screen, and made again and again.
    if !matches!(operation.continuation, Continuation::CleanUp) {
        next::tell(state, operation, (tone, said, None), next, effects);
    }
}

fn failed(state: &mut State, operation: &Operation, fault: Fault, effects: &mut Vec<Effect>) {
    let leads_to = brings_back(state, operation, &fault);
    let is_watch = matches!(operation.request, Request::Grant(GrantRequest::Await { .. }));
    let said = match fault.kind {
        FaultKind::Cancelled => (Tone::Warn, fault.at(Door::Dashboard), None),
        // The grant is there all the same.
        FaultKind::Denied if is_watch => {
            let words =
                "The grant is there. When it is known everywhere cannot be watched: you may not assume the role.";
            (Tone::Good, words.to_owned(), None)
        }
        _ => (Tone::Bad, fault.at(Door::Dashboard), Some(fault)),
    };
    next::tell(state, operation, said, leads_to, effects);
}

/// An operation has ended, well or not: what is looked at again after it.
fn follow(state: &mut State, operation: &Operation, effects: &mut Vec<Effect>) {
    match &operation.continuation {
        Continuation::PlanCleanUp => cleanup::plan_again(state, operation.turn, effects),
        Continuation::LookAgain(request) => results::look_again(state, request, operation.turn, effects),
        Continuation::Nothing
        | Continuation::Form(_)
        | Continuation::Review(_)
        | Continuation::EmptyBucket(_)
        | Continuation::DeleteKey
        | Continuation::ChangePolicy(..)
        | Continuation::NewKey(..)
        | Continuation::CleanUp
        | Continuation::Refill => {}
    }
}

/// It failed: what was typed comes back with the reason, unless the person took it back.
fn brings_back(state: &mut State, operation: &Operation, fault: &Fault) -> Option<Next> {
    let back = |form: &Form| {
        let mut form = form.clone();
        form.problem = Some(fault.at(Door::Dashboard));
        Next::show(Overlay::Form(form))
    };
    let was_cancelled = fault.kind == FaultKind::Cancelled;
    match &operation.continuation {
        Continuation::Form(form) | Continuation::NewKey(_, form) | Continuation::ChangePolicy(_, Some(form)) => {
            (!was_cancelled).then(|| back(form))
        }
        Continuation::Review(review) => (!was_cancelled).then(|| {
            let mut review = review.clone();
            review.refusal = Some(fault.at(Door::Dashboard));
            Next::show(Overlay::Review(*review))
        }),
        Continuation::CleanUp => {
            cleanup::not_planned(state, operation.id, fault);
            None
        }
        Continuation::Nothing => results::refused(&operation.request, fault),
        Continuation::EmptyBucket(_)
        | Continuation::DeleteKey
        | Continuation::ChangePolicy(_, None)
        | Continuation::PlanCleanUp
        | Continuation::LookAgain(_)
        | Continuation::Refill => None,
    }
}

/// What an outcome changes on screen before AWS is asked again. A cursor goes to what is new only where nobody is at work.
fn change(state: &mut State, operation: &Operation, outcome: &Outcome) {
    match outcome {
        Outcome::JobStarted { name, .. } => {
            job_started(state, operation, name);
            state.refused.remove(name);
        }
        Outcome::BulkBegun { job: Some(name), .. } => job_started(state, operation, &JobKind::Processing.id(name)),
        Outcome::JobStopping { name } => {
            state.ask_once.insert(Topic::Job(name.clone()));
        }
        Outcome::KeyCreated { key_arn, alias } => {
            row_updates::key_created(state, key_arn, alias.as_deref());
            if state.may_move(Pane::Keys, operation) {
                state.focus = Pane::Keys;
                state.keys.want(key_arn);
            }
        }
        Outcome::KeyChanged { key_arn, change } => {
            let after = match change {
                KeyChange::Enabled => Some(KeyState::Enabled),
                KeyChange::Disabled | KeyChange::DeletionCancelled => Some(KeyState::Disabled),
                KeyChange::DeletionScheduled { .. } => Some(KeyState::PendingDeletion),
                KeyChange::RotationOn | KeyChange::RotationOff | KeyChange::Described(_) | KeyChange::Tagged { .. } => {
                    None
                }
            };
            state.keys.amend(key_arn, |key| match (after, &mut key.detail) {
                // KMS has said so; the rest is asked again.
                (Some(after), Some(detail)) => (detail.state, detail.deletion) = (after, None),
                (_, detail) => *detail = None,
            });
            state.ask_once.insert(Topic::Key(key_arn.clone()));
        }
        Outcome::BucketCreated { bucket, warnings } => {
            for warning in warnings {
                state.say(Tone::Warn, warning.clone());
            }
            if state.may_move(Pane::Objects, operation) {
                state.place = Some((bucket.clone(), String::new()));
                state.objects.reset();
                state.opened_once = true;
            }
        }
        Outcome::Encrypted { uris, .. } => {
            row_updates::objects_written(state, uris);
            let written = uris.first().and_then(|uri| uri.strip_prefix("s3://")?.split_once('/'));
            state.last_encrypted = written.map(|(bucket, key)| (bucket.to_owned(), key.to_owned()));
            if let Request::Object(ObjectRequest::Encrypt { paths, .. }) = &operation.request {
                state.files.unmark(paths.iter().map(|path| path.to_string_lossy()));
            }
            if let (Some((bucket, _)), Some(uri)) = (&state.place, uris.first())
                && let Some(key) = uri.strip_prefix(&format!("s3://{bucket}/"))
                // Where nobody has seen the cursor it stands on what happens to come first.
                && (state.may_move(Pane::Objects, operation) || !state.objects.is_known())
            {
                state.objects.want(key);
            }
        }
        Outcome::Deleted { .. } => {
            if let Request::Object(ObjectRequest::Delete { bucket, objects }) = &operation.request {
                row_updates::objects_gone(state, bucket, objects);
            }
        }
        Outcome::Granted { grant_id, grantee, .. } => {
            if let Request::Grant(GrantRequest::New(spec)) = &operation.request {
                row_updates::grant_created(state, grant_id, grantee, spec);
            }
            if state.may_move(Pane::Grants, operation) {
                state.grants.want(grant_id);
            }
        }
        Outcome::RoleChanged { role_arn, .. } => state.last_role = Some(role_arn.clone()),
        Outcome::RoleDeleted { role } => {
            let is_gone = |arn: &mut String| format::last_part(arn) == role;
            state.last_role.take_if(is_gone);
        }
        Outcome::BucketEmptied { bucket, deleted, .. } => {
            state.all_seen.gone(bucket, |_| true);
            if *deleted {
                state.buckets.remove(&[bucket.clone()].into());
            }
            if *deleted && state.place.as_ref().is_some_and(|(open, _)| open == bucket) {
                state.place = None;
                state.objects.reset();
            }
        }
        Outcome::Decrypted {
            path, verified, etag, ..
        } => {
            if let (Request::Object(ObjectRequest::Decrypt { bucket, object, .. }), Some(verified)) =
                (&operation.request, verified)
            {
                let (bond, kms_key_arn) = (verified.bond.clone(), None);
                let result = ReadResult::Verified { bond, kms_key_arn };
                state.remember(bucket, object, etag.as_deref(), result);
            }
            if matches!(&operation.request, Request::Object(ObjectRequest::Decrypt { object, .. }) if object.ends_with("model.tar.gz"))
            {
                state.opened_model = Some(path.display().to_string());
            }
        }
        Outcome::Previewed(preview) => {
            if let (Request::Object(ObjectRequest::Preview { bucket, object, .. }), Origin::Token { verified, etag }) =
                (&operation.request, &preview.origin)
            {
                let (bond, kms_key_arn) = (verified.bond.clone(), None);
                let result = ReadResult::Verified { bond, kms_key_arn };
                state.remember(bucket, object, etag.as_deref(), result);
            }
        }
        Outcome::Verified { verdicts } => {
            if let Request::Object(ObjectRequest::Verify { bucket, .. }) = &operation.request {
                verified(state, bucket, verdicts);
            }
        }
        Outcome::Sealed(report) => {
            if state
                .place
                .as_ref()
                .is_some_and(|(bucket, _)| *bucket == report.spec.bucket)
            {
                let places = report.spec.places.iter().map(|place| place.as_str().into());
                state.objects.unmark(places);
            }
        }
        Outcome::AliasChanged { alias, change } => row_updates::alias_changed(state, alias, change),
        Outcome::Revoked { .. } | Outcome::Retired { .. } => {
            if let Request::Grant(GrantRequest::Revoke { grant_id, .. } | GrantRequest::Retire { grant_id, .. }) =
                &operation.request
            {
                state.grants.remove(&[grant_id.clone()].into());
            }
        }
        Outcome::UploadAbandoned { .. }
        | Outcome::Proved { .. }
        | Outcome::LogSaved { .. }
        | Outcome::AuditSaved { .. }
        | Outcome::Audited(_)
        | Outcome::SealPlanned(_)
        | Outcome::AuditReportSaved { .. }
        | Outcome::WhoSaved { .. }
        | Outcome::Rewrapped(_)
        | Outcome::BulkBegun { job: None, .. }
        | Outcome::PolicyDrafted { .. }
        | Outcome::PolicyRead { .. }
        | Outcome::PolicyPut { .. }
        | Outcome::Dependents(_)
        | Outcome::MessageEncrypted { .. }
        | Outcome::MessageDecrypted { .. }
        | Outcome::DataKeyKept { .. }
        | Outcome::DataKeyOpened { .. }
        | Outcome::BucketCounted(_)
        | Outcome::Versions(_)
        | Outcome::Compared(_)
        | Outcome::Presigned { .. }
        | Outcome::SheetSaved { .. }
        | Outcome::Archive { .. }
        | Outcome::ObjectProved(_)
        | Outcome::RolePolicies(_)
        | Outcome::GrantSpread { .. }
        | Outcome::GrantsFound { .. }
        | Outcome::GrantCycle(_)
        | Outcome::Preflighted { .. }
        | Outcome::RepositoryReady { .. }
        | Outcome::RepositoryDeleted { .. }
        | Outcome::ImageBuilt { .. }
        | Outcome::ImageTried { .. }
        | Outcome::CleanUpPlan { .. }
        | Outcome::Audit(_) => {}
    }
}

/// A job was started; it has this id.
fn job_started(state: &mut State, operation: &Operation, id: &str) {
    actions::list_job(state, id);
    if state.may_move(Pane::Jobs, operation) {
        state.jobs.want(id);
    }
    job_alerts::watch(state, id);
    state.ask_once.insert(Topic::Job(id.to_owned()));
    state.last_job = Some(id.to_owned());
}

/// Objects of a bucket were verified.
fn verified(state: &mut State, bucket: &str, verdicts: &[Verdict]) {
    let prefix = format!("s3://{bucket}/");
    for verdict in verdicts {
        let Some(key) = verdict.source.strip_prefix(&prefix) else {
            continue;
        };
        let result = match (
            verdict.reading.verified(),
            verdict.reading.is_intact(),
            verdict.reading.why(),
        ) {
            (Some(verified), _, _) => ReadResult::Verified {
                bond: verified.bond.clone(),
                kms_key_arn: verdict.kms_key_arn.clone(),
            },
            (None, Some(false), Some(why)) => ReadResult::Refuted(why.cause.clone()),
            _ => continue,
        };
        state.remember(bucket, key, verdict.etag.as_deref(), result);
    }
}
