//! The core's promises: what keys and answers do to the state, and what is asked for then. No IO, no clock.

use std::path::PathBuf;

use strongroom::app::{Effect, Event, KeyCode, KeyPress, OpEvent, OpId, Overlay, Page, Topic};
use strongroom::domain::{
    AccountRequest, CleanUpItem, Dependents, FaultKind, GrantRequest, GrantSpec, KeyChange, KeyRequest, KeyState,
    ObjectFormat, ObjectRequest, Outcome, Request, RoleRequest,
};
use strongroom::ui::Theme;

use crate::desk::{
    BUCKET, Desk, arn, bucket, consent, described, detail, fault, file, grant, interrupted, job, log_line, object,
    objects, role,
};

#[path = "core/aside.rs"]
mod aside;
#[path = "core/chain.rs"]
mod chain;
#[path = "core/chosen.rs"]
mod chosen;
#[path = "core/contexts.rs"]
mod contexts;
#[path = "core/continuations.rs"]
mod continuations;
#[path = "core/doors.rs"]
mod doors;
#[path = "core/elsewhere.rs"]
mod elsewhere;
#[path = "core/encrypting.rs"]
mod encrypting;
#[path = "core/fixed.rs"]
mod fixed;
#[path = "core/found.rs"]
mod found;
#[path = "core/guide.rs"]
mod guide;
#[path = "core/hands.rs"]
mod hands;
#[path = "core/help.rs"]
mod help;
#[path = "core/hostile.rs"]
mod hostile;
#[path = "core/leaving.rs"]
mod leaving;
#[path = "core/marked.rs"]
mod marked;
#[path = "core/messages.rs"]
mod messages;
#[path = "core/opened.rs"]
mod opened;
#[path = "core/pages.rs"]
mod pages;
#[path = "core/places.rs"]
mod places;
#[path = "core/questions.rs"]
mod questions;
#[path = "core/reports.rs"]
mod reports;
#[path = "core/rows.rs"]
mod rows;
#[path = "core/seen.rs"]
mod seen;
#[path = "core/shown.rs"]
mod shown;
#[path = "core/stripped.rs"]
mod stripped;

const WIDE: (u16, u16) = (120, 36);

#[test]
fn a_read_only_session_starts_nothing_that_changes_anything() {
    let mut desk = Desk::filled(WIDE);
    desk.state.settings.read_only = true;
    for keys in [
        "5jje",
        "2xy",
        "1xy",
        "1ku",
        "4xy",
        "3jxy",
        "1nx<enter>",
        "2n<enter>",
        "3jt<enter>",
        "3<esc>n<enter>",
    ] {
        desk.keys(keys).keys("<esc><esc><esc>");
    }
    let changing: Vec<_> = desk.started();
    assert!(changing.is_empty(), "{changing:?}");
    assert!(desk.state.overlays.is_empty(), "{:?}", desk.state.overlays);
    // What would be refused is not offered.
    desk.keys("1a");
    let menu = desk.screen();
    assert!(menu.contains("dependents") && !menu.contains("edit policy"), "{menu}");
    desk.keys("<esc>:");
    let palette = desk.screen();
    assert!(palette.contains("prove ") && !palette.contains("encrypt "), "{palette}");
}

#[test]
fn destructive_acts_are_asked_about_first() {
    for (keys, expected) in [
        ("2x", "Grant(Revoke"),
        ("1x", "Key(Disable"),
        ("4x", "Job(Stop"),
        ("3jx", "Object(Delete"),
    ] {
        let mut desk = Desk::filled(WIDE);
        desk.keys(keys);
        assert!(desk.started().is_empty(), "{keys}");
        desk.keys("y");
        assert!(format!("{:?}", desk.started()).contains(expected), "{keys}");
    }
}

#[test]
fn a_key_is_given_up_only_when_it_is_disabled_and_its_name_typed() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1kx");
    let key_arn = arn("22222222-0000-0000-0000-000000000002");
    let found = || {
        Outcome::Dependents(Box::new(Dependents {
            key_arn: key_arn.clone(),
            ..Dependents::default()
        }))
    };
    desk.done(1, found());
    desk.keys("<backspace><backspace>5<enter>");
    assert!(desk.screen().contains("Days must be 7 to 30"));
    desk.keys("<backspace>8<enter>").keys("wrong<enter>");
    assert_eq!(desk.started().len(), 1);
    // Whoever does not agree finds the form as it was.
    desk.keys("<esc>");
    assert!(desk.screen().contains("Schedule the deletion of legacy-datasets"));
    desk.keys("<esc>x")
        .done(2, found())
        .keys("<enter>legacy-datasets<enter>");
    let Some(Request::Key(KeyRequest::ScheduleDeletion { days, .. })) = desk.started().pop() else {
        panic!("nothing was scheduled")
    };
    assert_eq!(days, 30);
}

