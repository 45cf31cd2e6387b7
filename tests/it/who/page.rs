//! The dashboard's page of who can and who did: what it asks for, keeps and shows.

use std::collections::BTreeMap;

use serde_json::json;
use strongroom::app::{Effect, Event, Overlay, Page, Topic, WhoPage};
use strongroom::domain::Outcome;
use strongroom::domain::who::{Answer, Evidence, Extent, KeyUse, Own, OwnAnswer, UsedBy, UserKind, operations};

use crate::desk::{Desk, at};

fn evidence(key_arn: &str) -> Evidence {
    let account = "111122223333";
    let role = format!("arn:aws:iam::{account}:role/example-role");
    let root = json!({"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")}, "Action": "kms:*", "Resource": "*"});
    let mut grant = crate::desk::grant(key_arn);
    grant.grantee = role;
    let ann: Vec<OwnAnswer> = operations()
        .map(|operation| match operation {
            "Encrypt" | "GenerateDataKey" | "DescribeKey" => OwnAnswer::Allowed("encrypters".to_owned()),
            _ => OwnAnswer::NotAllowed,
        })
        .collect();
    Evidence {
        key_arn: key_arn.to_owned(),
        usable: Ok(true),
        policy: Ok(json!({"Statement": [root]})),
        grants: Ok(vec![grant]),
        own: BTreeMap::from([
            (format!("arn:aws:iam::{account}:user/ann"), Own::Asked(ann)),
            (
                format!("arn:aws:iam::{account}:role/hidden"),
                Own::Unread("not authorized to perform: iam:SimulatePrincipalPolicy".to_owned()),
            ),
        ]),
        unread: Vec::new(),
    }
}

fn used(kind: UserKind, name: &str, operation: &str, refused: Option<&str>) -> KeyUse {
    KeyUse {
        at: at(0),
        id: "7e1c".to_owned(),
        by: UsedBy {
            kind,
            name: name.to_owned(),
        },
        session: None,
        operation: operation.to_owned(),
        context: vec![("team".to_owned(), "blue".to_owned())],
        from: "203.0.113.7".to_owned(),
        agent: "aws-cli/2".to_owned(),
        answer: Answer::of(refused),
    }
}

/// A page with somebody of everything.
fn shown(size: (u16, u16)) -> Desk {
    let mut desk = Desk::filled(size);
    let open = desk.state.key().unwrap().arn.clone();
    desk.keys("M");
    let topic = Topic::Who(open.clone());
    assert!(desk.topics().contains(&topic));
    desk.event(Event::Answer {
        topic: topic.clone(),
        walk: 1,
        first: true,
        last: false,
        at: at(0),
        page: Page::Who(WhoPage::Can(Box::new(evidence(&open).conclude()))),
    });
    let user = |name: &str| format!("arn:aws:iam::111122223333:user/{name}");
    let events = vec![
        used(UserKind::User, &user("ann"), "Encrypt", None),
        used(UserKind::User, &user("ann"), "Decrypt", None),
        used(UserKind::User, &user("ann"), "Decrypt", None),
        used(UserKind::User, &user("ann"), "Decrypt", Some("AccessDenied")),
        used(UserKind::Account, "444455556666", "Decrypt", None),
        used(
            UserKind::Role,
            "arn:aws:iam::111122223333:role/example-role",
            "Decrypt",
            None,
        ),
        used(UserKind::Role, "arn:aws:iam::111122223333:role/hidden", "Encrypt", None),
        used(
            UserKind::User,
            &user("ann"),
            "GenerateDataKeyWithoutPlaintext",
            Some("DryRunOperationException"),
        ),
    ];
    desk.event(Event::Answer {
        topic: topic.clone(),
        walk: 1,
        first: false,
        last: false,
        at: at(0),
        page: Page::Who(WhoPage::Did(events, Extent::Reading)),
    });
    desk
}

#[test]
fn nothing_is_asked_before_it_is_opened_and_nothing_once_it_is_closed() {
    let mut desk = Desk::filled((120, 36));
    let is_asked = |desk: &Desk| desk.topics().iter().any(|topic| matches!(topic, Topic::Who(_)));
    assert!(!is_asked(&desk));
    desk.keys("M");
    assert!(is_asked(&desk));
    desk.keys("<esc>");
    assert!(!is_asked(&desk));
}

#[test]
fn a_history_that_is_read_is_said_to_be_and_is_kept_for_the_session() {
    let mut desk = shown((120, 36));
    assert!(
        desk.screen().contains("8 events read") && desk.screen().contains("more…"),
        "{}",
        desk.screen()
    );
    let topic = desk
        .watched(|topic| matches!(topic, Topic::Who(_)).then(|| topic.clone()))
        .unwrap();
    let whole = Page::Who(WhoPage::Did(Vec::new(), Extent::Whole(at(-3600))));
    desk.event(Event::Answer {
        topic: topic.clone(),
        walk: 1,
        first: false,
        last: true,
        at: at(0),
        page: whole,
    });
    assert!(desk.screen().contains("all read"), "{}", desk.screen());
    desk.keys("<esc>M");
    assert!(desk.screen().contains("all read"), "{}", desk.screen());
    assert!(!desk.topics().contains(&topic), "it is known: nothing is asked");
    desk.keys("r");
    assert!(desk.topics().contains(&topic));
}

