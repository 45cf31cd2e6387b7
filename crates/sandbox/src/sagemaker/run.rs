//! A job's way through its statuses.

use std::fs::{DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::super::guardian::{self, Charge, Held};
use super::super::iam::SessionCredentials;
use super::super::identity::{Caller, Place};
use super::super::world::{World, random_hex};
use super::below::Below;
use super::checkpoint::Checkpoints;
use super::job::Job;
use super::phase::{Phase, Status};
use super::process::{self, End, LOG_GROUP};
use super::request::Training;
use super::{SageMaker, artifact, channel, memory};

/// Between two attempts to write a job's end on a disk that fails.
const AGAIN: Duration = Duration::from_millis(500);
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
    /// The world ends, and the job's record with it.
    Abandoned,
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

    async fn through(&self) -> Result<Outcome, String> {
        let folder = Folder::new(self.world).map_err(|error| format!("InternalServerError: {error}"))?;
        if let Some(early) = self.wait().await {
            return Ok(early);
        }
        let now = self.world.now();
        self.enter(Phase::Downloading, |job| job.started = Some(now));
        let downloading = tokio::join!(self.download(&folder.root), self.wait());
        if let Some(early) = downloading.1 {
            return Ok(early);
        }
        let checkpoints = downloading.0?;
        self.enter(Phase::Training, |_| {});
        let stream = self.log_stream();
        let ended = CancellationToken::new();
        let training = async {
            let _ended = ended.clone().drop_guard();
            let (world, training) = (self.world, self.training);
            process::run(
                world,
                &self.role.place,
                training,
                &folder,
                &self.session,
                &self.stop,
                stream.as_deref(),
            )
            .await
        };
        let copying = async {
            match checkpoints {
                Some(checkpoints) => checkpoints.keep(ended.cancelled()).await,
                None => Ok(()),
            }
        };
        let (ran, copied) = tokio::join!(training, copying);
        let (end, metrics) =
            ran.map_err(|error| format!("ClientError: the job's command could not be started: {error}"))?;
        self.sagemaker()
            .update(&self.training.name, |job| job.metrics = metrics);
        let outcome = match end {
            End::Exited(0) => Outcome::Completed,
            End::Exited(status) => return Err(failure(&folder.root, status)),
            End::Stopped => Outcome::Stopped,
            End::Overran => Outcome::Overran,
            End::Abandoned => return Ok(Outcome::Abandoned),
        };
        copied?;
        self.enter(Phase::Uploading, |_| {});
        self.upload(&folder.root, matches!(outcome, Outcome::Completed)).await?;
        Ok(match outcome {
            // Asked to stop while it was uploading: it is done all the same, and says so.
            Outcome::Completed if self.stop.is_cancelled() => Outcome::Stopped,
            outcome => outcome,
        })
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
    async fn wait(&self) -> Option<Outcome> {
        tokio::select! {
            biased;
            () = self.world.shutdown.cancelled() => Some(Outcome::Abandoned),
            () = self.stop.cancelled() => Some(Outcome::Stopped),
            () = tokio::time::sleep(self.pace) => None,
        }
    }

    async fn download(&self, root: &Path) -> Result<Option<Checkpoints>, String> {
        let (world, training) = (Arc::clone(self.world), Arc::clone(self.training));
        let (role, root) = (self.role.clone(), root.to_owned());
        blocking(move || {
            prepare(&training, &root).map_err(|error| format!("InternalServerError: {error}"))?;
            for channel in &training.channels {
                channel::download(&world, &role, channel, &root.join("input/data").join(&channel.name))?;
            }
            Checkpoints::fetch(&world, &role, &training, &root)
        })
        .await
    }

    /// A job that did not end by itself leaves a model only if there is something of it.
    async fn upload(&self, root: &Path, whole: bool) -> Result<(), String> {
        let (world, training) = (Arc::clone(self.world), Arc::clone(self.training));
        let (role, root) = (self.role.clone(), root.to_owned());
        let uploaded = blocking(move || {
            let has_model = artifact::files(&root, "model").is_ok_and(|model| model.is_some());
            if !whole && !has_model {
                return Ok(None);
            }
            artifact::upload(&world, &role, &training, &root).map(Some)
        })
        .await?;
        if let Some(uri) = uploaded {
            self.sagemaker()
                .update(&self.training.name, |job| job.artifacts = Some(uri));
        }
        Ok(())
    }

    /// Where the job's lines go, if its role may write logs.
    fn log_stream(&self) -> Option<String> {
        let stream = format!("{}/algo-1-{}", self.training.name, self.world.now().as_second());
        let rest = format!("log-group:{LOG_GROUP}:log-stream:{stream}");
        let resource = self.role.place.arn("logs", &rest);
        ["logs:CreateLogStream", "logs:PutLogEvents"]
            .iter()
            .all(|action| {
                self.world
                    .authorize(&self.role, action, &resource, &std::collections::BTreeMap::new())
                    .is_ok()
            })
            .then_some(stream)
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(act)
        .await
        .unwrap_or_else(|error| Err(format!("InternalServerError: {error}")))
}

/// A job's folders, private to this user; removed when let go, or by the guardian.
pub(super) struct Folder {
    /// In the shape of `/opt/ml`.
    pub(super) root: PathBuf,
    /// For plaintext in memory, where the system has a file system there.
    pub(super) memory: Option<PathBuf>,
    _locked: Option<File>,
    _held: Vec<Held>,
}

impl Folder {
    pub(super) fn new(world: &World) -> io::Result<Self> {
        let name = random_hex::<8>();
        let root = world.root.join("jobs").join(&name);
        let memory = memory::place(&name);
        let hold = |folder: &PathBuf| world.guardian.hold(Charge::Folder(folder.into()));
        let held = std::iter::once(&root).chain(&memory).map(hold).collect();
        let folder = Self {
            _locked: memory.as_deref().map(memory::hold).transpose()?,
            _held: held,
            root,
            memory,
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        for below in ["input/config", "input/data", "model", "output/data"] {
            builder.create(folder.root.join(below))?;
        }
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for folder in std::iter::once(&self.root).chain(&self.memory) {
            // What cannot be removed now goes with the world's folder.
            let _ = guardian::remove(folder);
        }
    }
}

/// Writes what SageMaker tells a container.
fn prepare(training: &Training, root: &Path) -> io::Result<()> {
    let config = root.join("input/config");
    let write = |name: &str, value: &Value| std::fs::write(config.join(name), value.to_string());
    write("hyperparameters.json", &json!(training.hyperparameters))?;
    let resources = json!({
        "current_host": "algo-1",
        "current_instance_type": training.instance_type,
        "current_group_name": "homogeneousCluster",
        "hosts": ["algo-1"],
        "instance_groups": [{
            "instance_group_name": "homogeneousCluster",
            "instance_type": training.instance_type,
            "hosts": ["algo-1"],
        }],
        "network_interface_name": "eth0",
    });
    // AWS's documentation spells it the one way, its containers the other.
    write("resourceconfig.json", &resources)?;
    write("resourceConfig.json", &resources)?;
    let inputs: Map<String, Value> = training
        .channels
        .iter()
        .map(|channel| (channel.name.clone(), channel.config.clone()))
        .collect();
    write("inputdataconfig.json", &Value::Object(inputs))
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
