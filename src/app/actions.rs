//! Everything that is done to a thing: each action one item in the file of its area, with its words, where it is offered,
//! what it begins, and its form beside what reads it. The menu, the palette and the keys take it from here. The words of those
//! that have keys are [`Keyed`]'s, which the help and a person's own keys name too.
//!
//! An action is about a [`Target`], which is fixed when it is chosen: whatever arrives meanwhile, nothing is done to anything
//! else.

mod account;
mod audits;
mod bulk;
mod grants;
mod images;
mod jobs;
mod keys;
mod menu;
mod messages;
mod objects;
mod proofs;
mod rewraps;
mod roles;
mod seals;

pub(super) use account::{CLEAN_UP, ask_export, ask_save as ask_save_audit};
pub(super) use audits::{ask_audit_again, ask_save_inventory};
pub(super) use grants::to as grant_to;
pub(super) use images::BUILD as BUILD_IMAGE;
pub(super) use jobs::{CLONE, TRAIN, ask_save as ask_save_log, list as list_job};
pub(super) use keys::{deletion, policy_drafted, policy_read, restoration};
pub(super) use menu::{menu, paste as paste_into_menu, press as press_menu};
pub(super) use objects::{ask_decrypt_version, ask_model, bucket_counted, encrypt_these, preview};
pub(super) use proofs::prove;
pub(super) use rewraps::rewrapped;
pub(super) use roles::NEW as NEW_ROLE;
pub(super) use seals::seal_planned;

use super::command::{COMMANDS, Command, Keyed};
use super::form::{Blank, Filled, Form, LISTED_STILL, Sent};
use super::format::Tone;
use super::pane::Pane;
use super::state::action::{Action, Begin, Offer};
use super::state::continuation::Continuation;
use super::state::overlay::{Menu, Overlay, Subject};
use super::state::target::Target;
use super::state::{State, reference};
use super::{Effect, details, requests};
use crate::domain::{Ask, Request};

/// The further actions, in the order of the menu.
pub const MENU: &[&Action] = &[
    &objects::PREVIEW,
    &objects::MEMBERS,
    &objects::VERSIONS,
    &proofs::OBJECT,
    &bulk::AUDIT,
    &bulk::REPORT,
    &bulk::GO_ON,
    &keys::WHO,
    &keys::DEPENDENTS,
    &keys::POLICY,
    &keys::EDIT_POLICY,
    &keys::PUT_POLICY_BACK,
    &keys::ALLOW_ROLE,
    &keys::ADD_ALIAS,
    &keys::MOVE_ALIAS,
    &keys::DELETE_ALIAS,
    &keys::TAGS,
    &keys::DESCRIBE,
    &keys::ROTATION_ON,
    &keys::ROTATION_OFF,
    &messages::ENCRYPT,
    &messages::DECRYPT,
    &messages::NEW_DATA_KEY,
    &messages::OPEN_DATA_KEY,
    &messages::RE_WRAP,
    &proofs::GRANT_CYCLE,
    &grants::RETIRE,
    &grants::EVERYWHERE,
    &rewraps::REWRAP,
    &seals::ROTATE,
    &seals::ENCRYPT,
    &bulk::REWRAP,
    &bulk::ROTATE,
    &bulk::ENCRYPT,
    &objects::EMPTY_BUCKET,
    &objects::DELETE_BUCKET,
    &jobs::METRICS,
    &jobs::CLONE,
    &roles::NEW,
    &roles::POLICIES,
    &roles::DETACH_POLICY,
    &roles::TRUST_SERVICE,
    &roles::TRUST_CALLER,
    &roles::DISTRUST_CALLER,
    &roles::DELETE,
    &images::NEW_REPOSITORY,
    &images::BUILD,
    &images::TRY,
    &objects::INTERRUPTED,
    &AS_JSON,
    &account::CLEAN_UP,
    &account::AUDIT,
];

/// The action that has this key.
pub(super) fn keyed(keyed: Keyed) -> &'static Action {
    match keyed {
        Keyed::Encrypt => &objects::ENCRYPT,
        Keyed::Decrypt => &objects::DECRYPT,
        Keyed::Verify => &objects::VERIFY,
        Keyed::Prove => &proofs::ACCESS,
        Keyed::New => &NEW,
        Keyed::Remove => &REMOVE,
        Keyed::Restore => &keys::RESTORE,
        Keyed::Train => &jobs::TRAIN,
        Keyed::Log => &jobs::LOG,
        Keyed::Preview => &objects::PREVIEW,
        Keyed::Who => &keys::WHO,
        Keyed::Audit => &account::AUDIT,
        Keyed::AuditObjects => &audits::AUDIT_OBJECTS,
    }
}

/// The same in this pane. A model is an archive: its members are listed, and each can be previewed.
pub(super) fn keyed_in(pane: Pane, key: Keyed) -> &'static Action {
    match (key, pane) {
        (Keyed::Preview, Pane::Jobs) => &objects::MEMBERS,
        (Keyed::AuditObjects, Pane::Jobs) => &bulk::REPORT,
        _ => keyed(key),
    }
}

