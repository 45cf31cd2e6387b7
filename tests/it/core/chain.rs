//! The chain of what is selected: where it breaks, what it does not know, and where its key leads.

use strongroom::app::chain::{Place, Standing};
use strongroom::app::format::Line;
use strongroom::app::{Event, KeyCode, KeyPress, Overlay, Page, Pane, Topic, reader_text};
use strongroom::domain::{
    Bond, CyclePhase, FaultKind, Grant, GrantConstraint, GrantCycle, GrantRequest, Job, JobRequest, JobStatus,
    KeyRequest, KmsKey, ObjectFormat, Outcome, ProofMethod, ProofStep, Reading, Request, Verdict, Verified,
};

use super::WIDE;
use crate::desk::{BUCKET, Desk, arn, at, fault, grant, job, object, role};

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
fn a_grant_that_the_chain_leads_to_is_told_as_one_that_was_filled_in() {
    let to_role = role("example-role", true).arn;
    let told = |desk: &mut Desk, keys: &str| {
        desk.keys(keys);
        let Some(Request::Grant(GrantRequest::New(spec))) = desk.started().pop() else {
            panic!("nothing is granted: {}", desk.screen())
        };
        desk.done(
            1,
            Outcome::Granted {
                grant_id: "g".to_owned(),
                key_arn: spec.key_arn.clone(),
                grantee: to_role.clone(),
                operations: spec.operations.clone(),
            },
        );
        let (role, words) = {
            let link = &desk.state.chain().links[1];
            (link.name.clone(), link.words.clone())
        };
        let grants = desk.state.grants.rows().iter().map(|grant| grant.grantee.clone());
        (desk.started().pop(), grants.collect::<Vec<_>>(), role, words)
    };
    // As the role's session, which AWS has named, and as the role.
    let by_chain = told(&mut refused(WIDE), "cy");
    let mut desk = refused(WIDE);
    desk.keys("2n");
    desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
    let by_form = told(&mut desk, "<enter>4");
    assert_eq!(by_chain.0, by_form.0, "its spread is watched");
    assert!(matches!(by_form.0, Some(Request::Grant(GrantRequest::Await { .. }))));
    assert_eq!(by_chain.1, std::slice::from_ref(&to_role));
    assert_eq!(by_form.1, std::slice::from_ref(&to_role));
    assert_eq!(
        (by_chain.2.as_str(), by_chain.3.starts_with("granted ")),
        ("example-role", true)
    );
}

#[test]
fn a_grant_made_since_mends_only_what_unwraps_in_its_context() {
    let stage = |value: &str| vec![("stage".to_owned(), value.to_owned())];
    let subset = |value: &str| Some(GrantConstraint::ContextSubset(stage(value)));
    let equals = |value: &str| Some(GrantConstraint::ContextEquals(stage(value)));
    let two = r#"{"stage":"prod","team":"a"}"#;
    let table = [
        // The grants' constraints, the context of the job, how the role stands, what its details say.
        (vec![None], "", Standing::Holds, "has been made since."),
        (vec![subset("prod")], two, Standing::Holds, "has been made since."),
        (
            vec![subset("prod")],
            "",
            Standing::Broken,
            "the job unwraps without any",
        ),
        (
            vec![subset("test")],
            two,
            Standing::Broken,
            "the job's is stage=prod, team=a",
        ),
        (
            vec![equals("prod")],
            two,
            Standing::Broken,
            "context is exactly stage=prod",
        ),
        (vec![equals("prod")], "no JSON", Standing::Weak, "is not known"),
        // Of several the one that helps.
        (vec![None, subset("test")], two, Standing::Holds, "has been made since."),
        (
            vec![subset("test"), equals("prod"), None],
            "",
            Standing::Holds,
            "has been made since.",
        ),
    ];
    for (constraints, context, standing, says) in table {
        let mut desk = refused(WIDE);
        let key = desk.state.key().unwrap().arn.clone();
        let mut job = desk.state.jobs.rows()[0].clone();
        if !context.is_empty() {
            let parameters = &mut job.detail.as_mut().unwrap().hyperparameters;
            parameters.insert("encryption_context".to_owned(), context.to_owned());
        }
        desk.answer(Topic::Jobs, Page::Jobs(vec![job]));
        let grants = constraints.iter().enumerate().map(|(index, constraint)| Grant {
            id: index.to_string().repeat(64),
            constraint: constraint.clone(),
            ..grant(&key)
        });
        desk.answer(Topic::Grants(key.clone()), Page::Grants(grants.collect()));
        desk.keys("4");
        let (found, words) = links(&desk).remove(1);
        assert_eq!(found, standing, "{constraints:?} {context}: {words}");
        desk.keys("<enter>");
        let details: Vec<String> = reader_text::lines(&desk.state, 1000).iter().map(Line::text).collect();
        let details = details.join("\n");
        assert!(details.contains(says), "{constraints:?} {context}: {details}");
        let is_again = details.contains("start it again");
        assert_eq!(
            is_again,
            standing == Standing::Holds,
            "{constraints:?} {context}: {details}"
        );
    }
}

