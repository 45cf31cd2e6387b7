//! The details beside the list: what they show is there already, and more is asked for only where the cursor rests.

use strongroom::app::{Effect, Overlay, Page, Topic};
use strongroom::domain::{FaultKind, KeptVersion, KeptVersions};

use super::WIDE;
use crate::desk::{BUCKET, Desk, at, fault, log_line, objects};

const WIDEST: (u16, u16) = (200, 50);

/// What is asked for beyond the rows.
fn closer(desk: &Desk) -> Vec<Topic> {
    let topics = desk.topics().iter();
    let is_closer = |topic: &&Topic| matches!(topic, Topic::KeyPolicy(_) | Topic::Log(_) | Topic::Versions { .. });
    topics.filter(is_closer).cloned().collect()
}

#[test]
fn they_are_there_from_160_columns_on_and_by_a_key_at_any_size() {
    let is_shown = |desk: &Desk| desk.screen().contains(" Details ");
    assert!(is_shown(&Desk::filled((160, 40))));
    let mut desk = Desk::filled((159, 40));
    assert!(!is_shown(&desk));
    for size in [(159, 40), (120, 36), (80, 24)] {
        let mut desk = Desk::filled(size);
        desk.keys("i");
        assert!(is_shown(&desk), "{}", desk.screen());
        assert!(desk.screen().contains("Who may use it"), "{}", desk.screen());
        desk.keys("i");
        assert!(!is_shown(&desk), "{}", desk.screen());
    }
    desk.event(strongroom::app::Event::Resize { cols: 200, rows: 50 });
    assert!(is_shown(&desk));
    desk.keys("i");
    assert!(!is_shown(&desk));
}

#[test]
fn they_cost_no_call_that_the_cursor_did_not_rest_for() {
    let mut desk = Desk::filled(WIDEST);
    for second in 1..8 {
        desk.keys("k").tick(second);
        desk.keys("j").tick(second);
        desk.keys("4j").tick(second);
        desk.keys("k1").tick(second);
    }
    assert_eq!(closer(&desk), [], "the cursor was nowhere for a second");
    let arn = desk.state.key().unwrap().arn.clone();
    desk.tick(8);
    assert_eq!(closer(&desk), [], "it has come there in this second or the last");
    assert_eq!(desk.state.seconds_between_ticks(), 1);
    desk.tick(9);
    assert_eq!(closer(&desk), [Topic::KeyPolicy(arn.clone())]);
    desk.answer(Topic::KeyPolicy(arn), Page::KeyPolicy(POLICY.to_owned()));
    assert_eq!(closer(&desk), [], "once");
    let screen = desk.screen();
    for words in ["the account", "Researcher", "Decrypt and 1 more, on conditions"] {
        assert!(screen.contains(words), "no {words}: {screen}");
    }
    desk.tick(20).keys("k");
    assert_eq!(closer(&desk), []);
}

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},
    {"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/Researcher"]},
     "Action":["kms:Decrypt","kms:Encrypt"],"Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}"#;

#[test]
fn where_they_are_not_shown_or_covered_nothing_more_is_asked_for() {
    let mut desk = Desk::filled(WIDE);
    desk.tick(5).tick(10);
    assert_eq!(closer(&desk), []);
    let mut desk = Desk::filled(WIDEST);
    desk.keys("1n").tick(5).tick(10);
    assert_eq!(closer(&desk), []);
}

#[test]
fn a_job_shows_its_loss_and_the_log_goes_on_where_they_have_read_it() {
    let mut desk = Desk::filled(WIDEST);
    desk.keys("4jj").tick(1).tick(3);
    let name = desk.state.jobs.current().unwrap().name.clone();
    let topic = Topic::Log(name.clone());
    assert_eq!(closer(&desk), std::slice::from_ref(&topic));
    let lines = (1..40).map(|epoch| log_line(&format!("epoch={epoch} loss={}", 1.0 / f64::from(epoch))));
    desk.answer(topic.clone(), Page::Log(lines.collect()));
    let screen = desk.screen();
    assert!(screen.contains('█') && screen.contains("epoch=39 loss="), "{screen}");
    desk.keys("l");
    let Some(Overlay::Log(log)) = desk.state.overlays.last() else {
        panic!("no log")
    };
    assert_eq!(log.count().0, 39, "what was read is not asked for again");
    let mut desk = Desk::filled(WIDEST);
    desk.keys("4jj").tick(1).tick(3);
    desk.answer(topic, Page::Log(vec![log_line("epoch=39 loss=1")]));
    desk.keys("<enter>");
    assert!(desk.screen().contains("epoch=39 loss="), "{}", desk.screen());
}

