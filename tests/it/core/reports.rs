//! Reports and findings as they are read: what a report rests on, and what Enter says where it does nothing.

use std::sync::Arc;

use strongroom::app::Overlay;
use strongroom::domain::audit::{AuditReport, AuditSummary, Ended};
use strongroom::domain::rests_on::RestsOn;
use strongroom::domain::rewrap::{RewrapReport, RewrapSpec};
use strongroom::domain::seal::{SealAct, SealReport, SealSpec, SealSummary};
use strongroom::domain::{Finding, Outcome, Weight};

use crate::desk::{BUCKET, Desk};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (200, 50)];

/// A desk on which this has come of something.
fn with(size: (u16, u16), outcome: Outcome) -> Desk {
    let mut desk = Desk::filled(size);
    desk.keys("3jjP");
    desk.done(1, outcome);
    desk
}

/// What is on screen without frames and ends of lines.
fn words(desk: &Desk) -> String {
    let screen = desk.screen().replace(['│', '\n'], " ");
    screen.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn held(sampled: Option<u64>) -> Option<RestsOn> {
    sampled.map(|sampled| RestsOn {
        sampled,
        unchecked: None,
    })
}

fn sealed(sampled: Option<u64>) -> Outcome {
    let act = SealAct::Rotate {
        key: None,
        context: None,
        resume: true,
    };
    Outcome::Sealed(Arc::new(SealReport {
        spec: SealSpec {
            bucket: BUCKET.to_owned(),
            prefix: "data/".to_owned(),
            places: Vec::new(),
            act,
        },
        summary: SealSummary {
            rests_on: held(sampled),
            ..SealSummary::default()
        },
        rows: Vec::new(),
        dropped: 0,
    }))
}

fn rewrapped(sampled: Option<u64>) -> Outcome {
    let spec = RewrapSpec {
        bucket: BUCKET.to_owned(),
        prefixes: vec!["data/".to_owned()],
        objects: Vec::new(),
        to: "alias/new".to_owned(),
        context: None,
        delete_old: false,
    };
    let mut report = RewrapReport::new(&spec, "arn:new".to_owned(), false);
    report.rests_on = held(sampled);
    Outcome::Rewrapped(Box::new(report))
}

fn audited(sampled: Option<u64>) -> Outcome {
    let mut summary = AuditSummary::new(format!("s3://{BUCKET}/data/"), false, false);
    summary.rests_on = held(sampled);
    summary.close(Ended::Whole);
    Outcome::Audited(Arc::new(AuditReport {
        bucket: BUCKET.to_owned(),
        prefix: "data/".to_owned(),
        summary,
        rows: Vec::new(),
        dropped: 0,
    }))
}

#[test]
fn a_report_of_hosts_says_on_its_page_that_it_is_what_they_say_and_one_of_this_machine_does_not() {
    for size in SIZES {
        for report in [sealed, rewrapped, audited] {
            let said = words(&with(size, report(Some(20))));
            assert!(
                said.contains("this is what the hosts' results say; a sample of them, 20 objects, was held against"),
                "{said}"
            );
            let own = words(&with(size, report(None)));
            assert!(!own.contains("hosts' results"), "{own}");
        }
    }
}

#[test]
fn enter_on_a_finding_that_cannot_be_repaired_says_so_and_where_the_remedy_stands() {
    let finding = |weight, remedy: &str| Finding {
        weight,
        what: "the image is there".to_owned(),
        detail: "nobody has pushed it".to_owned(),
        remedy: remedy.to_owned(),
        repair: None,
    };
    for (weight, remedy, said) in [
        (
            Weight::Blocks,
            "push it",
            "It cannot be repaired from here: the last line of the row",
        ),
        (
            Weight::Warns,
            "",
            "It cannot be repaired from here: the row says what is wrong",
        ),
        (Weight::Unknown, "", "It could not be looked at"),
        (Weight::Well, "", "nothing is to be done about it"),
    ] {
        let findings = vec![finding(weight, remedy)];
        let job = "train-1".to_owned();
        let mut desk = with((120, 36), Outcome::Preflighted { job, findings });
        assert!(matches!(desk.state.overlays.last(), Some(Overlay::Results(_))));
        assert!(!words(&desk).contains(said));
        desk.keys("<enter>");
        assert!(words(&desk).contains(said), "{}", desk.screen());
        assert!(matches!(desk.state.overlays.last(), Some(Overlay::Results(_))));
    }
}
