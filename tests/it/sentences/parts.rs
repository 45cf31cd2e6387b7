//! What requests, and samples of outcomes, are made of.

use std::collections::BTreeMap;
use std::path::PathBuf;

use strongroom::domain::audit::AuditRequest;
use strongroom::domain::rewrap::RewrapSpec;
use strongroom::domain::seal::{SealAct, SealSpec};
use strongroom::domain::{
    BulkFolder, Engine, GrantConstraint, GrantRequest, GrantSpec, JobPlan, JobSettings, JobSpec, ObjectRequest,
    ObjectUri, ProofRequest, Request, RoleRequest, RoleSpec, SealRequest,
};

use crate::desk::arn;

pub(super) const ROLE: &str = "arn:aws:iam::111122223333:role/service-role/example-role";
pub(super) const BUCKET: &str = "sagemaker-ann";

pub(super) fn key() -> String {
    arn("11111111-0000-0000-0000-000000000001")
}

pub(super) fn own(text: &str) -> String {
    text.to_owned()
}

pub(super) fn audit(deep: bool) -> Request {
    Request::Object(ObjectRequest::Audit(AuditRequest {
        bucket: own(BUCKET),
        prefix: own("data/"),
        deep,
        versions: deep,
    }))
}

pub(super) fn compared(decrypted: bool) -> Request {
    Request::Object(ObjectRequest::CompareVersions {
        bucket: own(BUCKET),
        object: own("housing.csv"),
        versions: ["1", "2"].map(own),
        decrypted,
    })
}

pub(super) fn rotation() -> SealSpec {
    SealSpec {
        bucket: own(BUCKET),
        prefix: own("data/"),
        places: Vec::new(),
        act: SealAct::Rotate {
            key: None,
            context: None,
            resume: true,
        },
    }
}

pub(super) fn encryption(to: &str, delete_plain: bool) -> SealSpec {
    SealSpec {
        act: SealAct::Encrypt {
            to: ObjectUri::new(BUCKET, to),
            key: key(),
            context: BTreeMap::new(),
            data_key_name: None,
            overwrite: false,
            delete_plain,
        },
        ..rotation()
    }
}

pub(super) fn sealing(to: &str, delete_plain: bool) -> Request {
    Request::Seal(SealRequest::Run(encryption(to, delete_plain)))
}

pub(super) fn job() -> Box<JobSpec> {
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
        settings: JobSettings::default(),
        plan: JobPlan::default(),
        original: None,
    })
}

pub(super) fn encrypt(overwrite: bool, paths: &[&str]) -> Request {
    Request::Object(ObjectRequest::Encrypt {
        paths: paths.iter().map(PathBuf::from).collect(),
        bucket: own(BUCKET),
        prefix: own("data/"),
        key: key(),
        context: BTreeMap::new(),
        overwrite,
    })
}

pub(super) fn decrypt(accept_name: bool) -> Request {
    Request::Object(ObjectRequest::Decrypt {
        bucket: own(BUCKET),
        object: own("data/housing.csv"),
        to: PathBuf::from("/home/ann/housing.csv"),
        overwrite: false,
        accept_name,
        accept_unbound: accept_name,
    })
}

pub(super) fn prove(trust: bool) -> Request {
    Request::Proof(ProofRequest::Access {
        key: key(),
        role: own(ROLE),
        context: BTreeMap::new(),
        trust,
    })
}

pub(super) fn grant(grantee: &str, constraint: Option<GrantConstraint>) -> Request {
    Request::Grant(GrantRequest::New(Box::new(GrantSpec {
        grantee: own(grantee),
        constraint,
        ..GrantSpec::for_job(&key(), ROLE, "train-1")
    })))
}

pub(super) fn objects(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| own(name)).collect()
}

pub(super) fn pair() -> Vec<(String, String)> {
    vec![(own("project"), own("housing"))]
}

pub(super) fn prove_object(grant: bool) -> Request {
    Request::Proof(ProofRequest::Object {
        bucket: own(BUCKET),
        object: own("data/housing.csv"),
        role: own(ROLE),
        grant,
    })
}

pub(super) fn role(full_access: bool) -> Request {
    Request::Role(RoleRequest::New(Box::new(RoleSpec {
        name: own("example-role"),
        bucket: own(BUCKET),
        full_access,
        ..RoleSpec::default()
    })))
}

pub(super) fn rewrap(delete_old: bool) -> Box<RewrapSpec> {
    Box::new(RewrapSpec {
        bucket: own(BUCKET),
        prefixes: vec![own("data/")],
        objects: Vec::new(),
        to: key(),
        context: None,
        delete_old,
    })
}

pub(super) fn folder() -> BulkFolder {
    BulkFolder::new(BUCKET, "", "audit-20260101-120000-0abc")
}

pub(super) fn engine() -> Box<Engine> {
    Box::new(Engine {
        role_arn: own(ROLE),
        image: own("111122223333.dkr.ecr.us-east-1.amazonaws.com/example-image:latest"),
        instance_type: own("ml.m5.large"),
        instances: 4,
        volume_gb: 10,
        max_runtime: 86_400,
        settings: JobSettings::default(),
    })
}
