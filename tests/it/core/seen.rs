//! What an object says of itself is shown as that; *verified* is what was read here, for this ETag.

use strongroom::app::seen::ReadResult;
use strongroom::app::{Page, Topic};
use strongroom::domain::{
    Bond, Fault, FaultKind, ObjectFormat, ObjectRow, Origin, Outcome, Plaintext, Preview, Reading, Refuted, Verdict,
    Verified, View,
};

use super::WIDE;
use crate::desk::{BUCKET, Desk, arn, at, object, objects};

const KEY: &str = "11111111-0000-0000-0000-000000000001";
const ETAG: &str = "5d41402abc4b2a76b9719d911017c592";

fn intact(key: &str, etag: &str) -> Verdict {
    Verdict {
        source: format!("s3://{BUCKET}/{key}"),
        etag: Some(etag.to_owned()),
        kms_key_arn: Some(arn(KEY)),
        reading: Reading::Intact {
            format: ObjectFormat::Strongroom,
            verified: Verified::new(Bond::Bound, Some(at(-60)), at(0)),
        },
        contested: Vec::new(),
    }
}

/// The desk with the cursor on housing.csv, and what was found on it.
fn read(verdict: Verdict) -> Desk {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjv");
    let verdicts = vec![verdict];
    desk.done(1, Outcome::Verified { verdicts });
    // What is to be read is closed; what was said goes with any key.
    let is_read = desk.state.overlays.is_empty();
    desk.keys(if is_read { "?<esc>" } else { "<esc>" });
    desk
}

fn seen(desk: &Desk) -> Option<ReadResult> {
    let mut rows = desk.state.objects.rows().iter();
    let row = rows.find(|row| row.key() == "housing.csv")?;
    desk.state.seen(row).map(|seen| seen.result.clone())
}

fn changed(change: impl Fn(&mut ObjectRow)) -> Vec<ObjectRow> {
    let mut rows = objects();
    rows.iter_mut()
        .filter(|row| row.key() == "housing.csv")
        .for_each(change);
    rows
}

/// The line of the list with the object.
fn row(desk: &Desk) -> String {
    let screen = desk.screen();
    let row = screen.lines().find(|line| line.contains("housing.csv  13.7 KiB"));
    row.unwrap_or_default().to_owned()
}

#[test]
fn what_an_object_says_of_itself_is_shown_as_that() {
    let mut desk = Desk::filled(WIDE);
    assert!(row(&desk).contains("◆ housing.csv") && !row(&desk).contains("verified"));
    let said = desk.keys("3jj<enter>").screen();
    for words in ["says it is strongroom", "not verified", "What it says of itself"] {
        assert!(said.contains(words), "no {words}: {said}");
    }
    assert!(!said.contains("proved"), "{said}");
}

#[test]
fn verified_is_what_was_read_here_with_its_time_until_its_etag_changes_or_it_goes() {
    let mut desk = read(intact("housing.csv", ETAG));
    assert!(row(&desk).contains("verified"), "{}", desk.screen());
    assert!(desk.state.messages.unread().is_none());
    let said = desk.keys("<enter>").screen();
    assert!(
        said.contains("UTC, for this ETag: intact, bound") && said.contains("KMS unwrapped"),
        "{said}"
    );

    let again = |change: &dyn Fn(&mut ObjectRow)| {
        let mut desk = read(intact("housing.csv", ETAG));
        desk.objects(changed(change));
        assert_eq!(seen(&desk), None);
        // Lost for good.
        desk.objects(objects());
        seen(&desk)
    };
    let other_etag = |row: &mut ObjectRow| {
        if let ObjectRow::Object { etag, .. } = row {
            *etag = Some("another".to_owned());
        }
    };
    // A self-copy with another head may keep its ETag.
    let written_again = |row: &mut ObjectRow| {
        if let ObjectRow::Object { modified, .. } = row {
            *modified = Some(at(0));
        }
    };
    assert_eq!(again(&other_etag), None);
    assert_eq!(again(&written_again), None);

    let mut desk = read(intact("housing.csv", ETAG));
    desk.objects(objects());
    assert!(seen(&desk).is_some());
    desk.objects(objects().into_iter().filter(|row| row.key() != "housing.csv").collect());
    desk.objects(objects());
    assert_eq!(seen(&desk), None);
}

