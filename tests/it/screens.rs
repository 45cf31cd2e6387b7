//! Pictures of the screen after keys were typed: what a person sees.

use strongroom::app::{Event, Overlay, Page, Topic};
use strongroom::domain::{CyclePhase, FaultKind, GrantCycle, LogLine, Outcome, ProofMethod, ProofStep};

use crate::desk::{BUCKET, Desk, at, fault, interrupted, log_line, role};

const WIDE: (u16, u16) = (120, 36);
const SMALL: (u16, u16) = (80, 24);

fn picture(name: &str, desk: &Desk) {
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, desk.screen());
    });
}

#[test]
fn all_panes_at_once_where_there_is_room() {
    picture("all-panes", &Desk::filled(WIDE));
}

#[test]
fn details_beside_the_list_where_there_is_much_room() {
    let mut desk = Desk::filled((200, 50));
    let arn = desk.state.key().unwrap().arn.clone();
    desk.tick(2);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*"}]}"#;
    desk.answer(Topic::KeyPolicy(arn), Page::KeyPolicy(policy.to_owned()));
    picture("aside-key", &desk);
    picture("aside-grant", desk.keys("2"));
    picture("aside-object", desk.keys("3jj"));
    desk.keys("4jj").tick(4).tick(6);
    desk.answer(Topic::Log("train-20260920-1".to_owned()), Page::Log(curve()));
    picture("aside-job", &desk);
    let mut small = Desk::filled(SMALL);
    picture("aside-80x24", small.keys("i"));
}

#[test]
fn one_pane_with_tabs_where_there_is_not() {
    let mut desk = Desk::filled(SMALL);
    picture("keys-80x24", &desk);
    picture("objects-80x24", desk.keys("3"));
    picture("jobs-80x24", desk.keys("4"));
    picture("files-80x24", desk.keys("5<down>  "));
}

#[test]
fn before_anything_answers() {
    picture("empty", &Desk::new(WIDE));
}

#[test]
fn a_refused_service_says_so_in_its_own_pane_and_nowhere_else() {
    let mut desk = Desk::filled(WIDE);
    desk.tick(180);
    let denied = fault(
        FaultKind::Denied,
        "list training jobs",
        "not authorized to perform: sagemaker:ListTrainingJobs",
    );
    desk.fail(Topic::Jobs, denied.clone());
    desk.keys("3<esc>");
    desk.fail(Topic::Buckets, denied);
    picture("refused", &desk);
    let mut desk = Desk::new(WIDE);
    desk.fail(
        Topic::Keys,
        fault(FaultKind::Denied, "list", "not authorized to perform: kms:ListKeys"),
    );
    picture("refused-from-the-start", &desk);
}

#[test]
fn details_show_an_overview_and_the_json() {
    let mut desk = Desk::filled(WIDE);
    picture("key-details", desk.keys("<enter>"));
    let arn = desk.state.key().unwrap().arn.clone();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*"}]}"#;
    desk.answer(Topic::KeyPolicy(arn), Page::KeyPolicy(policy.to_owned()));
    picture("key-policy", desk.keys("<tab>"));
    picture("object-details", desk.keys("<esc>3jj<enter>"));
    picture("job-details", desk.keys("<esc>4jj<enter>"));
    desk.answer(Topic::Log("train-20260920-1".to_owned()), Page::Log(curve()));
    picture("job-metrics", desk.keys("<tab>"));
    picture("job-json", desk.keys("<tab><pgdown>"));
}

/// What a script prints that learns.
fn curve() -> Vec<LogLine> {
    let line = |epoch: u32| {
        let (loss, accuracy) = (2.0 / f64::from(epoch), 1.0 - 0.5 / f64::from(epoch));
        log_line(&format!("epoch={epoch} loss={loss:.4} accuracy={accuracy:.4}"))
    };
    (1..=30).map(line).collect()
}

#[test]
fn questions_and_forms() {
    let mut desk = Desk::filled(WIDE);
    picture("confirm", desk.keys("2x"));
    desk.keys("n2n");
    desk.answer(
        Topic::Roles,
        Page::Roles(vec![role("pipeline", false), role("example-role", true)]),
    );
    picture("grant-form", &desk);
    picture("grant-form-operations", desk.keys("<tab><down> "));
    picture("job-form", desk.keys("<esc>3jjt"));
    let mut small = Desk::filled(SMALL);
    picture("job-form-80x24", small.keys("3jjt"));
    picture("palette", desk.keys("<esc>:ver"));
    picture("help", desk.keys("<esc>?"));
}

#[test]
fn operations_in_flight_have_bars_and_ended_ones_say_what_came_of_them() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("5jje").progress(1, 0, 4 << 30).tick(1);
    desk.progress(1, 1 << 30, 4 << 30).tick(2);
    picture("operation", &desk);
    picture("operation-80x24", desk.event(Event::Resize { cols: 80, rows: 24 }));
    desk.event(Event::Resize { cols: 120, rows: 36 });
    desk.done(
        1,
        Outcome::Encrypted {
            uris: vec![format!("s3://{BUCKET}/images.tar")],
            bytes: 4 << 30,
            data_key_uri: String::new(),
            key_arn: crate::desk::arn("11111111-0000-0000-0000-000000000001"),
        },
    );
    picture("operations", desk.keys("o"));
}

#[test]
fn messages_stay_until_read_and_errors_are_explained() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jv").keys("5je");
    let mut denied = fault(
        FaultKind::Denied,
        "encrypt to",
        "not authorized to perform: kms:GenerateDataKey",
    );
    denied.code = Some("AccessDeniedException".to_owned());
    denied.request_id = Some("9a1b".to_owned());
    desk.event(Event::Op {
        id: strongroom::app::OpId(2),
        event: strongroom::app::OpEvent::Failed(denied),
    });
    picture("message", &desk);
    picture("messages", desk.keys("!"));
}