#[test]
fn what_mends_the_chain_is_done_to_its_key_though_a_filter_hides_it() {
    let legacy = arn("22222222-0000-0000-0000-000000000002");
    let mut desk = Desk::filled(WIDE);
    let mut job = job("nightly", JobStatus::Completed, "Completed", -100);
    let parameters = &mut job.detail.as_mut().unwrap().hyperparameters;
    parameters.insert("kms_key_id".to_owned(), legacy.clone());
    desk.answer(Topic::Jobs, Page::Jobs(vec![job]));
    // One that waits for its deletion is under the cursor instead.
    desk.keys("1/decommissioned<enter>4c");
    assert!(desk.started().is_empty());
    desk.keys("y");
    let enabled = Request::Key(KeyRequest::Enable { key_arn: legacy });
    assert_eq!(desk.started(), [enabled], "{}", desk.screen());
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
fn the_chain_of_a_job_leads_to_the_grant_of_its_role_and_the_cursor_stays_there() {
    let mut desk = refused(WIDE);
    let key = desk.state.key().unwrap().arn.clone();
    let to = |name: &str, id: &str, operations: &[&str]| Grant {
        id: id.to_owned(),
        grantee: role(name, true).arn,
        operations: operations.iter().map(|operation| (*operation).to_owned()).collect(),
        created: Some(at(-90_000)),
        ..grant(&key)
    };
    let grants = vec![
        to("another-role", "a", &["Decrypt"]),
        to("example-role", "b", &["Encrypt"]),
    ];
    desk.answer(Topic::Grants(key.clone()), Page::Grants(grants));
    let under_cursor = |desk: &Desk| desk.state.grants.current().map(|grant| grant.id.clone());
    desk.keys("4c");
    assert_eq!(desk.state.focus, Pane::Grants);
    for keys in ["", "<esc>", "4", "2"] {
        desk.keys(keys);
        assert_eq!(
            under_cursor(&desk).as_deref(),
            Some("b"),
            "after {keys:?}: {}",
            desk.screen()
        );
    }
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
fn where_a_job_breaks_the_chain_its_role_is_named_at_every_width() {
    for columns in [80, 120, 200] {
        let mut desk = Desk::filled((columns, 36));
        let words = line(desk.keys("4jj"));
        assert!(words.contains("✗ ") && words.contains("example-role"), "{words}");
        assert!(words.contains("Failed") && words.ends_with("goes there"), "{words}");
    }
}

#[test]
fn names_in_the_chain_have_the_columns_that_are_free() {
    let name = "train-20261201-134159";
    let mut desk = Desk::filled((120, 36));
    let jobs = vec![job(name, JobStatus::Completed, "Completed", -100)];
    desk.answer(Topic::Jobs, Page::Jobs(jobs));
    let words = line(desk.keys("4"));
    assert!(words.contains(name), "{words}");
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

#[test]
fn a_job_that_reads_other_data_than_the_selected_object_says_so() {
    let of = |uri: &str, status: JobStatus| {
        let mut job = job("nightly", status.clone(), status.as_str(), -1000);
        job.detail.as_mut().unwrap().channels[0].uri = format!("s3://{BUCKET}/{uri}");
        job
    };
    let failed = "Failed; it reads other data";
    for (uri, status, standing, words) in [
        (
            "other",
            JobStatus::Completed,
            Standing::Weak,
            "Completed; it reads other data",
        ),
        (
            "other",
            JobStatus::InProgress,
            Standing::Weak,
            "InProgress; it reads other data",
        ),
        ("other", JobStatus::Failed, Standing::Broken, failed),
        ("hous", JobStatus::Completed, Standing::Holds, "Completed "),
    ] {
        let mut desk = Desk::filled(WIDE);
        desk.answer(Topic::Jobs, Page::Jobs(vec![of(uri, status)]));
        desk.keys("3<home>jj1");
        assert_eq!(desk.state.chain().links[2].name, "housing.csv");
        let (found, said) = links(&desk).remove(3);
        assert_eq!(found, standing, "{said}");
        assert!(said.starts_with(words), "{said}");
    }
}

#[test]
fn what_was_proved_of_a_role_is_said_of_it_until_something_else_is_selected() {
    let mut desk = Desk::filled(WIDE);
    let key = desk.state.key().unwrap().arn.clone();
    let mut other = grant(&key);
    other.grantee = role("other-role", true).arn;
    desk.answer(Topic::Jobs, Page::Jobs(Vec::new()));
    desk.answer(Topic::Grants(key.clone()), Page::Grants(vec![other]));
    let told = |desk: &Desk| {
        let link = &desk.state.chain().links[1];
        (link.name.clone(), link.standing)
    };
    assert_eq!(told(&desk), ("other-role".to_owned(), Standing::Holds));
    desk.keys("1p");
    desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
    desk.keys("<enter>");
    let denied = ProofStep {
        operation: "Decrypt".to_owned(),
        allowed: false,
        reason: None,
        request_id: None,
    };
    desk.done(
        1,
        Outcome::Proved {
            key_arn: key,
            role_arn: role("example-role", true).arn,
            method: ProofMethod::Assumed,
            steps: vec![denied],
        },
    );
    let example = ("example-role".to_owned(), Standing::Broken);
    assert_eq!(told(&desk), example, "while it is read");
    desk.keys("<esc>").tick(5);
    assert_eq!(told(&desk), example, "{}", desk.screen());
    desk.keys("2");
    assert_eq!(
        told(&desk),
        ("other-role".to_owned(), Standing::Holds),
        "of the row under the cursor"
    );
}

#[test]
fn what_was_looked_at_before_a_job_is_said_of_its_role_until_something_else_is_selected() {
    let mut desk = Desk::filled(WIDE);
    let named = |desk: &Desk| desk.state.chain().links[1].name.clone();
    desk.keys("3jjt");
    desk.answer(Topic::Roles, Page::Roles(vec![role("other-role", true)]));
    // The last field: to look only.
    let (ctrl, alt, shift) = (false, false, true);
    let code = KeyCode::BackTab;
    desk.event(Event::Key(KeyPress { code, ctrl, alt, shift }));
    desk.keys(" <enter>");
    let Some(Request::Job(JobRequest::Preflight(spec))) = desk.started().pop() else {
        panic!("nothing is looked at: {}", desk.screen())
    };
    let looked = spec.role_arn.rsplit('/').next().unwrap().to_owned();
    desk.done(
        1,
        Outcome::Preflighted {
            job: spec.name.clone(),
            findings: Vec::new(),
        },
    );
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Results(_))));
    assert_eq!(named(&desk), looked, "while it is read");
    desk.keys("<esc>").tick(5);
    assert_eq!(named(&desk), looked, "{}", desk.screen());
    desk.keys("j");
    assert_eq!(named(&desk), "example-role", "of the row under the cursor");
}

