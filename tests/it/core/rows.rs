//! Rows and what is known of them: what is asked about, in which order, and what becomes of the answers.

use strongroom::app::{Effect, Page, Topic};
use strongroom::domain::{JobStatus, ObjectFormat, ObjectRow, Outcome};

use super::WIDE;
use crate::desk::{BUCKET, Desk, object};

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
