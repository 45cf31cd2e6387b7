//! Whoever sits at the terminal of a command: asked there what no file knows.

use crate::actions::Person;
use crate::console;
use crate::domain::{Answer, Plaintext, Question, Wanted};

/// The person at the terminal, if there is one.
pub fn at_the_terminal() -> Person {
    Person::reached_by(|person, question| {
        if !console::can_ask() {
            return false;
        }
        let person = person.clone();
        // A thread of its own: reading a line blocks, and nothing takes it back.
        std::thread::spawn(move || person.answer(question.id, answer(&question)));
        true
    })
}

fn answer(question: &Question) -> Answer {
    let Wanted::MfaCode {
        profile,
        serial,
        refused,
    } = &question.wanted;
    if let Some(refused) = refused {
        console::complain(refused);
    }
    match console::asked(&format!("Code of the MFA device {serial}, for the profile {profile}:")) {
        Some(line) if !line.is_empty() => Answer::Code(Plaintext::from(line.to_string())),
        _ => Answer::No,
    }
}
