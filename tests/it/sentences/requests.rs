//! One of each request, and of each of its forms that has a sentence of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use strongroom::domain::audit::AuditRequest;
use strongroom::domain::sheet::Sheet;
use strongroom::domain::{
    AccountRequest, BulkAct, BulkOrder, BulkRequest, GrantConstraint, GrantRequest, ImageRequest, ImageSpec,
    JobRequest, KeyRequest, KeySpec, Message, MessageRequest, ObjectRequest, Plaintext, ProofRequest, Request,
    RoleRequest, SealRequest,
};

use super::parts::{
    BUCKET, ROLE, audit, compared, decrypt, encrypt, encryption, engine, folder, grant, job, key, objects, own, pair,
    prove, prove_object, rewrap, role, rotation, sealing,
};
use super::samples::audit_report;

pub(super) fn first() -> Request {
    encrypt(false, &["/home/ann/housing.csv"])
}

/// A new kind of request does not compile before it has its place, and its example, here.
pub(super) fn next(request: &Request) -> Option<Request> {
    let (what, destination) = (own("/home/ann/housing.csv"), format!("s3://{BUCKET}/data/"));
    let context = BTreeMap::new;
    Some(match request {
        Request::Object(ObjectRequest::Encrypt { overwrite: false, .. }) => {
            encrypt(true, &["/home/ann/a.csv", "/home/ann/b.csv"])
        }
        Request::Object(ObjectRequest::Encrypt { overwrite: true, .. }) => {
            Request::Object(ObjectRequest::ResumeUpload {
                id: own("u"),
                what,
                destination,
            })
        }
        Request::Object(ObjectRequest::ResumeUpload { .. }) => Request::Object(ObjectRequest::AbandonUpload {
            id: own("u"),
            what,
            destination,
        }),
        Request::Object(ObjectRequest::AbandonUpload { .. }) => decrypt(false),
        Request::Object(ObjectRequest::Decrypt { accept_name: false, .. }) => decrypt(true),
        Request::Object(ObjectRequest::Decrypt { accept_name: true, .. }) => Request::Object(ObjectRequest::Verify {
            bucket: own(BUCKET),
            objects: objects(&["data/housing.csv"]),
            accept_unbound: false,
        }),
        Request::Object(ObjectRequest::Verify { .. }) => audit(false),
        Request::Object(ObjectRequest::Audit(AuditRequest { deep: false, .. })) => audit(true),
        Request::Object(ObjectRequest::Audit(_)) => Request::Object(ObjectRequest::PlanRewrap(rewrap(false))),
        Request::Object(ObjectRequest::PlanRewrap(_)) => Request::Object(ObjectRequest::Rewrap(rewrap(false))),
        Request::Object(ObjectRequest::Rewrap(spec)) if !spec.delete_old => {
            Request::Object(ObjectRequest::Rewrap(rewrap(true)))
        }
        Request::Object(ObjectRequest::Rewrap(_)) => Request::Object(ObjectRequest::SaveAudit {
            report: Arc::new(audit_report(&[])),
            to: PathBuf::from("/home/ann/audit.csv"),
        }),
        Request::Object(ObjectRequest::SaveAudit { .. }) => Request::Seal(SealRequest::Plan(rotation())),
        Request::Seal(SealRequest::Plan(_)) => Request::Seal(SealRequest::Run(rotation())),
        Request::Seal(SealRequest::Run(spec)) if *spec == rotation() => sealing("sealed/", false),
        Request::Seal(SealRequest::Run(spec)) if *spec == encryption("sealed/", false) => sealing("sealed/", true),
        Request::Seal(SealRequest::Run(spec)) if *spec == encryption("sealed/", true) => sealing("data/", false),
        Request::Seal(SealRequest::Run(spec)) if *spec == encryption("data/", false) => sealing("data/", true),
        Request::Seal(SealRequest::Run(_)) => Request::Object(ObjectRequest::Delete {
            bucket: own(BUCKET),
            objects: objects(&["data/housing.csv"]),
        }),
        Request::Object(ObjectRequest::Delete { objects: given, .. }) if given.len() == 1 => {
            Request::Object(ObjectRequest::Delete {
                bucket: own(BUCKET),
                objects: objects(&["a", "b", "c", "d", "e", ".strongroom/data-keys/1", "f"]),
            })
        }
        Request::Object(ObjectRequest::Delete { .. }) => {
            Request::Object(ObjectRequest::CreateBucket { bucket: own(BUCKET) })
        }
        Request::Object(ObjectRequest::CreateBucket { .. }) => Request::Grant(GrantRequest::Revoke {
            key_arn: key(),
            grant_id: "0".repeat(64),
            grantee: own(ROLE),
        }),
        Request::Grant(GrantRequest::Revoke { .. }) => Request::Grant(GrantRequest::Retire {
            key_arn: key(),
            grant_id: "0".repeat(64),
            grantee: own("arn:aws:iam::111122223333:user/ann"),
        }),
        Request::Grant(GrantRequest::Retire { .. }) => prove(false),
        Request::Proof(ProofRequest::Access { trust: false, .. }) => prove(true),
        Request::Proof(ProofRequest::Access { trust: true, .. }) => Request::Key(KeyRequest::Enable { key_arn: key() }),
        Request::Key(KeyRequest::Enable { .. }) => Request::Key(KeyRequest::Disable { key_arn: key() }),
        Request::Key(KeyRequest::Disable { .. }) => Request::Key(KeyRequest::ScheduleDeletion {
            key_arn: key(),
            days: 30,
        }),
        Request::Key(KeyRequest::ScheduleDeletion { .. }) => {
            Request::Key(KeyRequest::CancelDeletion { key_arn: key() })
        }
        Request::Key(KeyRequest::CancelDeletion { .. }) => Request::Job(JobRequest::Start(job())),
        Request::Job(JobRequest::Start(spec)) if spec.settings.program.is_none() => {
            let mut bringing = job();
            bringing.settings.program = Some(PathBuf::from("/home/ann/static/strongroom"));
            bringing.plan.command = ["python3", "train.py"].map(own).into();
            Request::Job(JobRequest::Start(bringing))
        }
        Request::Job(JobRequest::Start(_)) => Request::Job(JobRequest::Stop { name: own("train-1") }),
        Request::Job(JobRequest::Stop { .. }) => Request::Job(JobRequest::SaveLog {
            job: own("train-1"),
            to: PathBuf::from("/home/ann/train-1.log"),
        }),
        Request::Job(JobRequest::SaveLog { .. }) => Request::Key(KeyRequest::New(Box::new(KeySpec {
            alias: own("training-data"),
            ..KeySpec::default()
        }))),
        Request::Key(KeyRequest::New(spec)) if !spec.alias.is_empty() => Request::Key(KeyRequest::New(Box::default())),
        Request::Key(KeyRequest::New(_)) => Request::Key(KeyRequest::DraftPolicy {
            administrators: Vec::new(),
            users: Vec::new(),
        }),
        Request::Key(KeyRequest::DraftPolicy { .. }) => Request::Key(KeyRequest::ReadPolicy { key_arn: key() }),
        Request::Key(KeyRequest::ReadPolicy { .. }) => Request::Key(KeyRequest::PutPolicy {
            key_arn: key(),
            policy: own("{}"),
            accept_lockout: false,
        }),
        Request::Key(KeyRequest::PutPolicy { .. }) => Request::Key(KeyRequest::AddAlias {
            alias: own("housing"),
            key_arn: key(),
        }),
        Request::Key(KeyRequest::AddAlias { .. }) => Request::Key(KeyRequest::MoveAlias {
            alias: own("legacy-datasets"),
            key_arn: key(),
        }),
        Request::Key(KeyRequest::MoveAlias { .. }) => Request::Key(KeyRequest::DeleteAlias {
            alias: own("alias/training-data"),
        }),
        Request::Key(KeyRequest::DeleteAlias { .. }) => Request::Key(KeyRequest::Tag {
            key_arn: key(),
            set: pair().into_iter().collect(),
            remove: objects(&["old"]),
        }),
        Request::Key(KeyRequest::Tag { .. }) => Request::Key(KeyRequest::SetRotation {
            key_arn: key(),
            on: true,
        }),
        Request::Key(KeyRequest::SetRotation { on: true, .. }) => Request::Key(KeyRequest::SetRotation {
            key_arn: key(),
            on: false,
        }),
        Request::Key(KeyRequest::SetRotation { on: false, .. }) => Request::Key(KeyRequest::Describe {
            key_arn: key(),
            description: own("housing prices"),
        }),
        Request::Key(KeyRequest::Describe { description, .. }) if !description.is_empty() => {
            Request::Key(KeyRequest::Describe {
                key_arn: key(),
                description: String::new(),
            })
        }
        Request::Key(KeyRequest::Describe { .. }) => Request::Key(KeyRequest::FindDependents {
            key_arn: key(),
            most_buckets: 20,
            most_objects: 5000,
        }),
        Request::Key(KeyRequest::FindDependents { .. }) => Request::Key(KeyRequest::SaveWho {
            key_arn: key(),
            report: Arc::default(),
        }),
        Request::Key(KeyRequest::SaveWho { .. }) => Request::Message(MessageRequest::Encrypt {
            key: key(),
            message: Message::Text(Plaintext::from(own("m"))),
            context: context(),
            to: None,
        }),
        Request::Message(MessageRequest::Encrypt { .. }) => Request::Message(MessageRequest::Decrypt {
            message: Message::File(PathBuf::from("/home/ann/m.bin")),
            key: Some(key()),
            context: context(),
            to: Some(PathBuf::from("/home/ann/m.txt")),
        }),
        Request::Message(MessageRequest::Decrypt { .. }) => Request::Message(MessageRequest::NewDataKey {
            key: key(),
            context: context(),
            to: format!("s3://{BUCKET}/data-key"),
        }),
        Request::Message(MessageRequest::NewDataKey { .. }) => Request::Message(MessageRequest::OpenDataKey {
            at: format!("s3://{BUCKET}/data-key"),
            context: context(),
            role_arn: Some(own(ROLE)),
        }),
        Request::Message(MessageRequest::OpenDataKey { .. }) => Request::Message(MessageRequest::ReEncryptDataKey {
            at: format!("s3://{BUCKET}/data-key"),
            context: context(),
            key: key(),
            to: format!("s3://{BUCKET}/data-key-2"),
        }),
        Request::Message(MessageRequest::ReEncryptDataKey { .. }) => {
            Request::Object(ObjectRequest::CountBucket { bucket: own(BUCKET) })
        }
        Request::Object(ObjectRequest::CountBucket { .. }) => Request::Object(ObjectRequest::EmptyBucket {
            bucket: own(BUCKET),
            expected: 12,
            older: 0,
        }),
        Request::Object(ObjectRequest::EmptyBucket { .. }) => Request::Object(ObjectRequest::DeleteBucket {
            bucket: own(BUCKET),
            expected: 12,
            older: 0,
        }),
        Request::Object(ObjectRequest::DeleteBucket { .. }) => Request::Object(ObjectRequest::Preview {
            bucket: own(BUCKET),
            object: own("output/train-1/output/model.tar.gz"),
            member: Some(own("model.bin")),
            most: 1,
            accept_unbound: false,
        }),
        Request::Object(ObjectRequest::Preview { .. }) => Request::Object(ObjectRequest::ListArchive {
            bucket: own(BUCKET),
            object: own("output/train-1/output/model.tar.gz"),
        }),
        Request::Object(ObjectRequest::ListArchive { .. }) => Request::Object(ObjectRequest::Presign {
            bucket: own(BUCKET),
            object: own("housing.csv"),
        }),
        Request::Object(ObjectRequest::Presign { .. }) => Request::Object(ObjectRequest::ListVersions {
            bucket: own(BUCKET),
            object: own("housing.csv"),
        }),
        Request::Object(ObjectRequest::ListVersions { .. }) => Request::Object(ObjectRequest::OfVersion {
            version: own("3sL4kqtJlcpXroDTDmJ"),
            request: Box::new(ObjectRequest::Verify {
                bucket: own(BUCKET),
                objects: objects(&["housing.csv"]),
                accept_unbound: false,
            }),
        }),
        Request::Object(ObjectRequest::OfVersion { .. }) => compared(false),
        Request::Object(ObjectRequest::CompareVersions { decrypted: false, .. }) => compared(true),
        Request::Object(ObjectRequest::CompareVersions { .. }) => prove_object(false),
        Request::Proof(ProofRequest::Object { grant: false, .. }) => prove_object(true),
        Request::Proof(ProofRequest::Object { grant: true, .. }) => role(false),
        Request::Role(RoleRequest::New(spec)) if !spec.full_access => role(true),
        Request::Role(RoleRequest::New(_)) => Request::Role(RoleRequest::Policies {
            role: own("example-role"),
        }),
        Request::Role(RoleRequest::Policies { .. }) => Request::Role(RoleRequest::DetachPolicy {
            role: own("example-role"),
            policy: own("arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"),
        }),
        Request::Role(RoleRequest::DetachPolicy { .. }) => Request::Role(RoleRequest::Delete {
            role: own("example-role"),
        }),
        Request::Role(RoleRequest::Delete { .. }) => Request::Role(RoleRequest::TrustCaller {
            role: own("example-role"),
            on: true,
        }),
        Request::Role(RoleRequest::TrustCaller { on: true, .. }) => Request::Role(RoleRequest::TrustCaller {
            role: own("example-role"),
            on: false,
        }),
        Request::Role(RoleRequest::TrustCaller { on: false, .. }) => Request::Role(RoleRequest::TrustService {
            role: own("example-role"),
        }),
        Request::Role(RoleRequest::TrustService { .. }) => grant(ROLE, None),
        Request::Grant(GrantRequest::New(spec)) => match &spec.constraint {
            None => grant(
                "arn:aws:sts::111122223333:assumed-role/example-role/SageMaker",
                Some(GrantConstraint::ContextSubset(pair())),
            ),
            Some(GrantConstraint::ContextSubset(_)) => grant(
                "arn:aws:iam::111122223333:root",
                Some(GrantConstraint::ContextEquals(pair())),
            ),
            Some(GrantConstraint::ContextEquals(_)) => Request::Grant(GrantRequest::Await {
                key_arn: key(),
                grant_id: "0".repeat(64),
                grantee: own(ROLE),
            }),
        },
        Request::Grant(GrantRequest::Await { .. }) => Request::Grant(GrantRequest::List),
        Request::Grant(GrantRequest::List) => Request::Proof(ProofRequest::GrantCycle {
            key: key(),
            role: own(ROLE),
            context: BTreeMap::new(),
        }),
        Request::Proof(ProofRequest::GrantCycle { .. }) => Request::Job(JobRequest::Preflight(job())),
        Request::Job(JobRequest::Preflight(_)) => Request::Image(ImageRequest::NewRepository {
            repository: own("example-image"),
        }),
        Request::Image(ImageRequest::NewRepository { .. }) => Request::Image(ImageRequest::DeleteRepository {
            repository: own("example-image"),
        }),
        Request::Image(ImageRequest::DeleteRepository { .. }) => {
            Request::Image(ImageRequest::Build(Box::new(ImageSpec {
                folder: PathBuf::from("/home/ann/image"),
                repository: own("example-image"),
                tag: own("latest"),
                push: true,
            })))
        }
        Request::Image(ImageRequest::Build(_)) => Request::Image(ImageRequest::Try {
            image: own("example-image:latest"),
        }),
        Request::Image(ImageRequest::Try { .. }) => Request::Bulk(BulkRequest::Preflight {
            order: BulkOrder::Audit(AuditRequest {
                bucket: own(BUCKET),
                prefix: own("data/"),
                deep: true,
                versions: false,
            }),
            engine: engine(),
        }),
        Request::Bulk(BulkRequest::Preflight { order, engine }) => Request::Bulk(BulkRequest::Begin {
            order: order.clone(),
            engine: engine.clone(),
        }),
        Request::Bulk(BulkRequest::Begin {
            order: BulkOrder::Audit(_),
            ..
        }) => Request::Bulk(BulkRequest::Begin {
            order: BulkOrder::Seal(rotation()),
            engine: engine(),
        }),
        Request::Bulk(BulkRequest::Begin {
            order: BulkOrder::Seal(_),
            ..
        }) => Request::Bulk(BulkRequest::Begin {
            order: BulkOrder::Rewrap(*rewrap(false)),
            engine: engine(),
        }),
        Request::Bulk(BulkRequest::Begin {
            order: BulkOrder::Rewrap(_),
            ..
        }) => Request::Bulk(BulkRequest::GoOn {
            folder: folder(),
            engine: engine(),
        }),
        Request::Bulk(BulkRequest::GoOn { .. }) => Request::Bulk(BulkRequest::Collect {
            act: BulkAct::Audit,
            folder: folder(),
        }),
        Request::Bulk(BulkRequest::Collect { .. }) => Request::Account(AccountRequest::PlanCleanUp),
        Request::Account(AccountRequest::PlanCleanUp) => Request::Account(AccountRequest::SaveAudit {
            to: PathBuf::from("/home/ann/audit.jsonl"),
        }),
        Request::Account(AccountRequest::SaveAudit { .. }) => Request::Account(AccountRequest::SaveSheet {
            sheet: Arc::new(Sheet {
                what: own("objects of s3://sagemaker-ann/data/"),
                rows: Vec::new(),
            }),
            to: PathBuf::from("/home/ann/objects.csv"),
        }),
        Request::Account(AccountRequest::SaveSheet { .. }) => Request::Account(AccountRequest::AuditLog { most: 10 }),
        Request::Account(AccountRequest::AuditLog { .. }) => return None,
    })
}
