//! Rows and what is known of them: what is asked about, in which order, and what becomes of the answers.

use strongroom::app::{Effect, Event, Page, Topic};
use strongroom::domain::{JobStatus, KmsKey, ObjectFormat, ObjectRow, Outcome};

use super::WIDE;
use crate::desk::{BUCKET, Desk, arn, at, described, detail, job, log_line, object};

#[test]
fn an_ended_operation_asks_about_what_it_named_and_nothing_else_again() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("5jje");
    let before = desk.effects.len();
    desk.done(
        1,
        Outcome::Encrypted {
            uris: vec![format!("s3://{BUCKET}/new.csv")],
            bytes: 5,
            data_key_uri: String::new(),
            key_arn: String::new(),
        },
    );
    let asked = |desk: &Desk| {
        desk.watched(|topic| match topic {
            Topic::Object { key, .. } => Some(key.clone()),
            _ => None,
        })
    };
    assert_eq!(asked(&desk).as_deref(), Some("new.csv"));
    let is_refresh = |effect: &Effect| matches!(effect, Effect::Refresh(_));
    assert!(!desk.effects[before..].iter().any(is_refresh));
    // What is listed by it stands where the list will have it, and is not asked about again.
    let topic = Topic::Object {
        bucket: BUCKET.to_owned(),
        key: "new.csv".to_owned(),
    };
    desk.answer(topic, Page::Object(object("new.csv", ObjectFormat::Plain, None)));
    let listed: Vec<&str> = desk.state.objects.rows().iter().map(ObjectRow::key).collect();
    assert_eq!(
        listed,
        [
            "output/",
            "dont_look",
            "housing.csv",
            "new.csv",
            "other.csv",
            "readme.txt"
        ]
    );
    assert_eq!(asked(&desk), None);
}

#[test]
fn the_answer_about_a_row_is_kept_though_the_cursor_has_gone_on() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("4G");
    let mut known = desk.state.jobs.rows()[0].clone();
    known.status = JobStatus::Completed;
    let name = known.name.clone();
    desk.keys("1z");
    assert_eq!(
        desk.watched(|topic| (*topic == Topic::Job(name.clone())).then_some(())),
        None
    );
    desk.answer(Topic::Job(name.clone()), Page::Job(Box::new(known.clone())));
    assert_eq!(desk.state.jobs.rows()[0].status, known.status);
}

#[test]
fn a_list_whose_walk_is_unfinished_says_so_in_its_title_and_in_the_header() {
    let mut desk = Desk::filled(WIDE);
    assert!(desk.screen().lines().next().unwrap().ends_with("up to date"));
    let page = |first, last| Event::Answer {
        topic: Topic::Jobs,
        walk: 1000,
        first,
        last,
        at: at(0),
        page: Page::Jobs(vec![job(
            &format!("job-{last}"),
            JobStatus::Completed,
            "Completed",
            -10,
        )]),
    };
    desk.event(page(true, false));
    let screen = desk.screen();
    assert!(screen.lines().next().unwrap().ends_with("loading Jobs"), "{screen}");
    assert!(screen.contains("loading again: 1"), "{screen}");
    // No list gets shorter meanwhile.
    assert_eq!(desk.state.jobs.rows().len(), 3);
    desk.event(page(false, true));
    assert!(desk.screen().lines().next().unwrap().ends_with("up to date"));
    assert_eq!(desk.state.jobs.rows().len(), 2);
}

#[test]
fn a_log_has_no_line_yet_only_once_that_was_asked() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("4l");
    let name = desk.state.jobs.current().unwrap().name.clone();
    assert!(
        desk.screen().contains("asking…") && !desk.screen().contains("No line yet"),
        "{}",
        desk.screen()
    );
    desk.answer(Topic::Log(name), Page::Log(Vec::new()));
    assert!(desk.screen().contains("No line yet"), "{}", desk.screen());
}

