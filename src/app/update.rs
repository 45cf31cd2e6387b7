//! The one function that changes the state.

use jiff::Timestamp;

use super::form::Heard;
use super::pane::Pane;
use super::state::State;
use super::state::overlay::Overlay;
use super::{
    Effect, Event, Page, Topic, actions, cancelling, ended, guide, input, interrupted_uploads, job_alerts,
    policy_review, questions, row_updates, who_asked,
};
use crate::domain::policy;
use crate::domain::{Fault, FaultKind};

/// Takes in what happened; returns what to do.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    // Esc and the key after it, which came in one.
    if let Event::Key(key) = &event
        && let Some([esc, next]) = input::after_esc(state, key.normalized())
    {
        let mut effects = update(state, Event::Key(esc));
        effects.extend(update(state, Event::Key(next)));
        return effects;
    }
    let mut effects = Vec::new();
    match event {
        Event::Key(key) => input::press(state, key.normalized(), &mut effects),
        Event::Click(hit) => input::click(state, hit, &mut effects),
        Event::Wheel(hit, by) => input::wheel(state, hit, by, &mut effects),
        Event::Paste(text) => input::paste(state, &text),
        Event::Resize { cols, rows } => state.size = (cols, rows),
        Event::Tick(now) => {
            state.now = now;
            state.operations.tick(now);
            cancelling::tick(state, &mut effects);
        }
        Event::Connected {
            region,
            endpoint,
            elsewhere,
        } => {
            state.settings.region = Some(region);
            state.settings.endpoint = endpoint;
            state.elsewhere = elsewhere;
        }
        Event::Profiles(names) => state.settings.profiles = names,
        Event::Login(event) => questions::heard(state, event, &mut effects),
        Event::NotOpened(fault) | Event::Unaudited(fault) => state.complain(fault),
        Event::Asked(question) => questions::asked(state, question),
        Event::Asking(topic) => {
            if let Some(table) = state.table_of(&topic) {
                table.asking();
            }
        }
        Event::Answer {
            topic,
            walk,
            first,
            last,
            at,
            page,
        } if is_heard(state, &topic) => answer(state, topic, page, (walk, first, last, at), &mut effects),
        Event::Failed { topic, walk, fault, .. } if is_heard(state, &topic) => failed(state, topic, walk, fault),
        Event::Op { id, event } => ended::operation(state, id, event, &mut effects),
        Event::Edited { id, result } => policy_review::edited(state, id, result, &mut effects),
        Event::Terminate => cancelling::leave(state, &mut effects),
        Event::Answer { .. } | Event::Failed { .. } => {}
    }
    state.settle(&mut effects);
    guide::go_further(state);
    effects
}

/// Whether the answer still says something: about a row it always does, about all else while somebody looks.
fn is_heard(state: &State, topic: &Topic) -> bool {
    topic.is_row() || state.watched.contains(topic)
}

