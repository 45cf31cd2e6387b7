//! A world in which everything that can be asked for would succeed, and all that can be asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom::actions;
use strongroom::domain::audit::{AuditReport, AuditRequest, AuditSummary};
use strongroom::domain::rewrap::RewrapSpec;
use strongroom::domain::seal::{SealAct, SealSpec};
use strongroom::domain::{
    AccountRequest, BulkAct, BulkFolder, BulkOrder, BulkRequest, Engine, GrantRequest, GrantSpec, ImageRequest,
    ImageSpec, JobPlan, JobRequest, JobSettings, JobSpec, KeyRequest, Message, MessageRequest, ObjectRequest,
    Plaintext, ProofRequest, Request, RoleRequest, RoleSpec, SealRequest,
};

use super::BUCKET;
use crate::place::{Place, never};

const OBJECT: &str = "data/x.csv";

/// What the requests are about: all of it is there.
pub(super) struct Stage {
    pub(super) place: Place,
    pub(super) key_arn: String,
    /// May use the key.
    granted: String,
    grant_id: String,
    /// May not.
    denied: String,
    /// `s3://…` of an encrypted data key.
    data_key: String,
    /// A model that a job has left.
    archive: String,
}

impl Stage {
    pub(super) fn set() -> Self {
        let place = Place::new();
        let key_arn = place.key("training");
        place.bucket(BUCKET);
        let (granted, denied) = (place.role("granted", BUCKET), place.role("denied", BUCKET));
        let grant_id = place.grant(&key_arn, &granted);
        place.write("x.csv", "x,y\n1,2\n2,4\n3,6\n4,8\n");
        let to = format!("s3://{BUCKET}/data/");
        let done = place.run(&["encrypt", "x.csv", &to, "--key", &key_arn, "--json"]);
        assert_eq!(done.status, 0, "{}", done.err);
        let told: serde_json::Value = serde_json::from_str(done.out.trim()).unwrap();
        place.wait(actions::new_repository(&place.aws, "image")).unwrap();
        // One that trusts neither SageMaker nor the person.
        let trust = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": "ec2.amazonaws.com"}}]}"#;
        let iam = aws_sdk_iam::Client::new(&place.sdk());
        let bare = iam.create_role().role_name("bare").assume_role_policy_document(trust);
        place.wait(bare.send()).unwrap();
        place.write("Dockerfile", "FROM scratch\n");
        // Audits by other machines: one that is done, of nothing, and one of which nothing is.
        for (id, shards) in [("audit-1", vec![]), ("audit-2", vec!["00".repeat(32)])] {
            let plan = serde_json::json!({
                "version": 2, "act": "audit", "bucket": BUCKET, "prefix": "none/", "deep": false, "versions": false,
                "inventory": null, "shards": shards, "objects": shards.len(), "bytes": shards.len(),
            });
            let folder = format!(".strongroom/bulk/{id}");
            place.put(BUCKET, &format!("{folder}/plan.json"), plan.to_string().as_bytes());
        }
        let stage = Self {
            data_key: told["data_key_uri"].as_str().unwrap().to_owned(),
            archive: String::new(),
            place,
            key_arn,
            granted,
            grant_id,
            denied,
        };
        stage.trained()
    }

    /// With a job that has left a model.
    fn trained(mut self) -> Self {
        let (cancel, mut archive) = (tokio_util::sync::CancellationToken::new(), None);
        let job = self.job("job-1");
        self.place.wait(async {
            actions::start_job(&self.place.aws, &job, &never()).await.unwrap();
            let news = actions::watch_job(&self.place.aws, "job-1", &cancel, |_| Ok(()));
            news.await.unwrap();
        });
        for key in self.place.objects(BUCKET) {
            if key.ends_with("model.tar.gz") {
                archive = Some(key);
            }
        }
        self.archive = archive.unwrap();
        self
    }

    fn job(&self, name: &str) -> JobSpec {
        JobSpec {
            name: name.to_owned(),
            role_arn: self.granted.clone(),
            image: "111122223333.dkr.ecr.us-east-1.amazonaws.com/image:latest".to_owned(),
            instance_type: "ml.m5.large".to_owned(),
            instance_count: 1,
            volume_gb: 10,
            max_runtime: 120,
            bucket: BUCKET.to_owned(),
            object: OBJECT.to_owned(),
            output: format!("s3://{BUCKET}/output"),
            hyperparameters: BTreeMap::new(),
            moved_from: None,
            settings: JobSettings::default(),
            plan: JobPlan::default(),
            original: None,
        }
    }

