use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::domain::Grant;

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/k";
const ROLE: &str = "arn:aws:iam::111122223333:role/team/trainer";
const ANN: &str = "arn:aws:iam::111122223333:user/ann";
const BOB: &str = "arn:aws:iam::111122223333:user/bob";

fn evidence() -> Evidence {
    let root = json!({"Sid": "IAM", "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*"});
    let ann =
        json!({"Sid": "Ann", "Effect": "Allow", "Principal": {"AWS": ANN}, "Action": "kms:Decrypt", "Resource": "*"});
    Evidence {
        key_arn: KEY.to_owned(),
        usable: Ok(true),
        policy: Ok(json!({"Statement": [root, ann]})),
        grants: Ok(Vec::new()),
        own: BTreeMap::new(),
        unread: Vec::new(),
    }
}

fn grant(operations: &[&str]) -> Grant {
    Grant {
        id: "g1".to_owned(),
        key_arn: KEY.to_owned(),
        name: None,
        grantee: ROLE.to_owned(),
        retiring: None,
        operations: operations.iter().map(|&name| name.to_owned()).collect(),
        constraint: None,
        created: None,
    }
}

/// An answer of IAM: this is allowed, nothing else.
fn allowed(operation: &str) -> Own {
    let answer = |name| {
        if name == operation {
            OwnAnswer::Allowed("policy p".to_owned())
        } else {
            OwnAnswer::NotAllowed
        }
    };
    Own::Asked(operations().map(answer).collect())
}

fn says(evidence: &Evidence, principal: &str, operation: &str) -> Says {
    let access = evidence.conclude();
    let at = operations().position(|known| known == operation).unwrap_or(0);
    access.row(principal).map_or(Says::No, |row| row.cells[at].says)
}

/// What is known of who may, and of no use yet.
fn report(evidence: &Evidence) -> WhoReport {
    WhoReport {
        access: Some(evidence.conclude()),
        ..WhoReport::default()
    }
}

/// Evidence that this user of no statement may encrypt.
fn with_bob() -> Evidence {
    let mut evidence = evidence();
    evidence.own.insert(BOB.to_owned(), allowed("Encrypt"));
    evidence
}

fn used(by: (UserKind, &str), operation: &str, refused: bool) -> KeyUse {
    KeyUse {
        at: Timestamp::UNIX_EPOCH,
        id: "e".to_owned(),
        by: UsedBy {
            kind: by.0,
            name: by.1.to_owned(),
        },
        session: None,
        operation: operation.to_owned(),
        context: Vec::new(),
        from: "203.0.113.7".to_owned(),
        agent: "aws-cli".to_owned(),
        answer: Answer::of(refused.then_some("AccessDenied")),
    }
}

#[test]
fn each_cell_names_what_it_rests_on_in_the_order_of_kms() {
    let mut evidence = with_bob();
    evidence.grants = Ok(vec![grant(&["Decrypt"])]);
    let root = "arn:aws:iam::111122223333:root";
    for (principal, operation, expected) in [
        (root, "PutKeyPolicy", Says::KeyPolicy),
        (ANN, "Decrypt", Says::KeyPolicy),
        (ANN, "Encrypt", Says::No),
        (BOB, "Encrypt", Says::Iam),
        (BOB, "Decrypt", Says::No),
        (ROLE, "Decrypt", Says::Grant),
        (ROLE, "CreateGrant", Says::No),
    ] {
        assert_eq!(
            says(&evidence, principal, operation),
            expected,
            "{principal} {operation}"
        );
    }
    let access = evidence.conclude();
    let cell = &access.row(ROLE).expect("it has a grant").cells[1];
    assert!(cell.source.contains("grant g1"), "{}", cell.source);
}

#[test]
fn a_deny_wins_over_a_grant_and_what_was_not_read_is_unknown() {
    let mut evidence = evidence();
    evidence.grants = Ok(vec![grant(&["Decrypt"])]);
    let denied = operations()
        .map(|_| OwnAnswer::Denied("policy no".to_owned()))
        .collect();
    evidence.own.insert(ROLE.to_owned(), Own::Asked(denied));
    assert_eq!(says(&evidence, ROLE, "Decrypt"), Says::Denied);
    evidence
        .own
        .insert(ROLE.to_owned(), Own::Unread("not authorized".to_owned()));
    assert_eq!(says(&evidence, ROLE, "Decrypt"), Says::Grant);
    assert_eq!(says(&evidence, ROLE, "Encrypt"), Says::Unknown);
    evidence.policy = Err("not authorized".to_owned());
    evidence.grants = Err("not authorized".to_owned());
    assert_eq!(says(&evidence, ROLE, "Decrypt"), Says::Unknown);
    assert_eq!(evidence.conclude().unread.len(), 3);
}

#[test]
fn who_is_in_no_row_is_outside_only_where_everything_was_looked_at() {
    let mut evidence = evidence();
    let bob = UsedBy {
        kind: UserKind::User,
        name: BOB.to_owned(),
    };
    let unknown = evidence.conclude().standing(&bob, "Decrypt");
    assert!(
        matches!(unknown, Standing::Unknown(_)),
        "IAM was not asked: {unknown:?}"
    );
    evidence.own.insert(BOB.to_owned(), allowed("Encrypt"));
    assert_eq!(evidence.conclude().standing(&bob, "Decrypt"), Standing::Outside);
    assert!(matches!(
        evidence.conclude().standing(&bob, "Encrypt"),
        Standing::Inside(_)
    ));
    let other = UsedBy {
        kind: UserKind::Account,
        name: "444455556666".to_owned(),
    };
    assert_eq!(evidence.conclude().standing(&other, "Decrypt"), Standing::Outside);
    evidence.grants = Err("not authorized".to_owned());
    assert!(matches!(
        evidence.conclude().standing(&other, "Decrypt"),
        Standing::Unknown(_)
    ));
}

