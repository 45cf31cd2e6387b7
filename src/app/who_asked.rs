//! Who can use a key, and who did, from being opened to what is answered; what is on screen of it is [`super::who`].

use std::sync::Arc;

use super::format::Tone;
use super::state::overlay::{Overlay, Report};
use super::state::{State, layout};
use super::who::Who;
use super::{Effect, Topic, WhoPage};
use crate::domain::who::{Extent, WhoReport};
use crate::domain::{Fault, KeyRequest, Request};

/// Reports of a session that are kept.
const KEPT: usize = 8;

/// Opens it on the key with the cursor: as it was found out before, or it is asked now.
pub(super) fn open(state: &mut State) {
    let Some(key) = state.key() else { return };
    let kept = state.who_of(&key.arn);
    let shown = Who::new(key, kept);
    state.overlays.push(Overlay::Who(Box::new(shown)));
}

/// Everything of the row with the cursor.
pub(super) fn read(state: &mut State) {
    let (columns, _) = layout::reader(state);
    let Some(Overlay::Who(shown)) = state.overlays.last() else {
        return;
    };
    let (title, lines) = shown.told(columns);
    state.overlays.push(Overlay::Report(Report::new(title, lines, None)));
}

/// Asks anew.
pub(super) fn again(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(Overlay::Who(shown)) = state.overlays.last_mut() else {
        return;
    };
    if shown.is_reading() {
        let words = "It is being read, and kept as it comes: ask again once all of it is there.";
        return state.say(Tone::Dim, words);
    }
    // What is asked for already is to be asked again; what is not is asked as it is watched.
    if shown.ask_again() {
        effects.push(Effect::Refresh(vec![Topic::Who(shown.key_arn.clone())]));
    }
}

/// Keeps it with the evidence.
pub(super) fn save(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(Overlay::Who(shown)) = state.overlays.last() else {
        return;
    };
    if shown.found.access.is_none() {
        return state.say(Tone::Warn, "There is nothing to keep yet.");
    }
    let request = KeyRequest::SaveWho {
        key_arn: shown.key_arn.clone(),
        report: Arc::clone(&shown.found),
    };
    state.start(Request::Key(request), effects);
}

/// A part of the answer has come.
pub(super) fn answer(state: &mut State, key_arn: &str, page: WhoPage, is_first: bool, is_last: bool) {
    let Some(shown) = shown(state, key_arn) else { return };
    if is_first {
        shown.begin_anew();
    }
    shown.fault = None;
    shown.take(page);
    if is_last {
        let (key_arn, found) = (shown.key_arn.clone(), Arc::clone(&shown.found));
        state.keep_who(key_arn, found);
    }
}

/// Nothing of the key could be read.
pub(super) fn failed(state: &mut State, key_arn: &str, fault: Fault) {
    if let Some(shown) = shown(state, key_arn) {
        shown.fault = Some(fault);
    }
}

fn shown<'a>(state: &'a mut State, key_arn: &str) -> Option<&'a mut Who> {
    state.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Who(shown) if shown.key_arn == key_arn => Some(&mut **shown),
        _ => None,
    })
}

impl State {
    /// What was found out of this key in this session, if the whole history was read.
    fn who_of(&self, key_arn: &str) -> Option<Arc<WhoReport>> {
        let mut kept = self.whos.iter();
        kept.find(|(of, _)| of == key_arn).map(|(_, found)| Arc::clone(found))
    }

    fn keep_who(&mut self, key_arn: String, found: Arc<WhoReport>) {
        self.whos.retain(|(of, _)| *of != key_arn);
        if matches!(found.uses.extent, Extent::Whole(_) | Extent::Part) {
            self.whos.push((key_arn, found));
        }
        if self.whos.len() > KEPT {
            self.whos.remove(0);
        }
    }
}
