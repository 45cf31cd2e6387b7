//! The job's command as a child process: its environment, its output as log events, its end.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::super::guardian::{Charge, Guardian, Held};
use super::super::iam::SessionCredentials;
use super::super::identity::Place;
use super::super::world::World;
use super::confine::{self, Confinement};
use super::container::Container;
use super::request::Training;
use super::run::Folder;
use super::{arn, seconds};

/// A log event's largest message.
const LONGEST_LINE: usize = 256 * 1024;
pub(super) const LOG_GROUP: &str = "/aws/sagemaker/TrainingJobs";

/// A metric's last value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Metric {
    name: String,
    value: f64,
    at: Timestamp,
}

impl Metric {
    pub(super) fn json(&self) -> Value {
        json!({ "MetricName": self.name, "Value": self.value, "Timestamp": seconds(self.at) })
    }
}

/// How the command ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with this status.
    Exited(i32),
    /// Because the job was stopped.
    Stopped,
    /// Because it took longer than it may.
    Overran,
    /// Because the world ends.
    Abandoned,
}

/// Runs the command to its end. However that comes, nothing of its process group is left.
pub(super) async fn run(
    world: &Arc<World>,
    place: &Place,
    training: &Arc<Training>,
    folder: &Folder,
    session: &SessionCredentials,
    stop: &CancellationToken,
    stream: Option<&str>,
) -> io::Result<(End, Vec<Metric>)> {
    let root = folder.root.as_path();
    let stand_in = world.options.images.iter().find(|(image, _)| *image == training.image);
    let stand_in = stand_in.map(|(_, command)| command.as_str());
    let container = match stand_in {
        Some(command) => Container::of(command, &training.name, folder, &world.guardian)?,
        None => None,
    };
    let confinement = confine::found(world).await;
    let mut command = match &container {
        Some(container) => container.command(training, root),
        None => {
            let confined = confine::words(world, folder, confinement, training.is_isolated);
            command(world, training, stand_in, confined)?
        }
    };
    environment(&mut command, world, place, training, folder, session);
    let wanted = asked_for(&command, training);
    // What the job's data holds must not be found by name before the job is confined.
    let mut start = Path::new("/");
    match &container {
        Some(container) => container.finish(&mut command, training, &wanted)?,
        None if confinement == Confinement::Whole => confine::set_aside(&mut command, &wanted),
        None => {
            command.envs(wanted);
            start = root;
        }
    }
    let mut child = command
        .current_dir(start)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let leader = child.id().and_then(|id| Pid::from_raw(id as i32));
    let group = leader.map(|leader| Group::new(leader, &world.guardian));
    let log = Arc::new(Log {
        world: Arc::clone(world),
        place: place.clone(),
        training: Arc::clone(training),
        stream: stream.map(str::to_owned),
        metrics: Mutex::default(),
    });
    let mut readers = tokio::task::JoinSet::new();
    if let Some(out) = child.stdout.take() {
        readers.spawn(read(out, Arc::clone(&log)));
    }
    if let Some(err) = child.stderr.take() {
        readers.spawn(read(err, Arc::clone(&log)));
    }
    let end = tokio::select! {
        biased;
        () = world.shutdown.cancelled() => End::Abandoned,
        status = child.wait() => End::Exited(code(status?)),
        () = stop.cancelled() => End::Stopped,
        () = tokio::time::sleep(training.longest) => End::Overran,
    };
    if matches!(end, End::Stopped | End::Overran) {
        if let Some(group) = &group {
            group.send(Signal::TERM);
        }
        tokio::select! {
            () = world.shutdown.cancelled() => {}
            _ = child.wait() => {}
            () = tokio::time::sleep(world.options.stop_grace) => {}
        }
    }
    drop(group);
    let _ = child.wait().await;
    if let Some(container) = container {
        container.remove().await;
    }
    // A descendant that left the group may hold the pipes open: what it says late is lost.
    let _ = tokio::time::timeout(Duration::from_secs(1), async {
        while readers.join_next().await.is_some() {}
    })
    .await;
    drop(readers);
    let metrics = log.metrics.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok((end, metrics))
}