fn answer(
    state: &mut State,
    topic: Topic,
    page: Page,
    (walk, first, last, at): (u64, bool, bool, Timestamp),
    effects: &mut Vec<Effect>,
) {
    state.ask_once.remove(&topic);
    state.opened.remove(&topic);
    match page {
        Page::Identity(identity) => {
            state.identity = Some(identity);
            state.unidentified = false;
        }
        Page::Keys(rows) => state.keys.answer(walk, first, last, at, rows),
        Page::Key(key) => {
            if let Topic::Key(asked) = topic {
                state.key_read(&asked, key);
            }
        }
        Page::KeyPolicy(policy) => {
            if let Topic::KeyPolicy(arn) = topic {
                state.policy = Some((arn, Ok(policy::readable(&policy))));
            }
        }
        Page::Grants(rows) => state.grants.answer(walk, first, last, at, rows),
        Page::Who(page) => {
            if let Topic::Who(arn) = topic {
                who_asked::answer(state, &arn, page, first, last);
            }
        }
        Page::Buckets(rows) => {
            state.buckets.answer(walk, first, last, at, rows);
            if last {
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
        Page::Object(row) => {
            if let Topic::Object { bucket, .. } = topic {
                row_updates::object_read(state, &bucket, row);
            }
        }
        Page::Versions(versions) => {
            if let Topic::Versions { bucket, key } = topic {
                state.versions_read((bucket, key), Ok(versions));
            }
        }
        Page::Jobs(rows) => {
            for job in &rows {
                job_alerts::tell_end(state, job, effects);
            }
            state.jobs.answer(walk, first, last, at, rows);
        }
        Page::JobsChanged(rows) => {
            for job in rows.into_iter().rev() {
                job_alerts::tell_end(state, &job, effects);
                state.jobs.merge(job);
            }
            if last {
                state.jobs.answered(at);
            }
        }
        Page::Job(job) => {
            job_alerts::tell_end(state, &job, effects);
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
            for log in logs {
                log.append(lines.clone());
                state.losses.read(log);
            }
        }
        Page::Interrupted(uploads) => interrupted_uploads::answer(state, uploads),
        Page::Roles(rows) => {
            if first {
                state.roles.clear();
            }
            state.roles.extend(rows);
            for overlay in &mut state.overlays {
                if let Overlay::Form(form) = overlay {
                    form.offer_roles(&state.roles);
                    form.heard_of_roles(Heard::Rows);
                }
            }
            if last {
                actions::send_waiting(state, effects);
            }
        }
    }
}

/// Opens the bucket that the work is most likely about, unless the person is choosing one, or has.
fn open_first(state: &mut State) {
    let is_choosing = state.focus == Pane::Objects && state.turn > 0;
    if std::mem::replace(&mut state.opened_once, true) || is_choosing || state.place.is_some() {
        return;
    }
    let mut buckets = state.buckets.rows().iter();
    let likely = buckets.find(|bucket| bucket.name.starts_with("sagemaker"));
    state.place = likely.map(|bucket| (bucket.name.clone(), String::new()));
}

/// A row that cannot be looked at closer keeps its place; passing trouble is asked about again by itself.
fn refuse(state: &mut State, id: String, fault: Fault) {
    if !fault.is_unheard() {
        state.refused.insert(id, fault);
    }
}

fn failed(state: &mut State, topic: Topic, walk: u64, fault: Fault) {
    if !fault.is_unheard() {
        state.ask_once.remove(&topic);
    }
    if let Some(table) = state.table_of(&topic) {
        return table.failed(walk, fault);
    }
    state.not_opened(&topic, &fault);
    match topic {
        Topic::KeyPolicy(arn) => {
            state.policy = Some((arn, Err(fault)));
        }
        Topic::Who(arn) => who_asked::failed(state, &arn, fault),
        // Who only rests on an object has not asked for them.
        Topic::Versions { bucket, key } => state.versions_read((bucket, key), Err(fault)),
        Topic::Object { bucket, key } if fault.kind == FaultKind::NotFound => {
            row_updates::objects_gone(state, &bucket, [&key]);
        }
        Topic::Key(id) | Topic::Object { key: id, .. } | Topic::Job(id) => refuse(state, id, fault),
        // The lists on screen say it where their rows are, and are refused or late for the same reason.
        Topic::Keys
        | Topic::Grants(_)
        | Topic::Buckets
        | Topic::Objects { .. }
        | Topic::Jobs
        | Topic::Files(_)
        | Topic::Interrupted => {}
        Topic::Identity => {
            state.unidentified = true;
            state.complain(fault);
        }
        Topic::Roles => {
            for overlay in &mut state.overlays {
                if let Overlay::Form(form) = overlay {
                    form.stop_waiting();
                    form.heard_of_roles(Heard::Refusal);
                }
            }
            state.complain(fault);
        }
        // Who only rests on a job has not asked for its log.
        Topic::Log(name) if state.overlays.is_empty() => {
            if state.job_log.job == name {
                state.job_log.trouble = Some(Box::new(fault));
            }
        }
        Topic::Log(_) => state.complain(fault),
    }
}
