//! On a small screen what one needs is in sight: the field with the cursor, the keys that answer, names, verdicts, causes.

use strongroom::app::{Page, Topic};
use strongroom::domain::{JobStatus, Outcome, ProofMethod, ProofStep};

use crate::desk::{Desk, job, role};

const TINY: (u16, u16) = (40, 10);
const SMALL: (u16, u16) = (80, 24);
const WIDE: (u16, u16) = (120, 36);

/// The operations that a grant may allow, and one more.
const OPERATIONS: [&str; 9] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "CreateGrant",
    "DescribeKey",
    "RetireGrant",
];

/// The rightmost pane or the page, its lines joined without gaps, as they were before they were wrapped.
fn unwrapped(desk: &Desk) -> String {
    let screen = desk.screen();
    let of_pane = |line: &str| line.split('│').rev().find(|part| !part.is_empty()).map(str::to_owned);
    let text: String = screen.lines().filter_map(of_pane).collect();
    text.replace(' ', "")
}

#[test]
fn the_field_with_the_cursor_is_in_sight_on_any_screen_and_its_place_is_told_where_not_all_are() {
    for size in [TINY, (60, 12), SMALL, WIDE] {
        let mut desk = Desk::filled(size);
        desk.keys("3jjt");
        desk.answer(
            Topic::Roles,
            Page::Roles(vec![role("pipeline", false), role("example-role", true)]),
        );
        for field in 1..=23 {
            let screen = desk.screen();
            assert!(screen.contains("│ ▸ "), "field {field} at {size:?}:\n{screen}");
            let place = format!("field {field} of 23");
            assert!(
                size == WIDE || screen.contains(&place),
                "{place} at {size:?}:\n{screen}"
            );
            desk.keys("<tab>");
        }
    }
}

#[test]
fn what_answers_a_question_is_in_sight_on_any_screen() {
    for (size, is_whole) in [(TINY, false), (SMALL, true)] {
        let mut desk = Desk::filled(size);
        let screen = desk.keys("2x").screen();
        assert!(screen.contains("y yes   n no"), "{screen}");
        assert_eq!(screen.contains("larger window"), !is_whole, "{screen}");
    }
}

#[test]
fn what_is_agreed_to_is_named_before_it_can_be_agreed_to_on_any_screen() {
    for size in [TINY, (60, 12), SMALL, WIDE] {
        let mut desk = Desk::filled(size);
        desk.state.settings.consents.clear();
        desk.keys("5jje");
        let screen = desk.screen();
        assert!(screen.contains("y yes   n no"), "{screen}");
        for words in ["images.tar (4.00", "training-data", "s3://sagemaker-", "111122223333/?"] {
            assert!(screen.contains(words), "{words} at {size:?}:\n{screen}");
        }
    }
}

#[test]
fn the_key_that_sends_or_does_it_is_named_on_any_screen() {
    for (keys, words) in [("3jjt", "Enter send"), ("1a", "Enter do it")] {
        let mut desk = Desk::filled(TINY);
        let screen = desk.keys(keys).screen();
        let footer = screen.lines().last().unwrap();
        assert!(footer.contains(words), "{keys}:\n{screen}");
    }
}

#[test]
fn details_on_a_few_rows_leave_no_frame_without_a_row() {
    let mut desk = Desk::filled(TINY);
    let screen = desk.keys("i").screen();
    assert!(screen.contains("╭ Details ") && screen.contains("│ State "), "{screen}");
    assert!(!screen.contains("╭ 1 "), "{screen}");
}

#[test]
fn details_that_are_opened_say_all_that_is_said_beside_the_list() {
    let mut desk = Desk::filled((200, 50));
    let arn = desk.state.key().unwrap().arn.clone();
    desk.tick(2);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*"}]}"#;
    desk.answer(Topic::KeyPolicy(arn), Page::KeyPolicy(policy.to_owned()));
    let screen = desk.keys("<enter>").screen();
    for words in [
        "│ About ",
        "│ Made ",
        "│ Id ",
        "Who may use it, by policy",
        "│ anybody ",
        "Who may use it, by grant",
        "│ role example-role ",
        "What depends on it",
    ] {
        assert!(screen.contains(words), "{words}:\n{screen}");
    }
    let screen = desk.keys("<esc>2<enter>").screen();
    assert!(
        screen.contains("│ Proved ") && screen.contains("Revoking takes"),
        "{screen}"
    );
}

#[test]
fn how_a_key_stands_and_who_may_use_it_are_on_the_first_screen_of_its_details() {
    let mut desk = Desk::filled(SMALL);
    let arn = desk.state.key().unwrap().arn.clone();
    desk.keys("<enter>");
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*"}]}"#;
    desk.answer(Topic::KeyPolicy(arn), Page::KeyPolicy(policy.to_owned()));
    let screen = desk.screen();
    for words in [
        "│ State ",
        "│ Rotation ",
        "│ anybody ",
        "│ role example-role ",
        "What depends on it",
    ] {
        assert!(screen.contains(words), "{words}:\n{screen}");
    }
}

#[test]
fn what_mends_a_failed_job_is_read_below_the_list() {
    let mut desk = Desk::filled(WIDE);
    let screen = desk.keys("4jj").screen();
    assert!(screen.contains("│ Remedy "), "{screen}");
    // What happened has the lines that it needs, however long a name in it is.
    let key = desk.state.key().unwrap().arn.clone();
    let mut refused = job("train-20260922-1", JobStatus::Failed, "Failed", -7200);
    refused.detail.as_mut().unwrap().failure = Some(format!(
        "AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/example-role/SageMaker is not authorized to \
         perform: kms:Decrypt on resource: {key} because no identity-based policy allows the kms:Decrypt action"
    ));
    desk.answer(Topic::Jobs, Page::Jobs(vec![refused]));
    let told = format!("resource:{key}because");
    assert!(unwrapped(&desk).contains(&told), "{told}:\n{}", desk.screen());
}

