//! What is asked for in the middle of a call, and waits for the person: the code of an MFA device, a login.
//!
//! It comes up by itself where nothing is open or typed; else it is told, and `login` leads to it.

use super::event::LoginEvent;
use super::format::Tone;
use super::state::State;
use super::state::overlay::{CodeField, Digits, Login, LoginStage, Overlay};
use super::{Command, Effect, KeyCode, KeyPress, login};
use crate::domain::question::is_code;
use crate::domain::{Answer, LoginWay, Plaintext, Question, Wanted};

/// Something is asked for.
pub(super) fn asked(state: &mut State, question: Question) {
    if is_free(state) && state.questions.is_empty() {
        state.next_turn();
        state.overlays.push(put(&question));
    } else {
        let key = state.settings.keymap.key(Command::LogIn);
        let words = match &question.wanted {
            Wanted::MfaCode { profile, .. } => {
                format!("The profile {profile} waits for a code of its MFA device. To give it: {key}.")
            }
            Wanted::Login { profile, .. } => format!("The profile {profile} waits for a login. To log in: {key}."),
        };
        state.say(Tone::Warn, words);
    }
    state.questions.push(question);
}

/// Whether something may come up by itself.
fn is_free(state: &State) -> bool {
    state.overlays.is_empty() && !state.typing && state.leaving.is_none()
}

/// What came of a login. Where none is needed, what was asked for until that was known comes up.
pub(super) fn heard(state: &mut State, event: LoginEvent, effects: &mut Vec<Effect>) {
    let is_not_needed = matches!(event, LoginEvent::NotNeeded);
    login::heard(state, event, effects);
    if is_not_needed
        && is_free(state)
        && let Some(question) = state.questions.first()
    {
        let put = put(question);
        state.next_turn();
        state.overlays.push(put);
    }
}

/// What waits for the person comes up; without anything, a login begins.
pub(super) fn log_in(state: &mut State, effects: &mut Vec<Effect>) {
    match state.questions.first() {
        Some(question) => {
            let put = put(question);
            state.overlays.push(put);
        }
        None => login::begin(state, effects),
    }
}

/// As it is put to the person.
fn put(question: &Question) -> Overlay {
    match &question.wanted {
        Wanted::MfaCode { .. } => Overlay::Code(CodeField {
            question: question.clone(),
            digits: Digits::default(),
            problem: None,
        }),
        Wanted::Login {
            profile,
            way,
            is_still_missing,
            ..
        } => Overlay::Login(Login {
            asked: Some((profile.clone(), question.id)),
            stage: match way {
                LoginWay::SingleSignOn => LoginStage::Offered,
                LoginWay::Console => LoginStage::Elsewhere {
                    command: way.command(profile),
                    is_still_missing: *is_still_missing,
                },
            },
        }),
    }
}

/// A key in the field.
pub(super) fn press(state: &mut State, mut field: CodeField, key: KeyPress, effects: &mut Vec<Effect>) {
    field.problem = None;
    match (key.code, key.ctrl) {
        (KeyCode::Esc, _) | (KeyCode::Char('c'), true) => {
            return answer(state, &field.question, Answer::No, effects);
        }
        (KeyCode::Enter, _) if is_code(field.digits.shown().as_bytes()) => {
            let code = Plaintext::from(field.digits.shown().to_owned());
            return answer(state, &field.question, Answer::Code(code), effects);
        }
        (KeyCode::Enter, _) => field.problem = Some("A code has six digits."),
        // A code is one word, which is wiped as a whole.
        (KeyCode::Char('u' | 'w'), true) => field.digits.clear(),
        (KeyCode::Backspace, _) if key.alt || key.ctrl => field.digits.clear(),
        (KeyCode::Backspace, _) | (KeyCode::Char('h'), true) => field.digits.pop(),
        (KeyCode::Char(character), false) => field.digits.push(character),
        _ => {}
    }
    state.overlays.push(Overlay::Code(field));
}

/// Digits that were pasted; what else stands between them is left out.
pub(super) fn paste(field: &mut CodeField, text: &str) {
    field.problem = None;
    text.chars().for_each(|character| field.digits.push(character));
}

fn answer(state: &mut State, question: &Question, answer: Answer, effects: &mut Vec<Effect>) {
    state.questions.retain(|open| open.id != question.id);
    if let (Answer::No, Wanted::MfaCode { profile, .. }) = (&answer, &question.wanted) {
        let key = state.settings.keymap.key(Command::LogIn);
        let words = format!("No code was given for the profile {profile}. To be asked again: {key}.");
        state.say(Tone::Warn, words);
    }
    effects.push(Effect::Answer {
        id: question.id,
        answer,
    });
}