#[test]
fn another_key_has_other_grants_and_late_answers_about_the_first_are_dropped() {
    let mut desk = Desk::filled(WIDE);
    let first = desk.state.key().unwrap().arn.clone();
    assert_eq!(desk.state.grants.rows().len(), 1);
    desk.keys("1j");
    assert!(desk.state.grants.rows().is_empty());
    desk.answer(Topic::Grants(first.clone()), Page::Grants(vec![grant(&first)]));
    assert!(desk.state.grants.rows().is_empty());
}

#[test]
fn what_belongs_to_the_selected_key_is_marked() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("<enter>");
    assert_eq!(desk.state.linked(), (1, 1, 3));
    desk.keys("<esc>1j<enter>");
    assert_eq!(desk.state.linked(), (0, 1, 0));
    desk.keys("<esc>");
    assert!(desk.screen().contains("◆ other.csv"));
}

#[test]
fn a_row_that_may_not_be_looked_at_is_asked_about_once_until_a_refresh() {
    let mut desk = Desk::filled(WIDE);
    let plain = |key: &str| match object(key, ObjectFormat::Plain, None) {
        strongroom::domain::ObjectRow::Object { key, size, .. } => strongroom::domain::ObjectRow::Object {
            key,
            size,
            modified: None,
            etag: None,
            info: None,
        },
        prefix @ strongroom::domain::ObjectRow::Prefix { .. } => prefix,
    };
    desk.objects(vec![plain("secret")]);
    let asked = |desk: &Desk| {
        desk.watched(|topic| match topic {
            Topic::Object { key, .. } => Some(key.clone()),
            _ => None,
        })
    };
    let topic = Topic::Object {
        bucket: BUCKET.to_owned(),
        key: asked(&desk).unwrap(),
    };
    let denied = fault(FaultKind::Denied, "look at", "not authorized to perform: s3:GetObject");
    desk.fail(topic, denied);
    assert_eq!(asked(&desk), None);
    assert!(desk.screen().contains("denied"));
    assert!(desk.state.messages.unread().is_none());
    desk.keys("r");
    assert_eq!(asked(&desk), Some("secret".to_owned()));
}

#[test]
fn a_changed_key_is_looked_at_again() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1xy");
    let key_arn = arn("11111111-0000-0000-0000-000000000001");
    desk.done(
        1,
        Outcome::KeyChanged {
            key_arn: key_arn.clone(),
            change: KeyChange::Disabled,
        },
    );
    let asked = desk.watched(|topic| match topic {
        Topic::Key(arn) => Some(arn.clone()),
        _ => None,
    });
    assert_eq!(asked, Some(key_arn.clone()));
    let mut disabled = detail(&key_arn);
    disabled.state = KeyState::Disabled;
    desk.answer(Topic::Key(key_arn.clone()), described(&key_arn, disabled));
    assert!(
        desk.state
            .is_available(strongroom::app::Command::Do(strongroom::app::Keyed::Restore))
    );
}

#[test]
fn a_form_says_what_is_missing_and_loses_nothing() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("2n<tab> <down> <enter>");
    assert!(desk.screen().contains("Check at least one operation"));
    desk.keys(" <enter>");
    assert!(desk.screen().contains("still being listed"));
    desk.keys("<tab>");
    desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
    desk.keys("my-grant<enter>");
    let Some(Request::Grant(GrantRequest::New(spec))) = desk.started().pop() else {
        panic!("nothing was granted")
    };
    let GrantSpec {
        grantee,
        operations,
        name,
        ..
    } = *spec;
    assert_eq!(
        (grantee, operations),
        (role("example-role", true).arn, vec!["Encrypt".to_owned()])
    );
    assert_eq!(name.as_deref(), Some("my-grant"));
}

#[test]
fn going_up_puts_the_cursor_where_one_came_from() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3<enter>");
    assert_eq!(desk.state.place, Some((BUCKET.to_owned(), "output/".to_owned())));
    desk.keys("<esc>");
    desk.objects(objects());
    assert_eq!(desk.state.objects.current().unwrap().key(), "output/");
    desk.keys("<esc>");
    assert_eq!(desk.state.buckets.current().unwrap().name, BUCKET);
}

#[test]
fn typing_a_filter_is_typing_and_no_command() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1/quite");
    assert!(!desk.effects.contains(&Effect::Quit));
    desk.keys("<esc>");
    assert_eq!(desk.state.keys.shown(), 4);
    desk.keys("/leg<enter>");
    assert_eq!(desk.state.keys.shown(), 1);
    desk.keys("<esc>");
    assert_eq!(desk.state.keys.shown(), 4);
}

