//! What is cancelled is never left between two of its calls, and says what was done.

use strongroom::actions::ProgressSink;
use strongroom::actions::encrypt::{Destination, EncryptRequest, encrypt};
use strongroom::domain::{Location, RoleRequest, RoleSpec};
use strongroom_sandbox::Fill;
use tokio_util::sync::CancellationToken;

use super::*;

impl World {
    /// Starts a request and cancels it some milliseconds later.
    async fn cancelled(&mut self, request: Request, after: u64) -> Result<Outcome, Fault> {
        let id = self.begin(request);
        tokio::time::sleep(Duration::from_millis(after)).await;
        self.worker.perform(Effect::Cancel(id));
        self.ended(id).await
    }

    async fn connected(&self) -> actions::Aws {
        let connection = connection(&self.sandbox);
        actions::connect(&connection).await.unwrap()
    }
}

#[tokio::test]
async fn a_key_is_made_with_its_alias_or_not_at_all_whenever_it_is_cancelled() {
    let mut world = World::new().await;
    for after in [0, 2, 5, 10, 20, 40] {
        let alias = format!("cut-{after}");
        let before = keys(&mut world).await.len();
        let spec = KeySpec {
            alias: alias.clone(),
            ..KeySpec::default()
        };
        let came = world
            .cancelled(Request::Key(KeyRequest::New(Box::new(spec))), after)
            .await;
        let all = keys(&mut world).await;
        let named = all.iter().filter(|key| key.name() == alias).count();
        match came {
            Ok(Outcome::KeyCreated { .. }) => assert_eq!((named, all.len()), (1, before + 1), "{after}"),
            Err(fault) => {
                assert_eq!(fault.kind, FaultKind::Cancelled, "{fault}");
                assert_eq!((named, all.len()), (0, before), "{after}: {fault}");
            }
            Ok(other) => panic!("{other:?}"),
        }
    }
}

async fn keys(world: &mut World) -> Vec<KmsKey> {
    world.watch([]);
    match world.ask(Topic::Keys).await {
        Ok(Page::Keys(keys)) => keys,
        other => panic!("{other:?}"),
    }
}

fn spec(role: &str) -> RoleSpec {
    RoleSpec {
        name: role.to_owned(),
        bucket: "b".to_owned(),
        output: "output/".to_owned(),
        ..RoleSpec::default()
    }
}

#[tokio::test]
async fn a_role_is_made_with_its_policy_or_not_at_all_whenever_it_is_cancelled() {
    let mut world = World::new().await;
    for after in [0, 2, 5, 10, 20, 40] {
        let role = format!("cut-{after}");
        let request = Request::Role(RoleRequest::New(Box::new(spec(&role))));
        let came = world.cancelled(request, after).await;
        let found = world.perform(Request::Role(RoleRequest::Policies { role })).await;
        match (came, found) {
            (Ok(_), Ok(Outcome::RolePolicies(policies))) => assert_eq!(policies.inline.len(), 1, "{after}"),
            (Err(fault), Err(missing)) => {
                assert_eq!(
                    (fault.kind, missing.kind),
                    (FaultKind::Cancelled, FaultKind::NotFound),
                    "{fault}"
                );
            }
            other => panic!("{after}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_bucket_that_is_emptied_stops_between_two_calls_and_tells_how_much_is_gone() {
    let world = World::new().await;
    let fill = Fill {
        objects: 1500,
        ..Fill::default()
    };
    world.sandbox.fill(&fill).await.unwrap();
    let aws = world.connected().await;
    let cancel = CancellationToken::new();
    let hand = cancel.clone();
    let sink = ProgressSink::new(move |progress| {
        if progress.phase == "deleting" {
            hand.cancel();
        }
    });
    let came = actions::empty_bucket(&aws, "sagemaker-fill", 1500, true, &sink, &cancel).await;
    let fault = came.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Cancelled);
    assert!(fault.cause.contains("1000 of 1500 objects are deleted"), "{fault}");
    let counted = actions::count_bucket(&aws, "sagemaker-fill", &ProgressSink::none()).await;
    let Ok(Outcome::BucketCounted(count)) = counted else {
        panic!("{counted:?}")
    };
    assert_eq!(count.objects, 500, "the bucket and the others are there");
}

#[tokio::test]
async fn a_folder_on_its_way_that_is_cancelled_tells_how_many_files_stayed() {
    let mut world = World::new().await;
    let (_bucket, key) = world.encrypted_object().await;
    let aws = world.connected().await;
    let folder = tempfile::tempdir().unwrap();
    for number in 0..60 {
        std::fs::write(folder.path().join(format!("{number:02}")), b"plaintext").unwrap();
    }
    let request = EncryptRequest {
        paths: vec![folder.path().to_owned()],
        destination: Destination::Location(Location::parse("s3://sagemaker-jobs/cut/").unwrap()),
        key,
        context: BTreeMap::new(),
        data_key_name: None,
        data_key_out: None,
        overwrite: false,
        resume: false,
    };
    let cancel = CancellationToken::new();
    let hand = cancel.clone();
    let sink = ProgressSink::new(move |progress| {
        if progress.items.is_some_and(|(done, _)| done > 0) {
            hand.cancel();
        }
    });
    let fault = encrypt(&aws, request, &sink, &cancel).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Cancelled, "{fault}");
    world.watch([]);
    let there = match world
        .ask(Topic::Objects {
            bucket: "sagemaker-jobs".to_owned(),
            prefix: "cut/".to_owned(),
        })
        .await
    {
        Ok(Page::Objects(rows)) => rows.len(),
        other => panic!("{other:?}"),
    };
    assert!(there > 0);
    // Where a busy disk took longer than is waited for it is told how many of them nobody knows of.
    match fault.cause.split_once(" had no answer") {
        None => assert!(fault.cause.contains(&format!("; {there} file")), "{there}: {fault}"),
        Some((before, _)) => {
            let number = |text: &str| {
                text.split("; ")
                    .last()
                    .unwrap()
                    .split(' ')
                    .next()
                    .unwrap()
                    .parse::<usize>()
            };
            let (unheard, (done, _)) = (
                number(before).unwrap(),
                fault.cause.split_once(" done by then").unwrap(),
            );
            let done = number(done).unwrap();
            assert!((done..=done + unheard).contains(&there), "{there}: {fault}");
        }
    }
}

#[tokio::test]
async fn a_role_that_is_not_deleted_any_more_keeps_its_policies() {
    let mut world = World::new().await;
    let aws = world.connected().await;
    let cancel = CancellationToken::new();
    cancel.cancel();
    let policies = |outcome| match outcome {
        Ok(Outcome::RolePolicies(policies)) => policies,
        other => panic!("{other:?}"),
    };
    world
        .perform(Request::Role(RoleRequest::New(Box::new(spec("cut")))))
        .await
        .unwrap();
    let role = || "cut".to_owned();
    let before = policies(
        world
            .perform(Request::Role(RoleRequest::Policies { role: role() }))
            .await,
    );
    let fault = actions::delete_role(&aws, &role(), &cancel).await.unwrap_err();
    assert!(fault.cause.contains("the role is there"), "{fault}");
    let after = policies(
        world
            .perform(Request::Role(RoleRequest::Policies { role: role() }))
            .await,
    );
    assert_eq!(before, after);
}
