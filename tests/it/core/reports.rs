//! Reports and findings as they are read: what a report rests on, and what Enter says where it does nothing.

use std::sync::Arc;

use strongroom::app::Overlay;
use strongroom::domain::audit::{AuditReport, AuditSummary, Ended, Unjoined};
use strongroom::domain::rests_on::RestsOn;
use strongroom::domain::rewrap::{RewrapReport, RewrapSpec};
use strongroom::domain::seal::{SealAct, SealReport, SealSpec, SealSummary};
use strongroom::domain::{Fault, FaultKind, Finding, Outcome, Weight};

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

const UNCHECKED: &str = "there is no job audit-20260101-120000-0abc";

/// Of so many objects that were held, and of a plan that was not; nothing of a report that one machine made.
fn held(sampled: Option<u64>) -> Option<RestsOn> {
    sampled.map(|sampled| RestsOn {
        sampled,
        unchecked: Some(UNCHECKED.to_owned()),
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
            for qualification in [
                "this is what the hosts' results say; a sample of them, 20 objects, was held against the objects and is so",
                &format!("whether the plan is the one that was begun could not be checked: {UNCHECKED}"),
            ] {
                assert!(said.contains(qualification), "{qualification}: {said}");
            }
            let none = words(&with(size, report(Some(0))));
            assert!(none.contains("none of it was held against an object"), "{none}");
            let own = words(&with(size, report(None)));
            assert!(
                !own.contains("hosts' results") && !own.contains("could not be checked"),
                "{own}"
            );
        }
    }
}

/// An audit's report of which this is so.
fn audit_with(change: impl FnOnce(&mut AuditSummary)) -> Outcome {
    let mut summary = AuditSummary::new(format!("s3://{BUCKET}/data/"), true, false);
    summary.close(Ended::Whole);
    change(&mut summary);
    Outcome::Audited(Arc::new(AuditReport {
        bucket: BUCKET.to_owned(),
        prefix: "data/".to_owned(),
        summary,
        rows: Vec::new(),
        dropped: 0,
    }))
}

#[test]
fn the_page_of_an_audit_says_all_that_its_summary_says_on_the_command_line() {
    let broke_off = || {
        let fault = Fault::new(FaultKind::Denied, "list", "s3://b/", "you may not", "ask for it");
        Ended::BrokeOff(Box::new(fault))
    };
    let unjoined = || Unjoined {
        moved: 3,
        why: "b is where it was put".to_owned(),
    };
    type Change = Box<dyn FnOnce(&mut AuditSummary)>;
    let table: [(Change, &str); 7] = [
        (Box::new(|summary| summary.ended = Ended::Stopped), "it was stopped"),
        (
            Box::new(move |summary| summary.ended = broke_off()),
            "the list broke off: list s3://b/: you may not; ask for it",
        ),
        (
            Box::new(|summary| summary.only_older = true),
            "no object is there now, only older versions or delete markers",
        ),
        (
            Box::new(|summary| summary.vanished = 2),
            "2 were gone when it was their turn",
        ),
        (Box::new(|summary| summary.intact = 7), "7 read to their end and intact"),
        (
            Box::new(|summary| summary.key_objects.orphaned = 4),
            "key objects: 0 referenced, 4 orphaned, 0 not known to be either",
        ),
        (
            Box::new(move |summary| summary.unjoined = Some(unjoined())),
            "3 not moved together: b is where it was put; they may have been copied or swapped",
        ),
    ];
    for (change, said) in table {
        let page = words(&with((80, 24), audit_with(change)));
        assert!(page.contains(said), "{said}: {page}");
    }
    let further = |summary: &mut AuditSummary| summary.other_keys.objects = 9;
    let page = words(&with((120, 36), audit_with(further)));
    assert!(page.contains("further keys"), "{page}");
}

#[test]
fn what_is_begun_on_hosts_says_what_could_not_be_checked_what_acts_before_left_and_what_was_uploaded() {
    let begun = Outcome::BulkBegun {
        id: "audit-1".to_owned(),
        job: Some("audit-1-2".to_owned()),
        shards: 2,
        objects: 12,
        unchecked: Some("there is no job audit-1".to_owned()),
        unplanned: vec![format!(
            "s3://{BUCKET}/.strongroom/bulk/audit-0/: 2 files of an act whose list never became whole; they are deleted"
        )],
        uploaded: Some(format!("s3://{BUCKET}/.strongroom/program/0f/strongroom")),
    };
    let mut desk = with((200, 50), begun);
    desk.keys("!");
    let said = words(&desk);
    for words in [
        "12 objects listed; the job audit-1-2 does 2 shards.",
        "Whether the plan is the one that was begun could not be checked: there is no job audit-1.",
        "2 files of an act whose list never became whole; they are deleted.",
        "Strongroom uploaded to s3://",
    ] {
        assert!(said.contains(words), "{words}: {said}");
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