#[test]
fn an_order_by_details_asks_beyond_the_screen_and_rows_settle_as_they_come() {
    const ROWS: usize = 100;
    let mut desk = Desk::filled(WIDE);
    let bare = |index: usize| KmsKey {
        id: format!("{index:08}-0000-0000-0000-00000000000{}", index % 2 + 1),
        arn: arn(&format!("{index:08}-0000-0000-0000-00000000000{}", index % 2 + 1)),
        aliases: Vec::new(),
        detail: None,
    };
    desk.answer(Topic::Keys, Page::Keys((0..ROWS).map(bare).collect()));
    let asked = |desk: &Desk| -> Vec<String> {
        let arns = desk.topics().iter().filter_map(|topic| match topic {
            Topic::Key(arn) => Some(arn.clone()),
            _ => None,
        });
        arns.collect()
    };
    desk.keys("1gg");
    let near = asked(&desk);
    for arn in &near {
        desk.answer(Topic::Key(arn.clone()), described(arn, detail(arn)));
    }
    assert_eq!(asked(&desk), [""; 0], "what is on the screen and around it is known");

    desk.keys("ss");
    let unknown = ROWS - near.len();
    let said = format!("{unknown} still unknown");
    assert!(desk.screen().contains(&said), "{}", desk.screen());
    let ahead = asked(&desk);
    assert!(
        !ahead.is_empty() && ahead.iter().all(|arn| !near.contains(arn)),
        "{ahead:?}"
    );
    for arn in &ahead {
        desk.answer(Topic::Key(arn.clone()), described(arn, detail(arn)));
    }
    let said = format!("{} still unknown", unknown - ahead.len());
    assert!(desk.screen().contains(&said), "{}", desk.screen());
    desk.keys("gg");
    let first: Vec<_> = desk.state.keys.visible().map(|(key, ..)| key).collect();
    let states: Option<Vec<_>> = first
        .iter()
        .map(|key| Some(key.detail.as_ref()?.state.clone()))
        .collect();
    let states = states.expect("what is unknown comes last");
    assert!(states.is_sorted_by_key(|state| format!("{state:?}")), "{states:?}");
}

#[test]
fn objects_that_nobody_looked_at_come_last_in_the_order_by_what() {
    let mut desk = Desk::filled(WIDE);
    let mut rows = vec![
        object("a.csv", ObjectFormat::Plain, None),
        object("b.csv", ObjectFormat::Plain, None),
    ];
    if let ObjectRow::Object { info, .. } = &mut rows[0] {
        *info = None;
    }
    desk.objects(rows);
    desk.keys("3sw");
    let listed: Vec<&str> = desk.state.objects.visible().map(|(row, ..)| row.key()).collect();
    assert_eq!(listed, ["b.csv", "a.csv"], "{}", desk.screen());
}

#[test]
fn a_job_shows_in_its_row_what_it_is_at_and_its_loss_once_a_log_was_read_and_no_log_is_read_for_it() {
    let mut desk = Desk::filled((160, 40));
    desk.keys("4i").tick(1).tick(20);
    let is_log = |topic: &Topic| matches!(topic, Topic::Log(_)).then_some(());
    assert_eq!(desk.watched(is_log), None);
    assert!(
        !desk.screen().contains("LOSS"),
        "an empty column has no room: {}",
        desk.screen()
    );
    let mut running = job("train-20260921-1", JobStatus::InProgress, "Training", -75);
    let detail = running.detail.as_mut().unwrap();
    detail.hyperparameters.insert("epochs".to_owned(), "20".to_owned());
    detail.transitions[0].status = "Training".to_owned();
    detail.transitions[0].end = None;
    desk.answer(Topic::Job(running.name.clone()), Page::Job(Box::new(running.clone())));
    assert!(
        desk.screen().contains("InProgress Training 1m 35s"),
        "{}",
        desk.screen()
    );
    desk.keys("l");
    let lines = (1..=12).map(|epoch| log_line(&format!("epoch={epoch} loss={}", 12 - epoch)));
    desk.answer(Topic::Log(running.name.clone()), Page::Log(lines.collect()));
    desk.keys("<esc>");
    let screen = desk.screen();
    for words in ["LOSS", "█▇", "InProgress Training 1m 35s, epoch 12/20"] {
        assert!(screen.contains(words), "no {words}: {screen}");
    }
    assert_eq!(desk.watched(is_log), None, "the curve stays");
}
