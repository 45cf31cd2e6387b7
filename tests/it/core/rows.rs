//! Rows and what is known of them: what is asked about, in which order, and what becomes of the answers.

use strongroom::app::{Effect, Event, Page, Topic};
use strongroom::domain::{JobStatus, ObjectFormat, ObjectRow, Outcome};

use super::WIDE;
use crate::desk::{BUCKET, Desk, at, job, object};

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
