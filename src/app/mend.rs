//! Goes to where the chain of what is selected breaks, or is weakest, and begins what mends it: asked first, like any change.

use super::command::Command;
use super::format::Tone;
use super::pane::Pane;
use super::state::State;
use super::state::chain::{Chain, Link, Place, Standing};
use super::state::overlay::Subject;
use super::table::Listing as _;
use super::{Effect, actions, details, reader_text, requests, row_updates};
use crate::domain::Ask;

/// Goes to the weakest link, and to its remedy.
pub(super) fn go(state: &mut State, effects: &mut Vec<Effect>) {
    let chain = state.chain().clone();
    let Some(link) = chain.weakest() else { return };
    if link.standing <= Standing::Busy {
        return state.say(Tone::Good, "The chain holds, as far as it was looked at.");
    }
    match link.place {
        Place::Key => key(state, &chain, link, effects),
        Place::Role => role(state, &chain, link, effects),
        Place::Object => object(state, &chain, link),
        Place::Job => job(state, &chain, link, effects),
    }
}

/// Puts the cursor of the keys on the key of the chain; false if that is not listed, so that nothing is done to another.
fn select_key(state: &mut State, chain: &Chain) -> bool {
    let is_selected = |state: &State| state.key().map(|key| key.arn.as_str()) == chain.key.as_deref();
    if let Some(arn) = chain.key.as_deref().filter(|_| !is_selected(state)) {
        state.keys.set_filter("");
        state.keys.want(arn);
    }
    is_selected(state)
}

fn look_again(state: &mut State, words: &str, effects: &mut Vec<Effect>) {
    row_updates::ask_visible(state);
    effects.push(Effect::Refresh(state.watched_topics().to_vec()));
    state.say(Tone::Plain, format!("{words}: it is asked for again."));
}

fn key(state: &mut State, chain: &Chain, link: &Link, effects: &mut Vec<Effect>) {
    state.focus = Pane::Keys;
    let repair = select_key(state, chain).then(|| actions::restoration(state)).flatten();
    match (link.standing, repair) {
        (Standing::Broken, Some(request)) => requests::ask(state, request, Ask::Yes, effects),
        (Standing::Open, _) => state.say(Tone::Plain, "Select a key, or make one (n)."),
        _ => look_again(state, &format!("The key is {}", link.words), effects),
    }
}

fn role(state: &mut State, chain: &Chain, link: &Link, effects: &mut Vec<Effect>) {
    // What is granted already is not granted once more.
    if chain.again.is_some() {
        return job(state, chain, link, effects);
    }
    let is_selected = select_key(state, chain);
    let repair = chain.job.as_deref().filter(|_| link.standing == Standing::Broken);
    let repair = repair.and_then(|name| reader_text::job_explained(state, name)?.repair);
    state.focus = Pane::Grants;
    // It is the role of the job or object that the chain is about, which the grant under the cursor need not be to.
    if let Some(id) = &chain.grant {
        state.grants.set_filter("");
        state.grants.want(id);
    }
    match (repair, link.standing) {
        (Some(request), _) => requests::ask(state, request, Ask::Yes, effects),
        (None, Standing::Unknown) => look_again(state, &format!("The role: {}", link.words), effects),
        (None, Standing::Broken) if chain.is_granted => {
            let prove = state.settings.keymap.key(Command::Do(super::Keyed::Prove));
            let words = format!(
                "{} was {}, though it has a grant: that takes some minutes to be known everywhere. {prove} proves it \
                 again.",
                link.name, link.words
            );
            state.say(Tone::Warn, words);
        }
        (None, _) if !is_selected => {
            let open = state.settings.keymap.key(Command::Open);
            state.say(
                Tone::Warn,
                format!(
                    "The key is not listed here: open it by its name ({open}) to grant {} its use.",
                    link.name
                ),
            );
        }
        (None, _) => actions::grant_to(state, chain.role.as_deref().unwrap_or_default()),
    }
}

/// Starts a job again that was refused what is granted by now: in a form that has it as it was.
pub(super) fn again(state: &mut State, name: &str, effects: &mut Vec<Effect>) {
    state.focus = Pane::Jobs;
    state.jobs.set_filter("");
    state.jobs.want(name);
    actions::run_here(state, &actions::CLONE, effects);
}

fn object(state: &mut State, chain: &Chain, link: &Link) {
    state.focus = Pane::Objects;
    let verify = state.settings.keymap.key(Command::Do(super::Keyed::Verify));
    match (&chain.object, link.standing) {
        (Some(key), Standing::Broken) => {
            state.objects.want(key);
            details::open(state, Subject::Object(key.clone()));
        }
        (Some(key), _) => {
            state.objects.want(key);
            state.say(
                Tone::Plain,
                format!("{}: {}. {verify} reads it to its end.", link.name, link.words),
            );
        }
        (None, Standing::Open) => {
            state.say(
                Tone::Plain,
                "Select an object that is encrypted under the key, or encrypt a file (5, e).",
            );
        }
        (None, _) => state.say(Tone::Plain, format!("Go to {} to look at it (O).", link.name)),
    }
}

fn job(state: &mut State, chain: &Chain, link: &Link, effects: &mut Vec<Effect>) {
    match (&chain.job, link.standing) {
        (Some(name), Standing::Unknown) => {
            state.focus = Pane::Jobs;
            look_again(state, &format!("{name} is {}", link.words), effects);
        }
        (Some(name), _) => {
            state.focus = Pane::Jobs;
            state.jobs.want(name);
            details::open(state, Subject::Job(name.clone()));
        }
        (None, _) => {
            state.focus = Pane::Objects;
            actions::run_here(state, &actions::TRAIN, effects);
        }
    }
}
