//! Whoever sits at the terminal of a command: asked there what no file knows.

use crate::actions::Person;
use crate::console;
use crate::domain::{Answer, Plaintext, Wanted};

/// The person at the terminal, if there is one.
pub fn at_the_terminal() -> Person {
    Person::reached_by(|person, question| {
        let Wanted::MfaCode {
            profile,
            serial,
            refused,
        } = question.wanted
        else {
            // A login is a command of its own.
            return false;
        };
        if !console::can_ask() {
            return false;
        }
        let person = person.clone();
        // A thread of its own: reading a line blocks, and nothing takes it back.
        std::thread::spawn(move || person.answer(question.id, code(&profile, &serial, refused.as_deref())));
        true
    })
}

fn code(profile: &str, serial: &str, refused: Option<&str>) -> Answer {
    if let Some(refused) = refused {
        console::complain(refused);
    }
    match console::asked(&format!("Code of the MFA device {serial}, for the profile {profile}:")) {
        Some(line) if !line.is_empty() => Answer::Code(Plaintext::from(line.to_string())),
        _ => Answer::No,
    }
}
