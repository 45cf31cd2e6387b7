//! What operations come to, for the sentences about it.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use strongroom::domain::audit::{AuditReport, AuditRow, AuditSummary, Ended, Flaw, Kind};
use strongroom::domain::rewrap::{RewrapReport, RewrapSpec};
use strongroom::domain::seal::{Before, Fate, Passed, SealPlan, SealReport, SealRow, SealSummary, Sealed};
use strongroom::domain::{
    AliasChange, Bond, Contested, Fault, FaultKind, Finding, GrantCycle, KeyChange, ObjectFormat, ObjectProof,
    ObjectUri, Outcome, ProofMethod, ProofStep, Reading, RoleChange, Verdict, Verified, Weight,
};

use super::parts::{BUCKET, ROLE, encryption, key, rotation};

pub(super) fn own(text: &str) -> String {
    text.to_owned()
}

pub(super) fn uri(object: &str) -> String {
    format!("s3://{BUCKET}/{object}")
}

pub(super) fn changed(change: KeyChange) -> Outcome {
    Outcome::KeyChanged { key_arn: key(), change }
}

pub(super) fn renamed(change: AliasChange) -> Outcome {
    Outcome::AliasChanged {
        alias: own("alias/housing"),
        change,
    }
}

pub(super) fn role(change: RoleChange) -> Outcome {
    Outcome::RoleChanged {
        role_arn: own(ROLE),
        change,
    }
}

pub(super) fn encrypted(names: &[&str]) -> Outcome {
    Outcome::Encrypted {
        uris: names.iter().map(|name| uri(name)).collect(),
        bytes: 10_444,
        data_key_uri: uri(".strongroom/data-keys/1"),
        key_arn: key(),
    }
}

pub(super) fn proof(bond: Bond) -> Verified {
    let now = Timestamp::UNIX_EPOCH;
    Verified::new(bond, Some(now), now)
}

pub(super) fn decrypted(bond: Bond) -> Outcome {
    let of_several = bond == Bond::Inside;
    let contested = of_several.then(contested);
    Outcome::Decrypted {
        source: uri("data/housing.csv"),
        path: PathBuf::from("/home/ann/housing.csv"),
        bytes: 10_444,
        verified: Some(proof(bond)),
        etag: None,
        contested: contested.into_iter().collect(),
    }
}

pub(super) fn step(operation: &str, allowed: bool) -> ProofStep {
    ProofStep {
        operation: own(operation),
        allowed,
        reason: None,
        request_id: None,
    }
}

pub(super) fn proved(method: ProofMethod, may: &[(&str, bool)]) -> Outcome {
    Outcome::Proved {
        key_arn: key(),
        role_arn: own(ROLE),
        method,
        steps: may
            .iter()
            .map(|(operation, allowed)| step(operation, *allowed))
            .collect(),
    }
}

pub(super) fn opened(role: Option<bool>) -> Outcome {
    Outcome::DataKeyOpened {
        at: uri("data-key"),
        mine: step("Decrypt", true),
        key_arn: Some(key()),
        role: role.map(|allowed| step("Decrypt", allowed)),
    }
}

pub(super) fn emptied(deleted: bool) -> Outcome {
    Outcome::BucketEmptied {
        bucket: own(BUCKET),
        objects: 12,
        older: 0,
        deleted,
    }
}

pub(super) fn object_proved(holds: bool) -> Outcome {
    Outcome::ObjectProved(Box::new(ObjectProof {
        source: uri("data/housing.csv"),
        stored: String::new(),
        stored_bytes: 1,
        steps: Vec::new(),
        holds,
        notes: Vec::new(),
    }))
}

pub(super) fn story(holds: bool) -> Outcome {
    Outcome::GrantCycle(Box::new(GrantCycle {
        key_arn: key(),
        role_arn: own(ROLE),
        identity: None,
        granted: Vec::new(),
        phases: Vec::new(),
        holds,
        notes: Vec::new(),
        evidence: None,
        page: None,
    }))
}

pub(super) fn preflighted(weights: &[Weight]) -> Outcome {
    let finding = |weight: &Weight| Finding {
        weight: *weight,
        what: own("the role trusts SageMaker"),
        detail: String::new(),
        remedy: String::new(),
        repair: None,
    };
    Outcome::Preflighted {
        job: own("train-1"),
        findings: weights.iter().map(finding).collect(),
    }
}

pub(super) fn built(pushed: bool) -> Outcome {
    Outcome::ImageBuilt {
        image: own("example-image:latest"),
        pushed,
        output: Vec::new(),
    }
}

