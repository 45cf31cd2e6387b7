//! Every sentence of the dashboard's confirmations and results, from the functions that the program itself uses, as one
//! snapshot to be read: who, what, which thing, what now.

use std::fmt::Write;

use strongroom::app::Overlay;
use strongroom::app::outcome_text::{Names, told};
use strongroom::app::overlay::Report;
use strongroom::domain::{Ask, Session};

use crate::desk::Desk;

#[path = "sentences/outcomes.rs"]
mod outcomes;
#[path = "sentences/parts.rs"]
mod parts;
#[path = "sentences/requests.rs"]
mod requests;
#[path = "sentences/samples.rs"]
mod samples;

/// The first example, then each one's next until there is none.
fn chain<T>(first: T, next: impl Fn(&T) -> Option<T>) -> Vec<T> {
    let mut all = vec![first];
    while let Some(one) = all.last().and_then(&next) {
        all.push(one);
        assert!(all.len() < 500, "an example is its own next");
    }
    all
}

#[test]
fn every_confirmation_and_every_result_names_the_thing() {
    let desk = Desk::filled((120, 36));
    let names = Names::new(desk.state.keys.rows(), &desk.state.settings.keymap);
    let mut page = String::from("What is asked for, and what is asked before it\n");
    for request in chain(requests::first(), requests::next) {
        let facts = request.facts(&names);
        let title = request.facts(&(*names).clone().brief()).title;
        let _ = write!(page, "\n{title}\n    {}\n", facts.question());
        if !facts.consequence.is_empty() {
            let _ = writeln!(page, "        {}", facts.consequence);
        }
        let _ = match &facts.ask {
            Ask::Never => Ok(()),
            Ask::Yes => writeln!(page, "    It is asked about wherever it is offered"),
            Ask::Type(word) => writeln!(page, "    It is agreed to by typing `{word}`, wherever it is offered"),
        };
        let _ = writeln!(page, "    To cancel it: {}", facts.on_cancel.explained());
        for line in request.commands(&Session::default()) {
            let _ = writeln!(page, "    $ {}", line.shell(&Session::default()));
        }
    }
    page.push_str("\n\nWhat came of it\n\n");
    for outcome in chain(outcomes::first(), outcomes::next) {
        let (tone, said) = told(&names, &outcome);
        let _ = writeln!(page, "{:<7}{said}", format!("{tone:?}"));
    }
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("sentences", page);
    });
}

/// Whatever is changed for good, or costs, says what comes of it.
#[test]
fn what_takes_something_away_says_what_comes_of_it() {
    let desk = Desk::filled((120, 36));
    let names = Names::new(desk.state.keys.rows(), &desk.state.settings.keymap);
    for request in chain(requests::first(), requests::next) {
        let facts = request.facts(&names);
        let question = facts.question();
        let takes = [
            "Delete", "Revoke", "Retire", "Disable", "Stop", "Take", "Abort", "Replace",
        ];
        if takes.iter().any(|verb| question.starts_with(verb)) {
            assert!(!facts.consequence.is_empty(), "{question}");
        }
    }
}

/// What mends a fault asks as much as what is chosen from a menu.
#[test]
fn nothing_that_wants_a_question_is_done_without_one_whoever_offers_it() {
    for request in chain(requests::first(), requests::next) {
        let mut desk = Desk::filled((120, 36));
        let report = Report::new("", Vec::new(), Some(request.clone()));
        desk.state.overlays.push(Overlay::Report(report));
        desk.keys("<enter>");
        let asked = match desk.state.overlays.last() {
            Some(Overlay::Confirm(confirm)) => Some(confirm.typed.as_ref().map(|(word, _)| word.clone())),
            _ => None,
        };
        let names = Names::new(desk.state.keys.rows(), &desk.state.settings.keymap);
        let facts = request.facts(&names);
        let expected = match facts.ask {
            Ask::Type(word) => Some(Some(word)),
            Ask::Yes => Some(None),
            Ask::Never => facts.changes.then_some(None),
        };
        assert_eq!(asked, expected, "{}", facts.title);
        assert_eq!(desk.started().is_empty(), asked.is_some(), "{}", facts.title);
    }
}