#[test]
fn outsiders_come_first_and_refused_calls_are_no_use() {
    let mut report = report(&with_bob());
    for event in [
        used((UserKind::User, ANN), "Decrypt", false),
        used((UserKind::User, BOB), "Encrypt", false),
        used((UserKind::User, BOB), "Decrypt", true),
    ] {
        report.uses.note(event);
    }
    report.uses.extent = Extent::Whole(Timestamp::UNIX_EPOCH);
    assert_eq!((report.outside(), report.unchecked()), (0, Vec::new()));
    report.uses.note(used((UserKind::User, BOB), "Decrypt", false));
    report.uses.note(used((UserKind::User, BOB), "Decrypt", false));
    assert_eq!(report.outside(), 1);
    let order = report.order();
    assert_eq!((order[0].1.by.name.as_str(), order[0].1.count), (BOB, 2));
    assert_eq!(order[1].1.answer.refusal(), Some("AccessDenied"));
}

#[test]
fn a_history_that_was_not_read_to_its_end_is_not_whole() {
    let mut uses = Uses::default();
    uses.note(used((UserKind::User, ANN), "Decrypt", false));
    assert_eq!(uses.lacking().len(), 1);
    uses.extent = Extent::Part;
    assert!(
        uses.lacking()[0].contains("older than 1970-01-01"),
        "{:?}",
        uses.lacking()
    );
    uses.extent = Extent::Whole(Timestamp::UNIX_EPOCH);
    assert!(uses.lacking().is_empty());
    for number in 0..3000 {
        let mut event = used((UserKind::User, ANN), "Decrypt", false);
        event.from = number.to_string();
        uses.note(event);
    }
    assert_eq!((uses.events, uses.dropped), (3001, 1001));
    assert!(uses.lacking()[0].starts_with("1001 events"), "{:?}", uses.lacking());
}

#[test]
fn what_strangers_wrote_stays_in_its_cell_on_the_page_and_in_csv() {
    let mut report = report(&evidence());
    let mut event = used((UserKind::User, ANN), "Decrypt", false);
    event.from = "=1+1 | \u{1b}[31m".to_owned();
    event.context = vec![("a\n# b".to_owned(), "c|d".to_owned())];
    report.uses.note(event);
    let page = page(&report, Timestamp::UNIX_EPOCH);
    assert!(!page.contains('\u{1b}') && !page.contains("\n# b"), "{page}");
    assert!(page.contains("c\\|d"), "{page}");
    let csv = csv(&report);
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert!(!csv.contains('\u{1b}'), "{csv}");
    assert!(csv.contains("'=1+1"), "{csv}");
    let document = document(&report, Timestamp::UNIX_EPOCH).to_string();
    assert!(
        !document.contains('\u{1b}') && document.contains("\\u001b"),
        "{document}"
    );
}

#[test]
fn a_dry_run_that_would_have_been_done_is_a_use_and_not_refused() {
    let mut report = report(&with_bob());
    let mut event = used((UserKind::User, BOB), "Decrypt", false);
    event.answer = Answer::of(Some("DryRunOperationException"));
    report.uses.note(event);
    report.uses.note(used((UserKind::User, BOB), "Decrypt", true));
    assert_eq!(report.outside(), 1, "KMS said yes to somebody outside");
    assert_eq!(report.order()[0].1.answer, Answer::DryRun);
    let csv = csv(&report);
    let rows: Vec<&str> = csv.lines().collect();
    assert!(rows[1].contains("allowed (dry run),DryRunOperationException"), "{csv}");
    assert!(rows[2].contains("refused,AccessDenied"), "{csv}");
    let document = document(&report, Timestamp::UNIX_EPOCH);
    assert_eq!(document["did"][0]["answer"], "allowed (dry run)");
    assert_eq!(document["did"][1]["answer"], "refused");
    let page = page(&report, Timestamp::UNIX_EPOCH);
    assert!(
        page.contains("| allowed (dry run) | DryRunOperationException |"),
        "{page}"
    );
}

#[test]
fn the_dry_run_of_an_access_proof_is_nobody_outside_and_hides_none_of_another_session() {
    let mut report = report(&with_bob());
    let dry_run = |session: &str, second: i64| {
        let mut event = used((UserKind::Role, BOB), "Decrypt", false);
        event.at = Timestamp::from_second(second).unwrap();
        event.answer = Answer::of(Some("DryRunOperationException"));
        event.session = Some(session.to_owned());
        event
    };
    report.uses.note(dry_run("strongroom-proof", 2));
    assert_eq!(report.outside(), 0);
    let (standing, _) = report.order().remove(0);
    assert!(matches!(standing, Standing::Inside(why) if why.contains("dry run")));
    report.uses.note(dry_run("somebody", 1));
    assert_eq!(report.outside(), 1, "another's is not one of ours that came later");
}
