//! Every sentence of the dashboard's confirmations and results, from the functions that the program itself uses, as one
//! snapshot to be read: who, what, which thing, what now.

use std::fmt::Write;

use strongroom::app::cancelling;
use strongroom::app::words::{Names, question, title, told, tone};
use strongroom::domain::aws_command::{Session, aws_commands};

use crate::desk::Desk;

#[path = "sentences/outcomes.rs"]
mod outcomes;
#[path = "sentences/requests.rs"]
mod requests;

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
        let (question, explanation) = question(&names, &request);
        let _ = write!(page, "\n{}\n    {question}\n", title(&names, &request));
        if !explanation.is_empty() {
            let _ = writeln!(page, "        {explanation}");
        }
        let _ = writeln!(page, "    To cancel it: {}", cancelling::explained(&request));
        for line in aws_commands(&request, &Session::default()).into_iter().flatten() {
            let _ = writeln!(page, "    $ {line}");
        }
    }
    page.push_str("\n\nWhat came of it\n\n");
    for outcome in chain(outcomes::first(), outcomes::next) {
        let tone = format!("{:?}", tone(&outcome));
        let _ = writeln!(page, "{tone:<7}{}", told(&names, &outcome));
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
        let (question, explanation) = question(&names, &request);
        let takes = [
            "Delete", "Revoke", "Retire", "Disable", "Stop", "Take", "Abort", "Replace",
        ];
        if takes.iter().any(|verb| question.starts_with(verb)) {
            assert!(!explanation.is_empty(), "{question}");
        }
    }
}
