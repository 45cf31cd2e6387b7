//! What a call waits for in the middle: asked of the person, once, and not in the way of what is typed.

use strongroom::app::LoginEvent;
use strongroom::domain::{Answer, DeviceCode, LoginWay, Plaintext, Question, Wanted};

use super::*;
use crate::desk::at;

fn question(id: u64, profile: &str) -> Question {
    Question {
        id,
        wanted: Wanted::MfaCode {
            profile: profile.to_owned(),
            serial: "arn:aws:iam::1:mfa/ann\u{1b}[2J".to_owned(),
            refused: None,
        },
    }
}

fn answers(desk: &Desk) -> Vec<(u64, Answer)> {
    let answers = desk.effects.iter().filter_map(|effect| match effect {
        Effect::Answer { id, answer } => Some((*id, answer.clone())),
        _ => None,
    });
    answers.collect()
}

fn code(digits: &str) -> Answer {
    Answer::Code(Plaintext::from(digits.to_owned()))
}

#[test]
fn a_code_of_six_digits_answers_and_is_in_nothing_that_is_kept() {
    let mut desk = Desk::filled(WIDE);
    desk.event(Event::Asked(question(7, "dev")));
    assert!(desk.screen().contains("MFA code"), "{}", desk.screen());
    assert!(!desk.screen().contains('\u{1b}'));
    desk.keys("31x337<enter>");
    assert!(desk.screen().contains("A code has six digits."), "{}", desk.screen());
    desk.event(Event::Paste(" 1 99\n".to_owned()));
    assert!(desk.screen().contains("313371"), "{}", desk.screen());
    assert!(!format!("{:?}", desk.state).contains("313371"));
    desk.keys("<enter>");
    assert_eq!(answers(&desk), [(7, code("313371"))]);
    assert!(!format!("{:?}{:?}", desk.state, desk.effects).contains("313371"));
    assert!(desk.state.overlays.is_empty());
}

#[test]
fn keys_of_a_line_work_on_a_code_as_on_one_word() {
    let table = [
        ("<ctrl-u>", ""),
        ("<ctrl-w>", ""),
        ("<alt-backspace>", ""),
        ("<backspace>", "12"),
        ("<ctrl-h>", "12"),
    ];
    for (keys, left) in table {
        let mut desk = Desk::filled(WIDE);
        desk.event(Event::Asked(question(7, "dev")));
        desk.keys("123").keys(keys);
        let Some(Overlay::Code(field)) = desk.state.overlays.last() else {
            panic!("{keys} gave it up: {}", desk.screen())
        };
        assert_eq!(field.digits.shown(), left, "{keys}");
    }
}

#[test]
fn who_types_something_else_is_told_and_led_to_it_by_login() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("/abc").event(Event::Asked(question(7, "dev")));
    desk.keys("1");
    assert!(
        desk.screen().contains("The profile dev waits for a code"),
        "{}",
        desk.screen()
    );
    assert_eq!(desk.state.table(desk.state.focus).filter(), "abc1");
    desk.keys("<esc>L");
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Code(_))));
    desk.keys("<esc>");
    assert_eq!(answers(&desk), [(7, Answer::No)]);
    assert!(
        desk.screen().contains("No code was given for the profile dev"),
        "{}",
        desk.screen()
    );
}

#[test]
fn without_a_question_login_begins_one_or_asks_everything_again_where_none_is_needed() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("L");
    assert_eq!(desk.effects.last(), Some(&Effect::LogIn(None)));
    desk.event(Event::Login(LoginEvent::NotNeeded));
    assert!(matches!(desk.effects.last(), Some(Effect::Refresh(_))));
    assert!(desk.state.overlays.is_empty());
    assert!(desk.screen().contains("No login is needed"), "{}", desk.screen());
}

#[test]
fn what_is_asked_for_before_it_is_known_that_no_login_is_needed_comes_up_then() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("L").event(Event::Asked(question(7, "dev")));
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Login(_))));
    desk.event(Event::Login(LoginEvent::NotNeeded)).keys("313371<enter>");
    assert_eq!(answers(&desk), [(7, code("313371"))]);
}

fn login(id: u64, session: &str) -> Event {
    Event::Asked(Question {
        id,
        wanted: Wanted::Login {
            profile: "research".to_owned(),
            session: session.to_owned(),
            way: LoginWay::SingleSignOn,
            is_still_missing: false,
        },
    })
}

