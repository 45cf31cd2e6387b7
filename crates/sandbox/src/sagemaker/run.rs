//! A job's way through its statuses: what jobs of all kinds have in common on it. [`training`] and [`processing`] have what is
//! their own.

use std::io::Read;
use std::path::Path;

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::super::iam::SessionCredentials;
use super::super::kms;
use super::SERVICE;
use super::below::Below;
use super::cluster::{Cluster, End, Limits};
use super::host::Hosts;
use super::job::{Book, Job};
use super::kind::Kind;
use super::lines::Metrics;
use super::mirror::Mirror;
use super::phase::{Phase, Status};
use super::request::{Asked, Containers};
use crate::prelude::*;

mod processing;
mod training;

/// Between two attempts to write a job's end on a disk that fails.
const AGAIN: Duration = Duration::from_millis(500);
/// Between spot instances that were taken back and others.
const NO_CAPACITY: Duration = Duration::from_millis(200);
/// What the service does with a volume's key.
const VOLUME_OPERATIONS: [&str; 5] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
];
/// A FailureReason's length.
const LONGEST_REASON: usize = 1024;

/// Takes a job from Starting to its end. Its folder goes with it, however that end comes.
pub(super) async fn run(
    world: Arc<World>,
    place: Place,
    asked: Asked,
    session: SessionCredentials,
    stop: CancellationToken,
    pace: Duration,
    epoch: u64,
) {
    let containers = asked.containers();
    let job = (containers.kind, containers.name.as_str());
    // What is not on disk does not run; whoever asked for it is told so.
    if let Err(failure) = world.disk.settled(epoch).await {
        end(&world, &place, job, failed(format!("InternalServerError: {failure}"))).await;
        return;
    }
    let caller = world
        .iam(&place.account)
        .caller(&session.access_key_id, Some(&session.session_token), &place.region);
    let Ok(role) = caller else {
        end(
            &world,
            &place,
            job,
            failed("ClientError: the role was deleted".to_owned()),
        )
        .await;
        return;
    };
    let walk = Walk {
        world: &world,
        containers,
        role,
        session,
        stop,
        pace,
    };
    let way = match &asked {
        Asked::Training(training) => walk.train(training).await,
        Asked::Processing(processing) => walk.process(processing).await,
    };
    let last = match way {
        Ok(Outcome::Completed) => (Phase::Completed, None),
        Ok(Outcome::Stopped) => (Phase::Stopped, None),
        Ok(Outcome::Overran) => (Phase::MaxRuntimeExceeded, overran(containers)),
        Ok(Outcome::WaitedTooLong) => (Phase::MaxWaitTimeExceeded, None),
        Ok(Outcome::Abandoned) => return,
        Err(reason) => failed(reason),
    };
    end(&world, &place, job, last).await;
}

/// A job's last phase, and why it failed.
type Last = (Phase, Option<String>);

fn failed(reason: String) -> Last {
    (Phase::Failed, Some(shortened(reason, LONGEST_REASON)))
}

/// What is said of a job that took too long: training jobs have a secondary status for that. *Choice*: AWS's words are not
/// documented.
fn overran(containers: &Containers) -> Option<String> {
    let longest = containers.longest.as_secs();
    let told = || format!("The processing job was stopped: it ran longer than its MaxRuntimeInSeconds of {longest}.");
    (containers.kind == Kind::Processing).then(told)
}

