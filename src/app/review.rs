//! A key policy on its way to KMS: edited in the person's editor, checked, shown as a diff, then put; or edited again.
//! Nothing typed is lost on the way.

use similar::TextDiff;

use super::overlay::{Confirm, Overlay, Scroll};
use super::state::{Intent, State};
use super::text::{self, Line, Tone};
use super::{Effect, kept};
use crate::domain::{KeySpec, Request, policy};

/// A policy to be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// What it is for.
    pub purpose: Intent,
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

/// Opens a text in the editor, for this purpose.
pub(super) fn edit(state: &mut State, purpose: Intent, text: String, effects: &mut Vec<Effect>) {
    state.intent = Some(purpose);
    effects.push(Effect::Edit {
        text,
        name: "-policy.json".to_owned(),
    });
}

/// The editor has ended.
pub(super) fn edited(state: &mut State, after: String) {
    state.under_edit = None;
    match state.intent.take() {
        Some(Intent::Policy { before, .. }) if before.trim() == after.trim() => {
            state.say(Tone::Dim, "The policy was not changed.");
        }
        Some(Intent::Policy { key_arn, before }) => {
            let purpose = Intent::Policy {
                key_arn,
                before: before.clone(),
            };
            show(state, purpose, before, after);
        }
        Some(Intent::Key(spec)) => show(state, Intent::Key(spec), String::new(), after),
        _ => {}
    }
}

/// The editor has failed: what was being edited is as it was before.
pub(super) fn not_edited(state: &mut State) {
    state.intent = None;
    let earlier = state.under_edit.take();
    state.overlays.extend(earlier.map(Overlay::Review));
}

/// Shows a policy before it is put.
pub(super) fn show(state: &mut State, purpose: Intent, before: String, after: String) {
    let (problem, warning) = match policy::parse(&after) {
        Ok(parsed) => {
            let identity = state.identity.as_ref();
            (None, identity.and_then(|who| policy::lockout(&parsed, who, None)))
        }
        Err(fault) => (Some(fault.to_string()), None),
    };
    state.overlays.push(Overlay::Review(Review {
        purpose,
        before,
        after,
        problem,
        warning,
        refusal: None,
        scroll: Scroll::default(),
    }));
}

/// Edits it once more, from where it stands.
pub(super) fn again(state: &mut State, review: Review, effects: &mut Vec<Effect>) {
    state.under_edit = Some(review.clone());
    edit(state, review.purpose, review.after, effects);
}

/// Puts it; whoever would be locked out must say so in so many words.
pub(super) fn put(state: &mut State, review: Review, effects: &mut Vec<Effect>) {
    let Some(request) = request(&review) else {
        state.overlays.push(Overlay::Review(review));
        return;
    };
    if let Some(warning) = review.warning.clone() {
        let question = "Put a policy that locks you out?".to_owned();
        let confirm = Confirm::typing(question, &warning, "lock me out", request);
        state.overlays.push(Overlay::Review(review));
        state.overlays.push(Overlay::Confirm(confirm));
        return;
    }
    if let Some(id) = state.start(request, effects) {
        kept::keep(state, id, Overlay::Review(review));
    }
}

/// What puts it, unless something is wrong with it.
pub(super) fn request(review: &Review) -> Option<Request> {
    if review.problem.is_some() {
        return None;
    }
    match &review.purpose {
        Intent::Key(spec) => Some(Request::NewKey(Box::new(KeySpec {
            policy: Some(review.after.clone()),
            ..(**spec).clone()
        }))),
        Intent::Policy { key_arn, .. } => Some(Request::PutKeyPolicy {
            key_arn: key_arn.clone(),
            policy: review.after.clone(),
            accept_lockout: review.warning.is_some(),
        }),
        _ => None,
    }
}

/// What is shown: what is wrong, what it would do, what changes.
pub(super) fn lines(review: &Review, columns: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut say = |tone: Tone, words: &str| {
        lines.extend(text::wrap(words, columns).into_iter().map(|line| Line::new(tone, line)));
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
            text::wrap(&review.after, columns)
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
            let pieces = text::wrap(change.value().trim_end_matches('\n'), columns.saturating_sub(2));
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
