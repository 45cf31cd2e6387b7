//! A key policy on its way to KMS: edited in the person's editor, checked, shown as a diff, then put; or edited again.
//! Nothing typed is lost on the way.

use similar::TextDiff;

use super::continuation::{self, Continuation, Next};
use super::format::{self, Line, Tone};
use super::overlay::{Overlay, Scroll};
use super::state::State;
use super::{Effect, OpId, asking};
use crate::domain::{Ask, Door, Fault, KeyRequest, KeySpec, Request, policy};

/// A policy to be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// Whose it is.
    pub of: PolicyOf,
    /// What was there before; empty for a new key.
    pub before: String,
    /// What is to be.
    pub after: String,
    /// Why it cannot be put.
    pub problem: Option<String>,
    /// What it would do to the person.
    pub warning: Option<String>,
    /// Why it was not put.
    pub refusal: Option<String>,
    /// Where it is scrolled to.
    pub scroll: Scroll,
}

/// Whose policy it is.
#[derive(Debug, Clone, PartialEq)]
pub enum PolicyOf {
    /// That of this key (ARN).
    Key(String),
    /// That of a key still to be made.
    NewKey(Box<KeySpec>),
}

impl PolicyOf {
    /// The key's ARN, if there is one.
    pub(super) fn key_arn(&self) -> Option<&str> {
        match self {
            Self::Key(key_arn) => Some(key_arn),
            Self::NewKey(_) => None,
        }
    }
}

/// A policy on its way to the person's editor.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    of: PolicyOf,
    before: String,
    /// What the editor opens on.
    text: String,
    /// What was shown, and comes back if the editor fails.
    earlier: Option<Review>,
}

impl Edit {
    /// A key's policy in the editor: from `text` on.
    pub(super) fn of_key(key_arn: String, before: String, text: String) -> Self {
        Self {
            of: PolicyOf::Key(key_arn),
            before,
            text,
            earlier: None,
        }
    }
}

/// Opens the editor.
pub(super) fn open(state: &mut State, edit: Edit, effects: &mut Vec<Effect>) {
    state.next_turn();
    let id = state.operations.mint();
    effects.push(Effect::Edit {
        id,
        text: edit.text.clone(),
        name: "-policy.json".to_owned(),
    });
    state.edits.insert(id, (edit, state.turn));
}

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
            continuation::go_on(state, next, effects);
        }
        (Some(fault), next) => continuation::lead(state, (Tone::Bad, fault.at(Door::Dashboard), Some(fault)), next),
        (None, next) => continuation::lead(state, (Tone::Plain, "The policy was edited.".to_owned(), None), next),
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
    open(state, edit, effects);
}

/// Puts it; whoever would be locked out must say so in so many words.
pub(super) fn put(state: &mut State, review: Review, effects: &mut Vec<Effect>) {
    let Some(request) = request(&review) else {
        state.overlays.push(Overlay::Review(review));
        return;
    };
    if let Some(warning) = &review.warning {
        let known = format!("It locks you out: {warning}");
        let question = asking::question(state, request, Ask::Yes, &known);
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
