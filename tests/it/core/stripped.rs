//! A token that may have lost its metadata is refused, and the refusal offers the way to open it all the same.

use strongroom::app::Overlay;
use strongroom::domain::{FaultKind, ObjectFormat, ObjectRequest, Outcome, Reading, Request, Verdict};

use super::WIDE;
use crate::desk::{BUCKET, Desk, fault};

fn stripped() -> strongroom::domain::Fault {
    fault(FaultKind::Stripped, "open", "the metadata may have been taken away")
}

fn offered(desk: &Desk) -> Option<Request> {
    match desk.state.overlays.last() {
        Some(Overlay::Report(report)) => report.then.clone(),
        _ => None,
    }
}

#[test]
fn a_preview_is_offered_again() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjP").failed(1, stripped());
    assert!(matches!(
        offered(&desk),
        Some(Request::Object(ObjectRequest::Preview {
            accept_unbound: true,
            ..
        }))
    ));
    desk.keys("<enter>");
    let [first, second] = &desk.started()[..] else {
        panic!("{:?}", desk.started())
    };
    assert!(matches!(
        first,
        Request::Object(ObjectRequest::Preview {
            accept_unbound: false,
            ..
        })
    ));
    assert!(matches!(
        second,
        Request::Object(ObjectRequest::Preview {
            accept_unbound: true,
            ..
        })
    ));
    // What fails all the same is not offered once more.
    let before = desk.state.overlays.len();
    desk.failed(2, stripped());
    assert_eq!(desk.state.overlays.len(), before);
}

#[test]
fn of_what_was_verified_only_that_is_offered_again() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjv");
    let verdict = |name: &str, why| Verdict {
        source: format!("s3://{BUCKET}/{name}"),
        etag: None,
        kms_key_arn: None,
        reading: Reading::NotChecked {
            format: Some(ObjectFormat::Fernet),
            why,
        },
        contested: Vec::new(),
    };
    let denied = fault(FaultKind::Denied, "open", "not authorized");
    let verdicts = vec![verdict("x.csv", stripped()), verdict("y.csv", denied)];
    desk.done(1, Outcome::Verified { verdicts });
    let expected = Request::Object(ObjectRequest::Verify {
        bucket: BUCKET.to_owned(),
        objects: vec!["x.csv".to_owned()],
        accept_unbound: true,
    });
    assert_eq!(offered(&desk), Some(expected.clone()));
    desk.keys("<enter>");
    assert_eq!(desk.started().last(), Some(&expected));
}

#[test]
fn the_form_of_a_decryption_comes_back_and_takes_the_consent() {
    let mut desk = Desk::filled(WIDE);
    desk.keys("3jjd<enter>").failed(1, stripped());
    assert!(matches!(desk.state.overlays.last(), Some(Overlay::Form(_))));
    desk.keys("<tab><down> <enter>");
    let started = desk.started();
    assert!(
        matches!(
            &started[..],
            [
                Request::Object(ObjectRequest::Decrypt {
                    accept_unbound: false,
                    ..
                }),
                Request::Object(ObjectRequest::Decrypt {
                    accept_unbound: true,
                    accept_name: false,
                    ..
                })
            ]
        ),
        "{started:?}"
    );
}
