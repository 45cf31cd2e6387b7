//! The versions of an object: a list to act on, and two beside each other.

use super::format::{self, Line, Tone};
use super::state::overlay::{Comparing, Next, Overlay, Scroll, Versions};
use super::state::{State, overlay};
use super::{Effect, actions};
use crate::app::command::{Command, Keyed};
use crate::domain::versions::{Comparison, Side, VersionList};
use crate::domain::{Door, Fault, ObjectRequest, Preview, Request};

/// Cells of what is compared.
const LABEL: usize = 12;
/// From this width on ids and times are whole.
const ROOMY: usize = 100;
const ID: usize = 34;
const SHORT_ID: usize = 18;
/// Lines of plaintext beside each other.
const LINES: usize = 200;

/// The list, if there is more in it than the object itself.
pub(super) fn listed(list: VersionList) -> Option<Next> {
    list.has_others().then(|| {
        Next::show(Overlay::Versions(Versions {
            list: Box::new(list),
            cursor: 0,
            mark: None,
        }))
    })
}

/// Two of them.
pub(super) fn compared(comparison: Comparison) -> Next {
    Next::show(Overlay::Comparing(Comparing {
        comparison: Box::new(comparison),
        scroll: Scroll::default(),
    }))
}

/// What a key does on the list; false if it is for moving in it.
pub(super) fn act(state: &mut State, command: Command, effects: &mut Vec<Effect>) -> bool {
    let Some(Overlay::Versions(shown)) = state.overlays.last_mut() else {
        return false;
    };
    let Some(row) = shown.list.rows.get(shown.cursor) else {
        return false;
    };
    let is_known = matches!(
        command,
        Command::Enter | Command::Mark | Command::Do(Keyed::Preview | Keyed::Verify | Keyed::Decrypt)
    );
    if is_known && row.is_marker() {
        state.say(
            Tone::Warn,
            "This version says that the object was deleted: there is nothing to read.",
        );
        return true;
    }
    let (bucket, object, version) = (shown.list.bucket.clone(), shown.list.object.clone(), row.id.clone());
    match command {
        Command::Mark => shown.mark = (shown.mark != Some(shown.cursor)).then_some(shown.cursor),
        Command::Enter => match shown.mark.filter(|mark| *mark != shown.cursor) {
            Some(mark) => {
                // The older one stands on the left.
                let (one, other) = (shown.cursor.max(mark), shown.cursor.min(mark));
                let id = |row: usize| shown.list.rows.get(row).map(|row| row.id.clone()).unwrap_or_default();
                let versions = [id(one), id(other)];
                let request = comparing(bucket, object, versions, false);
                state.start(request, effects);
            }
            None => {
                state.start(of_version(version, actions::preview(bucket, object, None)), effects);
            }
        },
        Command::Do(Keyed::Preview) => {
            state.start(of_version(version, actions::preview(bucket, object, None)), effects);
        }
        Command::Do(Keyed::Verify) => {
            let request = Request::Object(ObjectRequest::Verify {
                bucket,
                objects: vec![object],
                accept_unbound: false,
            });
            state.start(of_version(version, request), effects);
        }
        Command::Do(Keyed::Decrypt) => actions::ask_decrypt_version(state, bucket, object, version),
        _ => return false,
    }
    true
}

/// Asks for the beginnings of the two that are on screen.
pub(super) fn decrypt_both(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some(Overlay::Comparing(shown)) = state.overlays.last() {
        let Comparison { bucket, object, sides } = &*shown.comparison;
        let versions = [sides[0].id.clone(), sides[1].id.clone()];
        let request = comparing(bucket.clone(), object.clone(), versions, true);
        state.overlays.pop();
        state.start(request, effects);
    }
}

fn comparing(bucket: String, object: String, versions: [String; 2], decrypted: bool) -> Request {
    Request::Object(ObjectRequest::CompareVersions {
        bucket,
        object,
        versions,
        decrypted,
    })
}

/// The same of one version.
pub(super) fn of_version(version: String, request: Request) -> Request {
    match request {
        Request::Object(request) => Request::Object(ObjectRequest::OfVersion {
            version,
            request: Box::new(request),
        }),
        other => other,
    }
}

