//! The one function that changes the state.

use jiff::Timestamp;

use super::operations::Standing;
use super::overlay::Overlay;
use super::pane::Pane;
use super::seen::Found;
use super::state::{Change, Intent, State};
use super::text::{self, Tone};
use super::{
    Effect, Event, OpEvent, OpId, Page, Topic, act, cleanup, found, interrupted, kept, press, review, seen, story,
    watched,
};
use crate::domain::policy;
use crate::domain::{Fault, FaultKind, KeyState, KmsKey, ObjectRow, Outcome, ProofMethod, Request, Verdict};

/// Takes in what happened; returns what to do.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    match event {
        Event::Key(key) => press::press(state, key.normalized(), &mut effects),
        Event::Paste(text) => press::paste(state, &text),
        Event::Resize { cols, rows } => state.size = (cols, rows),
        Event::Tick(now) => {
            state.now = now;
            state.operations.tick(now);
        }
        Event::Asking(topic) => asking(state, &topic),
        Event::Answer {
            topic,
            walk,
            first,
            last,
            at,
            page,
        } if state.watched.contains(&topic) => answer(state, topic, page, (walk, first, last, at), &mut effects),
        Event::Failed { topic, walk, fault, .. } if state.watched.contains(&topic) => failed(state, topic, walk, fault),
        Event::Op { id, event } => operation(state, id, event, &mut effects),
        Event::Edited(Err(fault)) => {
            review::not_edited(state);
            state.complain(fault);
        }
        Event::Edited(Ok(text)) => review::edited(state, text),
        Event::Terminate => act::leave(state, &mut effects),
        Event::Answer { .. } | Event::Failed { .. } => {}
    }
    state.settle(&mut effects);
    effects
}

fn asking(state: &mut State, topic: &Topic) {
    match topic {
        Topic::Keys => state.keys.asking(),
        Topic::Grants(_) => state.grants.asking(),
        Topic::Buckets => state.buckets.asking(),
        Topic::Objects { .. } => state.objects.asking(),
        Topic::Jobs => state.jobs.asking(),
        Topic::Files(_) => state.files.asking(),
        _ => {}
    }
}

fn answer(
    state: &mut State,
    topic: Topic,
    page: Page,
    (walk, first, last, at): (u64, bool, bool, Timestamp),
    effects: &mut Vec<Effect>,
) {
    match page {
        Page::Identity(identity) => state.identity = Some(identity),
        Page::Keys(rows) => state.keys.answer(walk, first, last, at, rows),
        Page::KeyDetails(details) => {
            for (arn, detail) in details {
                match detail {
                    Ok(detail) => state.keys.amend(&arn, |key| key.detail = Some(detail)),
                    Err(fault) => refuse(state, arn, fault),
                }
            }
            if !state.chose_key {
                choose_usable(state);
            }
        }
        Page::KeyPolicy(policy) => {
            if let Topic::KeyPolicy(arn) = topic {
                state.policy = Some((arn, Ok(policy::readable(&policy))));
                edit_wanted_policy(state, effects);
            }
        }
        Page::Grants(rows) => state.grants.answer(walk, first, last, at, rows),
        Page::Buckets(rows) => {
            state.buckets.answer(walk, first, last, at, rows);
            if last && !state.opened_once {
                open_first(state);
            }
        }
        Page::Objects(rows) => {
            let Topic::Objects { bucket, prefix } = topic else {
                return;
            };
            state.all_seen.listed(&bucket, &rows);
            state.objects.answer(walk, first, last, at, rows);
            if last {
                state.all_seen.all_listed((&bucket, &prefix), state.objects.rows());
            }
        }
        Page::ObjectInfos(infos) => {
            for (key, found) in infos {
                match found {
                    Ok(found) => state.objects.amend(&key, |row| {
                        if let ObjectRow::Object { info, .. } = row {
                            *info = Some(Box::new(found));
                        }
                    }),
                    Err(fault) => refuse(state, key, fault),
                }
            }
        }
        Page::Jobs(rows) => {
            for job in &rows {
                watched::tell_end(state, job, effects);
            }
            state.jobs.answer(walk, first, last, at, rows);
        }
        Page::JobsChanged(rows) => {
            for job in rows.into_iter().rev() {
                watched::tell_end(state, &job, effects);
                state.jobs.merge(job);
            }
            if last {
                state.jobs.answered(at);
            }
        }
        Page::Job(job) => {
            watched::tell_end(state, &job, effects);
            state.jobs.merge(*job);
        }
        Page::Files { rows, .. } => state.files.answer(walk, first, last, at, rows),
        Page::Log(lines) => {
            let Topic::Log(name) = topic else { return };
            let shown = state.overlays.iter_mut().filter_map(|overlay| match overlay {
                Overlay::Log(log) => Some(log),
                _ => None,
            });
            let logs = shown.chain([&mut state.job_log]).filter(|log| log.job == name);
            logs.for_each(|log| log.append(lines.clone()));
        }
        Page::Interrupted(uploads) => interrupted::answer(state, uploads),
        Page::Roles(rows) => {
            if first {
                state.roles.clear();
            }
            state.roles.extend(rows);
            for overlay in &mut state.overlays {
                if let Overlay::Form(form) = overlay {
                    form.offer_roles(&state.roles);
                }
            }
        }
    }
}