/// With a key that no job uses, and a grant on it to this role.
fn granted_to(name: &str) -> Desk {
    let mut desk = Desk::filled(WIDE);
    let key = desk.state.key().unwrap().arn.clone();
    let mut other = grant(&key);
    other.grantee = role(name, true).arn;
    desk.answer(Topic::Jobs, Page::Jobs(Vec::new()));
    desk.answer(Topic::Grants(key), Page::Grants(vec![other]));
    desk
}

#[test]
fn under_the_walk_and_its_forms_the_chain_is_about_their_role() {
    let mut desk = granted_to("feature-pipeline-role");
    let named = |desk: &Desk| desk.state.chain().links[1].name.clone();
    assert_eq!(named(&desk), "feature-pipeline-role");
    desk.keys("w");
    let roles = ["example-role", "feature-pipeline-role"].map(|name| role(name, true));
    desk.answer(Topic::Roles, Page::Roles(roles.into()));
    assert!(desk.screen().contains("as example-role"), "{}", desk.screen());
    assert_eq!(named(&desk), "example-role");
    desk.keys("<esc>");
    assert_eq!(named(&desk), "example-role", "nothing else selects a role");
    desk.keys("2");
    assert_eq!(named(&desk), "feature-pipeline-role", "of the row under the cursor");
    // Of a form it is the one with the cursor, then the one that is typed.
    desk.keys("n");
    assert_eq!(named(&desk), "example-role", "{}", desk.screen());
    desk.keys("<down>");
    assert_eq!(named(&desk), "feature-pipeline-role", "{}", desk.screen());
    desk.keys("arn:aws:iam::111122223333:role/third");
    assert_eq!(named(&desk), "third", "{}", desk.screen());
}

