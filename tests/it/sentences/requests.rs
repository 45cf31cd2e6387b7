//! One of each request, and of each of its forms that has a sentence of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use strongroom::domain::{
    GrantConstraint, GrantSpec, ImageSpec, JobSpec, KeySpec, Message, Plaintext, Request, RoleSpec,
};

use crate::desk::arn;

pub(super) const ROLE: &str = "arn:aws:iam::111122223333:role/service-role/example-role";
pub(super) const BUCKET: &str = "sagemaker-ann";

pub(super) fn key() -> String {
    arn("11111111-0000-0000-0000-000000000001")
}

fn own(text: &str) -> String {
    text.to_owned()
}

fn job() -> Box<JobSpec> {
    Box::new(JobSpec {
        name: own("train-1"),
        role_arn: own(ROLE),
        image: own("111122223333.dkr.ecr.us-east-1.amazonaws.com/example-image:latest"),
        instance_type: own("ml.m5.large"),
        instance_count: 1,
        volume_gb: 10,
        max_runtime: 3600,
        bucket: own(BUCKET),
        object: own("data/housing.csv"),
        output: format!("s3://{BUCKET}/output"),
        hyperparameters: BTreeMap::new(),
        moved_from: None,
    })
}

fn encrypt(overwrite: bool, paths: &[&str]) -> Request {
    Request::Encrypt {
        paths: paths.iter().map(PathBuf::from).collect(),
        bucket: own(BUCKET),
        prefix: own("data/"),
        key: key(),
        context: BTreeMap::new(),
        overwrite,
    }
}

fn decrypt(accept_name: bool) -> Request {
    Request::Decrypt {
        bucket: own(BUCKET),
        object: own("data/housing.csv"),
        to: PathBuf::from("/home/ann/housing.csv"),
        overwrite: false,
        accept_name,
        accept_unbound: accept_name,
    }
}

fn prove(trust: bool) -> Request {
    Request::Prove {
        key_arn: key(),
        role_arn: own(ROLE),
        trust,
    }
}

fn grant(grantee: &str, constraint: Option<GrantConstraint>) -> Request {
    Request::Grant(Box::new(GrantSpec {
        grantee: own(grantee),
        constraint,
        ..GrantSpec::for_job(&key(), ROLE, "train-1")
    }))
}

fn objects(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| own(name)).collect()
}

fn pair() -> Vec<(String, String)> {
    vec![(own("project"), own("housing"))]
}

fn prove_object(grant: bool) -> Request {
    Request::ProveObject {
        bucket: own(BUCKET),
        object: own("data/housing.csv"),
        role_arn: own(ROLE),
        grant,
    }
}

fn role(full_access: bool) -> Request {
    Request::NewRole(Box::new(RoleSpec {
        name: own("example-role"),
        bucket: own(BUCKET),
        full_access,
        ..RoleSpec::default()
    }))
}

pub(super) fn first() -> Request {
    encrypt(false, &["/home/ann/housing.csv"])
}

