//! What was said: on screen until the person goes on, and never in the way of a key.

use strongroom::app::Overlay;
use strongroom::domain::{BucketCount, FaultKind, Outcome};

use super::WIDE;
use crate::desk::{BUCKET, Desk, fault};

fn said(desk: &Desk) -> Option<String> {
    desk.state.messages.unread().map(|message| message.text.clone())
}

/// A desk on which something has failed.
fn in_trouble() -> Desk {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjv");
    desk.failed(
        1,
        fault(FaultKind::Denied, "verify", "not authorized to perform: kms:Decrypt"),
    );
    assert!(
        said(&desk).is_some_and(|said| said.contains("kms:Decrypt")),
        "{:?}",
        said(&desk)
    );
    desk
}

#[test]
fn a_message_stays_while_one_looks_around_and_goes_with_the_next_key_that_does_something() {
    let mut desk = in_trouble();
    desk.keys("jk<pgdown><tab>4j1G");
    assert!(said(&desk).is_some(), "moving takes nothing away");
    desk.keys("?");
    assert_eq!(said(&desk), None);
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Help(_))));
    desk.keys("<esc>!");
    assert!(
        desk.screen().contains("kms:Decrypt"),
        "its history is kept: {}",
        desk.screen()
    );
}

#[test]
fn esc_does_what_it_does_and_takes_the_messages_with_it() {
    let mut desk = in_trouble();
    desk.keys("<esc>");
    assert_eq!(said(&desk), None);
    assert_eq!(desk.state.place, None, "it has gone up, too");
    let mut desk = in_trouble();
    desk.keys(" <esc>");
    assert_eq!(desk.state.objects.marked(), 0);
    assert!(desk.state.place.is_some(), "marks go first");
    // Several at once.
    let mut desk = in_trouble();
    desk.keys("v");
    desk.failed(2, fault(FaultKind::Timeout, "verify", "no answer"));
    desk.keys("v");
    desk.failed(3, fault(FaultKind::Denied, "verify", "no"));
    desk.keys("4<esc>");
    assert_eq!(desk.state.messages.count_unread(), 0);
}

#[test]
fn a_message_that_leads_on_stays_until_it_is_gone_on_to_or_taken_back() {
    let count = || {
        Outcome::BucketCounted(BucketCount {
            bucket: BUCKET.to_owned(),
            objects: 3,
            ..BucketCount::default()
        })
    };
    let led = || {
        let mut desk = Desk::filled(WIDE);
        desk.keys("3<esc>:empty bucket<enter>").keys("j");
        desk.done(1, count());
        assert!(
            said(&desk).is_some_and(|said| said.contains("To go on")),
            "{}",
            desk.screen()
        );
        desk
    };
    let mut desk = led();
    desk.keys("?<esc>S");
    assert!(said(&desk).is_some(), "it is not answered yet");
    desk.keys("!<enter>");
    assert_eq!(said(&desk), None);
    let mut desk = led();
    desk.keys("<esc>");
    assert_eq!(said(&desk), None);
}
