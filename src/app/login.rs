//! Logging in: offered where a session has ended, begun by `login`. To single sign-on from here; elsewhere where only the AWS
//! CLI can.

use super::event::LoginEvent;
use super::format::{self, Tone};
use super::state::State;
use super::state::overlay::{Login, LoginStage, Overlay};
use super::{Command, Effect, KeyCode, KeyPress, clipboard};
use crate::domain::{Answer, Wanted};

/// Begins one that nothing waits for.
pub(super) fn begin(state: &mut State, effects: &mut Vec<Effect>) {
    effects.push(Effect::LogIn(None));
    state.overlays.push(Overlay::Login(Login {
        asked: None,
        stage: LoginStage::Begun,
    }));
}

/// A key while a login is on screen.
pub(super) fn press(state: &mut State, mut login: Login, key: KeyPress, effects: &mut Vec<Effect>) {
    let is_over = matches!(key.code, KeyCode::Esc) || key.code == KeyCode::Char('c') && key.ctrl;
    match (&login.stage, key.code) {
        _ if is_over => return give_up(state, &login, effects),
        (LoginStage::Offered, KeyCode::Enter) => {
            login.stage = LoginStage::Begun;
            effects.push(Effect::LogIn(login.asked.as_ref().map(|(_, id)| *id)));
        }
        (LoginStage::Elsewhere { .. }, KeyCode::Enter) => return go_on(state, &login, effects),
        (LoginStage::Elsewhere { command, .. }, KeyCode::Char('y')) => {
            clipboard::copy(state, Some(command.clone()), effects);
        }
        (LoginStage::Shown(device), KeyCode::Enter) => effects.push(Effect::OpenPage(device.url.clone())),
        (LoginStage::Shown(device), KeyCode::Char('y')) => {
            effects.push(Effect::Copy(format::clean(&device.url)));
            state.say(Tone::Dim, "Copied the page's address.");
        }
        _ => {}
    }
    state.overlays.push(Overlay::Login(login));
}

fn give_up(state: &mut State, login: &Login, effects: &mut Vec<Effect>) {
    if matches!(login.stage, LoginStage::Begun | LoginStage::Shown(_)) {
        effects.push(Effect::StopLogin);
    }
    let key = state.settings.keymap.key(Command::LogIn);
    state.say(Tone::Warn, format!("Not logged in. To log in: {key}."));
    if let Some((_, id)) = login.asked {
        state.questions.retain(|open| open.id != id);
        effects.push(Effect::Answer { id, answer: Answer::No });
    }
}

/// What came of it.
pub(super) fn heard(state: &mut State, event: LoginEvent, effects: &mut Vec<Effect>) {
    match event {
        LoginEvent::Code(device) => {
            // Who gave it up meanwhile does not want to see it.
            if let Some(login) = shown(state) {
                login.stage = LoginStage::Shown(device);
            }
        }
        LoginEvent::Done { until, session } => {
            close(state);
            answer_all(state, &session, effects);
            let words = format!("Logged in, until {} or longer.", format::time(until));
            state.say(Tone::Good, words);
            ask_again(state, effects);
        }
        LoginEvent::Failed(fault) => {
            close(state);
            state.complain(fault);
        }
        LoginEvent::NotNeeded => {
            close(state);
            if state.questions.is_empty() {
                let words = if state.settings.sandbox {
                    "No login is needed: the sandbox asks for none."
                } else {
                    "No login is needed: these credentials rest on none."
                };
                state.say(Tone::Plain, words);
            }
            ask_again(state, effects);
        }
    }
}

/// The person says that the login was made elsewhere: whoever waits for it looks.
fn go_on(state: &mut State, login: &Login, effects: &mut Vec<Effect>) {
    let mut open = state.questions.iter();
    let asked = open.find(|open| login.asked.as_ref().is_some_and(|(_, id)| open.id == *id));
    if let Some(Wanted::Login { session, .. }) = asked.map(|open| open.wanted.clone()) {
        answer_all(state, &session, effects);
    }
    ask_again(state, effects);
}

/// Whoever waits for this login goes on.
fn answer_all(state: &mut State, session: &str, effects: &mut Vec<Effect>) {
    let is_this = |wanted: &Wanted| matches!(wanted, Wanted::Login { session: other, .. } if *other == session);
    for done in state.questions.extract_if(.., |open| is_this(&open.wanted)) {
        let answer = Answer::Done;
        effects.push(Effect::Answer { id: done.id, answer });
    }
}

fn shown(state: &mut State) -> Option<&mut Login> {
    state.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Login(login) => Some(login),
        _ => None,
    })
}

fn close(state: &mut State) {
    state.overlays.retain(|overlay| !matches!(overlay, Overlay::Login(_)));
}

fn ask_again(state: &mut State, effects: &mut Vec<Effect>) {
    state.refused.clear();
    effects.push(Effect::Refresh(state.watched.clone()));
}
