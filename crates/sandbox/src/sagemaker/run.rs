//! A job's way through its statuses.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::iam::SessionCredentials;
use super::super::identity::{Caller, Place};
use super::super::kms;
use super::super::world::World;
use super::below::Below;
use super::checkpoint::Checkpoints;
use super::cluster::{Cluster, End, Limits};
use super::host::Hosts;
use super::job::Job;
use super::lines::Metrics;
use super::phase::{Phase, Status};
use super::request::Training;
use super::{SERVICE, SageMaker, artifact, channel};

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
    training: Arc<Training>,
    session: SessionCredentials,
    stop: CancellationToken,
    pace: Duration,
    epoch: u64,
) {
    let name = training.name.clone();
    // What is not on disk does not run; whoever asked for it is told so.
    if let Err(failure) = world.disk.settled(epoch).await {
        end(&world, &place, &name, failed(format!("InternalServerError: {failure}"))).await;
        return;
    }
    let caller = world
        .iam(&place.account)
        .caller(&session.access_key_id, Some(&session.session_token), &place.region);
    let Ok(role) = caller else {
        end(
            &world,
            &place,
            &name,
            failed("ClientError: the role was deleted".to_owned()),
        )
        .await;
        return;
    };
    let walk = Walk {
        world: &world,
        training: &training,
        role,
        session,
        stop,
        pace,
    };
    let last = match walk.through().await {
        Ok(Outcome::Completed) => (Phase::Completed, None),
        Ok(Outcome::Stopped) => (Phase::Stopped, None),
        Ok(Outcome::Overran) => (Phase::MaxRuntimeExceeded, None),
        Ok(Outcome::WaitedTooLong) => (Phase::MaxWaitTimeExceeded, None),
        Ok(Outcome::Abandoned) => return,
        Err(reason) => failed(reason),
    };
    end(&world, &place, &name, last).await;
}

/// A job's last phase, and why it failed.
type Last = (Phase, Option<String>);

fn failed(reason: String) -> Last {
    (Phase::Failed, Some(shortened(reason, LONGEST_REASON)))
}

