//! What was said in a context that was left is mended there, and nowhere else.

use strongroom::app::{Effect, Overlay};
use strongroom::domain::{Fault, FaultKind};

use super::WIDE;
use crate::desk::Desk;

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/11111111-0000-0000-0000-000000000001";

fn denied() -> Fault {
    let cause = format!(
        "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: kms:GenerateDataKey on resource: {KEY} because no \
         identity-based policy allows the kms:GenerateDataKey action"
    );
    Fault::new(FaultKind::Denied, "encrypt", "images.tar", cause, "create a grant")
}

fn asks(desk: &Desk) -> bool {
    matches!(desk.state.overlays.last(), Some(Overlay::Confirm(_)))
}

/// Opens the messages, and presses Enter on the newest.
fn mend(desk: &mut Desk) {
    desk.keys("!<enter>");
}

#[test]
fn what_mends_a_refusal_is_asked_in_its_own_context_and_in_no_other() {
    for is_before in [true, false] {
        let mut desk = Desk::filled(WIDE);
        desk.keys("5jje");
        if is_before {
            desk.failed(1, denied());
        }
        desk.keys("<esc><esc>:region eu-west-1<enter>");
        if !is_before {
            desk.failed(1, denied());
        }
        let started = desk.started().len();
        desk.keys("!");
        let screen = desk.screen();
        assert!(screen.contains("To do what the remedy says go to"), "{screen}");
        assert!(!screen.contains("Enter does what the remedy says"), "{screen}");
        desk.keys("<enter>");
        assert!(!asks(&desk), "before: {is_before}");
        assert_eq!(desk.started().len(), started);
        let said = desk.state.messages.newest_first().next().unwrap().text.clone();
        assert!(said.contains("first"), "{said}");

        // Back there it is asked.
        desk.keys("<esc>:context <enter>");
        let screen = desk.screen();
        let at = desk
            .state
            .messages
            .newest_first()
            .position(|message| message.fault.is_some());
        desk.keys("!");
        for _ in 0..at.unwrap() {
            desk.keys("j");
        }
        desk.keys("<enter>");
        assert!(asks(&desk), "before: {is_before}\n{screen}\n{}", desk.screen());
    }
}

#[test]
fn what_mends_a_refusal_is_asked_for_where_it_was_refused() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("5jje").failed(1, denied());
    desk.keys("<esc>");
    mend(&mut desk);
    assert!(asks(&desk), "{}", desk.screen());
}

#[test]
fn the_command_line_of_an_operation_is_not_copied_with_the_names_of_another_context() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("5jje<esc>:region eu-west-1<enter>");
    desk.keys("o");
    assert!(
        matches!(desk.state.overlays.last(), Some(Overlay::Operations(_))),
        "{}",
        desk.screen()
    );
    desk.keys("Y");
    assert!(!desk.effects.iter().any(|effect| matches!(effect, Effect::Copy(_))));
}
