use std::future::{pending, ready};

use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::*;
use crate::app::Page;
use crate::domain::{FaultKind, JobRequest};

const SOON: Duration = Duration::from_secs(60);

fn unreachable() -> Fault {
    Fault::invalid("connect to", "AWS", "no region is set", "")
}

fn stop_job(id: u64) -> Effect {
    let request = Request::Job(JobRequest::Stop { name: "j".to_owned() });
    Effect::Start { id: OpId(id), request }
}

fn watch(dir: &tempfile::TempDir) -> Effect {
    Effect::Watch(vec![Topic::Files(dir.path().to_path_buf())])
}

/// A worker whose connection is `connect`.
fn worker(connect: impl Future<Output = Result<Aws, Fault>> + Send + 'static) -> (Worker, Receiver<Event>) {
    let (sender, events) = mpsc::channel(64);
    (Worker::spawn(connect, sender), events)
}

async fn next(events: &mut Receiver<Event>) -> Event {
    timeout(SOON, events.recv()).await.unwrap().unwrap()
}

/// The operation that the next event says has failed, and why.
async fn failed(events: &mut Receiver<Event>) -> (OpId, Fault) {
    match next(events).await {
        Event::Op {
            id,
            event: OpEvent::Failed(fault),
        } => (id, fault),
        other => panic!("{other:?}"),
    }
}

/// The next event that is not a mere announcement.
async fn next_answer(events: &mut Receiver<Event>) -> Event {
    loop {
        let event = next(events).await;
        if !matches!(event, Event::Asking(_)) {
            return event;
        }
    }
}

#[tokio::test]
async fn a_slow_topic_ages_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (worker, mut events) = worker(pending());
    worker.perform(Effect::Watch(vec![Topic::Keys, Topic::Files(dir.path().to_path_buf())]));
    match next_answer(&mut events).await {
        Event::Answer { page, .. } => assert!(matches!(page, Page::Files { .. }), "{page:?}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_failed_connection_fails_every_topic_and_is_tried_again() {
    let (worker, mut events) = worker(ready(Err(unreachable())));
    worker.perform(Effect::Watch(vec![Topic::Keys, Topic::Jobs]));
    let mut failed = Vec::new();
    for _ in 0..4 {
        match next_answer(&mut events).await {
            Event::Failed {
                topic,
                fault,
                at,
                retry_at,
                ..
            } => {
                assert_eq!(fault, unreachable());
                assert!(retry_at.unwrap() > at);
                failed.push(topic);
            }
            other => panic!("{other:?}"),
        }
    }
    for topic in [Topic::Keys, Topic::Jobs] {
        assert_eq!(failed.iter().filter(|failed| **failed == topic).count(), 2);
    }
}

#[tokio::test]
async fn an_unwatched_topic_is_never_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let (worker, mut events) = worker(ready(Err(unreachable())));
    worker.perform(Effect::Watch(vec![Topic::Keys]));
    assert!(matches!(next_answer(&mut events).await, Event::Failed { .. }));
    worker.perform(watch(&dir));
    // A machine that is held up here may have asked again before it heard of it.
    while !matches!(next_answer(&mut events).await, Event::Answer { .. }) {}
    // The first retry would come within 1.2 s.
    assert!(timeout(Duration::from_millis(1500), events.recv()).await.is_err());
}

#[tokio::test]
async fn a_refresh_asks_at_once_and_a_later_walk_has_a_higher_number() {
    let (worker, mut events) = worker(ready(Err(unreachable())));
    let mut walks = Vec::new();
    worker.perform(Effect::Watch(vec![Topic::Roles]));
    for _ in 0..3 {
        match next_answer(&mut events).await {
            Event::Failed { walk, .. } => walks.push(walk),
            other => panic!("{other:?}"),
        }
        worker.perform(Effect::Refresh(vec![Topic::Roles]));
    }
    assert!(walks.is_sorted_by(|a, b| a < b), "{walks:?}");
}

