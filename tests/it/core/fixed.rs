//! A list with a cursor: what arrives while it is open never puts another row under the cursor.

use strongroom::app::{Overlay, Page, Topic};
use strongroom::domain::{FaultKind, GrantRequest, KeyRequest, KeyState, KmsKey, ObjectRequest, Request};

use super::WIDE;
use crate::desk::{Desk, arn, described, detail, fault, interrupted, role};

const KEY: &str = "11111111-0000-0000-0000-000000000001";

fn menu(desk: &Desk) -> Vec<&'static str> {
    match desk.state.overlays.last() {
        Some(Overlay::Menu(menu)) => menu.actions.iter().map(|action| action.label).collect(),
        other => panic!("no menu but {other:?}"),
    }
}

/// Puts the cursor of the menu on an action.
fn to(desk: &mut Desk, label: &str) {
    let row = menu(desk).iter().position(|row| *row == label).unwrap();
    desk.keys(&"<down>".repeat(row));
}

#[test]
fn a_menu_is_as_it_was_opened_and_what_is_not_possible_any_more_says_so() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1a");
    let before = menu(&desk);
    to(&mut desk, "rotation off");
    let mut disabled = detail(&arn(KEY));
    disabled.state = KeyState::Disabled;
    desk.answer(Topic::Key(arn(KEY)), described(&arn(KEY), disabled));
    assert_eq!(menu(&desk), before);
    desk.keys("<enter>");
    assert!(desk.started().is_empty(), "{:?}", desk.started());
    assert!(
        desk.screen().contains("Not any more: rotation off"),
        "{}",
        desk.screen()
    );
}

#[test]
fn an_action_is_done_to_what_the_menu_was_opened_on_though_the_cursor_is_elsewhere_now() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1a");
    to(&mut desk, "add alias");
    // The key is gone: nothing is done to the one that lies under the cursor instead.
    let keys: Vec<KmsKey> = desk.state.keys.rows().to_vec();
    let others = keys.iter().filter(|key| key.arn != arn(KEY)).cloned().collect();
    desk.answer(Topic::Keys, Page::Keys(others));
    desk.keys("<enter>");
    assert!(desk.screen().contains("Not any more: add alias"), "{}", desk.screen());

    // A form that is open stays about its own key.
    let mut desk = Desk::filled(WIDE);
    desk.keys("1a");
    to(&mut desk, "add alias");
    desk.keys("<enter>mine");
    let others = keys.iter().filter(|key| key.arn != arn(KEY)).cloned().collect();
    desk.answer(Topic::Keys, Page::Keys(others));
    desk.keys("<enter>");
    let key_arn = arn(KEY);
    let alias = "mine".to_owned();
    assert_eq!(desk.started(), [Request::Key(KeyRequest::AddAlias { alias, key_arn })]);
}

#[test]
fn a_job_is_offered_to_be_cloned_once_it_is_known_what_it_was_made_of() {
    let mut desk = Desk::filled(WIDE);
    let mut jobs = desk.state.jobs.rows().to_vec();
    for job in &mut jobs {
        job.detail = None;
    }
    desk.keys("4a");
    assert!(menu(&desk).contains(&"clone job"));
    desk.keys("<esc>").answer(Topic::Jobs, Page::Jobs(Vec::new()));
    desk.answer(Topic::Jobs, Page::Jobs(jobs)).keys("a");
    assert!(!menu(&desk).contains(&"clone job"));
}

#[test]
fn a_palette_is_in_the_order_in_which_it_was_typed_for() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1:re");
    let before = match desk.state.overlays.last() {
        Some(Overlay::Palette(palette)) => palette.matches.clone(),
        other => panic!("no palette but {other:?}"),
    };
    let mut keys: Vec<KmsKey> = desk.state.keys.rows().to_vec();
    for key in &mut keys {
        let mut disabled = detail(&key.arn);
        disabled.state = KeyState::Disabled;
        key.detail = Some(disabled);
    }
    desk.answer(Topic::Keys, Page::Keys(keys));
    assert!(
        matches!(desk.state.overlays.last(), Some(Overlay::Palette(palette)) if palette.matches == before),
        "{}",
        desk.screen()
    );
}

#[test]
fn a_message_that_comes_leaves_the_cursor_on_its_message() {
    let mut desk = Desk::filled(WIDE);
    let complain = |desk: &mut Desk, cause: &str| {
        desk.fail(Topic::Identity, fault(FaultKind::Denied, "look", cause));
    };
    complain(&mut desk, "first");
    desk.keys("!");
    let Some(Overlay::Messages(first)) = desk.state.overlays.last().cloned() else {
        panic!("no messages")
    };
    complain(&mut desk, "second");
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Messages(id)) if *id == first));
    assert_eq!(desk.state.messages.row(first), 1);
    desk.keys("k");
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Messages(id)) if *id != first));
}

#[test]
fn an_operation_that_begins_leaves_the_cursor_of_their_list_where_it_is() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("2n");
    desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
    desk.keys("<enter>o");
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
    assert_eq!(desk.state.operations.len(), 2, "the grant's spread is watched");
    desk.keys("x");
    assert!(
        desk.state.overlays.len() == 1,
        "the grant has ended; its watch is not what is cancelled"
    );
}

#[test]
fn an_upload_that_ends_leaves_the_cursor_on_its_own() {
    let mut desk = Desk::untouched(WIDE);
    let answer = |desk: &mut Desk, ids: &[&str]| {
        let uploads = ids.iter().map(|id| interrupted(id)).collect();
        desk.answer(Topic::Interrupted, Page::Interrupted(uploads));
    };
    answer(&mut desk, &["a", "b", "c"]);
    desk.keys("j");
    answer(&mut desk, &["b", "c"]);
    desk.keys("xy");
    assert_eq!(
        desk.started(),
        [Request::Object(ObjectRequest::AbandonUpload {
            id: "b".to_owned(),
            what: "b.csv".to_owned(),
            destination: format!("s3://{}/", crate::desk::BUCKET),
        })]
    );
}

#[test]
fn the_walk_stays_on_the_step_that_the_person_chose() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("wjk");
    let row = |desk: &Desk| match desk.state.overlays.last() {
        Some(Overlay::Guide(walk)) => walk.row,
        other => panic!("no walk but {other:?}"),
    };
    let before = row(&desk);
    desk.answer(Topic::Roles, Page::Roles(vec![role("other", true)]));
    desk.answer(Topic::Grants(arn(KEY)), Page::Grants(Vec::new()));
    assert_eq!(row(&desk), before);
}

#[test]
fn a_role_that_was_picked_stays_picked_whatever_roles_come_and_go() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("2n");
    desk.answer(Topic::Roles, Page::Roles(vec![role("m", true), role("n", true)]));
    desk.keys("<down>");
    desk.answer(Topic::Roles, Page::Roles(vec![role("a", true), role("b", true)]));
    desk.keys("<enter>");
    let Some(Request::Grant(GrantRequest::New(spec))) = desk.started().pop() else {
        panic!("nothing was granted: {}", desk.screen())
    };
    assert_eq!(spec.grantee, role("n", true).arn);
}