/// Ends a job, as often as it takes until the disk keeps that.
async fn end(world: &World, place: &Place, (kind, name): (Kind, &str), (phase, reason): Last) {
    loop {
        let (now, epoch) = (world.now(), world.disk.epoch());
        world.at(place).sagemaker.of(kind).update(name, |job| {
            if job.status().is_over() {
                return;
            }
            // Stopping wins: whoever was told so says that it stopped, be it done all the same or broken.
            if matches!(phase, Phase::Completed | Phase::Failed) && job.status() == Status::Stopping {
                job.enter(Phase::Stopped, now);
                return;
            }
            job.failure.clone_from(&reason);
            job.enter(phase, now);
        });
        if world.disk.settled(epoch).await.is_ok() || world.shutdown.is_cancelled() {
            return;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

enum Outcome {
    Completed,
    Stopped,
    Overran,
    WaitedTooLong,
    /// The world ends, and the job's record with it.
    Abandoned,
}

struct Walk<'a> {
    world: &'a Arc<World>,
    containers: &'a Arc<Containers>,
    role: Caller,
    session: SessionCredentials,
    stop: CancellationToken,
    pace: Duration,
}

impl Walk<'_> {
    fn book(&self) -> &Book {
        self.world.at(&self.role.place).sagemaker.of(self.containers.kind)
    }

    fn hosts(&self) -> Result<Arc<Hosts>, String> {
        let hosts = Hosts::new(self.world, self.containers);
        hosts
            .map(Arc::new)
            .map_err(|error| format!("InternalServerError: {error}"))
    }

    /// Asks for the grant that the volumes' encryption rests on, in the role's name, as SageMaker does: without it no volume is
    /// attached.
    fn encrypt_volumes(&self) -> Result<(), String> {
        let Some(key) = &self.containers.volume_key else {
            return Ok(());
        };
        let request = json!({
            "KeyId": key,
            "GranteePrincipal": SERVICE,
            "Operations": VOLUME_OPERATIONS,
            "DryRun": true,
        });
        match kms::call(self.world, &self.role.via("sagemaker"), "CreateGrant", &request) {
            Err(error) if error.code != "DryRunOperationException" => Err(format!(
                "ClientError: the volumes could not be encrypted under the KMS key {key}: {}",
                error.message
            )),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Runs the hosts, while folders of theirs are copied.
    async fn run(&self, hosts: &Hosts, mirrors: Vec<Mirror>, limits: &Limits<'_>) -> Result<End, String> {
        let (ended, metrics) = (CancellationToken::new(), Arc::new(Metrics::default()));
        let running = async {
            let _ended = ended.clone().drop_guard();
            let cluster = Cluster {
                world: self.world,
                role: &self.role,
                containers: self.containers,
                session: &self.session,
                hosts,
                metrics: &metrics,
            };
            cluster.run(limits).await
        };
        let copying = join_all(mirrors.into_iter().map(|mirror| mirror.keep(ended.cancelled())));
        let (ran, copied) = tokio::join!(running, copying);
        let end = ran.map_err(|error| format!("ClientError: the job's command could not be started: {error}"))?;
        self.book()
            .update(&self.containers.name, |job| job.metrics = metrics.last());
        // Why a host failed is told before what could not be kept of it.
        if !matches!(end, End::Failed(..) | End::Died | End::Abandoned) {
            copied.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(end)
    }

    /// Enters a phase, unless the job is being stopped: Stopping stays until the end.
    fn enter(&self, phase: Phase, change: impl FnOnce(&mut Job)) {
        let now = self.world.now();
        self.book().update(&self.containers.name, |job| {
            if job.status() == Status::InProgress {
                job.enter(phase, now);
            }
            change(job);
        });
    }

    /// A waiting status' least time; an outcome if the job ends in it.
    async fn wait(&self, pace: Duration) -> Option<Outcome> {
        tokio::select! {
            biased;
            () = self.world.shutdown.cancelled() => Some(Outcome::Abandoned),
            () = self.stop.cancelled() => Some(Outcome::Stopped),
            () = tokio::time::sleep(pace) => None,
        }
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(act)
        .await
        .unwrap_or_else(|error| Err(format!("InternalServerError: {error}")))
}

/// What SageMaker says of a job whose instance is lost.
const LOST: &str = "InternalServerError: We encountered an internal error. Please try again.";

/// The head of a file that a host left in its `output`, if it left one.
fn said(root: &Path, name: &str) -> Option<String> {
    let (file, _) = Below::open(root, "output").ok()??.file(Path::new(name)).ok()?;
    let mut head = Vec::new();
    let _ = file.take(4 * LONGEST_REASON as u64).read_to_end(&mut head);
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// The FailureReason of a command that failed: what it said, and its status.
fn failure(said: &str, status: i32) -> String {
    let end = format!(", exit code: {status}");
    let head = format!("AlgorithmError: {}", said.trim());
    shortened(head, LONGEST_REASON - end.len()) + &end
}

/// At most `most` characters.
fn shortened(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => text[..at].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{body, world};
    use super::*;

    #[tokio::test]
    async fn a_job_that_is_told_to_stop_at_its_very_end_has_stopped() {
        let world = world("true");
        let book = world.at(&world.home).sagemaker.of(Kind::Training);
        for (name, last) in [("done", Phase::Completed), ("broken", Phase::Failed)] {
            let job = Job::new(name, &body(name), BTreeMap::new(), world.now());
            book.add(job).unwrap();
            book.stop(name).unwrap();
            end(&world, &world.home, (Kind::Training, name), (last, None)).await;
            assert_eq!(book.look(name, Job::status).unwrap(), Status::Stopped);
        }
    }
}
