//! What follows an operation belongs to it alone, and never comes up under a key that is pressed for something else.

use strongroom::app::{Effect, Event, OpId, Overlay, Page, Topic};
use strongroom::domain::{
    BucketCount, Dependents, FaultKind, KeyRequest, Origin, Outcome, Plaintext, Preview, Request, View,
};

use super::WIDE;
use crate::desk::{BUCKET, Desk, arn, bucket, fault, interrupted, role};

const KEY: &str = "22222222-0000-0000-0000-000000000002";
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}]}"#;

/// With the list of buckets open, the cursor on the first one.
fn at_buckets() -> Desk {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3<esc>");
    let rows = vec![bucket("alpha"), bucket("beta"), bucket(BUCKET)];
    desk.answer(Topic::Buckets, Page::Buckets(rows));
    desk.keys("gg");
    desk
}

/// Chooses an action of the menu by its label.
fn action(desk: &mut Desk, label: &str) {
    desk.keys("a");
    let rows: Vec<String> = match desk.state.overlays.last() {
        Some(Overlay::Menu(menu)) => menu.actions.iter().map(|action| action.label.to_owned()).collect(),
        other => panic!("no menu but {other:?}"),
    };
    let row = rows
        .iter()
        .position(|row| row == label)
        .unwrap_or_else(|| panic!("no {label} in {rows:?}"));
    desk.keys(&"<down>".repeat(row)).keys("<enter>");
}

fn counted(name: &str) -> Outcome {
    Outcome::BucketCounted(BucketCount {
        bucket: name.to_owned(),
        objects: 3,
        ..BucketCount::default()
    })
}

fn dependents(id: &str) -> Outcome {
    Outcome::Dependents(Box::new(Dependents {
        key_arn: arn(id),
        ..Dependents::default()
    }))
}

fn read(id: &str) -> Outcome {
    Outcome::PolicyRead {
        key_arn: arn(id),
        policy: POLICY.to_owned(),
    }
}

fn is_asked(desk: &Desk, question: &str) -> bool {
    matches!(desk.state.overlays.last(), Some(Overlay::Confirm(confirm)) if confirm.question.starts_with(question))
}

fn denied() -> strongroom::domain::Fault {
    fault(FaultKind::Denied, "look", "not authorized")
}

#[test]
fn a_count_leads_to_its_own_question() {
    let mut desk = at_buckets();
    action(&mut desk, "empty bucket");
    desk.done(1, counted("alpha"));
    assert!(is_asked(&desk, "Empty the bucket alpha of its "), "{}", desk.screen());
}

#[test]
fn two_counts_in_flight_each_lead_to_their_own_question() {
    let mut desk = at_buckets();
    action(&mut desk, "empty bucket");
    desk.keys("j");
    action(&mut desk, "delete bucket");
    desk.done(2, counted("beta"));
    assert!(is_asked(&desk, "Delete the bucket beta and its "), "{}", desk.screen());
    // The first one was overtaken: it is a message, and its Enter goes on to what was asked then, counted anew.
    desk.keys("<esc>").done(1, counted("alpha"));
    assert!(desk.state.overlays.is_empty());
    assert!(desk.screen().contains("alpha holds 3 objects"), "{}", desk.screen());
    desk.keys("!<enter>");
    assert_eq!(desk.started().len(), 3);
    let many = BucketCount {
        bucket: "alpha".to_owned(),
        objects: 5,
        ..BucketCount::default()
    };
    desk.done(3, Outcome::BucketCounted(many));
    assert!(
        is_asked(&desk, "Empty the bucket alpha of its 5 objects"),
        "{}",
        desk.screen()
    );
    desk.keys("<esc>!<enter>");
    assert!(!is_asked(&desk, "Empty the bucket alpha of its "), "once");
    let screen = desk.screen();
    assert!(screen.contains("alpha holds 3 objects"), "{screen}");
    assert!(!screen.contains("To go on:"), "it was gone on with: {screen}");
}

