//! A key policy on its way to KMS: edited in the person's editor, checked, shown as a diff, then put; or edited again.
//! Nothing typed is lost on the way.

use similar::TextDiff;

use super::format::{self, Line, Tone};
use super::state::State;
use super::state::continuation::Continuation;
use super::state::overlay::{Next, Overlay, Scroll};
use super::state::review::{Edit, PolicyOf, Review};
use super::{Effect, OpId, next, requests};
use crate::domain::{Ask, Door, Fault, KeyRequest, KeySpec, Request, policy};

/// The editor has ended. What it was opened on is known by its id.
pub(super) fn edited(state: &mut State, id: OpId, result: Result<String, Fault>, effects: &mut Vec<Effect>) {
    let Some((edit, turn)) = state.edits.remove(&id) else {
        return;
    };
    let (said, next) = match result {
        Ok(after) if edit.earlier.is_none() && edit.before.trim() == after.trim() => {
            return state.say(Tone::Dim, "The policy was not changed.");
        }
        Ok(after) => (None, Some(review(state, edit.of, edit.before, after))),
        // The editor has failed: what was being edited is as it was before.
        Err(fault) => (Some(fault), edit.earlier),
    };
    let next = next.map(|review| Next::show(Overlay::Review(review)));
    match (said, next) {
        (said, Some(next)) if state.is_still(turn) => {
            if let Some(fault) = said {
                state.complain(fault);
            }
            next::go_on(state, next, effects);
        }
        (Some(fault), next) => next::lead(state, (Tone::Bad, fault.at(Door::Dashboard), Some(fault)), next),
        (None, next) => next::lead(state, (Tone::Plain, "The policy was edited.".to_owned(), None), next),
    }
}

/// A policy before it is put.
pub(super) fn review(state: &State, of: PolicyOf, before: String, after: String) -> Review {
    let (problem, warning) = match policy::parse(&after) {
        Ok(parsed) => {
            let identity = state.identity.as_ref();
            (None, identity.and_then(|who| policy::lockout(&parsed, who, None)))
        }
        Err(fault) => (Some(fault.at(Door::Dashboard)), None),
    };
    Review {
        of,
        before,
        after,
        problem,
        warning,
        refusal: None,
        scroll: Scroll::default(),
    }
}

/// Edits it once more, from where it stands.
pub(super) fn again(state: &mut State, review: Review, effects: &mut Vec<Effect>) {
    let edit = Edit {
        of: review.of.clone(),
        before: review.before.clone(),
        text: review.after.clone(),
        earlier: Some(review),
    };
    next::go_on(state, Next::Edit(Box::new(edit)), effects);
}

/// Puts it; whoever would be locked out must say so in so many words.
pub(super) fn put(state: &mut State, review: Review, effects: &mut Vec<Effect>) {
    let Some(request) = request(&review) else {
        state.overlays.push(Overlay::Review(review));
        return;
    };
    if let Some(warning) = &review.warning {
        let known = format!("It locks you out: {warning}");
        let question = requests::question(state, request, Ask::Yes, &known);
        state.overlays.push(Overlay::Review(review));
        state.overlays.extend(question.map(Overlay::Confirm));
        return;
    }
    // The key that was pressed is the answer: everything that is asked about is on the screen.
    state.agreed(state.turn, request, Continuation::Review(Box::new(review)), effects);
}

/// What puts it, unless something is wrong with it.
pub(super) fn request(review: &Review) -> Option<Request> {
    if review.problem.is_some() {
        return None;
    }
    Some(match &review.of {
        PolicyOf::NewKey(spec) => Request::Key(KeyRequest::New(Box::new(KeySpec {
            policy: Some(review.after.clone()),
            ..(**spec).clone()
        }))),
        PolicyOf::Key(key_arn) => Request::Key(KeyRequest::PutPolicy {
            key_arn: key_arn.clone(),
            policy: review.after.clone(),
            accept_lockout: review.warning.is_some(),
        }),
    })
}

/// What is shown: what is wrong, what it would do, what changes.
pub(super) fn lines(review: &Review, columns: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut say = |tone: Tone, words: &str| {
        lines.extend(
            format::wrap(words, columns)
                .into_iter()
                .map(|line| Line::new(tone, line)),
        );
        lines.push(Line::blank());
    };
    for trouble in review.refusal.iter().chain(&review.problem) {
        say(Tone::Bad, trouble);
    }
    if let Some(warning) = &review.warning {
        say(Tone::Warn, warning);
    }
    if review.before.is_empty() {
        lines.extend(
            format::wrap(&review.after, columns)
                .into_iter()
                .map(|line| Line::new(Tone::Plain, line)),
        );
        return lines;
    }
    let diff = TextDiff::from_lines(&review.before, &review.after);
    for group in diff.grouped_ops(3) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (tone, sign) = match change.tag() {
                similar::ChangeTag::Delete => (Tone::Bad, "- "),
                similar::ChangeTag::Insert => (Tone::Good, "+ "),
                similar::ChangeTag::Equal => (Tone::Dim, "  "),
            };
            let pieces = format::wrap(change.value().trim_end_matches('\n'), columns.saturating_sub(2));
            lines.extend(
                pieces
                    .into_iter()
                    .map(|piece| Line::new(tone, format!("{sign}{piece}"))),
            );
        }
        lines.push(Line::new(Tone::Dim, "  ⋯"));
    }
    lines.pop();
    lines
}
