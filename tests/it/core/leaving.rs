//! Cancelling and leaving: what is said beforehand, what is waited for, and for how long.

use strongroom::app::cancelling::{PATIENCE, left_behind};
use strongroom::app::{Effect, Event, OpEvent, OpId, Overlay, Page, Topic};
use strongroom::domain::FaultKind;

use super::WIDE;
use crate::desk::{Desk, arn, fault, role};

#[test]
fn quitting_asks_while_work_is_in_flight_and_waits_for_its_clean_up() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("5jjeq");
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Confirm(_))));
    desk.keys("y");
    assert!(desk.effects.contains(&Effect::Cancel(OpId(1))) && !desk.effects.contains(&Effect::Quit));
    desk.event(Event::Op {
        id: OpId(1),
        event: OpEvent::Failed(fault(FaultKind::Cancelled, "encrypt", "cancelled")),
    });
    assert!(desk.effects.contains(&Effect::Quit));
}

#[test]
fn an_operation_is_cancelled_from_their_list() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("5jjeox");
    assert!(!desk.effects.contains(&Effect::Cancel(OpId(1))));
    desk.keys("y");
    assert!(desk.effects.contains(&Effect::Cancel(OpId(1))));
    assert!(desk.screen().contains("cancelling"));
}

/// With a role on its way, which is made in two calls.
fn making_a_role() -> Desk {
    let mut desk = Desk::filled(WIDE);
    desk.keys("wggjj");
    desk.keys("<enter>");
    let title = |desk: &Desk| desk.screen().contains("New execution role");
    assert!(title(&desk), "{}", desk.screen());
    desk.keys("<enter>");
    assert_eq!(desk.state.operations.running().count(), 1, "{}", desk.screen());
    desk.keys("<esc>");
    desk
}

#[test]
fn the_question_says_what_cancelling_means_for_what_is_under_way() {
    let mut desk = making_a_role();
    desk.keys("ox");
    let screen = desk.screen();
    assert!(screen.contains("The call under way is finished"), "{screen}");
    desk.keys("n<esc>q");
    let screen = desk.screen();
    assert!(screen.contains("Create the role example-role"), "{screen}");
    assert!(screen.contains("at most 20 seconds"), "{screen}");

    let mut desk = Desk::filled(WIDE);
    desk.keys("5jjeox");
    assert!(
        desk.screen().contains("A file that goes as one piece is finished"),
        "{}",
        desk.screen()
    );
}

#[test]
fn leaving_waits_for_a_step_with_a_bound_and_says_what_was_left() {
    let mut desk = making_a_role();
    desk.keys("qy");
    assert!(desk.effects.contains(&Effect::Cancel(OpId(1))));
    desk.tick(PATIENCE - 1);
    assert!(!desk.effects.contains(&Effect::Quit));
    desk.tick(PATIENCE);
    assert!(desk.effects.contains(&Effect::Quit));
    let left = left_behind(&desk.state).expect("it has not answered");
    assert!(left.object.contains("role example-role"), "{left}");
}

#[test]
fn whoever_leaves_begins_nothing_any_more() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("2n");
    desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
    desk.keys("<enter>qy");
    let grant_id = "g".to_owned();
    desk.done(
        1,
        strongroom::domain::Outcome::Granted {
            grant_id,
            key_arn: arn("11111111-0000-0000-0000-000000000001"),
            grantee: role("example-role", true).arn,
            operations: Vec::new(),
        },
    );
    assert_eq!(desk.started().len(), 1, "its spread is not watched");
    assert!(desk.effects.contains(&Effect::Quit));
}
