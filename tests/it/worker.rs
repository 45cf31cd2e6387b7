//! The worker against the embedded world, through the real SDK: what it is asked, it does, and says so once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use strongroom::actions;
use strongroom::app::{Effect, Event, OpEvent, OpId, Page, Topic};
use strongroom::config::Connection;
use strongroom::domain::{
    Fault, FaultKind, GrantRequest, GrantSpec, Job, JobSpec, JobStatus, KeyRequest, KeySpec, KeyState, KmsKey,
    ObjectRequest, Outcome, ProofRequest, Request,
};
use strongroom::worker::Worker;
use strongroom_sandbox::{Options, Sandbox};
use tokio::sync::mpsc::{self, Receiver};
use tokio::time::timeout;

use crate::place::connection;

#[path = "worker/cancelled.rs"]
mod cancelled;
#[path = "worker/heads.rs"]
mod heads;
#[path = "worker/jobs.rs"]
mod jobs;
#[path = "worker/objects.rs"]
mod objects;

const SOON: Duration = Duration::from_secs(60);

struct World {
    sandbox: Sandbox,
    worker: Worker,
    events: Receiver<Event>,
    operations: u64,
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Connection)) -> Self {
        let options = Options {
            program: Some(PathBuf::from(env!("CARGO_BIN_EXE_strongroom"))),
            ..Options::default()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let mut connection = connection(&sandbox);
        change(&mut connection);
        let (sender, events) = mpsc::channel(1024);
        let worker = Worker::spawn(async move { actions::connect(&connection).await }, sender);
        Self {
            sandbox,
            worker,
            events,
            operations: 0,
        }
    }

    fn watch(&self, topics: impl IntoIterator<Item = Topic>) {
        self.worker.perform(Effect::Watch(topics.into_iter().collect()));
    }

    /// Waits for what `pick` is looking for; whatever else happens meanwhile is passed over.
    async fn until<T>(&mut self, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        let found = timeout(SOON, async {
            loop {
                let event = self.events.recv().await.unwrap();
                if let Some(found) = pick(&event) {
                    return found;
                }
            }
        });
        found.await.unwrap()
    }

    async fn ask(&mut self, topic: Topic) -> Result<Page, Fault> {
        self.watch([topic.clone()]);
        self.until(|event| match event {
            Event::Answer {
                topic: about,
                page,
                last: true,
                ..
            } if *about == topic => Some(Ok(page.clone())),
            Event::Failed {
                topic: about, fault, ..
            } if *about == topic => Some(Err(fault.clone())),
            _ => None,
        })
        .await
    }

    async fn perform(&mut self, request: Request) -> Result<Outcome, Fault> {
        let id = self.begin(request);
        self.ended(id).await
    }

    fn begin(&mut self, request: Request) -> OpId {
        self.operations += 1;
        let id = OpId(self.operations);
        self.worker.perform(Effect::Start { id, request });
        id
    }

    /// How an operation ends.
    async fn ended(&mut self, id: OpId) -> Result<Outcome, Fault> {
        self.until(|event| match event {
            Event::Op {
                id: about,
                event: OpEvent::Done(outcome),
            } if *about == id => Some(Ok((**outcome).clone())),
            Event::Op {
                id: about,
                event: OpEvent::Failed(fault),
            } if *about == id => Some(Err(fault.clone())),
            _ => None,
        })
        .await
    }

    async fn key(&mut self, alias: &str) -> String {
        let spec = KeySpec {
            alias: alias.to_owned(),
            ..KeySpec::default()
        };
        match self
            .perform(Request::Key(KeyRequest::New(Box::new(spec))))
            .await
            .unwrap()
        {
            Outcome::KeyCreated { key_arn, .. } => key_arn,
            other => panic!("{other:?}"),
        }
    }

    /// What is prepared around strongroom, with the SDK itself.
    fn sdk(&self) -> aws_config::SdkConfig {
        let (id, secret) = (self.sandbox.access_key_id(), self.sandbox.secret_access_key());
        let credentials = aws_credential_types::Credentials::new(id, secret, None, None, "test");
        aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new(self.sandbox.region().to_owned()))
            .endpoint_url(self.sandbox.endpoint_url())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build()
    }

    /// A bucket with `data/x.csv`, encrypted; with the key's ARN.
    async fn encrypted_object(&mut self) -> (String, String) {
        let dir = tempfile::tempdir().unwrap();
        let source = dir.path().join("x.csv");
        std::fs::write(&source, b"x,y\n1,2\n2,4\n3,6\n4,8\n").unwrap();
        let key = self.key("").await;
        let bucket = "sagemaker-jobs".to_owned();
        self.perform(Request::Object(ObjectRequest::CreateBucket { bucket: bucket.clone() }))
            .await
            .unwrap();
        let encrypt = Request::Object(ObjectRequest::Encrypt {
            paths: vec![source],
            bucket: bucket.clone(),
            prefix: "data/".to_owned(),
            key: key.clone(),
            context: BTreeMap::new(),
            overwrite: false,
        });
        self.perform(encrypt).await.unwrap();
        (bucket, key)
    }

    /// Watches a job and its log as the dashboard does, until it has ended and its log says `word`.
    async fn follow(&mut self, job: &str, word: &str) -> (Job, String) {
        self.watch([Topic::Job(job.to_owned()), Topic::Log(job.to_owned())]);
        let (mut ended, mut lines) = (None, String::new());
        self.until(|event| {
            match event {
                Event::Answer {
                    page: Page::Job(job), ..
                } if !job.status.is_active() => ended = Some((**job).clone()),
                Event::Answer {
                    page: Page::Log(page), ..
                } => lines.extend(page.iter().map(|line| line.text.as_str())),
                Event::Failed { fault, .. } => panic!("{fault}"),
                _ => {}
            }
            ended
                .clone()
                .filter(|_| lines.contains(word))
                .map(|job| (job, lines.clone()))
        })
        .await
    }

    /// A role that trusts the account and SageMaker and may do everything but KMS; its ARN.
    async fn role(&self, name: &str) -> String {
        let trust = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root", "Service": "sagemaker.amazonaws.com"}}]}"#;
        let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*", "logs:*"],
            "Resource": "*"}]}"#;
        let iam = aws_sdk_iam::Client::new(&self.sdk());
        let call = iam.create_role().role_name(name).assume_role_policy_document(trust);
        let arn = call.send().await.unwrap().role.unwrap().arn;
        let call = iam
            .put_role_policy()
            .role_name(name)
            .policy_name("data")
            .policy_document(policy);
        call.send().await.unwrap();
        arn
    }

    async fn put(&self, bucket: &str, key: &str, bytes: &'static [u8]) {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk()).force_path_style(true);
        let s3 = aws_sdk_s3::Client::from_conf(config.build());
        let body = aws_sdk_s3::primitives::ByteStream::from_static(bytes);
        s3.put_object().bucket(bucket).key(key).body(body).send().await.unwrap();
    }

    async fn stop(self) {
        self.worker.shutdown(SOON).await;
        self.sandbox.stop().await;
    }
}

