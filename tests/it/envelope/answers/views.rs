//! What the dashboard shows by itself: every list and detail is whole, or it failed.

use std::time::Duration;

use strongroom::app::{Effect, Event, Page, Topic};
use strongroom::worker::Worker;
use tokio::sync::mpsc;

use super::*;

pub(super) const DRIVEN: &[&str] = &[
    "DescribeKey",
    "DescribeLogStreams",
    "DescribeProcessingJob",
    "DescribeTrainingJob",
    "GetCallerIdentity",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "GetLogEvents",
    "HeadObject",
    "ListAliases",
    "ListBuckets",
    "ListGrants",
    "ListKeys",
    "ListObjectsV2",
    "ListProcessingJobs",
    "ListRoles",
    "ListTrainingJobs",
];

/// What is shown of a topic at the end of its first walk.
async fn shown(fake: &Fake, topic: &Topic) -> Result<Vec<Page>, Fault> {
    let (sender, mut events) = mpsc::channel(1024);
    let connection = fake.connection.clone();
    let worker = Worker::spawn(async move { actions::connect(&connection).await }, sender);
    worker.perform(Effect::Watch(vec![topic.clone()]));
    let mut pages = Vec::new();
    let said = loop {
        match events.recv().await.unwrap() {
            Event::Answer { page, last, .. } => {
                // A key's rotation is not everybody's to read: without an answer nothing is said of it.
                pages.push(page);
                if last {
                    break Ok(pages);
                }
            }
            Event::Failed { fault, .. } => break Err(fault),
            _ => {}
        }
    };
    worker.shutdown(Duration::from_secs(60)).await;
    said
}

/// What is not said of a row is not wrong.
fn is_true(said: &[Page], whole: &[Page]) -> bool {
    said.len() == whole.len()
        && said.iter().zip(whole).all(|pages| match pages {
            (Page::Key(said), Page::Key(whole)) => {
                let mut whole = whole.clone();
                if let (Some(said), Some(whole)) = (&said.detail, &mut whole.detail) {
                    whole.rotation = whole.rotation.filter(|_| said.rotation.is_some());
                }
                *said == whole
            }
            (said, whole) => said == whole,
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_that_is_none_is_shown() {
    let (mut fake, role) = jobs::with_jobs().await;
    // Questions have a budget: some are asked twice a second.
    let key = fake.world.key.clone();
    let alias = fake
        .world
        .kms
        .create_alias()
        .alias_name("alias/one")
        .target_key_id(&key);
    alias.send().await.unwrap();
    fake.granted(&key, &role).await;
    fake.job("talker", &role, jobs::IMAGE, &["Completed", "Failed"]).await;
    fake.processing_job("talker", &role, jobs::IMAGE, &["Completed", "Failed"])
        .await;
    let topics = [
        Topic::Identity,
        Topic::Keys,
        Topic::Key(key.clone()),
        Topic::KeyPolicy(key.clone()),
        Topic::Grants(key),
        Topic::Buckets,
        Topic::Objects {
            bucket: BUCKET.to_owned(),
            prefix: "data/".to_owned(),
        },
        Topic::Object {
            bucket: BUCKET.to_owned(),
            key: "data/x.csv".to_owned(),
        },
        Topic::Jobs,
        Topic::Job("talker".to_owned()),
        Topic::Log("talker".to_owned()),
        Topic::Job("processing-job/talker".to_owned()),
        Topic::Log("processing-job/talker".to_owned()),
        Topic::Roles,
    ];
    for topic in topics {
        let whole = shown(&fake, &topic).await.unwrap();
        fake.drive(&format!("{topic:?}"), async |fake| {
            let said = shown(fake, &topic).await;
            let holds = said.as_ref().is_ok_and(|said| is_true(said, &whole));
            (said.map(drop), holds)
        })
        .await;
    }
    fake.assert_held(DRIVEN);
}
