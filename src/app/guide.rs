//! The walk at work: its cursor, and what each step begins. Where the steps stand is [`crate::app::state::walk`]'s.

use super::format::Tone;
use super::pane::Pane;
use super::state::State;
use super::state::action::Action;
use super::state::linked::Linked;
use super::state::overlay::{Overlay, Subject, Walk};
use super::state::target::Target;
pub use super::state::walk::{Mark, Standing, Step, steps};
use super::state::walk::{is_worth_a_look, next_files, role_arn};
use super::table::Listing as _;
use super::{Effect, actions, details};

/// The first step that is not as it should be; the last one when all are.
fn first_open(steps: &[Standing]) -> usize {
    let open = |standing: &Standing| matches!(standing.mark, Mark::Open | Mark::Wrong);
    steps.iter().position(open).unwrap_or(steps.len().saturating_sub(1))
}

/// Opens it, on the first step that is not as it should be.
pub(super) fn open(state: &mut State) {
    let row = first_open(&steps(state));
    state.overlays.push(Overlay::Guide(Walk {
        row,
        is_chosen: false,
        begun: None,
    }));
}

/// The cursor stands on the first step that is not as it should be, whatever becomes known meanwhile. Where the person has
/// moved it, it goes on only once the step under it, which was begun, is done.
pub(super) fn go_further(state: &mut State) {
    let first = first_open(state.walk());
    let is_done = |step: usize| {
        state
            .walk()
            .get(step)
            .is_some_and(|standing| standing.mark == Mark::Done)
    };
    let Some(&Overlay::Guide(mut walk)) = state.overlays.last() else {
        return;
    };
    if let Some(begun) = walk.begun.take_if(|begun| is_done(*begun)) {
        walk.is_chosen &= walk.row != begun;
    }
    if !walk.is_chosen {
        walk.row = first;
    }
    if let Some(Overlay::Guide(shown)) = state.overlays.last_mut() {
        *shown = walk;
    }
}

/// Does what the step in this row of the walk needs next. The walk stays below whatever that asks or shows, unless it is a
/// pane that is gone to.
pub(super) fn go(state: &mut State, row: usize, effects: &mut Vec<Effect>) {
    let Some(step) = steps(state).get(row).map(|standing| standing.step) else {
        return;
    };
    let leaves = match step {
        Step::Key => state.key().is_some(),
        Step::Bucket => state.place.is_some() || state.buckets.count() > 0,
        _ => false,
    };
    match state.overlays.last_mut() {
        Some(Overlay::Guide(_)) if leaves => drop(state.overlays.pop()),
        Some(Overlay::Guide(walk)) => walk.begun = Some(row),
        _ => {}
    }
    begin(state, step, effects);
}

fn begin(state: &mut State, step: Step, effects: &mut Vec<Effect>) {
    let linked = Linked::of(state);
    match step {
        Step::Key => {
            state.focus = Pane::Keys;
            if state.key().is_none() {
                actions::run_here(state, &actions::NEW, effects);
            }
        }
        Step::Bucket => {
            state.focus = Pane::Objects;
            if state.place.is_none() && state.buckets.count() == 0 {
                actions::run_here(state, &actions::NEW, effects);
            }
        }
        Step::Role => further(state, &actions::NEW_ROLE, effects),
        Step::Denied | Step::Allowed => {
            let (Some(key), Some(role)) = (state.key().map(|key| key.arn.clone()), role_arn(state, &linked)) else {
                return state.say(Tone::Warn, "A proof needs a key and a role first.");
            };
            actions::prove(state, key, role, effects);
        }
        Step::Grant => {
            state.focus = Pane::Grants;
            let role = role_arn(state, &linked).unwrap_or_default();
            actions::grant_to(state, &role);
        }
        Step::Data => encrypt(state, effects),
        Step::Image => further(state, &actions::BUILD_IMAGE, effects),
        Step::Job => match (
            linked.reading_job(state).map(|job| job.id().into_owned()),
            linked.token(state),
        ) {
            (Some(name), _) if is_worth_a_look(state, &linked) => {
                state.focus = Pane::Jobs;
                state.jobs.set_filter("");
                state.jobs.want(&name);
                details::open(state, Subject::Job(name));
            }
            (_, Some(row)) => {
                let key = row.key().to_owned();
                state.focus = Pane::Objects;
                // What is trained on is what the step has named, whatever is filtered or marked.
                state.objects.set_filter("");
                state.objects.clear_marks();
                state.objects.want(&key);
                actions::run_here(state, &actions::TRAIN, effects);
            }
            _ => state.say(Tone::Warn, "Encrypt the data first."),
        },
        Step::Model => actions::ask_model(state),
        Step::CleanUp => further(state, &actions::CLEAN_UP, effects),
    }
}

fn encrypt(state: &mut State, effects: &mut Vec<Effect>) {
    if let Err(why) = state.settings.may_change() {
        return state.say(Tone::Warn, why);
    }
    let (files, is_chosen) = next_files(state);
    if files.is_empty() || state.key().is_none() || state.place.is_none() {
        return state.say(
            Tone::Warn,
            "To encrypt and upload: select a key (1), open a bucket (3), select a file (5).",
        );
    }
    actions::encrypt_these(state, files, is_chosen, effects);
}

fn further(state: &mut State, action: &Action, effects: &mut Vec<Effect>) {
    let target = Target::of(state);
    actions::run(state, action, &target, effects);
}