/// A new kind of request does not compile before it has its place, and its example, here.
pub(super) fn next(request: &Request) -> Option<Request> {
    let (what, destination) = (own("/home/ann/housing.csv"), format!("s3://{BUCKET}/data/"));
    let context = BTreeMap::new;
    Some(match request {
        Request::Encrypt { overwrite: false, .. } => encrypt(true, &["/home/ann/a.csv", "/home/ann/b.csv"]),
        Request::Encrypt { overwrite: true, .. } => Request::ResumeUpload {
            id: own("u"),
            what,
            destination,
        },
        Request::ResumeUpload { .. } => Request::AbandonUpload {
            id: own("u"),
            what,
            destination,
        },
        Request::AbandonUpload { .. } => decrypt(false),
        Request::Decrypt { accept_name: false, .. } => decrypt(true),
        Request::Decrypt { accept_name: true, .. } => Request::Verify {
            bucket: own(BUCKET),
            objects: objects(&["data/housing.csv"]),
            accept_unbound: false,
        },
        Request::Verify { .. } => Request::DeleteObjects {
            bucket: own(BUCKET),
            objects: objects(&["data/housing.csv"]),
        },
        Request::DeleteObjects { objects: given, .. } if given.len() == 1 => Request::DeleteObjects {
            bucket: own(BUCKET),
            objects: objects(&["a", "b", "c", "d", "e", ".strongroom/data-keys/1", "f"]),
        },
        Request::DeleteObjects { .. } => Request::CreateBucket { bucket: own(BUCKET) },
        Request::CreateBucket { .. } => Request::RevokeGrant {
            key_arn: key(),
            grant_id: "0".repeat(64),
            grantee: own(ROLE),
        },
        Request::RevokeGrant { .. } => Request::RetireGrant {
            key_arn: key(),
            grant_id: "0".repeat(64),
            grantee: own("arn:aws:iam::111122223333:user/ann"),
        },
        Request::RetireGrant { .. } => prove(false),
        Request::Prove { trust: false, .. } => prove(true),
        Request::Prove { trust: true, .. } => Request::EnableKey { key_arn: key() },
        Request::EnableKey { .. } => Request::DisableKey { key_arn: key() },
        Request::DisableKey { .. } => Request::ScheduleKeyDeletion {
            key_arn: key(),
            days: 30,
        },
        Request::ScheduleKeyDeletion { .. } => Request::CancelKeyDeletion { key_arn: key() },
        Request::CancelKeyDeletion { .. } => Request::StartJob(job()),
        Request::StartJob(_) => Request::StopJob { name: own("train-1") },
        Request::StopJob { .. } => Request::SaveLog {
            job: own("train-1"),
            to: PathBuf::from("/home/ann/train-1.log"),
        },
        Request::SaveLog { .. } => Request::NewKey(Box::new(KeySpec {
            alias: own("training-data"),
            ..KeySpec::default()
        })),
        Request::NewKey(spec) if !spec.alias.is_empty() => Request::NewKey(Box::default()),
        Request::NewKey(_) => Request::DraftKeyPolicy {
            administrators: Vec::new(),
            users: Vec::new(),
        },
        Request::DraftKeyPolicy { .. } => Request::ReadKeyPolicy { key_arn: key() },
        Request::ReadKeyPolicy { .. } => Request::PutKeyPolicy {
            key_arn: key(),
            policy: own("{}"),
            accept_lockout: false,
        },
        Request::PutKeyPolicy { .. } => Request::AddAlias {
            alias: own("housing"),
            key_arn: key(),
        },
        Request::AddAlias { .. } => Request::MoveAlias {
            alias: own("legacy-datasets"),
            key_arn: key(),
        },
        Request::MoveAlias { .. } => Request::DeleteAlias {
            alias: own("alias/training-data"),
        },
        Request::DeleteAlias { .. } => Request::TagKey {
            key_arn: key(),
            set: pair().into_iter().collect(),
            remove: objects(&["old"]),
        },
        Request::TagKey { .. } => Request::KeyTags { key_arn: key() },
        Request::KeyTags { .. } => Request::SetRotation {
            key_arn: key(),
            on: true,
        },
        Request::SetRotation { on: true, .. } => Request::SetRotation {
            key_arn: key(),
            on: false,
        },
        Request::SetRotation { on: false, .. } => Request::SetDescription {
            key_arn: key(),
            description: own("housing prices"),
        },
        Request::SetDescription { description, .. } if !description.is_empty() => Request::SetDescription {
            key_arn: key(),
            description: String::new(),
        },
        Request::SetDescription { .. } => Request::FindDependents {
            key_arn: key(),
            most_buckets: 20,
            most_objects: 5000,
        },
        Request::FindDependents { .. } => Request::EncryptMessage {
            key: key(),
            message: Message::Text(Plaintext::from(own("m"))),
            context: context(),
            to: None,
        },
        Request::EncryptMessage { .. } => Request::DecryptMessage {
            message: Message::File(PathBuf::from("/home/ann/m.bin")),
            key: Some(key()),
            context: context(),
            to: Some(PathBuf::from("/home/ann/m.txt")),
        },
        Request::DecryptMessage { .. } => Request::NewDataKey {
            key: key(),
            context: context(),
            to: format!("s3://{BUCKET}/data-key"),
        },
        Request::NewDataKey { .. } => Request::OpenDataKey {
            at: format!("s3://{BUCKET}/data-key"),
            context: context(),
            role_arn: Some(own(ROLE)),
        },
        Request::OpenDataKey { .. } => Request::ReEncryptDataKey {
            at: format!("s3://{BUCKET}/data-key"),
            context: context(),
            key: key(),
            to: format!("s3://{BUCKET}/data-key-2"),
        },
        Request::ReEncryptDataKey { .. } => Request::CountBucket { bucket: own(BUCKET) },
        Request::CountBucket { .. } => Request::EmptyBucket {
            bucket: own(BUCKET),
            expected: 12,
            older: 0,
        },
        Request::EmptyBucket { .. } => Request::DeleteBucket {
            bucket: own(BUCKET),
            expected: 12,
            older: 0,
        },
        Request::DeleteBucket { .. } => Request::Preview {
            bucket: own(BUCKET),
            object: own("output/train-1/output/model.tar.gz"),
            member: Some(own("model.bin")),
            most: 1,
            accept_unbound: false,
        },
        Request::Preview { .. } => Request::ListArchive {
            bucket: own(BUCKET),
            object: own("output/train-1/output/model.tar.gz"),
        },
        Request::ListArchive { .. } => prove_object(false),
        Request::ProveObject { grant: false, .. } => prove_object(true),
        Request::ProveObject { grant: true, .. } => role(false),
        Request::NewRole(spec) if !spec.full_access => role(true),
        Request::NewRole(_) => Request::RolePolicies {
            role: own("example-role"),
        },
        Request::RolePolicies { .. } => Request::DetachRolePolicy {
            role: own("example-role"),
            policy: own("arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"),
        },
        Request::DetachRolePolicy { .. } => Request::DeleteRole {
            role: own("example-role"),
        },
        Request::DeleteRole { .. } => Request::TrustCaller {
            role: own("example-role"),
            on: true,
        },
        Request::TrustCaller { on: true, .. } => Request::TrustCaller {
            role: own("example-role"),
            on: false,
        },
        Request::TrustCaller { on: false, .. } => Request::TrustService {
            role: own("example-role"),
        },
        Request::TrustService { .. } => grant(ROLE, None),
        Request::Grant(spec) => match &spec.constraint {
            None => grant(
                "arn:aws:sts::111122223333:assumed-role/example-role/SageMaker",
                Some(GrantConstraint::ContextSubset(pair())),
            ),
            Some(GrantConstraint::ContextSubset(_)) => grant(
                "arn:aws:iam::111122223333:root",
                Some(GrantConstraint::ContextEquals(pair())),
            ),
            Some(GrantConstraint::ContextEquals(_)) => Request::AwaitGrant {
                key_arn: key(),
                grant_id: "0".repeat(64),
                grantee: own(ROLE),
            },
        },
        Request::AwaitGrant { .. } => Request::GrantsOf { key_arns: Vec::new() },
        Request::GrantsOf { .. } => Request::ProveStory {
            key_arn: key(),
            role_arn: own(ROLE),
            context: context(),
            operations: Vec::new(),
        },
        Request::ProveStory { .. } => Request::Preflight(job()),
        Request::Preflight(_) => Request::NewRepository {
            repository: own("example-image"),
        },
        Request::NewRepository { .. } => Request::DeleteRepository {
            repository: own("example-image"),
        },
        Request::DeleteRepository { .. } => Request::BuildImage(Box::new(ImageSpec {
            folder: PathBuf::from("/home/ann/image"),
            repository: own("example-image"),
            tag: own("latest"),
            push: true,
        })),
        Request::BuildImage(_) => Request::TryImage {
            image: own("example-image:latest"),
        },
        Request::TryImage { .. } => Request::PlanCleanUp,
        Request::PlanCleanUp => Request::SaveAudit {
            to: PathBuf::from("/home/ann/audit.jsonl"),
        },
        Request::SaveAudit { .. } => Request::AuditLog { most: 10 },
        Request::AuditLog { .. } => return None,
    })
}