#[test]
fn another_answer_takes_no_count_for_its_own() {
    let mut desk = at_buckets();
    action(&mut desk, "empty bucket");
    // A policy drafted for something else, a count that nobody waits for.
    desk.done(
        9,
        Outcome::PolicyDrafted {
            policy: POLICY.to_owned(),
        },
    );
    desk.done(9, counted("alpha"));
    assert!(desk.state.overlays.is_empty());
    desk.done(1, counted("alpha"));
    assert!(is_asked(&desk, "Empty the bucket alpha of its "));
}

#[test]
fn a_failed_look_for_dependents_never_opens_the_deletion_later() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1kx").failed(1, denied());
    assert!(desk.state.overlays.is_empty());
    action(&mut desk, "dependents");
    desk.done(2, dependents(KEY));
    assert!(
        matches!(desk.state.overlays.last(), Some(Overlay::Report(_))),
        "{}",
        desk.screen()
    );
}

#[test]
fn dependents_to_be_read_and_those_before_a_deletion_are_told_apart() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1kx");
    action(&mut desk, "dependents");
    desk.done(2, dependents(KEY));
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Report(_))));
    desk.keys("<esc>").done(1, dependents(KEY));
    assert!(desk.state.overlays.is_empty(), "the person has gone on");
    desk.keys("!<enter>").done(3, dependents(KEY));
    assert!(desk.screen().contains("Schedule the deletion of legacy-datasets"));
}

#[test]
fn nothing_comes_up_under_a_key_that_was_pressed_meanwhile() {
    for pressed in ["j", "4", "?", "/", ":", "n"] {
        let mut desk = at_buckets();
        action(&mut desk, "empty bucket");
        desk.keys(pressed);
        let before = desk.state.overlays.len();
        desk.done(1, counted("alpha"));
        assert_eq!(desk.state.overlays.len(), before, "{pressed}");
        assert!(
            desk.state.messages.newest_first().next().unwrap().leads_on(),
            "{pressed}"
        );
    }
}

#[test]
fn nothing_comes_up_over_what_came_up_by_itself() {
    let mut desk = Desk::untouched(WIDE);
    desk.answer(Topic::Interrupted, Page::Interrupted(vec![interrupted("a")]));
    assert_eq!(desk.state.overlays.len(), 1);
    let mut desk = at_buckets();
    action(&mut desk, "empty bucket");
    desk.answer(Topic::Interrupted, Page::Interrupted(vec![interrupted("a")]));
    assert!(desk.state.overlays.is_empty(), "keys were pressed before");
    desk.keys("!<enter>");
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Interrupted(id)) if id == "a"));
}

#[test]
fn a_cancelled_count_leads_nowhere() {
    let mut desk = at_buckets();
    action(&mut desk, "empty bucket");
    desk.failed(1, fault(FaultKind::Cancelled, "count", "cancelled"));
    desk.done(1, counted("alpha"));
    assert!(desk.state.overlays.is_empty());
    assert!(
        !desk
            .state
            .messages
            .newest_first()
            .any(strongroom::app::messages::Message::leads_on)
    );
}

#[test]
fn a_policy_is_edited_as_it_is_when_it_is_read_and_by_its_own_answer() {
    let mut desk = Desk::filled(WIDE);
    action(&mut desk, "edit policy");
    let key_arn = arn("11111111-0000-0000-0000-000000000001");
    assert_eq!(
        desk.started(),
        [Request::Key(KeyRequest::ReadPolicy {
            key_arn: key_arn.clone()
        })]
    );
    // That the details look at a policy too means nothing to the edit.
    desk.answer(Topic::KeyPolicy(key_arn.clone()), Page::KeyPolicy(POLICY.to_owned()));
    let edits = |desk: &Desk| {
        let edits = desk.effects.iter().filter_map(|effect| match effect {
            Effect::Edit { id, .. } => Some(*id),
            _ => None,
        });
        edits.collect::<Vec<OpId>>()
    };
    assert!(edits(&desk).is_empty());
    desk.done(1, read("11111111-0000-0000-0000-000000000001"));
    let [id] = edits(&desk)[..] else { panic!("one edit") };
    // Another editor's text is nobody's.
    desk.event(Event::Edited {
        id: OpId(99),
        result: Ok("{}".to_owned()),
    });
    assert!(desk.state.overlays.is_empty());
    desk.event(Event::Edited {
        id,
        result: Ok(POLICY.replace("kms:*", "kms:Encrypt")),
    });
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Review(_))));
}