/// Ends a job, as often as it takes until the disk keeps that.
async fn end(world: &World, place: &Place, name: &str, (phase, reason): Last) {
    loop {
        let (now, epoch) = (world.now(), world.disk.epoch());
        world.at(place).sagemaker.update(name, |job| {
            if job.status().is_over() {
                return;
            }
            // Stopping wins: what goes wrong in a job that is being stopped is no failure of its.
            if phase == Phase::Failed && job.status() == Status::Stopping {
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

/// How one run on one set of instances ended.
enum Attempt {
    Ended(Outcome),
    Interrupted,
}

struct Walk<'a> {
    world: &'a Arc<World>,
    training: &'a Arc<Training>,
    role: Caller,
    session: SessionCredentials,
    stop: CancellationToken,
    pace: Duration,
}

impl Walk<'_> {
    fn sagemaker(&self) -> &SageMaker {
        &self.world.at(&self.role.place).sagemaker
    }

    /// From the beginning again whenever spot instances are taken back, as long as the job may wait for others.
    async fn through(&self) -> Result<Outcome, String> {
        let deadline = self.training.spot_wait.map(|wait| Instant::now() + wait);
        let mut left = self.training.longest;
        loop {
            match self.attempt(&mut left, deadline).await? {
                Attempt::Ended(outcome) => return Ok(outcome),
                Attempt::Interrupted => self.enter(Phase::Interrupted, |_| {}),
            }
            if let Some(early) = self.wait(self.pace.max(NO_CAPACITY)).await {
                return Ok(early);
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(Outcome::WaitedTooLong);
            }
            self.enter(Phase::Starting, |_| {});
        }
    }

    /// One run on new hosts, whose time is taken from what is left of the longest run.
    async fn attempt(&self, left: &mut Duration, deadline: Option<Instant>) -> Result<Attempt, String> {
        let hosts = Hosts::new(self.world, self.training).map_err(|error| format!("InternalServerError: {error}"))?;
        let hosts = Arc::new(hosts);
        if let Some(early) = self.wait(self.pace).await {
            return Ok(Attempt::Ended(early));
        }
        self.encrypt_volumes()?;
        let now = self.world.now();
        self.enter(Phase::Downloading, |job| {
            job.started.get_or_insert(now);
        });
        let downloading = tokio::join!(self.download(&hosts), self.wait(self.pace));
        if let Some(early) = downloading.1 {
            return Ok(Attempt::Ended(early));
        }
        let checkpoints = downloading.0?;
        self.enter(Phase::Training, |_| {});
        let began = Instant::now();
        let limits = Limits {
            stop: &self.stop,
            longest: *left,
            deadline,
        };
        let end = self.train(&hosts, checkpoints, &limits).await?;
        *left = left.saturating_sub(began.elapsed());
        let outcome = match end {
            End::Completed => Outcome::Completed,
            End::Stopped => Outcome::Stopped,
            End::Overran => Outcome::Overran,
            End::WaitedTooLong => Outcome::WaitedTooLong,
            End::Interrupted => return Ok(Attempt::Interrupted),
            End::Abandoned => return Ok(Attempt::Ended(Outcome::Abandoned)),
            End::Failed(host, status) => {
                let failed = hosts.iter().nth(host).map(|host| failure(&host.folder.root, status));
                return Err(failed.unwrap_or_default());
            }
        };
        self.enter(Phase::Uploading, |_| {});
        self.upload(&hosts, matches!(outcome, Outcome::Completed)).await?;
        Ok(Attempt::Ended(match outcome {
            // Asked to stop while it was uploading: it is done all the same, and says so.
            Outcome::Completed if self.stop.is_cancelled() => Outcome::Stopped,
            outcome => outcome,
        }))
    }

    /// Asks for the grant that the volumes' encryption rests on, in the role's name, as SageMaker does: without it no volume is
    /// attached.
    fn encrypt_volumes(&self) -> Result<(), String> {
        let Some(key) = &self.training.volume_key else {
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

    /// Runs the hosts, while their checkpoints are kept.
    async fn train(&self, hosts: &Hosts, checkpoints: Vec<Checkpoints>, limits: &Limits<'_>) -> Result<End, String> {
        let (ended, metrics) = (CancellationToken::new(), Arc::new(Metrics::default()));
        let training = async {
            let _ended = ended.clone().drop_guard();
            let cluster = Cluster {
                world: self.world,
                role: &self.role,
                training: self.training,
                session: &self.session,
                hosts,
                metrics: &metrics,
            };
            cluster.run(limits).await
        };
        let copying = join_all(checkpoints.into_iter().map(|host| host.keep(ended.cancelled())));
        let (ran, copied) = tokio::join!(training, copying);
        let end = ran.map_err(|error| format!("ClientError: the job's command could not be started: {error}"))?;
        self.sagemaker()
            .update(&self.training.name, |job| job.metrics = metrics.last());
        // Why a host failed is told before what could not be kept of it.
        if !matches!(end, End::Failed(..) | End::Abandoned) {
            copied.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(end)
    }

    /// Enters a phase, unless the job is being stopped: Stopping stays until the end.
    fn enter(&self, phase: Phase, change: impl FnOnce(&mut Job)) {
        let now = self.world.now();
        self.sagemaker().update(&self.training.name, |job| {
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

    /// Prepares every host; their checkpoints, if the job keeps such.
    async fn download(&self, hosts: &Arc<Hosts>) -> Result<Vec<Checkpoints>, String> {
        let (world, training) = (Arc::clone(self.world), Arc::clone(self.training));
        let (role, hosts) = (self.role.clone(), Arc::clone(hosts));
        blocking(move || {
            let mut kept = Vec::new();
            for host in hosts.iter() {
                let root = host.folder.root.as_path();
                let prepared = hosts.prepare(host, &training);
                prepared.map_err(|error| format!("InternalServerError: {error}"))?;
                for channel in &training.channels {
                    if let Some(share) = hosts.share(host, channel) {
                        let folder = root.join("input/data").join(&channel.name);
                        channel::download(&world, &role, channel, share, &folder)?;
                    }
                }
                kept.extend(Checkpoints::fetch(&world, &role, &training, root)?);
            }
            Ok(kept)
        })
        .await
    }

    /// A job that did not end by itself leaves a model only if there is something of it.
    async fn upload(&self, hosts: &Arc<Hosts>, whole: bool) -> Result<(), String> {
        let (world, training) = (Arc::clone(self.world), Arc::clone(self.training));
        let (role, hosts) = (self.role.clone(), Arc::clone(hosts));
        let uploaded = blocking(move || {
            let roots: Vec<&Path> = hosts.iter().map(|host| host.folder.root.as_path()).collect();
            let has_model = artifact::files(&roots, "model").is_ok_and(|model| !model.is_empty());
            if !whole && !has_model {
                return Ok(None);
            }
            artifact::upload(&world, &role, &training, &roots).map(Some)
        })
        .await?;
        if let Some(uri) = uploaded {
            self.sagemaker()
                .update(&self.training.name, |job| job.artifacts = Some(uri));
        }
        Ok(())
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(act)
        .await
        .unwrap_or_else(|error| Err(format!("InternalServerError: {error}")))
}

/// The FailureReason of a command that failed: the head of what it left in `output/failure`, and its status.
fn failure(root: &Path, status: i32) -> String {
    let mut head = Vec::new();
    let output = Below::open(root, "output").ok().flatten();
    if let Some((file, _)) = output.and_then(|output| output.file(Path::new("failure")).ok()) {
        let _ = file.take(4 * LONGEST_REASON as u64).read_to_end(&mut head);
    }
    let text = String::from_utf8_lossy(&head);
    let end = format!(", exit code: {status}");
    let head = format!("AlgorithmError: {}", text.trim());
    shortened(head, LONGEST_REASON - end.len()) + &end
}

/// At most `most` characters.
fn shortened(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => text[..at].to_owned(),
        None => text,
    }
}