/// The request's entry point, or the command that stands for the job's image, or the default container: the reference
/// trainer, enveloped.
fn command(
    world: &World,
    training: &Training,
    stand_in: Option<&str>,
    mut words: Vec<OsString>,
) -> io::Result<Command> {
    match stand_in {
        _ if !training.entrypoint.is_empty() => {
            words.extend(training.entrypoint.iter().chain(&training.arguments).map(Into::into));
        }
        Some(command) => {
            words.extend(["sh", "-c", command, "sh"].map(Into::into));
            words.extend(arguments(training));
        }
        None if !training.arguments.is_empty() => {
            return Err(io::Error::other(
                "the sandbox's default image takes no ContainerArguments",
            ));
        }
        None => {
            let program = world.options.program.as_ref().ok_or_else(|| {
                let image = &training.image;
                io::Error::other(format!(
                    "no command stands for the image {image}; the sandbox's options name such"
                ))
            })?;
            let program = program.as_os_str();
            words.extend([
                program.into(),
                "train".into(),
                "--".into(),
                program.into(),
                "reference-trainer".into(),
            ]);
        }
    }
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    Ok(command)
}

/// What an image's own entry point is given.
pub(super) fn arguments(training: &Training) -> Vec<OsString> {
    match training.arguments.as_slice() {
        [] => vec!["train".into()],
        arguments => arguments.iter().map(Into::into).collect(),
    }
}

fn environment(
    command: &mut Command,
    world: &World,
    place: &Place,
    training: &Training,
    folder: &Folder,
    session: &SessionCredentials,
) {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", &folder.root)
        .env("LANG", "C.UTF-8")
        .env("STRONGROOM_ML_ROOT", &folder.root)
        .envs(folder.memory.iter().map(|memory| ("STRONGROOM_MEMORY_ROOT", memory)))
        .env("TRAINING_JOB_NAME", &training.name)
        .env("TRAINING_JOB_ARN", arn(place, &training.name))
        .env("AWS_REGION", &place.region)
        .env("AWS_DEFAULT_REGION", &place.region);
    if !training.is_isolated {
        command
            .env("AWS_ENDPOINT_URL", &world.url)
            .env("AWS_ACCESS_KEY_ID", &session.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &session.secret_access_key)
            .env("AWS_SESSION_TOKEN", &session.session_token);
    }
}

/// What the request wants in the environment, without what is set already.
fn asked_for<'a>(command: &Command, training: &'a Training) -> Vec<(&'a str, &'a str)> {
    let is_set = |wanted: &str| command.as_std().get_envs().any(|(name, _)| name == wanted);
    let wanted = training
        .environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    wanted.filter(|(name, _)| !is_set(name)).collect()
}

/// A process group, killed when let go, or by the guardian.
struct Group {
    leader: Pid,
    _held: Held,
}

impl Group {
    fn new(leader: Pid, guardian: &Arc<Guardian>) -> Self {
        Self {
            leader,
            _held: guardian.hold(Charge::Group(leader.as_raw_nonzero().get())),
        }
    }

    fn send(&self, signal: Signal) {
        // Gone already is what we want.
        let _ = kill_process_group(self.leader, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.send(Signal::KILL);
    }
}

/// As a shell counts it: 128 and the signal's number.
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

struct Log {
    world: Arc<World>,
    place: Place,
    training: Arc<Training>,
    /// None if the role may not write logs.
    stream: Option<String>,
    metrics: Mutex<Vec<Metric>>,
}

impl Log {
    fn line(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end_matches('\r');
        if text.is_empty() {
            return;
        }
        self.measure(text);
        if let Some(stream) = &self.stream {
            self.world
                .at(&self.place)
                .logs
                .append(LOG_GROUP, stream, text.to_owned());
        }
    }

    fn measure(&self, line: &str) {
        for (name, regex) in &self.training.metrics {
            let value = regex
                .captures(line)
                .and_then(|found| found.get(1))
                .and_then(|found| found.as_str().parse::<f64>().ok())
                .filter(|value| value.is_finite());
            let Some(value) = value else { continue };
            let metric = Metric {
                name: name.clone(),
                value,
                at: self.world.now(),
            };
            let mut metrics = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
            match metrics.iter_mut().find(|known| known.name == *name) {
                Some(known) => *known = metric,
                None => metrics.push(metric),
            }
        }
    }
}

/// Lines become events as they come; what is longer than an event may be becomes several.
async fn read(pipe: impl AsyncRead + Unpin, log: Arc<Log>) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(buffer) = pipe.fill_buf().await {
        if buffer.is_empty() {
            break;
        }
        let room = LONGEST_LINE - line.len();
        let end = buffer.iter().take(room).position(|byte| *byte == b'\n');
        let taken = end.unwrap_or_else(|| buffer.len().min(room));
        line.extend_from_slice(&buffer[..taken]);
        let is_over = end.is_some() || line.len() == LONGEST_LINE;
        pipe.consume(taken + usize::from(end.is_some()));
        if is_over {
            log.line(&line);
            line.clear();
        }
    }
    log.line(&line);
}