    fn order() -> BulkOrder {
        BulkOrder::Audit(AuditRequest {
            bucket: BUCKET.to_owned(),
            prefix: "data/".to_owned(),
            deep: false,
            versions: false,
        })
    }

    fn rewrap(&self) -> RewrapSpec {
        RewrapSpec {
            bucket: BUCKET.to_owned(),
            prefixes: vec!["data/".to_owned()],
            objects: Vec::new(),
            to: self.key_arn.clone(),
            context: Some(BTreeMap::from([("project".to_owned(), "houses".to_owned())])),
            delete_old: false,
        }
    }

    fn engine(&self) -> Engine {
        let job = self.job("audit");
        Engine {
            role_arn: job.role_arn,
            image: job.image,
            instance_type: job.instance_type,
            instances: 1,
            volume_gb: 10,
            max_runtime: 120,
            settings: JobSettings::default(),
        }
    }

    /// At least one of every kind, each of which would succeed if it might.
    pub(super) fn requests(&self) -> Vec<Request> {
        let (key_arn, bucket, object) = (self.key_arn.clone(), BUCKET.to_owned(), OBJECT.to_owned());
        let none = BTreeMap::new;
        let grant_id = self.grant_id.clone();
        let policy = r#"{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": "kms:*", "Resource": "*"}]}"#;
        let mut all = vec![
            Request::Object(ObjectRequest::Encrypt {
                paths: vec![self.place.path("x.csv")],
                bucket: bucket.clone(),
                prefix: "more/".to_owned(),
                key: key_arn.clone(),
                context: none(),
                overwrite: false,
            }),
            Request::Object(ObjectRequest::ResumeUpload {
                id: "u".to_owned(),
                what: "x.csv".to_owned(),
                destination: format!("s3://{BUCKET}/data/"),
            }),
            Request::Object(ObjectRequest::AbandonUpload {
                id: "u".to_owned(),
                what: "x.csv".to_owned(),
                destination: format!("s3://{BUCKET}/data/"),
            }),
            Request::Object(ObjectRequest::Decrypt {
                bucket: bucket.clone(),
                object: object.clone(),
                to: self.place.path("opened.csv"),
                overwrite: false,
                accept_name: false,
                accept_unbound: false,
            }),
            Request::Object(ObjectRequest::Verify {
                bucket: bucket.clone(),
                objects: vec![object.clone()],
                accept_unbound: false,
            }),
            Request::Object(ObjectRequest::Audit(AuditRequest {
                bucket: bucket.clone(),
                prefix: String::new(),
                deep: true,
                versions: true,
            })),
            Request::Object(ObjectRequest::PlanRewrap(Box::new(self.rewrap()))),
            Request::Object(ObjectRequest::Rewrap(Box::new(self.rewrap()))),
            Request::Seal(SealRequest::Plan(rotation(&bucket))),
            Request::Seal(SealRequest::Run(rotation(&bucket))),
            Request::Object(ObjectRequest::SaveAudit {
                report: Arc::new(AuditReport {
                    bucket: bucket.clone(),
                    prefix: String::new(),
                    summary: AuditSummary::default(),
                    rows: Vec::new(),
                    dropped: 0,
                }),
                to: self.place.path("audit.csv"),
            }),
            Request::Key(KeyRequest::SaveWho {
                key_arn: key_arn.clone(),
                report: Arc::default(),
            }),
            Request::Object(ObjectRequest::Delete {
                bucket: bucket.clone(),
                objects: vec![object.clone()],
            }),
            Request::Object(ObjectRequest::CreateBucket {
                bucket: "never".to_owned(),
            }),
            Request::Grant(GrantRequest::Revoke {
                key_arn: key_arn.clone(),
                grant_id: grant_id.clone(),
                grantee: self.granted.clone(),
            }),
            Request::Proof(ProofRequest::Access {
                key: key_arn.clone(),
                role: self.granted.clone(),
                context: BTreeMap::new(),
                trust: false,
            }),
            Request::Proof(ProofRequest::Access {
                key: key_arn.clone(),
                role: "arn:aws:iam::111122223333:role/bare".to_owned(),
                context: BTreeMap::new(),
                trust: true,
            }),
            Request::Key(KeyRequest::Enable {
                key_arn: key_arn.clone(),
            }),
            Request::Key(KeyRequest::Disable {
                key_arn: key_arn.clone(),
            }),
            Request::Key(KeyRequest::ScheduleDeletion {
                key_arn: key_arn.clone(),
                days: 30,
            }),
            Request::Key(KeyRequest::CancelDeletion {
                key_arn: key_arn.clone(),
            }),
            Request::Job(JobRequest::Start(Box::new(self.job("job-2")))),
            Request::Job(JobRequest::Stop {
                name: "job-1".to_owned(),
            }),
            Request::Key(KeyRequest::New(Box::default())),
            Request::Key(KeyRequest::DraftPolicy {
                administrators: Vec::new(),
                users: Vec::new(),
            }),
            Request::Key(KeyRequest::ReadPolicy {
                key_arn: key_arn.clone(),
            }),
            Request::Key(KeyRequest::PutPolicy {
                key_arn: key_arn.clone(),
                policy: policy.to_owned(),
                accept_lockout: false,
            }),
            Request::Key(KeyRequest::AddAlias {
                alias: "more".to_owned(),
                key_arn: key_arn.clone(),
            }),
            Request::Key(KeyRequest::MoveAlias {
                alias: "training".to_owned(),
                key_arn: key_arn.clone(),
            }),
            Request::Key(KeyRequest::DeleteAlias {
                alias: "training".to_owned(),
            }),
            Request::Key(KeyRequest::Tag {
                key_arn: key_arn.clone(),
                set: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
                remove: vec!["c".to_owned()],
            }),
            Request::Key(KeyRequest::SetRotation {
                key_arn: key_arn.clone(),
                on: true,
            }),
            Request::Key(KeyRequest::Describe {
                key_arn: key_arn.clone(),
                description: "x".to_owned(),
            }),
            Request::Key(KeyRequest::FindDependents {
                key_arn: key_arn.clone(),
                most_buckets: 9,
                most_objects: 99,
            }),
            Request::Message(MessageRequest::Encrypt {
                key: key_arn.clone(),
                message: Message::Text(Plaintext::from("m".to_owned())),
                context: none(),
                to: None,
            }),
            Request::Message(MessageRequest::Decrypt {
                message: Message::File(self.place.path("message")),
                key: None,
                context: none(),
                to: None,
            }),
            Request::Message(MessageRequest::NewDataKey {
                key: key_arn.clone(),
                context: none(),
                to: format!("s3://{BUCKET}/never"),
            }),
            Request::Message(MessageRequest::OpenDataKey {
                at: self.data_key.clone(),
                context: none(),
                role_arn: Some(self.granted.clone()),
            }),
            Request::Message(MessageRequest::ReEncryptDataKey {
                at: self.data_key.clone(),
                context: none(),
                key: key_arn.clone(),
                to: format!("s3://{BUCKET}/never"),
            }),
        ];
        all.extend([
            Request::Object(ObjectRequest::CountBucket { bucket: bucket.clone() }),
            Request::Object(ObjectRequest::EmptyBucket {
                bucket: bucket.clone(),
                expected: 99,
                older: 0,
            }),
            Request::Object(ObjectRequest::DeleteBucket {
                bucket: bucket.clone(),
                expected: 99,
                older: 0,
            }),
            Request::Object(ObjectRequest::Preview {
                bucket: bucket.clone(),
                object: object.clone(),
                member: None,
                most: 99,
                accept_unbound: false,
            }),
            Request::Object(ObjectRequest::ListArchive {
                bucket: bucket.clone(),
                object: self.archive.clone(),
            }),
            Request::Object(ObjectRequest::Presign {
                bucket: bucket.clone(),
                object: object.clone(),
            }),
            Request::Object(ObjectRequest::ListVersions {
                bucket: bucket.clone(),
                object: object.clone(),
            }),
            Request::Object(ObjectRequest::OfVersion {
                version: "null".to_owned(),
                request: Box::new(ObjectRequest::Verify {
                    bucket: bucket.clone(),
                    objects: vec![object.clone()],
                    accept_unbound: false,
                }),
            }),
            Request::Object(ObjectRequest::CompareVersions {
                bucket: bucket.clone(),
                object: object.clone(),
                versions: ["null", "null"].map(str::to_owned),
                decrypted: true,
            }),
            Request::Role(RoleRequest::New(Box::new(RoleSpec {
                name: "never".to_owned(),
                bucket: bucket.clone(),
                ..RoleSpec::default()
            }))),
            Request::Role(RoleRequest::Policies {
                role: "granted".to_owned(),
            }),
            Request::Role(RoleRequest::DetachPolicy {
                role: "granted".to_owned(),
                policy: "strongroom".to_owned(),
            }),
            Request::Role(RoleRequest::Delete {
                role: "granted".to_owned(),
            }),
            Request::Role(RoleRequest::TrustService {
                role: "bare".to_owned(),
            }),
            Request::Grant(GrantRequest::New(Box::new(GrantSpec::for_job(
                &key_arn,
                &self.denied,
                "j",
            )))),
            Request::Grant(GrantRequest::Await {
                key_arn: key_arn.clone(),
                grant_id: grant_id.clone(),
                grantee: self.granted.clone(),
            }),
            Request::Grant(GrantRequest::Retire {
                key_arn: key_arn.clone(),
                grant_id,
                grantee: self.granted.clone(),
            }),
            Request::Grant(GrantRequest::List),
            Request::Proof(ProofRequest::GrantCycle {
                key: key_arn.clone(),
                role: self.denied.clone(),
                context: BTreeMap::new(),
            }),
            Request::Job(JobRequest::Preflight(Box::new(self.job("job-2")))),
            Request::Image(ImageRequest::NewRepository {
                repository: "never".to_owned(),
            }),
            Request::Image(ImageRequest::DeleteRepository {
                repository: "image".to_owned(),
            }),
            Request::Image(ImageRequest::Build(Box::new(ImageSpec {
                folder: self.place.path(""),
                repository: "image".to_owned(),
                tag: "latest".to_owned(),
                push: true,
            }))),
            Request::Image(ImageRequest::Try {
                image: "strongroom-read-only-no-such-image".to_owned(),
            }),
            Request::Bulk(BulkRequest::Begin {
                order: Self::order(),
                engine: Box::new(self.engine()),
            }),
            Request::Bulk(BulkRequest::Preflight {
                order: Self::order(),
                engine: Box::new(self.engine()),
            }),
            Request::Bulk(BulkRequest::GoOn {
                folder: BulkFolder::new(&bucket, "", "audit-2"),
                engine: Box::new(self.engine()),
            }),
            Request::Bulk(BulkRequest::Collect {
                act: BulkAct::Audit,
                folder: BulkFolder::new(&bucket, "", "audit-1"),
            }),
            Request::Account(AccountRequest::PlanCleanUp),
            Request::Job(JobRequest::SaveLog {
                job: "job-1".to_owned(),
                to: self.place.path("job-1.log"),
            }),
            Request::Account(AccountRequest::SaveAudit {
                to: self.place.path("audit.jsonl"),
            }),
            Request::Account(AccountRequest::SaveSheet {
                sheet: std::sync::Arc::new(strongroom::domain::sheet::Sheet {
                    what: "keys".to_owned(),
                    rows: Vec::new(),
                }),
                to: self.place.path("keys.csv"),
            }),
            Request::Account(AccountRequest::AuditLog { most: 9 }),
        ]);
        all.extend([true, false].map(|grant| {
            Request::Proof(ProofRequest::Object {
                bucket: bucket.clone(),
                object: object.clone(),
                role: self.denied.clone(),
                grant,
            })
        }));
        all.extend([("bare", true), ("granted", false)].map(|(role, on)| {
            Request::Role(RoleRequest::TrustCaller {
                role: role.to_owned(),
                on,
            })
        }));
        all
    }
}

fn rotation(bucket: &str) -> SealSpec {
    SealSpec {
        bucket: bucket.to_owned(),
        prefix: String::new(),
        places: Vec::new(),
        act: SealAct::Rotate {
            key: None,
            context: None,
            resume: true,
        },
    }
}
