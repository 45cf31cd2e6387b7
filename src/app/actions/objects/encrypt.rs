//! Encrypting: which files, under which key, to which place; and when that is asked first.

use std::collections::BTreeMap;

use crate::app::format::Tone;
use crate::app::pane::files::what;
use crate::app::state::State;
use crate::app::state::overlay::{Confirm, Overlay, Then};
use crate::app::{Consent, Effect};
use crate::domain::{FileRow, KeyManager, KeyState, KmsKey, ObjectRequest, Request};

/// Names of files that a question lists.
const NAMED: usize = 5;

/// Encrypts the selected or marked files to the place shown, under the selected key. One key press is enough for files (no
/// folder) that the person put the cursor on or marked, under a key the person put the cursor on, where that was agreed to
/// before with this key. All else is one question that shows the three.
pub(super) fn encrypt(state: &mut State, effects: &mut Vec<Effect>) {
    let files = state.files.chosen().into_iter().cloned().collect();
    let is_chosen = state.files.is_chosen();
    encrypt_these(state, files, is_chosen, effects);
}

/// Encrypts these files, which the person has chosen or not, as [`encrypt`] does.
pub(in crate::app) fn encrypt_these(
    state: &mut State,
    files: Vec<FileRow>,
    is_chosen: bool,
    effects: &mut Vec<Effect>,
) {
    let (Some(key), Some((bucket, prefix))) = (state.key().cloned(), state.place.clone()) else {
        return;
    };
    if let Some(detail) = key.detail.as_ref().filter(|detail| detail.state != KeyState::Enabled) {
        let state_word = detail.state.as_str();
        let text = format!(
            "The key {} is {state_word}: choose one that is Enabled (1).",
            key.name()
        );
        return state.say(Tone::Warn, text);
    }
    if key
        .detail
        .as_ref()
        .is_some_and(|detail| detail.manager == KeyManager::Aws)
    {
        let text = format!(
            "{} is an AWS managed key, which only AWS's own services use for you: choose a customer managed key (1; n makes one).",
            key.name()
        );
        return state.say(Tone::Warn, text);
    }
    if files.is_empty() {
        return;
    }
    let destination = format!("{bucket}/{prefix}");
    let existing = existing(state, &files, &prefix);
    let account = state.identity.as_ref().map(|who| who.account.clone());
    let consent = account.map(|account| Consent {
        account,
        key: key.arn.clone(),
        destination: destination.clone(),
    });
    let is_agreed = consent
        .as_ref()
        .is_some_and(|consent| state.settings.consents.contains(consent));
    let is_chosen = is_chosen && state.keys.is_chosen() && !files.iter().any(|file| file.is_dir);
    let request = Request::Object(ObjectRequest::Encrypt {
        paths: files.iter().map(|file| file.path.clone()).collect(),
        bucket,
        prefix,
        key: key.arn.clone(),
        context: BTreeMap::new(),
        overwrite: !existing.is_empty(),
    });
    if is_agreed && is_chosen && existing.is_empty() {
        state.start(request, effects);
        return;
    }
    let what = what(&files);
    let question = match existing.as_slice() {
        [] => format!("Encrypt and upload {what} under {} to s3://{destination}?", key.name()),
        existing => format!(
            "Encrypt {what} under {} and replace {} at s3://{destination}?",
            key.name(),
            listed(existing)
        ),
    };
    let explanation = explanation(&files, &key, consent.as_ref(), is_agreed, existing.len());
    state.overlays.push(Overlay::Confirm(Confirm {
        question,
        explanation,
        typed: None,
        then: Then::Start(Box::new(request), consent.filter(|_| !is_agreed)),
    }));
}

/// Names that are at the place shown already.
fn existing(state: &State, files: &[FileRow], prefix: &str) -> Vec<String> {
    let exists = |file: &&FileRow| {
        let name = format!("{prefix}{}", file.name);
        !file.is_dir && state.objects.rows().iter().any(|row| row.key() == name)
    };
    files.iter().filter(exists).map(|file| file.name.clone()).collect()
}

fn listed(names: &[String]) -> String {
    match names.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..NAMED].join(", ")),
    }
}

fn explanation(
    files: &[FileRow],
    key: &KmsKey,
    consent: Option<&Consent>,
    is_agreed: bool,
    replaced: usize,
) -> Vec<String> {
    let mut lines = Vec::new();
    if files.len() > 1 {
        let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
        lines.push(format!("Files: {}", listed(&names)));
    }
    let account = consent.map_or("unknown so far", |consent| consent.account.as_str());
    lines.push(if key.aliases.is_empty() {
        format!("Key: {}", key.id)
    } else {
        format!("Key: {}, {}", key.name(), key.id)
    });
    lines.push(format!("Account: {account}"));
    if !is_agreed {
        lines.push("You have not agreed to this key and this place together before.".to_owned());
    }
    if replaced > 0 {
        lines.push("The new tokens take the place of what is there; its old data key object stays.".to_owned());
        if files.iter().any(|file| file.is_dir) {
            lines.push("What is there under the names of the folder's files is replaced too.".to_owned());
        }
        if files.iter().filter(|file| !file.is_dir).count() > replaced {
            lines.push("What has come to be there under the other names by then is replaced too.".to_owned());
        }
    }
    lines
}