/// Opens the bucket that the work is most likely about.
fn open_first(state: &mut State) {
    state.opened_once = true;
    let mut buckets = state.buckets.rows().iter();
    let likely = buckets.find(|bucket| bucket.name.starts_with("sagemaker"));
    state.place = likely.map(|bucket| (bucket.name.clone(), String::new()));
}

/// Puts the cursor on the first key on screen that can encrypt.
fn choose_usable(state: &mut State) {
    let is_usable = |key: &&KmsKey| {
        key.detail
            .as_ref()
            .is_some_and(|detail| detail.state == KeyState::Enabled)
    };
    let usable = state.keys.near(0).find(is_usable).map(|key| key.arn.clone());
    if let Some(arn) = usable {
        state.chose_key = true;
        state.keys.want(&arn);
    }
}

/// A row that cannot be looked at closer keeps its place; passing trouble is asked about again by itself.
fn refuse(state: &mut State, id: String, fault: Fault) {
    if !fault.is_transient() {
        state.refused.insert(id, fault);
    }
}

fn failed(state: &mut State, topic: Topic, walk: u64, fault: Fault) {
    match topic {
        Topic::Keys => state.keys.failed(walk, fault),
        Topic::Grants(_) => state.grants.failed(walk, fault),
        Topic::Buckets => state.buckets.failed(walk, fault),
        Topic::Objects { .. } => state.objects.failed(walk, fault),
        Topic::Jobs => state.jobs.failed(walk, fault),
        Topic::Files(_) => state.files.failed(walk, fault),
        Topic::KeyPolicy(arn) => {
            if matches!(&state.intent, Some(Intent::EditPolicy { key_arn, .. }) if *key_arn == arn) {
                state.intent = None;
                state.complain(fault.clone());
            }
            state.policy = Some((arn, Err(fault)));
        }
        Topic::Job(name) => refuse(state, name, fault),
        // The lists on screen are refused or late for the same reason, and say so where it matters.
        Topic::KeyDetails(_) | Topic::ObjectInfos { .. } | Topic::Interrupted => {}
        _ => state.complain(fault),
    }
}

fn operation(state: &mut State, id: OpId, event: OpEvent, effects: &mut Vec<Effect>) {
    match event {
        OpEvent::Progress(progress) => return state.operations.advance(id, progress, state.now),
        OpEvent::Done(outcome) => {
            let said = story::told(&outcome);
            let standing = Standing::Done(state.now, said.clone());
            let Some(operation) = state.operations.end(id, standing) else {
                return;
            };
            // The clean-up's plan is on screen, and made again and again.
            if operation.request != Request::PlanCleanUp {
                state.say(story::tone(&outcome), said);
            }
            kept::done(state, id);
            done(state, &operation.request, *outcome, effects);
            cleanup::ended(state, id, &operation.request, effects);
            found::ended(state, id, effects);
            effects.push(Effect::Refresh(state.watched.clone()));
        }
        OpEvent::Failed(fault) => {
            let standing = Standing::Failed(state.now, Box::new(fault.clone()));
            let Some(operation) = state.operations.end(id, standing) else {
                return;
            };
            kept::failed(state, id, &fault);
            cleanup::ended(state, id, &operation.request, effects);
            found::ended(state, id, effects);
            let is_watch = matches!(operation.request, Request::AwaitGrant { .. });
            match fault.kind {
                FaultKind::Cancelled => state.say(Tone::Warn, fault.to_string()),
                // The grant is there all the same.
                FaultKind::Denied if is_watch => {
                    let words = "Granted. When it is known everywhere cannot be watched: you may not assume the role.";
                    state.say(Tone::Good, words);
                }
                _ => state.complain(fault),
            }
        }
    }
    if state.leaving && state.operations.running().next().is_none() {
        effects.push(Effect::Quit);
    }
}

