//! A read-only session performs everything that can be asked for, at a proxy that writes down what arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use strongroom::actions;
use strongroom::app::{Effect, Event, OpEvent, OpId};
use strongroom::config::{Connection, SandboxEndpoint};
use strongroom::domain::{
    AccountRequest, BulkRequest, Fault, FaultKind, GrantRequest, ImageRequest, JobRequest, KeyRequest, Message,
    MessageRequest, ObjectRequest, Outcome, Plaintext, ProofRequest, Request, RoleRequest, SealRequest,
};
use strongroom::worker::Worker;
use tokio::sync::mpsc;

use self::stage::Stage;
use crate::proxy::{Proxy, Trouble};

#[path = "readonly/stage.rs"]
mod stage;

const BUCKET: &str = "sagemaker-read-only";
const SOON: Duration = Duration::from_secs(60);

/// What a request is expected to do in a read-only session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// It would change something in AWS: refused.
    Changes,
    /// It reads, and does so.
    Reads,
    /// It reads at most, but has nothing to do here: no upload was interrupted, no image is on this machine, no change was asked for.
    Idle,
}

/// A new kind of request does not compile before somebody has said here what it does.
fn class(request: &Request) -> Class {
    match request {
        Request::Object(
            ObjectRequest::Encrypt { .. }
            | ObjectRequest::Delete { .. }
            | ObjectRequest::CreateBucket { .. }
            | ObjectRequest::EmptyBucket { .. }
            | ObjectRequest::DeleteBucket { .. }
            | ObjectRequest::Rewrap(_),
        )
        | Request::Bulk(BulkRequest::Begin { .. } | BulkRequest::GoOn { .. })
        | Request::Grant(GrantRequest::Revoke { .. } | GrantRequest::New(_) | GrantRequest::Retire { .. })
        | Request::Key(
            KeyRequest::Enable { .. }
            | KeyRequest::Disable { .. }
            | KeyRequest::ScheduleDeletion { .. }
            | KeyRequest::CancelDeletion { .. }
            | KeyRequest::New(_)
            | KeyRequest::PutPolicy { .. }
            | KeyRequest::AddAlias { .. }
            | KeyRequest::MoveAlias { .. }
            | KeyRequest::DeleteAlias { .. }
            | KeyRequest::Tag { .. }
            | KeyRequest::SetRotation { .. }
            | KeyRequest::Describe { .. },
        )
        | Request::Job(JobRequest::Start(_) | JobRequest::Stop { .. })
        | Request::Message(
            MessageRequest::Encrypt { .. }
            | MessageRequest::NewDataKey { .. }
            | MessageRequest::ReEncryptDataKey { .. },
        )
        | Request::Proof(
            ProofRequest::Access { trust: true, .. }
            | ProofRequest::Object { grant: true, .. }
            | ProofRequest::GrantCycle { .. },
        )
        | Request::Role(
            RoleRequest::New(_)
            | RoleRequest::DetachPolicy { .. }
            | RoleRequest::Delete { .. }
            | RoleRequest::TrustCaller { .. }
            | RoleRequest::TrustService { .. },
        )
        | Request::Image(
            ImageRequest::NewRepository { .. } | ImageRequest::DeleteRepository { .. } | ImageRequest::Build(_),
        )
        | Request::Seal(SealRequest::Run(_)) => Class::Changes,
        Request::Object(
            ObjectRequest::Decrypt { .. }
            | ObjectRequest::Verify { .. }
            | ObjectRequest::Audit(_)
            | ObjectRequest::PlanRewrap(_)
            | ObjectRequest::SaveAudit { .. }
            | ObjectRequest::CountBucket { .. }
            | ObjectRequest::Preview { .. }
            | ObjectRequest::ListArchive { .. }
            | ObjectRequest::ListVersions { .. }
            | ObjectRequest::OfVersion { .. }
            | ObjectRequest::CompareVersions { .. },
        )
        | Request::Proof(ProofRequest::Access { trust: false, .. } | ProofRequest::Object { grant: false, .. })
        | Request::Key(
            KeyRequest::DraftPolicy { .. } | KeyRequest::ReadPolicy { .. } | KeyRequest::FindDependents { .. },
        )
        | Request::Message(MessageRequest::Decrypt { .. } | MessageRequest::OpenDataKey { .. })
        | Request::Role(RoleRequest::Policies { .. })
        | Request::Seal(SealRequest::Plan(_))
        | Request::Grant(GrantRequest::Await { .. } | GrantRequest::List)
        | Request::Job(JobRequest::Preflight(_) | JobRequest::SaveLog { .. })
        | Request::Bulk(BulkRequest::Collect { .. } | BulkRequest::Preflight { .. })
        | Request::Account(AccountRequest::PlanCleanUp | AccountRequest::AuditLog { .. }) => Class::Reads,
        Request::Object(
            ObjectRequest::ResumeUpload { .. } | ObjectRequest::AbandonUpload { .. } | ObjectRequest::Presign { .. },
        )
        | Request::Account(AccountRequest::SaveAudit { .. } | AccountRequest::SaveSheet { .. })
        | Request::Key(KeyRequest::SaveWho { .. })
        | Request::Image(ImageRequest::Try { .. }) => Class::Idle,
    }
}

