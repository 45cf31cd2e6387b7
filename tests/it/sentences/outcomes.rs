//! One of each outcome, and of each of its forms that has a sentence of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use strongroom::domain::audit::Flaw;
use strongroom::domain::versions::{Comparison, Side, VersionList, VersionRow};
use strongroom::domain::{
    AliasChange, AuditEntry, Bond, BucketCount, CleanUpItem, Dependents, Fault, FaultKind, KeyChange, ObjectFormat,
    ObjectRow, Origin, Outcome, Plaintext, Preview, ProofMethod, Reading, RoleChange, RolePolicies, View, Weight,
};

use super::parts::{BUCKET, ROLE, key};
use super::samples::*;

/// So many versions of an object; of one alone the bucket keeps none.
fn versions(count: usize) -> Outcome {
    let row = |number: usize| VersionRow {
        id: if count == 1 { own("null") } else { number.to_string() },
        size: Some(100),
        modified: None,
        etag: None,
        is_latest: number == 0,
    };
    Outcome::Versions(Box::new(VersionList {
        bucket: own("sagemaker-ann"),
        object: own("housing.csv"),
        rows: (0..count).map(row).collect(),
        is_all: true,
    }))
}

fn side(id: &str) -> Side {
    let ObjectRow::Object { info: Some(info), .. } = crate::desk::object("housing.csv", ObjectFormat::Plain, None)
    else {
        unreachable!("it is one")
    };
    Side {
        id: own(id),
        size: 100,
        modified: None,
        etag: None,
        info,
        beginning: None,
    }
}

pub(super) fn first() -> Outcome {
    encrypted(&["data/housing.csv"])
}