/// A file that two hosts left.
pub(super) fn contested() -> Contested {
    Contested {
        name: own("config.json"),
        kept: own("algo-2"),
        lost: vec![own("algo-1")],
    }
}

pub(super) fn reading(reading: Reading) -> Verdict {
    Verdict {
        source: uri("data/housing.csv"),
        etag: None,
        kms_key_arn: Some(key()),
        reading,
        contested: Vec::new(),
    }
}

pub(super) fn intact(bond: Bond) -> Verdict {
    let of_several = bond == Bond::Inside;
    Verdict {
        contested: of_several.then(contested).into_iter().collect(),
        ..reading(Reading::Intact {
            format: ObjectFormat::Strongroom,
            verified: proof(bond),
        })
    }
}

pub(super) fn not_intact() -> Verdict {
    let remedy = "get it again from where it was made";
    reading(Reading::NotIntact {
        format: ObjectFormat::Strongroom,
        why: Fault::new(
            FaultKind::Integrity,
            "verify",
            uri("data/housing.csv"),
            "it was changed",
            remedy,
        ),
    })
}

pub(super) fn no_token() -> Verdict {
    let why = Fault::new(
        FaultKind::NoToken,
        "verify",
        uri("data/housing.csv"),
        "it is not encrypted",
        "encrypt it",
    );
    reading(Reading::NoToken {
        format: ObjectFormat::Plain,
        why,
    })
}

pub(super) fn not_checked() -> Verdict {
    let (cause, remedy) = ("no answer in time", "check the network, then try again");
    let why = Fault::new(FaultKind::Timeout, "look at", uri("data/housing.csv"), cause, remedy);
    reading(Reading::NotChecked { format: None, why })
}

pub(super) fn verified(verdicts: &[Verdict]) -> Outcome {
    Outcome::Verified {
        verdicts: verdicts.to_vec(),
    }
}

pub(super) fn rewrapped(is_plan: bool, refused: u64) -> Outcome {
    let spec = RewrapSpec {
        bucket: own(BUCKET),
        prefixes: vec![own("data/")],
        objects: Vec::new(),
        to: own("alias/training-data"),
        context: None,
        delete_old: false,
    };
    let mut report = RewrapReport::new(&spec, own("arn:aws:kms:us-east-1:111122223333:key/1"), is_plan);
    (report.data_keys, report.done.objects, report.refused) = (3, 12, refused);
    Outcome::Rewrapped(Box::new(report))
}

pub(super) fn planned() -> Outcome {
    let mut plan = SealPlan::new(rotation());
    plan.take(Kind::Bound, 10_000);
    Outcome::SealPlanned(Box::new(plan))
}

pub(super) fn sealed(fails: bool) -> Outcome {
    let spec = if fails { encryption("data/", true) } else { rotation() };
    let fault = Fault::new(
        FaultKind::Conflict,
        "encrypt",
        uri("data/b"),
        "it is another object",
        "",
    );
    let fate = if fails {
        Fate::Failed(Box::new(fault))
    } else {
        Fate::PassedOver(Passed::DataKey)
    };
    let made = Sealed {
        at: ObjectUri::new(BUCKET, "data/a"),
        kms_key_arn: own("arn"),
        data_key_uri: uri("k"),
        bytes: 10_000,
        token_bytes: 13_000,
        etag: None,
        resumed: false,
        before: Before::Gone,
    };
    let rows: Vec<SealRow> = [("data/a", Fate::Sealed(Box::new(made))), ("data/b", fate)]
        .map(|(key, fate)| SealRow {
            key: own(key),
            size: 10_000,
            fate,
        })
        .into();
    let mut summary = SealSummary::default();
    for row in &rows {
        summary.note(row);
    }
    Outcome::Sealed(Arc::new(SealReport {
        spec,
        summary,
        rows,
        dropped: 0,
    }))
}

pub(super) fn audited(flaws: &[Flaw]) -> Outcome {
    Outcome::Audited(Arc::new(audit_report(flaws)))
}

pub(super) fn audit_report(flaws: &[Flaw]) -> AuditReport {
    let mut summary = AuditSummary::new(uri("data/"), false, false);
    let mut row = AuditRow::new(own("data/housing.csv"), 10_000, Kind::SseS3);
    row.flaws = flaws.to_vec();
    summary.note(&row, None);
    summary.close(Ended::Whole);
    AuditReport {
        bucket: own(BUCKET),
        prefix: own("data/"),
        summary,
        rows: vec![row],
        dropped: 0,
    }
}