#[test]
fn a_log_that_nobody_opened_and_that_cannot_be_read_is_told_beside_the_list_alone() {
    let mut desk = Desk::filled(WIDEST);
    desk.keys("4").tick(1).tick(3);
    let name = desk.state.jobs.current().unwrap().name.clone();
    desk.fail(
        Topic::Log(name),
        fault(
            FaultKind::Denied,
            "read the log of",
            "not authorized to perform logs:GetLogEvents",
        ),
    );
    assert!(desk.state.messages.unread().is_none());
    assert!(desk.screen().contains("not readable"), "{}", desk.screen());
    desk.tick(30);
    assert_eq!(closer(&desk), [], "not again by itself");
}

#[test]
fn the_borders_move_by_keys_and_stay_where_they_were_left() {
    let widths = |desk: &Desk| -> Vec<(u16, u16)> {
        let panes = desk.state.regions().panes;
        panes.iter().map(|(_, area)| (area.width, area.height)).collect()
    };
    let mut desk = Desk::filled(WIDE);
    let before = widths(&desk);
    desk.keys(">}");
    let after = widths(&desk);
    assert!(after[0].0 > before[0].0 && after[0].1 > before[0].1, "{after:?}");
    let kept = desk.effects.iter().rev().find_map(|effect| match effect {
        Effect::Arrange(arrangement) => Some(*arrangement),
        _ => None,
    });
    assert_eq!(kept.map(|kept| (kept.left, kept.upper)), Some((44, 64)));
    desk.keys("<<{{");
    assert!(widths(&desk)[0] < before[0]);
    for _ in 0..40 {
        desk.keys("<{");
    }
    assert!(
        widths(&desk).iter().all(|(columns, rows)| *columns >= 20 && *rows >= 5),
        "{:?}",
        widths(&desk)
    );
    let asked = desk.effects.len();
    desk.keys("<{");
    assert_eq!(
        desk.effects.len(),
        asked,
        "at its end a border stays, and nothing is written"
    );
    let mut small = Desk::filled((80, 24));
    let asked = small.effects.len();
    small.keys("><{}");
    assert_eq!(small.effects.len(), asked, "there are no borders");
}

fn versions() -> Topic {
    Topic::Versions {
        bucket: BUCKET.to_owned(),
        key: "housing.csv".to_owned(),
    }
}

#[test]
fn an_object_shows_its_versions_once_the_cursor_rests_and_anew_once_it_is_another() {
    let mut desk = Desk::filled(WIDEST);
    desk.keys("3jj").tick(1);
    assert_eq!(closer(&desk), []);
    assert!(desk.screen().contains("P decrypts them in memory"), "{}", desk.screen());
    desk.tick(3);
    assert_eq!(closer(&desk), [versions()]);
    let version = |id: &str, size, seconds, is_latest| KeptVersion {
        id: id.to_owned(),
        size,
        at: Some(at(seconds)),
        is_latest,
    };
    let rows = vec![
        version("c", Some(14_028), -7200, true),
        version("b", None, -9000, false),
        version("a", Some(9_000), -90_000, false),
    ];
    let is_whole = true;
    desk.answer(versions(), Page::Versions(KeptVersions { rows, is_whole }));
    assert_eq!(closer(&desk), [], "once");
    let screen = desk.screen();
    for words in ["13.7 KiB, this one", "deleted", "8.79 KiB"] {
        assert!(screen.contains(words), "no {words}: {screen}");
    }
    // Back on it nothing is asked for; written anew it has another history.
    desk.keys("jk").tick(6);
    assert_eq!(closer(&desk), []);
    let mut rows = objects();
    for row in &mut rows {
        if let strongroom::domain::ObjectRow::Object { etag, .. } = row {
            *etag = Some("another".to_owned());
        }
    }
    desk.objects(rows);
    assert_eq!(closer(&desk), [versions()]);
}

#[test]
fn versions_that_may_not_be_listed_are_told_beside_the_list_alone() {
    let mut desk = Desk::filled(WIDEST);
    desk.keys("3jj").tick(1).tick(3);
    let denied = fault(
        FaultKind::Denied,
        "list the versions of",
        "not authorized: s3:ListBucketVersions",
    );
    desk.fail(versions(), denied);
    assert!(desk.state.messages.unread().is_none());
    assert!(desk.screen().contains("s3:ListBucketVersions"), "{}", desk.screen());
    desk.tick(30);
    assert_eq!(closer(&desk), [], "not again by itself");
}

#[test]
fn a_job_that_failed_tells_why_and_what_it_had_written_before_its_phases() {
    let mut desk = Desk::filled(WIDEST);
    desk.keys("4jj").tick(1).tick(3);
    let name = desk.state.jobs.current().unwrap().name.clone();
    desk.answer(Topic::Log(name), Page::Log(vec![log_line("reading the data key")]));
    let screen = desk.screen();
    let line = |words: &str| screen.lines().position(|line| line.contains(words));
    let order = ["Why it ended", "reading the data key", "Phases"].map(line);
    assert!(
        order.iter().all(Option::is_some) && order.is_sorted(),
        "{order:?} {screen}"
    );
}