/// What an outcome changes on screen before AWS is asked again.
fn done(state: &mut State, request: &Request, outcome: Outcome, effects: &mut Vec<Effect>) {
    match outcome {
        Outcome::JobStarted { name } => {
            story::show_job(state, &name);
            watched::watch(state, &name);
            if let Request::StartJob(spec) = request {
                state.refused.remove(&spec.name);
            }
        }
        Outcome::KeyCreated { key_arn } => {
            state.focus = Pane::Keys;
            state.keys.want(&key_arn);
        }
        Outcome::KeyChanged { key_arn } => state.keys.amend(&key_arn, |key| key.detail = None),
        Outcome::BucketCreated { bucket, warnings } => {
            for warning in warnings {
                state.say(Tone::Warn, warning);
            }
            state.place = Some((bucket, String::new()));
            state.objects.reset();
            state.opened_once = true;
        }
        Outcome::Encrypted { uris, .. } => {
            state.files.clear_marks();
            if let (Some((bucket, _)), Some(uri)) = (&state.place, uris.first())
                && let Some(key) = uri.strip_prefix(&format!("s3://{bucket}/"))
            {
                state.objects.want(key);
            }
        }
        Outcome::Proved {
            key_arn,
            role_arn,
            method,
            steps,
        } => {
            let now = state.now;
            found::remember(state, (&key_arn, &role_arn), now, method, &steps);
            state.walk_role = Some(role_arn.clone());
            let lines = story::proof_lines(&role_arn, method, &steps);
            // Only who is the role can prove what it may do.
            let then = (method == ProofMethod::Reasoned).then_some(Request::Prove {
                key_arn,
                role_arn,
                trust: true,
            });
            found::report_with(state, "Access proof", lines, then);
        }
        Outcome::Verified { verdicts } => {
            if let Request::Verify { bucket, .. } = request {
                seen::verified(state, bucket, &verdicts);
            }
            let is_intact = |verdict: &Verdict| verdict.reading.is_intact() == Some(true);
            if verdicts.len() > 1 || !verdicts.iter().all(is_intact) {
                let lines = verdicts.iter().flat_map(story::verdict_lines).collect();
                found::report(state, "What was verified", lines);
            }
        }
        Outcome::Deleted { .. } => {
            if let Request::DeleteObjects { bucket, objects } = request {
                state
                    .all_seen
                    .gone(bucket, |key| objects.iter().any(|gone| gone == key));
            }
            state.objects.clear_marks();
        }
        Outcome::RoleChanged { role_arn } => state.walk_role = Some(role_arn),
        Outcome::RoleDeleted { role } => {
            let is_gone = |arn: &mut String| text::last_part(arn) == role;
            state.walk_role.take_if(is_gone);
        }
        Outcome::BucketEmptied { bucket, deleted, .. } => {
            state.all_seen.gone(&bucket, |_| true);
            if deleted && state.place.as_ref().is_some_and(|(open, _)| *open == bucket) {
                state.place = None;
                state.objects.reset();
            }
        }
        Outcome::Decrypted {
            path, verified, etag, ..
        } => {
            if let (Request::Decrypt { bucket, object, .. }, Some(verified)) = (request, verified) {
                let (bond, kms_key_arn) = (verified.bond, None);
                seen::remember(
                    state,
                    bucket,
                    object,
                    etag.as_deref(),
                    Found::Verified { bond, kms_key_arn },
                );
            }
            if matches!(request, Request::Decrypt { object, .. } if object.ends_with("model.tar.gz")) {
                state.opened_model = Some(path.display().to_string());
            }
        }
        outcome => {
            found::show(state, request, outcome, effects);
        }
    }
}

/// Opens the editor on a policy that was fetched for it, or shows it as it is to be.
fn edit_wanted_policy(state: &mut State, effects: &mut Vec<Effect>) {
    let (Some(Intent::EditPolicy { key_arn, change }), Some((arn, Ok(before)))) = (&state.intent, &state.policy) else {
        return;
    };
    if key_arn != arn {
        return;
    }
    let (key_arn, change, before) = (key_arn.clone(), change.clone(), before.clone());
    let purpose = Intent::Policy {
        key_arn: key_arn.clone(),
        before: before.clone(),
    };
    state.intent = None;
    let after = match change {
        Change::ByHand => {
            let text = kept::policy(state, &key_arn).unwrap_or(before);
            return review::edit(state, purpose, text, effects);
        }
        Change::Allow(role_arn) => policy::with_role(&before, &role_arn),
        Change::Back(earlier) => Ok(earlier),
    };
    match after {
        Ok(after) => review::show(state, purpose, before, after),
        Err(fault) => state.complain(fault),
    }
}