#[test]
fn what_is_under_the_cursor_is_copied_also_as_a_command_that_a_shell_reads() {
    let mut desk = Desk::filled(WIDE);
    desk.objects(vec![object("it's here.csv", ObjectFormat::Plain, None)]);
    desk.keys("3yY");
    let copied: Vec<&str> = desk
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Copy(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(copied[0], format!("s3://{BUCKET}/it's here.csv"));
    assert_eq!(
        copied[1],
        format!(
            r"aws s3api head-object --bucket {BUCKET} --key 'it'\''s here.csv' --profile research --region us-east-1"
        )
    );
}

#[test]
fn without_colours_every_state_still_has_its_word() {
    let mut desk = Desk::filled(WIDE);
    desk.theme = Theme::colorless();
    let screen = desk.screen();
    for word in [
        "Enabled",
        "Disabled",
        "PendingDeletion",
        "InProgress",
        "Failed",
        "plain",
    ] {
        assert!(screen.contains(word), "{word}");
    }
    let styles = desk.buffer();
    let has_colour = |cell: &ratatui::buffer::Cell| {
        cell.fg != ratatui::style::Color::Reset || cell.bg != ratatui::style::Color::Reset
    };
    assert!(!styles.content.iter().any(has_colour));
}

/// What could do harm on a terminal, or make one thing look like another.
const HOSTILE: &str = "a\x1b]0;owned\x07\x1b[31m\r\n\x08\u{9b}2J\u{202e}g\u{200b}p\u{2028}\u{e0041}j\
    \u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}";

#[test]
fn a_form_whose_request_failed_comes_back_unless_something_was_pressed_meanwhile() {
    let expired = || Event::Op {
        id: OpId(1),
        event: OpEvent::Failed(fault(FaultKind::Expired, "create a bucket", "the session has expired")),
    };
    let mut desk = Desk::filled(WIDE);
    desk.keys("3<esc>n-x<enter>").event(expired());
    let screen = desk.screen();
    assert!(screen.contains("New bucket") && screen.contains("-x▏"), "{screen}");
    assert!(screen.contains("the session has expired"), "{screen}");

    let mut desk = Desk::filled(WIDE);
    desk.keys("3<esc>n-x<enter>").keys("1").event(expired());
    assert!(!desk.screen().contains("New bucket"), "it does not get into the way");
    desk.keys("3n");
    assert!(desk.screen().contains("-x▏"), "{}", desk.screen());
    // Once it has come out well it is forgotten.
    desk.keys("<enter>").done(
        2,
        Outcome::BucketCreated {
            bucket: "x".to_owned(),
            warnings: Vec::new(),
        },
    );
    desk.keys("3<esc>n");
    assert!(!desk.screen().contains("-x▏"), "{}", desk.screen());
}

#[test]
fn clean_up_takes_down_one_line_at_a_time_and_by_the_newest_plan_only() {
    let line = |kind, request| CleanUpItem {
        kind,
        name: "it".to_owned(),
        state: String::new(),
        request,
        refused: None,
    };
    let role = Request::Role(RoleRequest::Delete { role: "it".to_owned() });
    let plan = |items: &[CleanUpItem]| Outcome::CleanUpPlan {
        items: items.to_vec(),
        refused: Vec::new(),
    };
    let mut desk = Desk::filled(WIDE);
    desk.keys("wG<enter>");
    assert_eq!(desk.started(), [Request::Account(AccountRequest::PlanCleanUp)]);
    desk.keys("<enter>");
    assert_eq!(desk.started().len(), 1, "there is no plan yet");
    desk.done(1, plan(&[line("role", Some(role.clone())), line("key", None)]));
    desk.keys("<enter>no<enter>");
    assert_eq!(desk.started().len(), 1, "the name was not typed");
    desk.keys("<backspace><backspace>it<enter>");
    assert_eq!(desk.started()[1], role);
    desk.keys("<enter>it<enter>");
    assert_eq!(desk.started().len(), 2, "one at a time");
    desk.done(2, Outcome::RoleDeleted { role: "it".to_owned() });
    assert_eq!(desk.started()[2], Request::Account(AccountRequest::PlanCleanUp));
    // Whoever has closed the screen is not shown the plan; the walk is where it was.
    desk.keys("<esc>").done(3, plan(&[line("key", None)]));
    assert!(matches!(desk.state.overlays.as_slice(), [Overlay::Guide(_)]));
}

#[test]
fn clean_up_says_what_it_looked_for_where_it_found_nothing_and_offers_nothing_there() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("wG<enter>");
    assert!(!desk.screen().contains("Nothing bears"), "it looks still");
    desk.done(
        1,
        Outcome::CleanUpPlan {
            items: Vec::new(),
            refused: Vec::new(),
        },
    );
    let screen = desk.screen();
    assert!(screen.contains("Nothing bears the tag strongroom:workflow"), "{screen}");
    assert!(screen.contains("take that down in its pane"), "{screen}");
    assert!(!screen.contains("do it"), "{screen}");
}
