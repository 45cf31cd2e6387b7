//! What is copied: the name of what the cursor is on, or the command line that does what is asked about here.
//!
//! What is pasted into a shell must neither act on the terminal nor run before Enter is pressed. So what comes from
//! strangers is one line of printable characters on the clipboard: as it is, or as the word that a shell reads as the
//! very same bytes. Lines of our own that belong together are joined with `&&`.

mod menu;

pub(super) use menu::{open as menu, press as press_menu};

use super::format::Tone;
use super::pane::Pane;
use super::state::overlay::{Confirm, Overlay, Then};
use super::state::{State, reference};
use super::{Effect, actions, policy_review, reader_text};
use crate::domain::{CommandLine, JobKind, ObjectRow, Request, Session};
use crate::printable;

/// Puts a name or a command line on the clipboard.
pub(super) fn copy(state: &mut State, text: Option<String>, effects: &mut Vec<Effect>) {
    let Some(text) = text else { return };
    let word = pasteable(text.as_bytes());
    let said = if word == text {
        format!("Copied {text}")
    } else {
        format!("Copied as a word for the shell, since it holds what cannot be pasted as it is: {word}")
    };
    state.say(Tone::Dim, said);
    effects.push(Effect::Copy(word));
}

/// As it is if it may be, else as a shell's word.
fn pasteable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if printable::is_clean(text) => text.to_owned(),
        _ => printable::shell_word(bytes),
    }
}

/// Puts the command on the clipboard that does what the topmost overlay is about.
pub(super) fn command(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some(label) = elsewhere(state) {
        return state.refuse_elsewhere(&label);
    }
    let session = session(state);
    let lines: Vec<String> = overlay_requests(state)
        .iter()
        .flat_map(|request| request.commands(&session))
        .map(|line| line.shell(&session))
        .collect();
    if lines.is_empty() {
        return state.say(
            Tone::Dim,
            "There is no command line for this, or something is still missing.",
        );
    }
    match lines.as_slice() {
        [line] => copy(state, Some(line.clone()), effects),
        lines => {
            state.say(Tone::Dim, format!("Copied {} command lines", lines.len()));
            effects.push(Effect::Copy(lines.join(" &&\n")));
        }
    }
}

/// Copies what the topmost overlay shows; false if there is nothing to copy in it.
pub(super) fn shown(state: &mut State, effects: &mut Vec<Effect>) -> bool {
    let text = match state.overlays.last() {
        Some(Overlay::Details(details)) if details.subject.pages().get(details.page) == Some(&"Overview") => {
            reference(state)
        }
        Some(Overlay::Inventory(shown)) => shown.object().map(|object| pasteable(object.to_string().as_bytes())),
        Some(Overlay::Details(_) | Overlay::Report(_)) => Some(reader_text::text(state)),
        Some(Overlay::Preview(shown)) => {
            let bytes = shown.preview.bytes.dangerously_show();
            let text = pasteable(bytes.strip_suffix(b"\n").unwrap_or(bytes));
            let form = if text.as_bytes() == bytes.strip_suffix(b"\n").unwrap_or(bytes) {
                ""
            } else {
                " as one word for the shell"
            };
            let said = format!("Copied the plaintext{form}: a clipboard is not wiped, clear it yourself.");
            state.say(Tone::Warn, said);
            effects.push(Effect::Copy(text));
            return true;
        }
        _ => return false,
    };
    if let Some(text) = text {
        state.say(Tone::Dim, "Copied.");
        effects.push(Effect::Copy(text));
    }
    true
}

/// The context in which the topmost overlay's operation was begun, if that is not the one that is shown: its command line would
/// name this one's profile and region.
fn elsewhere(state: &State) -> Option<String> {
    let Some(Overlay::Operations(id)) = state.overlays.last() else {
        return None;
    };
    let context = state.operations.get(*id)?.elsewhere.as_deref()?;
    (*context != state.settings.context).then(|| context.label())
}

/// What the topmost overlay would ask for.
fn overlay_requests(state: &State) -> Vec<Request> {
    let one = match state.overlays.last() {
        Some(Overlay::Confirm(Confirm {
            then: Then::Start(request, _),
            ..
        })) => Some((**request).clone()),
        Some(Overlay::Form(form)) => return actions::requests(form),
        Some(Overlay::Menu(menu)) => return actions::foreseen(state, menu),
        Some(Overlay::Operations(id)) => state.operations.get(*id).map(|operation| operation.request.clone()),
        Some(Overlay::Results(list)) => list.rows.get(list.cursor).and_then(|row| row.then.clone()),
        Some(Overlay::CleanUp(shown)) => shown.items.get(shown.cursor).and_then(|item| item.request.clone()),
        Some(Overlay::Review(review)) => policy_review::request(review),
        Some(Overlay::Report(report)) => report.then.clone(),
        Some(Overlay::Inventory(shown)) => Some(shown.request()),
        _ => None,
    };
    one.into_iter().collect()
}

fn session(state: &State) -> Session {
    Session {
        profile: state.settings.context.profile.clone(),
        region: state.settings.region.clone(),
        endpoint: state.settings.endpoint.clone(),
        elsewhere: state.elsewhere.clone(),
        account: state.identity.as_ref().map(|who| who.account.clone()),
    }
}

/// The command that shows what the cursor is on.
pub(super) fn of_row(state: &State) -> Option<String> {
    let line = match state.focus {
        Pane::Keys => CommandLine::aws("kms describe-key").with("--key-id", &state.key()?.arn),
        Pane::Grants => {
            let grant = state.grants.current()?;
            CommandLine::aws("kms list-grants")
                .with("--key-id", &grant.key_arn)
                .with("--query", format!("Grants[?GrantId=='{}']", grant.id))
        }
        Pane::Objects => match (&state.place, state.objects.current()) {
            (None, _) => CommandLine::aws("s3 ls").words([format!("s3://{}/", state.buckets.current()?.name)]),
            (Some((bucket, _)), Some(ObjectRow::Prefix { prefix })) => {
                CommandLine::aws("s3 ls").words([format!("s3://{bucket}/{prefix}")])
            }
            (Some((bucket, _)), row) => CommandLine::aws("s3api head-object")
                .with("--bucket", bucket)
                .with("--key", row?.key()),
        },
        Pane::Jobs => {
            let job = state.jobs.current()?;
            match job.kind {
                JobKind::Training => CommandLine::aws("sagemaker describe-training-job"),
                JobKind::Processing => CommandLine::aws("sagemaker describe-processing-job"),
            }
            .with(&format!("--{}-job-name", job.kind.as_str()), &job.name)
        }
        Pane::Files => {
            let (file, (bucket, prefix)) = (state.files.current()?, state.place.as_ref()?);
            CommandLine::strongroom("encrypt")
                .words([
                    file.path.to_string_lossy().into_owned(),
                    format!("s3://{bucket}/{prefix}"),
                ])
                .with("--key", &state.key()?.arn)
        }
    };
    Some(line.shell(&session(state)))
}