#[test]
fn an_access_proof_is_read_operation_by_operation() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("1p");
    desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
    desk.keys("<enter>");
    let step = |operation: &str, allowed, reason: Option<&str>| ProofStep {
        operation: operation.to_owned(),
        allowed,
        reason: reason.map(str::to_owned),
        request_id: Some("0f3c".to_owned()),
    };
    desk.done(
        1,
        Outcome::Proved {
            key_arn: desk.state.key().unwrap().arn.clone(),
            method: ProofMethod::Assumed,
            role_arn: role("example-role", true).arn,
            steps: vec![
                step("Decrypt", true, None),
                step(
                    "GenerateDataKey",
                    false,
                    Some("no identity-based policy allows the kms:GenerateDataKey action"),
                ),
            ],
        },
    );
    picture("proof", &desk);
}

#[test]
fn the_story_of_a_grant_is_a_matrix_with_its_reasons_on_enter() {
    let phase = |name: &'static str, seconds: i64, allowed: Option<bool>| CyclePhase {
        name,
        at: at(seconds),
        expected: allowed,
        held: true,
        operations: ["Encrypt", "Decrypt", "GenerateDataKey"]
            .into_iter()
            .filter(|_| allowed.is_some())
            .map(|operation| {
                let is_allowed = allowed == Some(true) && operation != "GenerateDataKey";
                ProofStep {
                    operation: operation.to_owned(),
                    allowed: is_allowed,
                    reason: (!is_allowed).then(|| "no resource-based policy allows the action".to_owned()),
                    request_id: Some(format!("0f3c-{name}")),
                }
            })
            .collect(),
        request_id: allowed.is_none().then(|| format!("9a1b-{name}")),
        waited_ms: None,
    };
    let cycle = GrantCycle {
        key_arn: crate::desk::arn("11111111-0000-0000-0000-000000000001"),
        role_arn: role("example-role", true).arn,
        identity: Some("arn:aws:sts::111122223333:assumed-role/Researcher/ann".to_owned()),
        granted: vec!["Decrypt".to_owned(), "Encrypt".to_owned()],
        phases: vec![
            phase("before", 0, Some(false)),
            phase("grant", 1, None),
            phase("granted", 2, Some(true)),
            phase("revoke", 3, None),
            phase("revoked", 4, Some(false)),
        ],
        holds: true,
        notes: Vec::new(),
        evidence: Some("/state/strongroom/evidence/proof-20260921T131320.json".into()),
        page: Some("/state/strongroom/evidence/proof-20260921T131320.md".into()),
    };
    for (size, name) in [(WIDE, "proof-matrix"), (SMALL, "proof-matrix-80x24")] {
        let mut desk = Desk::filled(size);
        desk.keys("1:proof story<enter>");
        desk.answer(Topic::Roles, Page::Roles(vec![role("example-role", true)]));
        desk.keys("<enter>y");
        assert_eq!(desk.started().len(), 1, "{}", desk.screen());
        desk.done(1, Outcome::GrantCycle(Box::new(cycle.clone())));
        if !matches!(desk.state.overlays.last(), Some(Overlay::Matrix(_))) {
            desk.keys("!<enter>");
        }
        picture(name, desk.keys("j<enter>"));
        let screen = desk.screen();
        for words in [
            "It holds.",
            "│ Key ",
            "│ Role ",
            "│ Asked by ",
            "│ When ",
            "│ Evidence  /state/",
        ] {
            assert!(screen.contains(words), "{words}:\n{screen}");
        }
    }
}

#[test]
fn a_log_is_followed_and_searched() {
    let mut desk = Desk::filled(SMALL);
    desk.keys("4l");
    let name = desk.state.jobs.current().unwrap().name.clone();
    let lines = (1..40)
        .map(|epoch| log_line(&format!("epoch={epoch} loss={}", 1.0 / f64::from(epoch))))
        .collect();
    desk.answer(Topic::Log(name), Page::Log(lines));
    picture("log", &desk);
    picture("log-searched", desk.keys("/=3<enter>"));
    picture("log-only", desk.keys("&"));
}

#[test]
fn a_log_of_several_hosts_has_a_curve_above_it_and_tells_them_apart() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("4l");
    let name = desk.state.jobs.current().unwrap().name.clone();
    let line = |host: i32, text: &str| LogLine {
        stream: format!("{name}/algo-{host}-1700000000"),
        ..log_line(text)
    };
    let epoch = |epoch: i32| {
        let loss = 1.0 / f64::from(epoch);
        line(
            epoch % 3 + 1,
            &format!("\u{1b}[32mepoch={epoch}\u{1b}[0m loss={loss:.4}"),
        )
    };
    let bar = line(1, "  0%|          |\r 50%|#####     |\r100%|##########|");
    let lines = (1..60).map(epoch).chain([bar]).collect();
    desk.answer(Topic::Log(name.clone()), Page::Log(lines));
    picture("log-hosts", desk.keys("T"));
    picture("log-one-host", desk.keys("HH"));
}

#[test]
fn a_filter_narrows_as_it_is_typed() {
    let mut desk = Desk::filled(WIDE);
    picture("filter", desk.keys("3/hous"));
}

#[test]
fn interrupted_uploads_are_offered() {
    let mut desk = Desk::untouched(SMALL);
    let mut folder = interrupted("b");
    folder.paths.push(std::path::PathBuf::from("/data/more"));
    (folder.files, folder.files_done) = (12, 7);
    desk.answer(Topic::Interrupted, Page::Interrupted(vec![interrupted("a"), folder]));
    picture("interrupted-80x24", &desk);
}