#[test]
fn two_roles_are_allowed_by_their_own_policies_and_a_failure_brings_its_form_back() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("a<esc>");
    for _ in 0..2 {
        action(&mut desk, "allow role");
        desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
        desk.keys("<enter>");
    }
    desk.failed(1, denied());
    assert!(desk.state.overlays.is_empty(), "the second one was asked meanwhile");
    desk.done(2, read("11111111-0000-0000-0000-000000000001"));
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Review(_))));
    desk.keys("<esc>!jj<enter>");
    assert!(
        desk.screen().contains("Let a role use training-data"),
        "{}",
        desk.screen()
    );
}

#[test]
fn a_drafted_policy_is_looked_at_for_the_key_it_was_drafted_for() {
    let mut desk = Desk::filled(WIDE);
    let draft = |desk: &mut Desk, alias: &str| {
        desk.keys("1n").keys(alias).keys("<tab><tab><tab>x<enter>");
    };
    draft(&mut desk, "one");
    draft(&mut desk, "two");
    let drafted = || Outcome::PolicyDrafted {
        policy: POLICY.to_owned(),
    };
    assert_eq!(desk.started().len(), 2, "{:?}", desk.started());
    desk.done(2, drafted());
    let created = |desk: &Desk| match desk.started().pop() {
        Some(Request::Key(KeyRequest::New(spec))) => spec.alias,
        other => panic!("no key but {other:?}"),
    };
    desk.keys("y");
    assert_eq!(created(&desk), "two");
    desk.done(1, drafted());
    desk.keys("!<enter>y");
    assert_eq!(created(&desk), "one");
}

#[test]
fn a_plaintext_that_nobody_waits_for_is_not_kept_but_decrypted_again() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjP");
    let previewed = || {
        Outcome::Previewed(Box::new(Preview {
            source: "s3://b/housing.csv".to_owned(),
            total: 6,
            bytes: Plaintext::from("secret".to_owned()),
            origin: Origin::Kms,
            view: View::Text,
        }))
    };
    desk.keys("j").done(1, previewed());
    assert!(desk.state.overlays.is_empty());
    assert!(!format!("{:?}", desk.state.messages).contains("Previewing"));
    desk.keys("!<enter>");
    assert_eq!(desk.started().len(), 2);
    assert_eq!(desk.started()[0], desk.started()[1]);
    desk.done(2, previewed());
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Preview(_))));
}

#[test]
fn what_was_uploaded_or_granted_moves_no_cursor_that_somebody_works_with() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("5jje3jj");
    let before = desk.state.objects.current().unwrap().key().to_owned();
    desk.done(
        1,
        Outcome::Encrypted {
            uris: vec![format!("s3://{BUCKET}/readme.txt")],
            bytes: 1,
            data_key_uri: String::new(),
            key_arn: String::new(),
        },
    );
    assert_eq!(desk.state.objects.current().unwrap().key(), before);
    // Whoever is elsewhere finds it under the cursor.
    desk.keys("5").keys("e");
    desk.done(
        2,
        Outcome::Encrypted {
            uris: vec![format!("s3://{BUCKET}/readme.txt")],
            bytes: 1,
            data_key_uri: String::new(),
            key_arn: String::new(),
        },
    );
    assert_eq!(desk.state.objects.current().unwrap().key(), "readme.txt");
}

#[test]
fn what_somebody_else_answered_is_explained_where_the_message_is_read() {
    let mut desk = at_buckets();
    action(&mut desk, "empty bucket");
    desk.failed(
        1,
        fault(FaultKind::Foreign, "list", "this was not S3's answer: it is a web page"),
    );
    let screen = desk.keys("!").screen();
    assert!(
        screen.contains("Something between here and AWS answered in its place"),
        "{screen}"
    );
}
