//! The keys that work here, the most useful first, as many as there is room for.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::put::put;
use super::{Hits, Theme};
use crate::app::audit::Audit;
use crate::app::command::Keyed;
use crate::app::format::{self, Tone};
use crate::app::inventory::Inventory;
use crate::app::job_log::Log;
use crate::app::operations::Operation;
use crate::app::overlay::{LoginStage, Subject};
use crate::app::{Command, Hit, Listing as _, Overlay, Pane, State, reader_text};
use crate::domain::KeyState;

/// A command, and what it does in a word or two.
type Hint = (Command, &'static str);
/// A key, its words, and what a mouse does there.
type Shown = (String, String, Option<Hit>);

/// While a filter is typed.
const TYPING: &[(&str, &str)] = &[("type", "to filter"), ("Enter", "keep"), ("Esc", "clear")];

pub(super) fn render(frame: &mut Frame, area: Rect, state: &State, theme: &Theme, hits: &mut Hits) {
    let always = [(Command::Help, "help"), (Command::Quit, "quit")];
    let hints: Vec<Shown> = match state.overlays.last() {
        None if state.typing => literal(TYPING),
        None => counted(state, bound(state, &[here(state), always.to_vec()].concat())),
        Some(overlay) => over(state, overlay),
    };
    let mut spans = Vec::new();
    let mut from = 0;
    for (key, words, hit) in fitting(hints, usize::from(area.width)) {
        let cells = format::width(&key) + format::width(&words) + 1;
        if let Some(hit) = hit {
            hits.add_cells(area, 0, (from, cells), hit);
        }
        from += cells + 2;
        spans.push(Span::styled(key, theme.key));
        spans.push(Span::styled(format!(" {words}  "), theme.tone(Tone::Dim)));
    }
    put(frame, area, &[Line::from(spans)]);
}

/// What is done to all that is marked says to how many.
fn counted(state: &State, mut hints: Vec<Shown>) -> Vec<Shown> {
    let (marked, _) = state.table(state.focus).marks();
    // Prefixes are trained on, and that is all that is done to them here.
    let takes = |command: Command| match (state.focus, command) {
        (Pane::Objects, Command::Do(Keyed::Decrypt | Keyed::Verify | Keyed::Remove)) => {
            Some(state.objects.marked_alone())
        }
        (Pane::Objects, Command::Do(Keyed::Train)) | (Pane::Files, Command::Do(Keyed::Encrypt)) => Some(marked),
        _ => None,
    };
    for (_, words, hit) in &mut hints {
        if let Some(Hit::Command(command)) = hit
            && marked > 1
            && let Some(taken) = takes(*command)
        {
            words.extend([" ", &taken.to_string()]);
        }
    }
    hints
}

/// As many as there is room for. The last two, which lead on or out, have their place first.
fn fitting(hints: Vec<Shown>, room: usize) -> Vec<Shown> {
    let takes = |(key, words, _): &Shown| format::width(key) + format::width(words) + 3;
    let last = hints.len().saturating_sub(2);
    let mut room = (room + 2).saturating_sub(hints[last..].iter().map(takes).sum());
    let mut kept = Vec::new();
    for (index, hint) in hints.into_iter().enumerate() {
        if index < last {
            if takes(&hint) > room {
                continue;
            }
            room -= takes(&hint);
        }
        kept.push(hint);
    }
    kept
}

/// What the pane with the cursor offers, in its own words.
fn here(state: &State) -> Vec<Hint> {
    let key_state = state
        .key()
        .and_then(|key| key.detail.as_ref())
        .map(|detail| &detail.state);
    let mut hints = match state.focus {
        Pane::Keys => vec![
            (Command::Do(Keyed::Encrypt), "encrypt file"),
            (Command::Do(Keyed::New), "new key"),
            match key_state {
                Some(KeyState::Disabled) => (Command::Do(Keyed::Remove), "delete"),
                _ => (Command::Do(Keyed::Remove), "disable"),
            },
            match key_state {
                Some(KeyState::PendingDeletion) => (Command::Do(Keyed::Restore), "keep it"),
                _ => (Command::Do(Keyed::Restore), "enable"),
            },
            (Command::Do(Keyed::Prove), "access proof"),
        ],
        Pane::Grants => vec![
            (Command::Do(Keyed::New), "grant"),
            (Command::Do(Keyed::Remove), "revoke"),
            (Command::Do(Keyed::Prove), "access proof"),
        ],
        Pane::Objects if state.place.is_none() => vec![(Command::Do(Keyed::New), "new bucket")],
        Pane::Objects => vec![
            (Command::Do(Keyed::Train), "train"),
            (Command::Do(Keyed::Decrypt), "decrypt"),
            (Command::Do(Keyed::Verify), "verify"),
            (Command::Do(Keyed::Remove), "delete"),
            (Command::Mark, "mark"),
            (Command::Do(Keyed::Encrypt), "encrypt file"),
        ],
        Pane::Jobs => vec![
            (Command::Do(Keyed::Log), "log"),
            (Command::Do(Keyed::Decrypt), "decrypt model"),
            (Command::Do(Keyed::Preview), "its members"),
            (Command::Do(Keyed::Remove), "stop"),
            (Command::Do(Keyed::New), "new job"),
        ],
        Pane::Files => vec![
            (Command::Do(Keyed::Encrypt), "encrypt & upload"),
            (Command::Mark, "mark"),
        ],
    };
    hints.retain(|(command, _)| state.is_available(*command));
    // Who looks around for the first time is led.
    let is_new = state.settings.sandbox || state.keys.is_whole() && state.keys.count() == 0;
    if is_new {
        hints.insert(hints.len().min(1), (Command::Guide, "walk"));
    }
    hints.push((Command::Actions, "more"));
    hints.push((Command::Enter, "open"));
    hints.push((Command::Filter, "filter"));
    hints.push((Command::NextPane, "pane"));
    if !state.operations.is_empty() {
        hints.push((Command::Operations, "operations"));
    }
    hints.push((Command::Sort, "sort"));
    if !is_new {
        hints.push((Command::Guide, "walk"));
    }
    hints.push((Command::Aside, "details"));
    hints.push((Command::Palette, "commands"));
    hints
}

fn bound(state: &State, hints: &[Hint]) -> Vec<Shown> {
    let keymap = &state.settings.keymap;
    let hints = hints
        .iter()
        .map(|(command, words)| (keymap.key(*command), (*words).to_owned(), Some(Hit::Command(*command))));
    hints.filter(|(key, ..)| !key.is_empty()).collect()
}

fn over(state: &State, overlay: &Overlay) -> Vec<Shown> {
    const CLOSE: &[Hint] = &[(Command::Back, "close")];
    const DOWN: &[Hint] = &[(Command::Down, "down"), (Command::Back, "close")];
    const STEP: &[Hint] = &[(Command::Down, "down"), (Command::Up, "up"), (Command::Back, "close")];
    const DO_IT: Hint = (Command::Enter, "do it");
    const COPY_COMMAND: Hint = (Command::CopyCommand, "copy as command");
    let keys = |own: &[Hint], last: &[Hint]| bound(state, &[own, last].concat());
    match overlay {
        Overlay::Confirm(confirm) if confirm.typed.is_some() => {
            literal(&[("Ctrl-Y", "copy as command"), ("Enter", "agree"), ("Esc", "back")])
        }
        Overlay::Confirm(_) => literal(&[("Y", "copy as command"), ("y", "yes"), ("n", "no")]),
        Overlay::Form(_) => literal(&[
            ("Enter", "send"),
            ("Tab", "next field"),
            ("Ctrl-Y", "copy as command"),
            ("↑↓", "choose"),
            ("Esc", "back"),
        ]),
        Overlay::CopyAs(_) => literal(&[
            ("its letter", "copies"),
            ("↑↓", "choose"),
            ("Enter", "copy"),
            ("Esc", "close"),
        ]),
        Overlay::Sort(columns) => {
            let columns = columns.iter().map(|(title, letter)| {
                let title = title.to_lowercase();
                (letter.to_string(), title, None)
            });
            let ends = literal(&[("the same", "reverses"), ("Esc", "as it is")]);
            columns.chain(ends).collect()
        }
        Overlay::Login(login) => match &login.stage {
            LoginStage::Offered => literal(&[("Enter", "log in"), ("Esc", "not now")]),
            LoginStage::Elsewhere { .. } => {
                literal(&[("y", "copy the command"), ("Enter", "it is done"), ("Esc", "not now")])
            }
            LoginStage::Begun => literal(&[("Esc", "give up")]),
            LoginStage::Shown(_) => literal(&[
                ("y", "copy its address"),
                ("Enter", "open the page"),
                ("Esc", "give up"),
            ]),
        },
        Overlay::Code(_) => literal(&[("Enter", "send"), ("Esc", "no code")]),
        Overlay::Palette(_) => literal(&[("Enter", "run"), ("↑↓", "choose"), ("Tab", "complete"), ("Esc", "back")]),
        Overlay::Review(_) => literal(&[
            ("y", "put it"),
            ("Y", "copy as command"),
            ("e", "edit again"),
            ("Esc", "discard"),
        ]),
        Overlay::Log(log) if log.search.typing => {
            literal(&[("type", "to look for"), ("Enter", "go to it"), ("Esc", "clear")])
        }
        Overlay::Audit(Audit { typing: true, .. }) | Overlay::Inventory(Inventory { typing: true, .. }) => {
            literal(TYPING)
        }
        Overlay::Inventory(_) => {
            let own = [
                (Command::Enter, "go to it"),
                (Command::Filter, "filter"),
                (Command::Save, "save"),
                (Command::Refresh, "again"),
                COPY_COMMAND,
            ];
            keys(&own, STEP)
        }
        Overlay::Audit(_) => {
            let own = [
                (Command::Enter, "all of it"),
                (Command::Filter, "filter"),
                (Command::Save, "save"),
            ];
            keys(&own, STEP)
        }
        Overlay::Log(log) => keys(&of_log(log), CLOSE),
        Overlay::Interrupted(_) if state.settings.is_read_only() => keys(&[], CLOSE),
        Overlay::Interrupted(_) => {
            let own = [(Command::Enter, "finish it"), (Command::Do(Keyed::Remove), "abort it")];
            keys(&own, &[(Command::Back, "later")])
        }
        Overlay::Operations(id) => {
            let row = state.operations.row(*id);
            let shown = state.operations.newest_first().nth(row);
            let own = [(Command::Do(Keyed::Remove), "cancel"), COPY_COMMAND];
            let begin = usize::from(!shown.is_some_and(Operation::is_running));
            keys(&own[begin..], CLOSE)
        }
        Overlay::Who(_) => {
            let own = [
                (Command::NextPane, "who can, who did"),
                (Command::Enter, "by what"),
                (Command::Save, "keep as evidence"),
                (Command::Refresh, "again"),
            ];
            keys(&own, STEP)
        }
        Overlay::Menu(_) => literal(&[
            ("Enter", "do it"),
            ("type", "to narrow"),
            ("Ctrl-Y", "copy as command"),
            ("↑↓", "choose"),
            ("Esc", "close"),
        ]),
        Overlay::CleanUp(shown) if shown.items.is_empty() => keys(&[], STEP),
        Overlay::Results(_) | Overlay::CleanUp(_) => keys(&[DO_IT, COPY_COMMAND], STEP),
        Overlay::Versions(shown) => {
            let is_pair = shown.mark.is_some_and(|mark| mark != shown.cursor);
            let own = [
                (Command::Enter, if is_pair { "compare the two" } else { "preview" }),
                (Command::Do(Keyed::Verify), "verify"),
                (Command::Do(Keyed::Decrypt), "decrypt"),
                (Command::Mark, "compare with"),
            ];
            keys(&own, STEP)
        }
        Overlay::Comparing(shown) => {
            let own = [(Command::Enter, "decrypt both beginnings")];
            let is_shown = shown.comparison.sides.iter().any(|side| side.beginning.is_some());
            keys(&own[usize::from(is_shown)..], DOWN)
        }
        Overlay::Matrix(_) => keys(&[(Command::Enter, "reasons")], STEP),
        Overlay::Guide(walk) if !state.walk().get(walk.row).is_some_and(|step| step.may_go) => keys(&[], STEP),
        Overlay::Messages(id) if !reader_text::leads_on(state, *id) => keys(&[], STEP),
        Overlay::Guide(_) | Overlay::Messages(_) => keys(&[DO_IT], STEP),
        Overlay::Report(report) if report.then.is_some() => keys(&[DO_IT], DOWN),
        top if top.is_text() && state.search.typing => {
            literal(&[("type", "to look for"), ("Enter", "go to it"), ("Esc", "clear")])
        }
        Overlay::Preview(_) => {
            let own = [(Command::NextPane, "text, JSON, table, hex"), (Command::Copy, "copy")];
            keys(&own, DOWN)
        }
        Overlay::Details(details) => keys(&of_details(state, &details.subject), CLOSE),
        Overlay::Help(_) | Overlay::Report(_) => keys(&[], STEP),
    }
}

/// What details are good for: their pages, a search, and what can be done to what they are about.
fn of_details(state: &State, subject: &Subject) -> Vec<Hint> {
    let mut hints = Vec::new();
    if matches!(subject, Subject::Job(name) if reader_text::has_remedy(state, name)) {
        hints.push((Command::Enter, "remedy"));
    }
    hints.push((Command::NextPane, "next page"));
    if state.search.is_on() {
        hints.extend([(Command::NextMatch, "next match"), (Command::PreviousMatch, "previous")]);
    }
    let acts = [
        (Command::Do(Keyed::Log), "log"),
        (Command::Do(Keyed::Decrypt), "decrypt"),
        (Command::Do(Keyed::Verify), "verify"),
        (Command::Do(Keyed::Encrypt), "encrypt"),
        (Command::Do(Keyed::Preview), "preview"),
    ];
    let works = |(command, _): &Hint| subject.takes(*command) && state.is_available(*command);
    hints.extend(acts.into_iter().filter(works));
    hints.extend([
        (Command::Filter, "search"),
        (Command::Actions, "more"),
        (Command::Copy, "copy"),
    ]);
    hints
}

/// What a log is good for now.
fn of_log(log: &Log) -> Vec<Hint> {
    let matches = [
        (Command::NextMatch, "next"),
        (Command::PreviousMatch, "previous"),
        (Command::Only, if log.only { "all lines" } else { "only these" }),
    ];
    let mut hints = vec![(Command::Filter, "search")];
    hints.extend(matches.into_iter().filter(|_| log.search.is_on()));
    if log.has_hosts() {
        hints.push((Command::Host, "one host"));
    }
    hints.extend([
        (Command::Follow, "follow"),
        (Command::Times, "times"),
        (Command::Save, "save"),
        (Command::Wrap, "wrap"),
        (Command::Top, "top"),
        (Command::Bottom, "end"),
    ]);
    hints
}

fn literal(hints: &[(&str, &str)]) -> Vec<Shown> {
    hints
        .iter()
        .map(|(key, words)| ((*key).to_owned(), (*words).to_owned(), None))
        .collect()
}