/// `Key(Enable`, of `Key(Enable { … })`.
fn name(request: &Request) -> String {
    let said = format!("{request:?}");
    let words: Vec<&str> = said.split(['(', ')', ' ']).take(2).collect();
    words.join("(")
}

/// The kinds of request that there are, read off their definitions.
fn kinds() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/domain/request");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let sources = files.map(|file| std::fs::read_to_string(file).unwrap());
    sources.flat_map(|source| kinds_in(&source)).collect()
}

fn kinds_in(source: &str) -> Vec<String> {
    let Some((before, rest)) = source.split_once("Request {\n") else {
        return Vec::new();
    };
    let area = before.rsplit(' ').next().unwrap();
    let (body, _) = rest.split_once("\n}").unwrap();
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let names = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    let name = |line: &str| line.chars().take_while(|c| c.is_alphanumeric()).collect::<String>();
    names.map(|line| format!("{area}({}", name(line))).collect()
}

/// Whether what arrived at the endpoint only reads, in AWS's own naming.
fn reads(operation: &str) -> bool {
    let verbs = ["Describe", "List", "Get", "Simulate", "GET ", "HEAD "];
    let others = ["Decrypt", "AssumeRole", "BatchGetImage"];
    operation.ends_with(" (dry run)")
        || others.contains(&operation)
        || verbs.iter().any(|verb| operation.starts_with(verb)) && operation != "GetAuthorizationToken"
}

#[test]
fn every_request_there_is_leaves_a_read_only_session_without_changing_anything() {
    let stage = Stage::set();
    let requests = stage.requests();
    assert_eq!(requests.iter().map(name).collect::<BTreeSet<_>>(), kinds());
    assert!(kinds().len() > 50, "{:?}", kinds());
    let place = &stage.place;
    let to = place.path("message");
    let message = Message::Text(Plaintext::from("m".to_owned()));
    let none = BTreeMap::new();
    let encrypted = actions::encrypt_message(&place.aws, &stage.key_arn, &message, &none, Some(&to));
    place.wait(encrypted).unwrap();

    let sandbox = place.sandbox.as_ref().unwrap();
    let proxy = Proxy::start(sandbox, |_| Trouble::None);
    let connection = Connection {
        sandbox: Some(SandboxEndpoint {
            url: proxy.url().to_owned(),
            region: sandbox.region().to_owned(),
            access_key_id: sandbox.access_key_id().to_owned(),
            secret_access_key: sandbox.secret_access_key().to_owned(),
        }),
        read_only: true,
        ..Connection::default()
    };
    let before = place.objects(BUCKET);
    place.wait(async {
        let (sender, mut events) = mpsc::channel(1024);
        let worker = Worker::spawn(async move { actions::connect(&connection).await }, sender);
        let mut seen = 0;
        for (index, request) in requests.into_iter().enumerate() {
            let id = OpId(index as u64 + 1);
            worker.perform(Effect::Start {
                id,
                request: request.clone(),
            });
            let outcome = tokio::time::timeout(SOON, ended(&mut events, id)).await;
            let outcome = outcome.unwrap_or_else(|_| panic!("no end of {request:?}"));
            let arrived = proxy.operations().split_off(seen);
            seen += arrived.len();
            let changes: Vec<_> = arrived.iter().filter(|operation| !reads(operation)).collect();
            assert!(changes.is_empty(), "{request:?} reached the endpoint with {changes:?}");
            match (class(&request), outcome) {
                (Class::Changes, Err(fault)) => {
                    assert_eq!(fault.kind, FaultKind::ReadOnly, "{request:?}: {fault}");
                    assert!(fault.remedy.contains("--read-only"), "{request:?}: {fault}");
                }
                (Class::Changes, Ok(outcome)) => panic!("{request:?} came to {outcome:?}"),
                (Class::Reads, outcome) => {
                    outcome.unwrap_or_else(|fault| panic!("{request:?}: {fault}"));
                }
                (Class::Idle, _) => assert!(arrived.is_empty(), "{request:?}: {arrived:?}"),
            }
        }
        worker.shutdown(SOON).await;
    });
    assert!(proxy.operations().len() > 50, "{:?}", proxy.operations());
    assert_eq!(place.objects(BUCKET), before);
}

async fn ended(events: &mut mpsc::Receiver<Event>, id: OpId) -> Result<Outcome, Fault> {
    loop {
        match events.recv().await.unwrap() {
            Event::Op {
                id: about,
                event: OpEvent::Done(outcome),
            } if about == id => return Ok(*outcome),
            Event::Op {
                id: about,
                event: OpEvent::Failed(fault),
            } if about == id => return Err(fault),
            _ => {}
        }
    }
}