#[test]
fn a_denial_that_a_story_wanted_breaks_no_chain_and_is_told_on_its_page_alone() {
    let mut desk = granted_to("other-role");
    let told = |desk: &Desk| {
        let link = &desk.state.chain().links[1];
        (link.name.clone(), link.standing)
    };
    let before = told(&desk);
    assert_eq!(before, ("other-role".to_owned(), Standing::Holds));
    desk.keys("1:proof story<enter>");
    desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
    desk.keys("<enter>y");
    let phase = |name: &'static str, seconds: i64, allowed: bool| CyclePhase {
        name,
        at: at(seconds),
        expected: Some(allowed),
        held: true,
        operations: vec![ProofStep {
            operation: "Decrypt".to_owned(),
            allowed,
            reason: None,
            request_id: None,
        }],
        request_id: None,
        waited_ms: None,
    };
    let cycle = GrantCycle {
        key_arn: desk.state.key().unwrap().arn.clone(),
        role_arn: role("example-role", true).arn,
        identity: None,
        granted: vec!["Decrypt".to_owned()],
        phases: vec![
            phase("before", 0, false),
            phase("granted", 2, true),
            phase("revoked", 4, false),
        ],
        holds: true,
        notes: Vec::new(),
        evidence: None,
        page: None,
    };
    desk.done(1, Outcome::GrantCycle(Box::new(cycle)));
    if !matches!(desk.state.overlays.last(), Some(Overlay::Matrix(_))) {
        desk.keys("!<enter>");
    }
    let (name, standing) = told(&desk);
    assert_eq!(name, "example-role", "while it is read");
    assert!(standing < Standing::Broken, "{:?}", links(&desk));
    desk.keys("<esc>").tick(5);
    assert_eq!(told(&desk), before, "{}", desk.screen());
}

#[test]
fn at_80_columns_the_role_is_named_where_there_is_room() {
    let mut desk = Desk::filled((80, 24));
    let jobs = vec![job("nightly", JobStatus::InProgress, "Training", -100)];
    desk.answer(Topic::Jobs, Page::Jobs(jobs));
    let words = line(desk.keys("4"));
    assert!(words.contains("✓ example-role"), "{words}");
}

#[test]
fn the_details_of_a_job_name_the_key_that_does_what_the_remedy_says_where_it_does() {
    let mut desk = refused(WIDE);
    let footer = |desk: &Desk| desk.screen().lines().last().unwrap_or_default().to_owned();
    desk.keys("<enter>");
    assert!(footer(&desk).starts_with("Enter remedy"), "{}", desk.screen());
    let mut desk = Desk::filled(WIDE);
    desk.keys("4<enter>");
    assert!(!footer(&desk).contains("remedy"), "{}", desk.screen());
}
