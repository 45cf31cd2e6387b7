//! Logging in to single sign-on: offered where a session has ended, begun by `login`.

use super::event::LoginEvent;
use super::format::{self, Tone};
use super::state::State;
use super::state::overlay::{Login, LoginStage, Overlay};
use super::{Command, Effect, KeyCode, KeyPress};
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
    if login.stage != LoginStage::Offered {
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
            let is_this = |wanted: &Wanted| matches!(wanted, Wanted::Login { session: other, .. } if *other == session);
            for done in state.questions.extract_if(.., |open| is_this(&open.wanted)) {
                let answer = Answer::Done;
                effects.push(Effect::Answer { id: done.id, answer });
            }
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
            ask_again(state, effects);
        }
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