#[test]
fn a_size_has_all_of_its_bytes_where_the_line_has_room_for_them() {
    let mut desk = Desk::filled(WIDE);
    assert!(
        desk.keys("5j").screen().contains("│ Size         10.2 KiB "),
        "{}",
        desk.screen()
    );
    assert!(
        desk.keys("3jj").screen().contains("13.7 KiB (14,028 B)"),
        "{}",
        desk.screen()
    );
}

#[test]
fn the_help_tells_the_signs_of_the_chain() {
    let mut desk = Desk::filled(WIDE);
    let screen = desk.keys("?").screen();
    for words in ["✓ holds", "· none", "? not looked at", "! may not hold", "✗ broken"] {
        assert!(screen.contains(words), "{words}:\n{screen}");
    }
}

#[test]
fn a_palette_is_as_high_as_what_is_in_it() {
    let mut desk = Desk::filled(SMALL);
    let screen = desk.keys(":qqqqzz").screen();
    let mut below = screen.lines().skip_while(|line| !line.contains("╭ Commands "));
    let rows = below.position(|line| line.starts_with('╰')).unwrap();
    assert!(rows <= 5, "{screen}");
}

#[test]
fn verdict_and_every_operation_of_a_proof_are_on_the_first_screen() {
    let mut desk = Desk::filled(SMALL);
    desk.keys("1p");
    desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
    desk.keys("<enter>");
    let step = |operation: &str| ProofStep {
        operation: operation.to_owned(),
        allowed: operation == "DescribeKey",
        reason: Some(format!("no identity-based policy allows the kms:{operation} action")),
        request_id: Some("0f3c".to_owned()),
    };
    desk.done(
        1,
        Outcome::Proved {
            key_arn: desk.state.key().unwrap().arn.clone(),
            method: ProofMethod::Assumed,
            role_arn: role("example-role", true).arn,
            steps: OPERATIONS.map(step).to_vec(),
        },
    );
    let screen = desk.screen();
    for operation in OPERATIONS {
        let sign = if operation == "DescribeKey" {
            "✓ allowed"
        } else {
            "✗ denied"
        };
        let name = format!("│ {operation} ");
        let is_row = |line: &str| line.starts_with(&name) && line.contains(sign);
        assert!(screen.lines().any(is_row), "{operation}:\n{screen}");
    }
    let who = "arn:aws:sts::111122223333:assumed-role/Researcher/ann";
    assert!(screen.contains("│ Asked by ") && screen.contains(who), "{screen}");
    assert!(screen.contains("│ When "), "{screen}");
    assert!(
        desk.keys("G").screen().contains("kms:RetireGrant action"),
        "{}",
        desk.screen()
    );
}

#[test]
fn why_a_job_failed_is_read_whole_below_the_list_and_in_its_details() {
    let cause = "arn:aws:sts::111122223333:assumed-role/example-role/SageMakerisnotauthorizedtoperform:kms:Decrypt";
    for (size, keys) in [
        (SMALL, "4jj"),
        (WIDE, "4jj"),
        (SMALL, "4jj<enter>"),
        (WIDE, "4jj<enter>"),
    ] {
        let mut desk = Desk::filled(size);
        desk.keys(keys);
        assert!(
            unwrapped(&desk).contains(cause),
            "{keys} at {size:?}:\n{}",
            desk.screen()
        );
    }
    // Beside the list names are cut, what happened is not.
    for size in [SMALL, WIDE] {
        let mut desk = Desk::filled(size);
        let screen = desk.keys("4jji").screen();
        assert!(
            screen.contains("Why it ended") && screen.contains("kms:Decrypt"),
            "{screen}"
        );
    }
}

#[test]
fn details_take_no_pane_from_a_screen_that_had_it() {
    for size in [(100, 30), WIDE, (150, 40), (200, 50)] {
        let mut desk = Desk::filled(size);
        if !desk.screen().contains("╭ Details ") {
            desk.keys("i");
        }
        let screen = desk.screen();
        for title in ["╭ Details ", "1 KMS keys", "2 Grants", "3 Objects", "4 Training"] {
            assert!(screen.contains(title), "{title} at {size:?}:\n{screen}");
        }
        // Where there is no room for the word the folder is named.
        let is_there = screen.contains("5 Files /") || screen.contains("5 /");
        assert!(is_there, "at {size:?}:\n{screen}");
    }
}

#[test]
fn rows_that_leave_room_have_below_them_what_is_known_of_the_one_with_the_cursor() {
    let mut desk = Desk::filled(SMALL);
    assert!(desk.screen().contains("│ About "), "{}", desk.screen());
    desk.keys("2");
    assert!(desk.screen().contains("│ Proved "), "{}", desk.screen());
    // Without a key the way to one.
    let mut empty = Desk::new(SMALL);
    empty.answer(Topic::Keys, Page::Keys(Vec::new()));
    empty.tick(1);
    assert!(
        empty.screen().contains("From a key to a trained model"),
        "{}",
        empty.screen()
    );
    // Where that is told beside the list, what can be done.
    let desk = Desk::filled((200, 50));
    assert_eq!(
        desk.screen().matches("What can be done").count(),
        1,
        "{}",
        desk.screen()
    );
}
