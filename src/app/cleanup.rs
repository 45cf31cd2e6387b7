//! Clean-up: what bears the tag of the walk and is still there, a line each, taken down one by one by whoever types its
//! name. After every line the plan is made anew, so that nothing is done by an old one.

use super::format::{self, Line, Tone};
use super::state::State;
use super::state::continuation::Continuation;
use super::state::overlay::{CleanUp, Overlay};
use super::{Effect, OpId, requests};
use crate::domain::request::word;
use crate::domain::{AccountRequest, Ask, CleanUpItem, Door, Fault, Request};

/// The columns of a kind, and of a name where there is room.
const KIND: usize = 15;
const NAME: usize = 34;

/// Opens the screen and looks for what there is.
pub(super) fn open(state: &mut State, effects: &mut Vec<Effect>) {
    state.overlays.push(Overlay::CleanUp(CleanUp::default()));
    state.begin(
        Request::Account(AccountRequest::PlanCleanUp),
        Continuation::CleanUp,
        effects,
    );
}

/// A line was taken down, or could not be: everything is looked at again, if anybody still looks.
pub(super) fn plan_again(state: &mut State, turn: u64, effects: &mut Vec<Effect>) {
    if shown(state).is_some() {
        state.begin_in(
            turn,
            Request::Account(AccountRequest::PlanCleanUp),
            Continuation::CleanUp,
            effects,
        );
    }
}

/// Whether the plan is being made, or a line of it taken down: nothing else is taken down meanwhile.
pub fn is_at_work(state: &State) -> bool {
    state.operations.running().any(|operation| {
        matches!(
            operation.continuation,
            Continuation::CleanUp | Continuation::PlanCleanUp
        )
    })
}

/// Whether no later plan than this was asked for.
fn is_newest(state: &State, id: OpId) -> bool {
    let mut plans = state.operations.newest_first();
    let newest = plans.find(|operation| operation.request == Request::Account(AccountRequest::PlanCleanUp));
    newest.is_none_or(|newest| newest.id == id)
}

/// What there is now. The cursor stays on its line; when that is gone, it goes on to what can be done.
pub(super) fn planned(state: &mut State, id: OpId, items: Vec<CleanUpItem>, refused: Vec<Fault>) {
    let is_newest = is_newest(state, id);
    let Some(shown) = shown(state).filter(|_| is_newest) else {
        return;
    };
    let same = shown.items.get(shown.cursor).and_then(|chosen| {
        let is_it = |item: &CleanUpItem| item.kind == chosen.kind && item.name == chosen.name;
        items.iter().position(is_it)
    });
    let can = |at: &usize| items.get(*at).is_some_and(|item| item.request.is_some());
    let next = || (shown.cursor..items.len()).chain(0..shown.cursor).find(can);
    let last = items.len().saturating_sub(1);
    shown.cursor = same.filter(can).or_else(next).unwrap_or(shown.cursor.min(last));
    (shown.items, shown.refused) = (items, refused);
}

/// The plan could not be made: what an earlier one knew is not shown for it.
pub(super) fn not_planned(state: &mut State, id: OpId, fault: &Fault) {
    let is_newest = is_newest(state, id);
    if let Some(shown) = shown(state).filter(|_| is_newest) {
        (shown.items, shown.refused, shown.cursor) = (Vec::new(), vec![fault.clone()], 0);
    }
}

fn shown(state: &mut State) -> Option<&mut CleanUp> {
    state.overlays.iter_mut().rev().find_map(|overlay| match overlay {
        Overlay::CleanUp(shown) => Some(shown),
        _ => None,
    })
}

/// The line with the cursor is to go: its name is asked for, or why it cannot go is said.
pub(super) fn take_down(state: &mut State) {
    let Some(Overlay::CleanUp(shown)) = state.overlays.last() else {
        return;
    };
    if is_at_work(state) {
        return state.say(Tone::Warn, "One line at a time: what goes on now is not done yet.");
    }
    let Some(item) = shown.items.get(shown.cursor).cloned() else {
        return;
    };
    let name = name(state, &item);
    match (item.request, item.refused) {
        (None, Some(why)) => state.say(Tone::Warn, format!("Not now: {why}.")),
        (None, None) => state.say(Tone::Dim, format!("Nothing is left to do for {name}.")),
        (Some(request), _) => {
            let known = format!("{}: {}.", format::capitalized(item.kind), item.state);
            let question = requests::question(state, request, Ask::Type(word(&name)), &known);
            state.overlays.extend(question.map(Overlay::Confirm));
        }
    }
}

/// What a person calls it.
fn name(state: &State, item: &CleanUpItem) -> String {
    let key = state.key_name(&item.name).map(str::to_owned);
    key.unwrap_or_else(|| format::last_part(&item.name).to_owned())
}

/// The lines, each with its state.
pub fn rows(state: &State, shown: &CleanUp, columns: usize) -> Vec<Vec<Line>> {
    let name_room = NAME.min(columns.saturating_sub(KIND + 24));
    let rows = shown.items.iter().map(|item| {
        let (tone, sign) = match (&item.request, &item.refused) {
            (Some(_), _) => (Tone::Warn, "○ "),
            (None, Some(_)) => (Tone::Bad, "✗ "),
            (None, None) => (Tone::Good, "✓ "),
        };
        let mut lines = vec![
            Line::new(tone, sign)
                .and(Tone::Accent, format::fit(item.kind, KIND))
                .and(Tone::Plain, format::fit(&name(state, item), name_room))
                .and(Tone::Plain, "  ")
                .and(Tone::Dim, item.state.clone()),
        ];
        let margin = " ".repeat(KIND + 2);
        if let Some(why) = &item.refused {
            let pieces = format::wrap(&format!("refused: {why}"), columns.saturating_sub(margin.len()));
            lines.extend(
                pieces
                    .into_iter()
                    .map(|piece| Line::new(Tone::Warn, format!("{margin}{piece}"))),
            );
        }
        lines
    });
    let refused = shown.refused.iter().map(|fault| {
        let pieces = format::wrap(&format!("not looked at: {}", fault.at(Door::Dashboard)), columns);
        pieces.into_iter().map(|piece| Line::new(Tone::Warn, piece)).collect()
    });
    rows.chain(refused).collect()
}

/// What is said where there is no line: what was looked for, and where.
pub fn empty(state: &State) -> &'static str {
    if is_at_work(state) {
        return "";
    }
    "Nothing bears the tag strongroom:workflow, which strongroom puts on the keys, buckets, roles, repositories and jobs \
     that it makes: those of this account and region were looked at, of the jobs those that run. What was made under a key \
     or in a bucket without it, such as grants, objects and models, is not listed: take that down in its pane."
}

/// Where the screen as a whole stands.
pub fn standing(state: &State, shown: &CleanUp) -> String {
    let open = shown.items.iter().filter(|item| item.request.is_some()).count();
    if is_at_work(state) {
        return "looking, or at work…".to_owned();
    }
    match (open, shown.refused.is_empty()) {
        (0, true) if shown.items.is_empty() => "nothing bears strongroom's tag".to_owned(),
        (0, true) => "nothing is left to take down; ended jobs and their logs stay with AWS".to_owned(),
        (0, false) => "not everything could be looked at".to_owned(),
        (open, _) => format!("{} to take down, one by one", format::count(open, "line")),
    }
}
