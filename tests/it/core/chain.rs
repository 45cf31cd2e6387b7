//! The chain of what is selected: where it breaks, what it does not know, and where its key leads.

use strongroom::app::chain::{Place, Standing};
use strongroom::app::{Overlay, Page, Pane, Topic};
use strongroom::domain::{Bond, FaultKind, Job, JobStatus, KmsKey, ObjectFormat, Outcome, Reading, Verdict, Verified};

use super::WIDE;
use crate::desk::{BUCKET, Desk, arn, at, fault, grant, job, object};

/// The standing and the words of each link.
fn links(desk: &Desk) -> Vec<(Standing, String)> {
    let links = desk.state.chain().links.iter();
    links.map(|link| (link.standing, link.words.clone())).collect()
}

fn standings(desk: &Desk) -> Vec<Standing> {
    links(desk).into_iter().map(|(standing, _)| standing).collect()
}

fn line(desk: &Desk) -> String {
    let screen = desk.screen();
    let lines: Vec<&str> = screen.lines().collect();
    lines[lines.len() - 2].to_owned()
}

#[test]
fn the_chain_of_a_key_has_what_is_under_the_cursors_and_says_that_it_uses_the_key() {
    let mut desk = Desk::filled(WIDE);
    assert_eq!(
        line(&desk),
        "✓ training-data Enabled ▸ ✓ example-role granted ▸ · object none selected ▸ … train-20260921-1 InProgress"
    );
    desk.keys("1k");
    assert_eq!(
        links(&desk)[0],
        (Standing::Broken, "Disabled".to_owned()),
        "nothing else belongs to this key"
    );
    assert_eq!(standings(&desk)[2..], [Standing::Open, Standing::Open]);
}

#[test]
fn nothing_that_was_not_looked_at_is_said_to_hold() {
    let mut desk = Desk::new(WIDE);
    assert_eq!(standings(&desk), [Standing::Open; 4]);
    desk.answer(
        Topic::Jobs,
        Page::Jobs(vec![Job {
            detail: None,
            ..job("j", JobStatus::Completed, "Completed", -100)
        }]),
    );
    desk.keys("4");
    assert_eq!(standings(&desk)[..2], [Standing::Unknown, Standing::Unknown]);
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjj");
    let chain = links(&desk);
    assert_eq!(
        chain[1],
        (Standing::Unknown, "grants not listed".to_owned()),
        "another key's: {chain:?}"
    );
    assert_eq!(
        chain[2],
        (Standing::Unknown, "says strongroom, not read here".to_owned())
    );
    let key = desk.state.key().unwrap().arn.clone();
    desk.keys("1");
    desk.answer(Topic::Grants(key.clone()), Page::Grants(Vec::new()));
    desk.keys("4");
    assert_eq!(
        links(&desk)[1],
        (Standing::Weak, "no grant; a policy may allow it".to_owned()),
        "that no grant is listed does not break the chain"
    );
    let denied = fault(FaultKind::Denied, "list grants of", "not authorized");
    let mut desk = Desk::new(WIDE);
    desk.answer(
        Topic::Keys,
        Page::Keys(vec![KmsKey {
            id: "11111111-0000-0000-0000-000000000001".to_owned(),
            arn: arn("11111111-0000-0000-0000-000000000001"),
            aliases: Vec::new(),
            detail: None,
        }]),
    );
    desk.fail(Topic::Grants(key), denied);
    desk.answer(
        Topic::Jobs,
        Page::Jobs(vec![job("j", JobStatus::Completed, "Completed", -100)]),
    );
    assert_eq!(
        links(&desk)[1],
        (Standing::Unknown, "grants not listed: denied".to_owned())
    );
}

#[test]
fn a_job_that_kms_refused_breaks_the_chain_at_its_role_until_it_is_granted() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("4jj");
    assert_eq!(links(&desk)[1].0, Standing::Holds, "granted since the job was made");
    let key = desk.state.key().unwrap().arn.clone();
    desk.answer(Topic::Grants(key), Page::Grants(Vec::new()));
    let role = &desk.state.chain().links[1];
    assert_eq!((role.standing, role.name.as_str()), (Standing::Broken, "example-role"));
    assert!(role.words.starts_with("refused kms:Decrypt"), "{}", role.words);
    assert_eq!(
        desk.state.chain().weakest().unwrap().place,
        Place::Role,
        "not the job that failed for it"
    );
    desk.keys("c");
    assert_eq!(desk.state.focus, Pane::Grants);
    assert!(
        desk.screen()
            .contains("Role            arn:aws:iam::111122223333:role/example-role"),
        "a grant to this role is asked for: {}",
        desk.screen()
    );
    assert!(desk.started().is_empty());
}