impl State {
    /// Whether the command does something with the cursor where it is.
    pub fn is_available(&self, command: Command) -> bool {
        let reading = match self.overlays.last() {
            Some(Overlay::Log(_)) => true,
            Some(Overlay::Audit(_) | Overlay::Inventory(_) | Overlay::Who(_)) => command == Command::Save,
            _ => false,
        };
        match command {
            Command::Do(key) => keyed_in(self.focus, key).is_offered(self),
            Command::Mark | Command::MarkAll | Command::MarkInvert | Command::MarkRange => {
                is_markable(self) && reference(self).is_some()
            }
            Command::Copy | Command::CopyCommand | Command::CopyAs | Command::Export => reference(self).is_some(),
            Command::Parent => self.focus == Pane::Files || self.focus == Pane::Objects && self.place.is_some(),
            Command::NextMatch | Command::PreviousMatch | Command::Only => reading,
            Command::Follow | Command::Wrap | Command::Times | Command::Host | Command::Save => reading,
            _ => true,
        }
    }
}

/// Something new, of what the pane holds.
pub(super) const NEW: Action = Action {
    label: Keyed::New.name(),
    help: Keyed::New.help(),
    changes: true,
    offered: |state, target| match target.pane {
        Pane::Keys | Pane::Objects => Ok(()),
        Pane::Grants | Pane::Files => only_if(
            target.pane == Pane::Grants && target.key.is_some(),
            "For a new grant, select a key first (1).",
        )
        .and_then(|()| grants::takes_grants(state, target)),
        Pane::Jobs => only_if(
            target.object(state).is_some(),
            "For a new job, select an encrypted object first (3).",
        ),
    },
    begin: |state, target| {
        Some(Begin::Fill(match target.pane {
            Pane::Keys => keys::new(state),
            Pane::Grants => grants::new(state, target)?,
            Pane::Objects => objects::new(state),
            Pane::Jobs => jobs::new(state, target)?,
            Pane::Files => return None,
        }))
    },
};

/// Takes away what the cursor is on.
pub(super) const REMOVE: Action = Action {
    label: Keyed::Remove.name(),
    help: Keyed::Remove.help(),
    changes: true,
    offered: |state, target| match target.pane {
        Pane::Keys => only_if(
            keys::remove(state).is_some(),
            "It is pending deletion already; u takes that back.",
        ),
        Pane::Grants => only_if(state.grants.current().is_some(), NOTHING_TO_REMOVE),
        Pane::Objects => objects::on_objects(state, target, NOTHING_TO_REMOVE),
        Pane::Jobs => only_if(
            jobs::stop(state, target).is_some(),
            "Only a job in progress can be stopped.",
        ),
        Pane::Files => Err(NOTHING_TO_REMOVE),
    },
    begin: |state, target| match target.pane {
        Pane::Keys => keys::remove(state),
        Pane::Grants => Some(Begin::Ask(grants::revocation(state)?)),
        Pane::Objects => Some(Begin::Ask(objects::deletion(state, target)?)),
        Pane::Jobs => Some(Begin::Ask(jobs::stop(state, target)?)),
        Pane::Files => None,
    },
};

/// The last page of its details.
const AS_JSON: Action = Action {
    label: "json",
    help: "All that is known of it, as JSON",
    changes: false,
    offered: |state, _| {
        let has_page = |subject: Subject| subject.pages().contains(&"JSON");
        only_if(state.subject().is_some_and(has_page), "")
    },
    begin: |_, _| {
        Some(Begin::Do(|state, _| {
            if let Some(subject) = state.subject() {
                details::open_page(state, subject, "JSON");
            }
        }))
    },
};

const NOTHING_TO_REMOVE: &str = "Nothing here can be removed.";

/// A form, with what reads it.
#[expect(
    clippy::unnecessary_wraps,
    reason = "it is what an action begins, where it begins anything"
)]
fn fill(form: Blank, reader: impl Fn(&Filled<'_>) -> Result<Sent, String> + Send + Sync + 'static) -> Option<Begin> {
    Some(Begin::Fill(form.reading(reader)))
}

/// What a form asks for.
#[expect(
    clippy::unnecessary_wraps,
    reason = "it ends what reads a form, which may fail before"
)]
fn asks(request: impl Into<Request>) -> Result<Sent, String> {
    Ok(Sent::Requests(vec![request.into()]))
}

/// A request that needs no form.
#[expect(
    clippy::unnecessary_wraps,
    reason = "it is what an action begins, where it begins anything"
)]
fn start(request: impl Into<Request>) -> Option<Begin> {
    Some(Begin::Start(request.into()))
}

/// Offered if that holds; else there.
fn only_if(holds: bool, elsewhere: &'static str) -> Offer {
    if holds { Ok(()) } else { Err(elsewhere) }
}

/// Offered in these panes.
fn in_panes(target: &Target, panes: &[Pane]) -> Offer {
    only_if(panes.contains(&target.pane), "")
}