/// A row of the list, for so many columns.
pub fn row(state: &State, shown: &Versions, index: usize, columns: usize) -> Option<Line> {
    let row = shown.list.rows.get(index)?;
    let mark = if shown.mark == Some(index) { "✓ " } else { "  " };
    let what = match (row.is_marker(), row.is_latest) {
        (true, true) => (Tone::Bad, "deleted, now"),
        (true, false) => (Tone::Dim, "deleted"),
        (false, true) => (Tone::Good, "now"),
        (false, false) => (Tone::Dim, ""),
    };
    let (id, at) = if columns < ROOMY {
        (SHORT_ID, "%Y-%m-%d %H:%M")
    } else {
        (ID, "%Y-%m-%d %H:%M:%S UTC")
    };
    let size = row.size.map(format::size).unwrap_or_default();
    let at = row.modified.map(|time| time.strftime(at).to_string());
    let age = row.modified.map(|time| format::age(time, state.now));
    let line = Line::new(Tone::Accent, mark)
        .and(Tone::Plain, format::labelled(&row.id, id))
        .and(what.0, format::fit(what.1, 13))
        .and(Tone::Plain, format!("{size:>8}  "))
        .and(Tone::Dim, format!("{}  ", at.unwrap_or_default()))
        .and(Tone::Dim, format!("{:>4}  ", age.unwrap_or_default()))
        .and(Tone::Dim, row.etag.clone().unwrap_or_default());
    Some(line)
}

/// Two versions beside each other; what differs stands out.
pub(super) fn lines(shown: &overlay::Comparing, columns: usize) -> Vec<Line> {
    let [left, right] = &shown.comparison.sides;
    let room = columns.saturating_sub(LABEL + 2) / 2;
    let mut lines = Vec::new();
    let mut pair = |label: &str, one: String, other: String| {
        let tone = if one == other { Tone::Dim } else { Tone::Warn };
        let (ones, others) = (format::wrap(&one, room), format::wrap(&other, room));
        for row in 0..ones.len().max(others.len()) {
            let text = |of: &[String]| of.get(row).cloned().unwrap_or_default();
            let label = if row == 0 { label } else { "" };
            lines.push(
                Line::new(Tone::Dim, format::fit(label, LABEL))
                    .and(tone, format::fit(&text(&ones), room))
                    .and(Tone::Dim, "  ")
                    .and(tone, format::fit(&text(&others), room)),
            );
        }
    };
    let mut both = |label: &str, of: &dyn Fn(&Side) -> String| pair(label, of(left), of(right));
    both("Version", &|side| side.id.clone());
    both("Written", &|side| side.modified.map(format::time).unwrap_or_default());
    both("Stored", &|side| format!("{} bytes", side.size));
    both("ETag", &|side| side.etag.clone().unwrap_or_default());
    both("Says it is", &|side| side.info.format.as_str().to_owned());
    both("KMS key", &|side| side.info.kms_key_arn.clone().unwrap_or_default());
    both("Data key in", &|side| {
        side.info.data_key_uri.clone().unwrap_or_default()
    });
    both("Name", &|side| side.info.name.clone().unwrap_or_default());
    both("Length", &|side| {
        let bytes = side.info.plaintext_bytes;
        bytes.map(|bytes| format!("{bytes} bytes")).unwrap_or_default()
    });
    both("Context", &|side| {
        let pairs = side.info.context.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join(", ")
    });
    if left.beginning.is_none() && right.beginning.is_none() {
        lines.push(Line::blank());
        lines.push(Line::new(
            Tone::Accent,
            "Enter decrypts the beginning of both in memory.",
        ));
        return lines;
    }
    lines.push(Line::blank());
    let room = columns.saturating_sub(2) / 2;
    let [ones, others] = [left, right].map(|side| beginning(side.beginning.as_ref(), room));
    for row in 0..ones.len().max(others.len()) {
        let text = |of: &[(Tone, String)]| of.get(row).cloned().unwrap_or((Tone::Plain, String::new()));
        let ((tone, one), (other_tone, other)) = (text(&ones), text(&others));
        let is_same = one == other;
        let shade = |tone: Tone| if is_same || tone == Tone::Bad { tone } else { Tone::Warn };
        lines.push(
            Line::new(shade(tone), format::fit(&one, room))
                .and(Tone::Dim, "  ")
                .and(shade(other_tone), format::fit(&other, room)),
        );
    }
    lines
}

/// The first lines of a plaintext, or why there are none.
fn beginning(seen: Option<&Result<Preview, Fault>>, columns: usize) -> Vec<(Tone, String)> {
    match seen {
        None => Vec::new(),
        Some(Ok(preview)) => {
            let lines = preview.lines(preview.view, LINES, columns).into_iter();
            lines.map(|line| (Tone::Plain, line)).collect()
        }
        Some(Err(fault)) => vec![(Tone::Bad, fault.at(Door::Dashboard))],
    }
}