fn device() -> Event {
    Event::Login(LoginEvent::Code(DeviceCode {
        url: "https://device.test/?user_code=ABCD-EFGH".to_owned(),
        page: "https://device.test/\u{1b}[2J".to_owned(),
        code: "ABCD-EFGH\u{202e}".to_owned(),
        expires: at(600),
    }))
}

#[test]
fn a_login_that_calls_wait_for_is_offered_begun_shown_and_answers_all_that_wait_for_this_one() {
    let mut desk = Desk::filled(WIDE);
    desk.event(login(3, "company"))
        .event(login(4, "company"))
        .event(login(5, "other"));
    assert!(
        desk.screen().contains("The profile research has no valid SSO login"),
        "{}",
        desk.screen()
    );
    assert!(
        !desk.effects.contains(&Effect::LogIn(Some(3))),
        "nothing begins by itself"
    );
    desk.keys("<enter>").event(device());
    assert!(desk.effects.contains(&Effect::LogIn(Some(3))));
    let screen = desk.screen();
    assert!(
        screen.contains("ABCD-EFGH") && screen.contains("https://device.test/"),
        "{screen}"
    );
    assert!(!screen.contains(['\u{1b}', '\u{202e}']), "{screen}");
    desk.keys("y<enter>");
    let url = "https://device.test/?user_code=ABCD-EFGH".to_owned();
    assert!(desk.effects.contains(&Effect::Copy(url.clone())));
    assert!(desk.effects.contains(&Effect::OpenPage(url)));
    desk.event(Event::Login(LoginEvent::Done {
        until: at(28_800),
        session: "company".to_owned(),
    }));
    assert_eq!(answers(&desk), [(3, Answer::Done), (4, Answer::Done)]);
    assert!(matches!(desk.effects.last(), Some(Effect::Refresh(_))));
    assert!(desk.state.overlays.is_empty());
}

#[test]
fn a_login_that_is_given_up_ends_and_a_code_that_comes_late_is_not_shown() {
    let mut desk = Desk::filled(WIDE);
    desk.event(login(3, "company")).keys("<enter><esc>").event(device());
    assert!(desk.effects.contains(&Effect::StopLogin));
    assert_eq!(answers(&desk), [(3, Answer::No)]);
    assert!(desk.state.overlays.is_empty());
    assert!(
        desk.screen().contains("Not logged in. To log in: L."),
        "{}",
        desk.screen()
    );
}

#[test]
fn one_question_is_answered_after_the_other_also_of_a_context_that_was_left() {
    let mut desk = Desk::filled(WIDE);
    desk.event(Event::Asked(question(1, "dev")))
        .event(Event::Asked(question(2, "prod")));
    desk.keys("111111<enter>:region eu-west-1<enter>");
    desk.keys("L222222<enter>");
    assert_eq!(answers(&desk), [(1, code("111111")), (2, code("222222"))]);
}

fn elsewhere(id: u64, is_still_missing: bool) -> Event {
    Event::Asked(Question {
        id,
        wanted: Wanted::Login {
            profile: "my team\u{1b}[2J".to_owned(),
            session: "arn:ann".to_owned(),
            way: LoginWay::Console,
            is_still_missing,
        },
    })
}

#[test]
fn a_login_that_is_made_elsewhere_is_told_with_its_command_and_answers_once_the_person_says_so() {
    let mut desk = Desk::filled(WIDE);
    desk.event(elsewhere(3, false)).event(elsewhere(4, false));
    let screen = desk.screen();
    assert!(
        screen.contains("aws login --profile") && !screen.contains('\u{1b}'),
        "{screen}"
    );
    assert!(!screen.contains("There is none yet"), "{screen}");
    desk.keys("y");
    let copied = |effect: &Effect| matches!(effect, Effect::Copy(text) if text.starts_with("aws login --profile "));
    assert!(desk.effects.iter().any(copied));
    assert_eq!(answers(&desk), []);
    desk.keys("<enter>");
    assert_eq!(answers(&desk), [(3, Answer::Done), (4, Answer::Done)]);
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::LogIn(_))));
    desk.event(elsewhere(5, true));
    assert!(
        desk.screen().contains("There is none yet that holds"),
        "{}",
        desk.screen()
    );
    desk.keys("<esc>");
    assert_eq!(answers(&desk)[2], (5, Answer::No));
    assert!(!desk.effects.contains(&Effect::StopLogin));
}