/// Does it to what the cursor is on now, or says where it could be done.
pub(super) fn run_here(state: &mut State, action: &Action, effects: &mut Vec<Effect>) {
    let target = Target::of(state);
    match action.offer(state, &target) {
        Ok(()) => run(state, action, &target, effects),
        Err("") => state.say(Tone::Warn, format!("Not here: {}.", action.label)),
        Err(elsewhere) => state.say(Tone::Warn, elsewhere),
    }
}

/// Does it, or asks for what it needs first.
pub(super) fn run(state: &mut State, action: &Action, target: &Target, effects: &mut Vec<Effect>) {
    // Nothing is asked for what would be refused in the end.
    if action.changes
        && let Err(why) = state.settings.may_change()
    {
        return state.say(Tone::Warn, why);
    }
    let begun = (action.begin)(state, target);
    if begun.is_some()
        && let Some(words) = objects::left_out(state, action, target)
    {
        state.say(Tone::Warn, words);
    }
    state.intend(action);
    match begun {
        Some(Begin::Start(request)) => {
            state.start(request, effects);
        }
        Some(Begin::Ask(request)) => requests::ask(state, request, Ask::Yes, effects),
        Some(Begin::Then(request, continuation)) => {
            state.begin(request, continuation, effects);
        }
        Some(Begin::Fill(form)) => state.ask(form),
        Some(Begin::Do(change)) => {
            state.note_use(effects);
            change(state, effects);
        }
        None => {}
    }
}

/// What an action would ask for as things stand; nothing while something must be filled in first.
pub(super) fn foreseen(state: &State, menu: &Menu) -> Vec<Request> {
    let begun = menu
        .actions
        .get(menu.cursor)
        .and_then(|action| (action.begin)(state, &menu.target));
    match begun {
        Some(Begin::Start(request) | Begin::Ask(request)) => vec![request],
        Some(Begin::Then(request, continuation)) => objects::foreseen(&request, &continuation).into_iter().collect(),
        Some(Begin::Fill(form)) => requests(&form),
        Some(Begin::Do(_)) | None => Vec::new(),
    }
}

/// What a form asks for as it is filled in; nothing while something is missing.
pub(super) fn requests(form: &Form) -> Vec<Request> {
    match form.read() {
        Ok(Sent::Requests(requests)) => requests,
        Ok(Sent::Job(request) | Sent::Draft(request, _)) => vec![request],
        Ok(Sent::Change(..) | Sent::Go(..)) | Err(_) => Vec::new(),
    }
}

/// Sends the form on top, if it was sent while the roles were listed.
pub(super) fn send_waiting(state: &mut State, effects: &mut Vec<Effect>) {
    let is_waiting = |top: &mut Overlay| match top {
        Overlay::Form(form) => form.stop_waiting(),
        _ => false,
    };
    if let Some(Overlay::Form(form)) = state.overlays.pop_if(is_waiting) {
        send(state, form, effects);
    }
}

/// Sends a filled form; or says in it why it cannot be sent yet. The form stays until what it asked for has come out well.
pub(super) fn send(state: &mut State, mut form: Form, effects: &mut Vec<Effect>) {
    let sent = match form.read() {
        Ok(sent) => sent,
        Err(problem) => {
            form.is_waiting = problem == LISTED_STILL;
            form.problem = Some(problem);
            return state.overlays.push(Overlay::Form(form));
        }
    };
    let boxed = Box::new(form.clone());
    let (requests, continuation) = match sent {
        Sent::Go(bucket, prefix) => {
            state.place = Some((bucket, prefix));
            state.objects.reset();
            return state.note_use(effects);
        }
        Sent::Job(request) => {
            state.focus = Pane::Jobs;
            (vec![request], Continuation::Form(boxed))
        }
        Sent::Draft(request, spec) => (vec![request], Continuation::NewKey(spec, boxed)),
        Sent::Change(request, change) => (vec![request], Continuation::ChangePolicy(change, Some(boxed))),
        Sent::Requests(requests) => (requests, Continuation::Form(boxed)),
    };
    if let [request] = requests.as_slice()
        && let Some(question) = requests::question(state, request.clone(), Ask::Never, "")
    {
        state.overlays.push(Overlay::Form(form));
        state.overlays.push(Overlay::Confirm(question));
        return;
    }
    let mut continuation = Some(continuation);
    for request in requests {
        let continuation = continuation.take().unwrap_or(Continuation::Nothing);
        state.begin(request, continuation, effects);
    }
}

/// Whether the rows of the pane with the cursor can be marked.
fn is_markable(state: &State) -> bool {
    match state.focus {
        Pane::Files => true,
        Pane::Objects => state.place.is_some(),
        Pane::Keys | Pane::Grants | Pane::Jobs => false,
    }
}

/// The key that does it to what the cursor is on, if there is one.
pub fn key_of(state: &State, action: &Action) -> Option<String> {
    let mut commands = COMMANDS.iter().map(|entry| entry.command);
    let command = commands.find(|command| matches!(command, Command::Do(key) if keyed_in(state.focus, *key) == action));
    command.map(|command| state.settings.keymap.key(command))
}

#[cfg(test)]
mod tests;