fn granting(key_arn: &str, grantee: &str) -> Request {
    Request::Grant(GrantRequest::New(Box::new(GrantSpec::for_job(
        key_arn, grantee, "test",
    ))))
}

fn find(page: &Page, arn: &str) -> Option<KmsKey> {
    match page {
        Page::Keys(keys) => keys.iter().find(|key| key.arn == arn).cloned(),
        _ => None,
    }
}

#[tokio::test]
async fn a_created_key_is_listed_at_once_with_its_alias() {
    let mut world = World::new().await;
    world.ask(Topic::Keys).await.unwrap();
    // The next poll by itself would come in about a minute.
    let arn = world.key("training").await;
    let key = world
        .until(|event| match event {
            Event::Answer { page, .. } => find(page, &arn),
            _ => None,
        })
        .await;
    assert_eq!(key.aliases, ["alias/training"]);
    assert_eq!(key.name(), "training");
    world.stop().await;
}

#[tokio::test]
async fn the_life_of_a_key_is_told_by_its_detail() {
    let mut world = World::new().await;
    let arn = world.key("").await;
    let steps = [
        (
            Request::Key(KeyRequest::Disable { key_arn: arn.clone() }),
            KeyState::Disabled,
        ),
        (
            Request::Key(KeyRequest::Enable { key_arn: arn.clone() }),
            KeyState::Enabled,
        ),
        (
            Request::Key(KeyRequest::ScheduleDeletion {
                key_arn: arn.clone(),
                days: 7,
            }),
            KeyState::PendingDeletion,
        ),
        (
            Request::Key(KeyRequest::CancelDeletion { key_arn: arn.clone() }),
            KeyState::Disabled,
        ),
    ];
    for (request, expected) in steps {
        world.perform(request).await.unwrap();
        world.watch([]);
        match world.ask(Topic::Key(arn.clone())).await.unwrap() {
            Page::Key(key) => {
                let detail = key.detail.unwrap();
                assert_eq!(detail.state, expected);
                assert_eq!(detail.spec, "SYMMETRIC_DEFAULT");
            }
            other => panic!("{other:?}"),
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn a_grant_appears_when_created_and_goes_when_revoked() {
    let mut world = World::new().await;
    let arn = world.key("").await;
    let Page::Identity(identity) = world.ask(Topic::Identity).await.unwrap() else {
        panic!("no identity");
    };
    let Outcome::Granted { grant_id, .. } = world.perform(granting(&arn, &identity.arn)).await.unwrap() else {
        panic!("not granted");
    };
    let Page::Grants(grants) = world.ask(Topic::Grants(arn.clone())).await.unwrap() else {
        panic!("no grants");
    };
    assert_eq!(grants.len(), 1);
    assert_eq!(grants[0].id, grant_id);
    assert_eq!(grants[0].grantee, identity.arn);
    world
        .perform(Request::Grant(GrantRequest::Revoke {
            key_arn: arn,
            grant_id,
            grantee: identity.arn.clone(),
        }))
        .await
        .unwrap();
    world
        .until(|event| match event {
            Event::Answer {
                page: Page::Grants(grants),
                ..
            } if grants.is_empty() => Some(()),
            _ => None,
        })
        .await;
    world.stop().await;
}

#[tokio::test]
async fn a_read_only_session_reads_and_changes_nothing() {
    let mut world = World::with(|connection| connection.read_only = true).await;
    let request = Request::Object(ObjectRequest::CreateBucket {
        bucket: "never".to_owned(),
    });
    let fault = world.perform(request).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::ReadOnly);
    assert_eq!(fault.request_id, None);
    assert_eq!(world.ask(Topic::Buckets).await.unwrap(), Page::Buckets(Vec::new()));
    world.stop().await;
}

#[tokio::test]
async fn a_wrong_secret_asks_to_renew_the_credentials() {
    let wrong = |connection: &mut Connection| {
        if let Some(sandbox) = &mut connection.sandbox {
            sandbox.secret_access_key = "wrong".to_owned();
        }
    };
    let mut world = World::with(wrong).await;
    let fault = world.ask(Topic::Keys).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Expired);
    assert!(fault.remedy.contains("secret access key"), "{fault}");
    world.stop().await;
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_unreachable() {
    let nobody = |connection: &mut Connection| {
        if let Some(sandbox) = &mut connection.sandbox {
            sandbox.url = crate::trouble::NOBODY.to_owned();
        }
    };
    let mut world = World::with(nobody).await;
    let fault = world.ask(Topic::Buckets).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Unreachable, "{fault}");
    world.stop().await;
}

#[tokio::test]
async fn access_is_denied_before_the_grant_allowed_after_and_denied_once_revoked() {
    let mut world = World::new().await;
    let key_arn = world.key("").await;
    let role_arn = world.role("trainer").await;
    let prove = Request::Proof(ProofRequest::Access {
        key: key_arn.clone(),
        role: role_arn.clone(),
        context: BTreeMap::new(),
        trust: false,
    });

    let allowed = |outcome: Outcome| match outcome {
        Outcome::Proved { steps, .. } => steps
            .into_iter()
            .map(|step| {
                assert!(step.request_id.is_some(), "{step:?}");
                assert_eq!(step.reason.is_none(), step.allowed, "{step:?}");
                (step.operation, step.allowed)
            })
            .collect::<BTreeMap<_, _>>(),
        other => panic!("{other:?}"),
    };
    let before = allowed(world.perform(prove.clone()).await.unwrap());
    assert!(before.values().all(|allowed| !allowed), "{before:?}");

    let Outcome::Granted { grant_id, .. } = world.perform(granting(&key_arn, &role_arn)).await.unwrap() else {
        panic!("not granted");
    };
    let after = allowed(world.perform(prove.clone()).await.unwrap());
    assert!(
        after["Encrypt"] && after["Decrypt"] && !after["GenerateDataKey"],
        "{after:?}"
    );

    let revoke = Request::Grant(GrantRequest::Revoke {
        key_arn,
        grant_id,
        grantee: role_arn,
    });
    world.perform(revoke).await.unwrap();
    let revoked = allowed(world.perform(prove).await.unwrap());
    assert_eq!(revoked, before);
    world.stop().await;
}