#[test]
fn what_was_read_is_another_object_if_its_etag_is_not_the_one_listed() {
    let desk = read(intact("housing.csv", "another"));
    assert_eq!(seen(&desk), None);
    assert!(!row(&desk).contains("verified"));
}

#[test]
fn what_fails_is_remembered_and_what_could_not_be_read_is_not() {
    let why = || {
        Fault::new(
            FaultKind::Integrity,
            "verify",
            "s3://b/x",
            "the token was changed",
            "get it again",
        )
    };
    let with = |reading| {
        read(Verdict {
            reading,
            ..intact("housing.csv", ETAG)
        })
    };
    let format = ObjectFormat::Strongroom;
    let desk = with(Reading::NotIntact { format, why: why() });
    assert_eq!(
        seen(&desk),
        Some(ReadResult::Refuted("the token was changed".to_owned()))
    );
    assert!(
        desk.screen().contains("not intact") && desk.state.linked().1 == 0,
        "{}",
        desk.screen()
    );
    for reading in [
        Reading::NotChecked {
            format: Some(format),
            why: why(),
        },
        Reading::NotChecked {
            format: None,
            why: why(),
        },
        Reading::NoToken { format, why: why() },
    ] {
        let desk = with(reading);
        assert_eq!(seen(&desk), None);
        assert!(!row(&desk).contains("verified") && !row(&desk).contains("not intact"));
    }
}

#[test]
fn decrypting_and_previewing_a_token_read_it_to_its_end_too() {
    let verified = Verified::new(Bond::Bound, Some(at(-60)), at(0));
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjd<enter>");
    let (path, etag) = ("/data/out".into(), Some(ETAG.to_owned()));
    let outcome = Outcome::Decrypted {
        source: String::from("s3://bucket/object"),
        path,
        bytes: 1,
        verified: Some(verified.clone()),
        etag: etag.clone(),
        contested: Vec::new(),
    };
    desk.done(1, outcome);
    assert!(
        matches!(seen(&desk), Some(ReadResult::Verified { .. })),
        "{:?}",
        desk.state.operations
    );

    let preview = |origin| {
        let mut desk = Desk::filled(WIDE);
        desk.keys("3jjP");
        let preview = Preview {
            source: format!("s3://{BUCKET}/housing.csv"),
            bytes: Plaintext::new(zeroize::Zeroizing::new(b"x,y".to_vec())),
            total: 10_444,
            origin,
            view: View::Text,
        };
        desk.done(1, Outcome::Previewed(Box::new(preview)));
        desk
    };
    let desk = preview(Origin::Token { verified, etag });
    assert!(
        desk.screen().contains("intact: all of it was read; bound"),
        "{}",
        desk.screen()
    );
    assert!(seen(&desk).is_some());
    let desk = preview(Origin::Stored(ObjectFormat::Plain));
    assert!(
        desk.screen().contains("as it is stored: it is not encrypted"),
        "{}",
        desk.screen()
    );
    assert_eq!(seen(&desk), None);
}

#[test]
fn what_a_head_refutes_is_said_at_once_and_belongs_to_no_key() {
    let mut desk = Desk::filled(WIDE);
    let (stored, length) = (11, 10_444);
    let refuted = |row: &mut ObjectRow| {
        if let ObjectRow::Object { info: Some(info), .. } = row {
            info.refuted = vec![Refuted::Size { stored, length }, Refuted::Name("x.csv".to_owned())];
        }
    };
    desk.objects(changed(refuted));
    assert_eq!(desk.state.linked().1, 0);
    assert!(desk.screen().contains("refuted") && !desk.screen().contains("◆ housing.csv"));
    let said = desk.keys("3jj<enter>").screen();
    assert!(
        said.contains("11 bytes are stored, but a token of 10444 bytes has 14008"),
        "{said}"
    );
    assert!(said.contains("it was written as `x.csv`"), "{said}");
}

#[test]
fn objects_of_other_places_keep_what_was_read_of_them() {
    let mut desk = read(intact("housing.csv", ETAG));
    let topic = Topic::Objects {
        bucket: BUCKET.to_owned(),
        prefix: "output/".to_owned(),
    };
    desk.keys("gg<enter>");
    desk.answer(
        topic,
        Page::Objects(vec![object("output/x", ObjectFormat::Plain, None)]),
    );
    desk.keys("<esc>");
    desk.objects(objects());
    assert!(seen(&desk).is_some());
}