/// A new kind of outcome does not compile before it has its place, and its example, here.
pub(super) fn next(outcome: &Outcome) -> Option<Outcome> {
    let moved = || Bond::Moved {
        from: uri("old/housing.csv"),
    };
    Some(match outcome {
        Outcome::Encrypted { uris, .. } if uris.len() == 1 => encrypted(&["data/a.csv", "data/b.csv"]),
        Outcome::Encrypted { .. } => Outcome::UploadAbandoned {
            what: own("/home/ann/housing.csv"),
            destination: uri("data/"),
        },
        Outcome::UploadAbandoned { .. } => decrypted(Bond::Bound),
        Outcome::Decrypted {
            verified: Some(proof), ..
        } => match &proof.bond {
            Bond::Bound => decrypted(moved()),
            Bond::Moved { .. } => decrypted(Bond::Inside),
            Bond::Inside => decrypted(Bond::Unbound),
            Bond::Unbound => Outcome::Decrypted {
                source: uri("output/train-1/output/model.tar.gz"),
                path: PathBuf::from("/home/ann/model"),
                bytes: 0,
                verified: None,
                etag: None,
                contested: Vec::new(),
            },
        },
        Outcome::Decrypted { verified: None, .. } => verified(&[intact(Bond::Bound)]),
        Outcome::Verified { verdicts } => match verdicts.as_slice() {
            [only] => match &only.reading {
                Reading::Intact { verified: proof, .. } => match &proof.bond {
                    Bond::Bound => verified(&[intact(moved())]),
                    Bond::Moved { .. } => verified(&[intact(Bond::Inside)]),
                    Bond::Inside => verified(&[intact(Bond::Unbound)]),
                    Bond::Unbound => verified(&[not_intact()]),
                },
                Reading::NotIntact { .. } => verified(&[no_token()]),
                Reading::NoToken { .. } => verified(&[not_checked()]),
                Reading::NotChecked { .. } => verified(&[intact(Bond::Bound), not_intact(), not_checked()]),
            },
            _ => Outcome::Deleted {
                bucket: own(BUCKET),
                objects: vec![own("data/housing.csv")],
            },
        },
        Outcome::Deleted { objects, .. } if objects.len() == 1 => Outcome::Deleted {
            bucket: own(BUCKET),
            objects: ["a", "b", "c", "d", "e", "f", "g"].map(own).to_vec(),
        },
        Outcome::Deleted { .. } => Outcome::BucketCreated {
            bucket: own(BUCKET),
            warnings: Vec::new(),
        },
        Outcome::BucketCreated { .. } => Outcome::Granted {
            grant_id: "0".repeat(64),
            key_arn: key(),
            grantee: own(ROLE),
            operations: vec![own("Decrypt"), own("Encrypt")],
        },
        Outcome::Granted { .. } => Outcome::Revoked {
            key_arn: key(),
            grantee: own(ROLE),
        },
        Outcome::Revoked { .. } => Outcome::Retired {
            key_arn: key(),
            grantee: own(ROLE),
        },
        Outcome::Retired { .. } => proved(ProofMethod::Assumed, &[("Decrypt", true), ("Encrypt", true)]),
        Outcome::Proved { method, steps, .. } => match (method, steps.len()) {
            (ProofMethod::Assumed, 2) => proved(ProofMethod::Assumed, &[("Decrypt", false)]),
            (ProofMethod::Assumed, 1) => proved(
                ProofMethod::Assumed,
                &[("Decrypt", true), ("Encrypt", true), ("DescribeKey", false)],
            ),
            (ProofMethod::Assumed, _) => proved(ProofMethod::Reasoned, &[("Decrypt", true)]),
            (ProofMethod::Reasoned, _) => Outcome::KeyCreated {
                key_arn: key(),
                alias: Some(own("alias/training-data")),
            },
        },
        Outcome::KeyCreated { alias: Some(_), .. } => Outcome::KeyCreated {
            key_arn: crate::desk::arn("77777777-0000-0000-0000-000000000007"),
            alias: None,
        },
        Outcome::KeyCreated { alias: None, .. } => changed(KeyChange::Enabled),
        Outcome::KeyChanged { change, .. } => match change {
            KeyChange::Enabled => changed(KeyChange::Disabled),
            KeyChange::Disabled => changed(KeyChange::DeletionScheduled { days: 30 }),
            KeyChange::DeletionScheduled { .. } => changed(KeyChange::DeletionCancelled),
            KeyChange::DeletionCancelled => changed(KeyChange::RotationOn),
            KeyChange::RotationOn => changed(KeyChange::RotationOff),
            KeyChange::RotationOff => changed(KeyChange::Described(own("housing prices"))),
            KeyChange::Described(words) if !words.is_empty() => changed(KeyChange::Described(String::new())),
            KeyChange::Described(_) => changed(KeyChange::Tagged {
                set: BTreeMap::from([(own("project"), own("housing"))]),
                removed: vec![own("old")],
            }),
            KeyChange::Tagged { .. } => Outcome::JobStarted {
                name: own("train-1"),
                note: None,
                brought: None,
            },
        },
        Outcome::JobStarted { note: None, .. } => Outcome::JobStarted {
            name: own("train-1"),
            note: Some(own(
                "plaintext goes to the volumes, which arn:aws:kms:us-east-1:111122223333:key/2 encrypts",
            )),
            brought: None,
        },
        Outcome::JobStarted { .. } => Outcome::JobStopping { name: own("train-1") },
        Outcome::JobStopping { .. } => Outcome::LogSaved {
            job: own("train-1"),
            path: PathBuf::from("/home/ann/train-1.log"),
            lines: 120,
        },
        Outcome::LogSaved { .. } => Outcome::SheetSaved {
            what: own("objects of s3://sagemaker-ann/data/"),
            path: PathBuf::from("/home/ann/objects.csv"),
            rows: 12,
        },
        Outcome::SheetSaved { .. } => Outcome::Presigned {
            source: own("s3://sagemaker-ann/housing.csv"),
            url: Plaintext::from(own(
                "https://sagemaker-ann.s3.amazonaws.com/housing.csv?X-Amz-Signature=0",
            )),
            until: Timestamp::UNIX_EPOCH,
        },
        Outcome::Presigned { .. } => versions(1),
        Outcome::Versions(list) if !list.has_others() => versions(2),
        Outcome::Versions(_) => Outcome::Compared(Box::new(Comparison {
            bucket: own("sagemaker-ann"),
            object: own("housing.csv"),
            sides: ["1", "2"].map(side),
        })),
        Outcome::Compared(_) => Outcome::PolicyDrafted { policy: own("{}") },
        Outcome::PolicyDrafted { .. } => Outcome::PolicyRead {
            key_arn: key(),
            policy: own("{}"),
        },
        Outcome::PolicyRead { .. } => Outcome::PolicyPut {
            key_arn: key(),
            previous: own("{}"),
        },
        Outcome::PolicyPut { .. } => renamed(AliasChange::Added(key())),
        Outcome::AliasChanged { change, .. } => match change {
            AliasChange::Added(_) => renamed(AliasChange::Moved(key())),
            AliasChange::Moved(_) => renamed(AliasChange::Deleted),
            AliasChange::Deleted => Outcome::Dependents(Box::new(Dependents {
                key_arn: key(),
                objects: vec![uri("data/housing.csv")],
                ..Dependents::default()
            })),
        },
        Outcome::Dependents(_) => Outcome::MessageEncrypted {
            ciphertext: own("AQ=="),
            key_arn: key(),
            path: None,
        },
        Outcome::MessageEncrypted { path: None, .. } => Outcome::MessageEncrypted {
            ciphertext: own("AQ=="),
            key_arn: key(),
            path: Some(PathBuf::from("/home/ann/m.bin")),
        },
        Outcome::MessageEncrypted { path: Some(_), .. } => Outcome::MessageDecrypted {
            plaintext: Some(Plaintext::from(own("m"))),
            key_arn: key(),
            path: None,
        },
        Outcome::MessageDecrypted { path: None, .. } => Outcome::MessageDecrypted {
            plaintext: None,
            key_arn: key(),
            path: Some(PathBuf::from("/home/ann/m.txt")),
        },
        Outcome::MessageDecrypted { path: Some(_), .. } => Outcome::DataKeyKept {
            at: uri("data-key"),
            ciphertext: own("AQ=="),
            key_arn: key(),
        },
        Outcome::DataKeyKept { .. } => opened(None),
        Outcome::DataKeyOpened { role: None, .. } => opened(Some(true)),
        Outcome::DataKeyOpened { role: Some(role), .. } if role.allowed => opened(Some(false)),
        Outcome::DataKeyOpened { .. } => Outcome::BucketCounted(BucketCount {
            bucket: own(BUCKET),
            objects: 12,
            bytes: 3 << 30,
            uploads: 1,
            ..BucketCount::default()
        }),
        Outcome::BucketCounted(_) => emptied(false),
        Outcome::BucketEmptied { deleted: false, .. } => emptied(true),
        Outcome::BucketEmptied { deleted: true, .. } => Outcome::Previewed(Box::new(Preview {
            source: uri("data/housing.csv"),
            bytes: Plaintext::from(own("x,y")),
            total: 10_444,
            origin: Origin::Kms,
            view: View::Text,
        })),
        Outcome::Previewed(_) => Outcome::Archive {
            source: uri("output/train-1/output/model.tar.gz"),
            members: vec![(own("model.bin"), 1)],
        },
        Outcome::Archive { .. } => object_proved(true),
        Outcome::ObjectProved(proof) if proof.holds => object_proved(false),
        Outcome::ObjectProved(_) => role(RoleChange::Created),
        Outcome::RoleChanged { change, .. } => match change {
            RoleChange::Created => role(RoleChange::PolicyDetached(own("strongroom-training"))),
            RoleChange::PolicyDetached(_) => role(RoleChange::TrustsCaller),
            RoleChange::TrustsCaller => role(RoleChange::DistrustsCaller),
            RoleChange::DistrustsCaller => role(RoleChange::TrustsService),
            RoleChange::TrustsService => Outcome::RolePolicies(Box::new(RolePolicies {
                role_arn: own(ROLE),
                ..RolePolicies::default()
            })),
        },
        Outcome::RolePolicies(_) => Outcome::RoleDeleted {
            role: own("example-role"),
        },
        Outcome::RoleDeleted { .. } => Outcome::GrantSpread {
            key_arn: key(),
            grantee: own(ROLE),
            seconds: 125,
        },
        Outcome::GrantSpread { .. } => Outcome::GrantsFound {
            grants: Vec::new(),
            refused: vec![(
                key(),
                Fault::new(FaultKind::Denied, "list grants of", key(), "not authorized", ""),
            )],
        },
        Outcome::GrantsFound { .. } => story(true),
        Outcome::GrantCycle(told) if told.holds => story(false),
        Outcome::GrantCycle(_) => preflighted(&[Weight::Well]),
        Outcome::Preflighted { findings, .. } => match findings.as_slice() {
            [only] if only.weight == Weight::Well => preflighted(&[Weight::Unknown]),
            [only] if only.weight == Weight::Unknown => preflighted(&[Weight::Blocks]),
            _ => Outcome::RepositoryReady {
                uri: own("111122223333.dkr.ecr.us-east-1.amazonaws.com/example-image"),
            },
        },
        Outcome::RepositoryReady { .. } => Outcome::RepositoryDeleted {
            repository: own("example-image"),
        },
        Outcome::RepositoryDeleted { .. } => built(false),
        Outcome::ImageBuilt { pushed: false, .. } => built(true),
        Outcome::ImageBuilt { pushed: true, .. } => Outcome::ImageTried {
            image: own("example-image:latest"),
            status: 1,
            output: Vec::new(),
        },
        Outcome::ImageTried { .. } => Outcome::CleanUpPlan {
            items: vec![CleanUpItem {
                kind: "role",
                name: own("example-role"),
                state: own("there"),
                request: None,
                refused: None,
            }],
            refused: Vec::new(),
        },
        Outcome::CleanUpPlan { .. } => audited(&[]),
        Outcome::Audited(report) if report.summary.is_well() => audited(&[Flaw::Open]),
        Outcome::Audited(_) => Outcome::BulkBegun {
            id: own("audit-20260101-120000-0abc"),
            job: Some(own("audit-20260101-120000-0abc")),
            shards: 12,
            objects: 11_873,
            unchecked: None,
            unplanned: Vec::new(),
            uploaded: None,
        },
        Outcome::BulkBegun { job: Some(_), .. } => Outcome::BulkBegun {
            id: own("audit-20260101-120000-0abc"),
            job: None,
            shards: 0,
            objects: 11_873,
            unchecked: Some(own("there is no job audit-20260101-120000-0abc")),
            unplanned: vec![own(
                "s3://sagemaker-example/.strongroom/bulk/audit-20260101-110000-0abc/: 2 files of an act whose list never became whole",
            )],
            uploaded: None,
        },
        Outcome::BulkBegun { job: None, .. } => Outcome::WhoSaved {
            json: PathBuf::from("/home/ann/who.json"),
            page: PathBuf::from("/home/ann/who.md"),
        },
        Outcome::WhoSaved { .. } => Outcome::AuditReportSaved {
            path: PathBuf::from("/home/ann/audit-sagemaker-example.csv"),
            rows: 1,
        },
        Outcome::AuditReportSaved { .. } => rewrapped(true, 0),
        Outcome::Rewrapped(report) if report.is_plan => rewrapped(false, 2),
        Outcome::Rewrapped(_) => planned(),
        Outcome::SealPlanned(_) => sealed(false),
        Outcome::Sealed(report) if report.summary.is_well() => sealed(true),
        Outcome::Sealed(_) => Outcome::AuditSaved {
            path: PathBuf::from("/home/ann/audit.jsonl"),
            changes: 12,
        },
        Outcome::AuditSaved { .. } => Outcome::Audit(vec![AuditEntry {
            time: Timestamp::UNIX_EPOCH,
            identity: None,
            access_key_id: None,
            call: own("kms:CreateGrant"),
            resource: None,
            outcome: None,
            error: None,
            request_id: None,
            status: None,
        }]),
        Outcome::Audit(_) => return None,
    })
}