#[tokio::test]
async fn a_refresh_of_what_is_not_watched_asks_nothing() {
    let (worker, mut events) = worker(ready(Err(unreachable())));
    worker.perform(Effect::Refresh(vec![Topic::Keys]));
    assert!(timeout(Duration::from_millis(200), events.recv()).await.is_err());
}

#[tokio::test]
async fn watching_again_does_not_disturb_what_is_watched() {
    let dir = tempfile::tempdir().unwrap();
    let topic = Topic::Files(dir.path().to_path_buf());
    let (worker, mut events) = worker(pending());
    worker.perform(Effect::Watch(vec![topic.clone()]));
    next_answer(&mut events).await;
    worker.perform(Effect::Watch(vec![topic]));
    assert!(timeout(Duration::from_millis(300), events.recv()).await.is_err());
}

#[tokio::test]
async fn a_changed_folder_is_listed_again_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (worker, mut events) = worker(pending());
    worker.perform(watch(&dir));
    next_answer(&mut events).await;
    std::fs::write(dir.path().join("new.csv"), b"1").unwrap();
    match next_answer(&mut events).await {
        Event::Answer {
            page: Page::Files { rows, .. },
            first: true,
            last: true,
            ..
        } => {
            assert_eq!(rows[0].name, "new.csv");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_cancelled_operation_answers_once() {
    let (worker, mut events) = worker(pending());
    let id = OpId(1);
    worker.perform(stop_job(1));
    assert_eq!(worker.in_flight(), 1);
    worker.perform(Effect::Cancel(id));
    worker.perform(Effect::Cancel(id));
    let (ended, fault) = failed(&mut events).await;
    assert_eq!((ended, fault.kind), (id, FaultKind::Cancelled));
    assert_eq!(worker.in_flight(), 0);
    worker.perform(Effect::Cancel(id));
    assert!(timeout(Duration::from_millis(200), events.recv()).await.is_err());
}

#[tokio::test]
async fn an_operation_without_connection_fails_with_the_connections_fault() {
    let (worker, mut events) = worker(ready(Err(unreachable())));
    worker.perform(stop_job(7));
    assert_eq!(failed(&mut events).await, (OpId(7), unreachable()));
}

#[tokio::test]
async fn a_panic_fails_one_operation_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (worker, mut events) = worker(async { panic!("a bug") });
    worker.perform(stop_job(1));
    let (_, fault) = failed(&mut events).await;
    assert!(fault.cause.contains("a bug"), "{fault}");
    assert_eq!(worker.in_flight(), 0);
    worker.perform(watch(&dir));
    assert!(matches!(next_answer(&mut events).await, Event::Answer { .. }));
}

#[tokio::test]
async fn a_panic_fails_one_topic_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (worker, mut events) = worker(async { panic!("a bug") });
    worker.perform(Effect::Watch(vec![Topic::Keys]));
    match next_answer(&mut events).await {
        Event::Failed {
            topic: Topic::Keys,
            fault,
            ..
        } => assert_eq!(fault.kind, FaultKind::Other),
        other => panic!("{other:?}"),
    }
    worker.perform(watch(&dir));
    assert!(matches!(next_answer(&mut events).await, Event::Answer { .. }));
}

#[tokio::test]
async fn shutdown_cancels_operations_even_when_nobody_reads_events() {
    let (sender, _events) = mpsc::channel(1);
    sender.try_send(Event::Terminate).unwrap();
    let worker = Worker::spawn(pending(), sender);
    worker.perform(stop_job(1));
    timeout(SOON, worker.shutdown(SOON * 10)).await.unwrap();
}

#[tokio::test]
async fn what_belongs_to_the_terminal_is_ignored() {
    let (worker, mut events) = worker(pending());
    let copy = Effect::Copy("x".to_owned());
    for effect in [Effect::Redraw, Effect::Suspend, Effect::Quit, copy] {
        worker.perform(effect);
    }
    assert!(timeout(Duration::from_millis(100), events.recv()).await.is_err());
}