/// With a job that was refused, alone in its list, and no grant on its key.
fn refused(size: (u16, u16)) -> Desk {
    let mut desk = Desk::filled(size);
    let key = desk.state.key().unwrap().arn.clone();
    let mut refused = job("train-20260922-1", JobStatus::Failed, "Failed", -7200);
    refused.detail.as_mut().unwrap().failure = Some(format!(
        "AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/example-role/SageMaker is not authorized to \
         perform: kms:Decrypt on resource: {key} because no identity-based policy allows the kms:Decrypt action"
    ));
    desk.answer(Topic::Jobs, Page::Jobs(vec![refused]));
    desk.answer(Topic::Grants(key), Page::Grants(Vec::new()));
    desk.keys("4");
    desk
}

#[test]
fn what_was_granted_since_is_not_granted_again_the_job_is_started_again() {
    let mut desk = refused(WIDE);
    desk.keys("c");
    assert!(
        matches!(desk.state.overlays.last(), Some(Overlay::Confirm(_))),
        "{}",
        desk.screen()
    );
    let key = desk.state.key().unwrap().arn.clone();
    desk.keys("<esc>");
    desk.answer(Topic::Grants(key.clone()), Page::Grants(vec![grant(&key)]));
    desk.keys("4c");
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Details(_))));
    let screen = desk.screen();
    assert!(
        screen.contains("a grant to example-role has been made since"),
        "{screen}"
    );
    assert!(screen.contains("start it again"), "{screen}");
    assert!(!screen.contains("create a grant"), "{screen}");
    desk.keys("<enter>");
    assert!(
        matches!(desk.state.overlays.last(), Some(Overlay::Form(_))),
        "{}",
        desk.screen()
    );
    assert!(desk.started().is_empty());
}

#[test]
fn the_chain_stays_with_the_role_that_is_asked_about() {
    let mut desk = refused(WIDE);
    let key = desk.state.key().unwrap().arn.clone();
    let mut other = grant(&key);
    other.grantee = "arn:aws:iam::111122223333:role/other-role".to_owned();
    desk.answer(Topic::Grants(key), Page::Grants(vec![other]));
    let before = desk.state.chain().clone();
    assert_eq!(before.weakest().unwrap().name, "example-role");
    desk.keys("c");
    assert_eq!(desk.state.focus, Pane::Grants);
    assert_eq!(*desk.state.chain(), before, "while it is asked");
    desk.keys("<esc>");
    assert_eq!(
        desk.state.chain().links[1].name,
        "other-role",
        "of the row under the cursor"
    );
}

#[test]
fn where_the_chain_breaks_the_key_that_goes_there_is_named_at_every_width() {
    for columns in [80, 120, 200] {
        let words = line(&refused((columns, 36)));
        assert!(words.contains("refused"), "{words}");
        assert!(words.ends_with("goes there"), "{words}");
    }
}

#[test]
fn an_object_is_bound_once_it_was_read_and_a_plain_one_breaks_the_chain() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjv");
    let verdict = Verdict {
        source: format!("s3://{BUCKET}/housing.csv"),
        etag: Some("5d41402abc4b2a76b9719d911017c592".to_owned()),
        kms_key_arn: Some(arn("11111111-0000-0000-0000-000000000001")),
        reading: Reading::Intact {
            format: ObjectFormat::Strongroom,
            verified: Verified::new(Bond::Bound, Some(at(-60)), at(0)),
        },
        contested: Vec::new(),
    };
    desk.done(
        1,
        Outcome::Verified {
            verdicts: vec![verdict],
        },
    );
    let (standing, words) = links(&desk).remove(2);
    assert_eq!(standing, Standing::Holds);
    assert!(words.starts_with("bound, verified "), "{words}");
    desk.keys("jj");
    assert_eq!(links(&desk)[2].0, Standing::Broken, "{:?}", links(&desk));
    desk.keys("c");
    assert_eq!(desk.state.focus, Pane::Objects);
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Details(_))));
}

#[test]
fn a_disabled_key_is_enabled_only_when_the_person_agrees() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1k3c");
    assert_eq!(desk.state.focus, Pane::Keys);
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Confirm(_))));
    assert!(desk.started().is_empty());
}

#[test]
fn at_80_columns_the_chain_is_shortened_to_where_it_is_weakest() {
    let mut desk = Desk::filled((80, 24));
    desk.objects(vec![object("housing.csv", ObjectFormat::Plain, None)]);
    desk.keys("3");
    let words = line(&desk);
    assert!(words.starts_with("✓ key ▸ ") && words.contains("✗ object"), "{words}");
    assert!(words.contains("housing.csv not encrypted"), "{words}");
    assert!(words.ends_with("goes there"), "{words}");
}

#[test]
fn the_chain_asks_for_nothing() {
    let mut desk = Desk::filled(WIDE);
    let asked = desk.effects.len();
    for _ in 0..3 {
        desk.keys("4").screen();
    }
    assert_eq!(desk.effects.len(), asked);
}