#[test]
fn whoever_asks_again_and_again_keeps_the_reading_that_is_under_way() {
    let mut desk = shown((120, 36));
    let topic = desk
        .watched(|topic| matches!(topic, Topic::Who(_)).then(|| topic.clone()))
        .unwrap();
    for second in 1..9 {
        desk.tick(second).keys("r");
        assert!(desk.screen().contains("8 events read"), "{}", desk.screen());
    }
    let asked_again = Effect::Refresh(vec![topic.clone()]);
    assert!(!desk.effects.contains(&asked_again), "the budget is the reading's");
    desk.event(Event::Answer {
        topic,
        walk: 1,
        first: false,
        last: true,
        at: at(9),
        page: Page::Who(WhoPage::Did(Vec::new(), Extent::Whole(at(-3600)))),
    });
    assert!(desk.screen().contains("all read"), "{}", desk.screen());
    desk.keys("r");
    assert!(desk.effects.contains(&asked_again), "what is read is asked for anew");
}

#[test]
fn keeping_it_is_no_change_and_works_in_a_read_only_session() {
    let mut desk = shown((120, 36));
    desk.state.settings.read_only = true;
    desk.keys("D");
    assert_eq!(desk.started().len(), 1);
    desk.done(
        1,
        Outcome::WhoSaved {
            json: "/home/ann/who.json".into(),
            page: "/home/ann/who.md".into(),
        },
    );
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Who(_))));
}

#[test]
fn what_strangers_wrote_never_reaches_the_screen_raw() {
    let mut desk = shown((120, 36));
    let topic = desk
        .watched(|topic| matches!(topic, Topic::Who(_)).then(|| topic.clone()))
        .unwrap();
    let hostile = "\u{1b}[31m\u{202e}evil\u{7}";
    let mut event = used(UserKind::Other, hostile, hostile, None);
    (event.from, event.agent, event.session) = (hostile.to_owned(), hostile.to_owned(), Some(hostile.to_owned()));
    event.context = vec![(hostile.to_owned(), hostile.to_owned())];
    desk.event(Event::Answer {
        topic,
        walk: 1,
        first: false,
        last: false,
        at: at(0),
        page: Page::Who(WhoPage::Did(vec![event], Extent::Reading)),
    });
    desk.keys("<tab>");
    for keys in ["", "<enter>"] {
        let buffer = desk.keys(keys).buffer();
        let cells = buffer.content().iter().flat_map(|cell| cell.symbol().chars());
        assert!(cells.clone().all(|c| !c.is_control() && c != '\u{202e}'), "{keys}");
        assert!(desk.screen().contains("evil"), "{}", desk.screen());
    }
}

#[test]
fn what_a_cell_rests_on_stands_right_below_the_matrix() {
    let screen = shown((200, 50)).screen();
    let row = |words: &str| screen.lines().position(|line| line.contains(words)).unwrap();
    let (first, principals, gap) = (row("the account (root) "), 4, 1);
    assert_eq!(row("│ Decrypt: the key policy"), first + principals + gap, "{screen}");
}

#[test]
fn the_page_at_three_sizes() {
    let picture = |name: &str, desk: &Desk| {
        insta::with_settings!({ snapshot_path => "../../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, desk.screen());
        });
    };
    picture("who-80x24", &shown((80, 24)));
    let mut wide = shown((120, 36));
    picture("who", &wide);
    picture("who-did", wide.keys("<tab>j"));
    picture("who-by-what", wide.keys("<tab><enter>"));
    picture("who-200x50", &shown((200, 50)));
}

#[test]
fn on_a_tiny_screen_names_are_read_and_every_operation_is_reached() {
    let mut desk = shown((40, 10));
    let screen = desk.screen();
    assert!(
        screen.contains("role/example-role") && screen.contains("[P]"),
        "{screen}"
    );
    assert!(!screen.contains("Del"), "{screen}");
    let last = desk
        .keys("<right><right><right><right><right><right><right><right>")
        .screen();
    assert!(last.contains("role/example-role") && last.contains("Del"), "{last}");
    let did = desk.keys("<tab>").screen();
    assert!(did.contains("WHO DID") && did.contains("Decrypt"), "{did}");
}

#[test]
fn who_was_refused_is_not_said_to_have_used_it_from_outside() {
    let mut desk = shown((120, 36));
    desk.keys("<tab>");
    let refused = "Refused (AccessDenied). Nothing that holds now allows it.";
    let is_there = (0..9).any(|_| {
        let is_there = desk.screen().contains(refused);
        desk.keys("j");
        is_there
    });
    assert!(is_there, "{}", desk.screen());
}
