//! The menu of what can be copied of the row under the cursor.

use super::{copy, of_row, session};
use crate::app::cursor::stepped;
use crate::app::format::{self, Tone};
use crate::app::pane::Pane;
use crate::app::state::overlay::{Copied, CopyMenu, CopyRow, Overlay};
use crate::app::state::{State, reference};
use crate::app::{Effect, KeyCode, KeyPress};
use crate::domain::{Arn, ObjectRequest, ObjectRow, ObjectUri, Request, links, python};

/// Opens it; says so where there is no row.
pub(in crate::app) fn open(state: &mut State) {
    let Some(reference) = reference(state) else {
        return state.say(Tone::Dim, "There is nothing here to copy.");
    };
    let called = name(state).unwrap_or_else(|| format::last_part(&reference).to_owned());
    let title = format!("Copy of {called}");
    let rows = rows(state);
    state
        .overlays
        .push(Overlay::CopyAs(CopyMenu { title, rows, cursor: 0 }));
}

/// A key while it is open: the letter of a row, or Enter on it.
pub(in crate::app) fn press(state: &mut State, mut menu: CopyMenu, key: KeyPress, effects: &mut Vec<Effect>) {
    let by = match (key.code, key.ctrl) {
        (KeyCode::Esc, _) | (KeyCode::Char('c'), true) => return,
        (KeyCode::Enter, _) => return take(state, menu.rows.into_iter().nth(menu.cursor), effects),
        (KeyCode::Down, _) | (KeyCode::Char('n'), true) => 1,
        (KeyCode::Up, _) | (KeyCode::Char('p'), true) => -1,
        (KeyCode::Home, _) => isize::MIN,
        (KeyCode::End, _) => isize::MAX,
        (KeyCode::Char(typed), false) => match menu.rows.iter().position(|row| row.letter == typed) {
            Some(row) => return take(state, menu.rows.into_iter().nth(row), effects),
            None => 0,
        },
        _ => 0,
    };
    menu.cursor = stepped(menu.cursor, by, menu.rows.len());
    state.overlays.push(Overlay::CopyAs(menu));
}

fn take(state: &mut State, row: Option<CopyRow>, effects: &mut Vec<Effect>) {
    match row.map(|row| (row.label, row.copied)) {
        None => {}
        Some((_, Copied::Text(text))) => copy(state, Some(text), effects),
        Some((label, Copied::Lines(lines))) => {
            state.say(
                Tone::Dim,
                format!("Copied {label}: {}", format::count(lines.len(), "line")),
            );
            effects.push(Effect::Copy(lines.join("\n") + "\n"));
        }
        Some((_, Copied::Asked(request))) => {
            state.start(*request, effects);
        }
    }
}

/// What can be copied of the row, in the order of the menu.
fn rows(state: &State) -> Vec<CopyRow> {
    let mut rows = Vec::new();
    let mut text = |letter, label, text: Option<String>| {
        if let Some(text) = text {
            let copied = Copied::Text(text);
            rows.push(CopyRow { letter, label, copied });
        }
    };
    text('n', "name", name(state));
    text('a', "ARN", arn(state));
    text('i', "id", id(state));
    text('u', "URI", reference(state).filter(|_| state.focus == Pane::Objects));
    text('f', "path", reference(state).filter(|_| state.focus == Pane::Files));
    text('c', "console page", page(state));
    text('l', "command line", of_row(state));
    let Some((uri, row)) = object(state) else {
        return rows;
    };
    let lines = row.info().and_then(|info| python::opening(&session(state), &uri, info));
    rows.extend(lines.map(|lines| CopyRow {
        letter: 'p',
        label: "Python that opens it",
        copied: Copied::Lines(lines),
    }));
    if matches!(row, ObjectRow::Object { .. }) {
        let (bucket, object) = (uri.bucket, uri.key);
        rows.push(CopyRow {
            letter: 's',
            label: "presigned URL",
            copied: Copied::Asked(Box::new(Request::Object(ObjectRequest::Presign { bucket, object }))),
        });
    }
    rows
}

/// The object or prefix under the cursor.
fn object(state: &State) -> Option<(ObjectUri, &ObjectRow)> {
    let (bucket, _) = state.place.as_ref().filter(|_| state.focus == Pane::Objects)?;
    let row = state.objects.current()?;
    Some((ObjectUri::new(bucket, row.key()), row))
}

fn name(state: &State) -> Option<String> {
    match state.focus {
        Pane::Keys => state.keys.current().map(|key| key.name().to_owned()),
        Pane::Grants => state.grants.current()?.name.clone(),
        Pane::Objects => match object(state) {
            Some((uri, _)) => Some(format::last_part(uri.key.trim_end_matches('/')).to_owned()),
            None => state.buckets.current().map(|bucket| bucket.name.clone()),
        },
        Pane::Jobs => state.jobs.current().map(|job| job.name.clone()),
        Pane::Files => state.files.current().map(|file| file.name.clone()),
    }
}

fn arn(state: &State) -> Option<String> {
    match state.focus {
        Pane::Keys => state.keys.current().map(|key| key.arn.clone()),
        Pane::Grants => state
            .grants
            .current()
            .map(|grant| grant.grantee.clone())
            .filter(|grantee| grantee.starts_with("arn:")),
        Pane::Objects => {
            let resource = match object(state) {
                Some((uri, _)) => format!("{}/{}", uri.bucket, uri.key),
                None => state.buckets.current()?.name.clone(),
            };
            // An access point has an ARN of its own.
            if resource.starts_with("arn:") {
                return None;
            }
            let whose = state.identity.as_ref().and_then(|who| Arn::parse(&who.arn));
            Some(Arn::s3(whose?.partition, &resource).to_string())
        }
        Pane::Jobs => state
            .jobs
            .current()
            .map(|job| job.arn.clone())
            .filter(|arn| !arn.is_empty()),
        Pane::Files => None,
    }
}

fn id(state: &State) -> Option<String> {
    match state.focus {
        Pane::Keys => state.keys.current().map(|key| key.id.clone()),
        Pane::Grants => state.grants.current().map(|grant| grant.id.clone()),
        Pane::Objects | Pane::Jobs | Pane::Files => None,
    }
}

/// The page of AWS's console; there is none of an AWS elsewhere.
fn page(state: &State) -> Option<String> {
    let settings = &state.settings;
    if settings.sandbox || settings.endpoint.is_some() {
        return None;
    }
    let region = settings.region.as_deref()?;
    match state.focus {
        Pane::Keys => {
            let key = state.keys.current()?;
            let own = Arn::parse(&key.arn).map_or("", |arn| arn.region);
            links::key_page(if own.is_empty() { region } else { own }, &key.id)
        }
        Pane::Objects => {
            let bucket = || state.buckets.current().map(|bucket| ObjectUri::new(&bucket.name, ""));
            let uri = object(state).map(|(uri, _)| uri).or_else(bucket)?;
            links::object_page(region, &uri)
        }
        Pane::Jobs => {
            let job = state.jobs.current()?;
            links::job_page(region, job.kind, &job.name)
        }
        Pane::Grants | Pane::Files => None,
    }
}
