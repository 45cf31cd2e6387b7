//! A host's command as a child process: its environment, its end.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::super::guardian::{Charge, Guardian, Held};
use super::cluster::Cluster;
use super::confine::{self, Confinement, Isolation};
use super::container::Container;
use super::folder::Folder;
use super::host::Host;
use super::kind::Kind;
use super::lines::{self, Log};
use super::network::Network;
use super::request::Containers;
use crate::prelude::*;

/// How long what a command has started may take to end after it.
const LATE: Duration = Duration::from_secs(1);

/// How a host's command ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// By itself, with this status.
    Status(i32),
    /// Because it was told to.
    Halted,
    /// Because its machine died under it.
    Died,
    /// Because the world ends.
    Abandoned,
}

/// Runs a host's command to its end. However that comes, nothing of its process group is left.
pub(super) async fn run(
    cluster: &Cluster<'_>,
    host: &Host,
    network: Option<&Network>,
    log: Arc<Log>,
    (halt, death): (&CancellationToken, &CancellationToken),
) -> io::Result<Exit> {
    let (world, containers, folder) = (cluster.world, cluster.containers, &host.folder);
    let root = folder.root.as_path();
    let stand_in = world
        .options
        .images
        .iter()
        .find(|(image, _)| *image == containers.image);
    let stand_in = stand_in.map(|(_, command)| command.as_str());
    let container = match stand_in {
        Some(command) => Container::of(command, &containers.name, folder, &world.guardian)?,
        None => None,
    };
    let confinement = confine::found(world).await;
    let mut command = match &container {
        Some(container) => container.command(containers, host, cluster.hosts)?,
        None => {
            let isolation = Isolation::of(containers, network);
            let confined = confine::words(world, folder, confinement, &isolation, &cluster.hosts.names());
            command(world, containers, stand_in, confined)?
        }
    };
    environment(&mut command, cluster, folder);
    let wanted = asked_for(&command, containers);
    // What the job's data holds must not be found by name before the job is confined.
    let mut start = Path::new("/");
    match &container {
        Some(container) => container.finish(&mut command, containers, &wanted)?,
        None if confinement == Confinement::Whole => {
            confine::set_aside(&mut command, &wanted);
            confine::begin(folder)?;
        }
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
    let (mut readers, over) = (tokio::task::JoinSet::new(), CancellationToken::new());
    if let Some(out) = child.stdout.take() {
        readers.spawn(lines::read(out, Arc::clone(&log), over.clone()));
    }
    if let Some(err) = child.stderr.take() {
        readers.spawn(lines::read(err, log, over.clone()));
    }
    let exit = tokio::select! {
        biased;
        () = world.shutdown.cancelled() => Exit::Abandoned,
        status = child.wait() => Exit::Status(code(status?)),
        () = death.cancelled() => Exit::Died,
        () = halt.cancelled() => Exit::Halted,
    };
    if exit == Exit::Halted {
        let tell = async {
            confine::heeds_signals(folder).await;
            if let Some(group) = &group {
                group.send(Signal::TERM);
            }
            tokio::time::sleep(world.options.stop_grace).await;
        };
        tokio::select! {
            () = world.shutdown.cancelled() => {}
            _ = child.wait() => {}
            () = tell => {}
        }
    }
    drop(group);
    let _ = child.wait().await;
    if let Some(container) = container {
        container.remove().await;
    }
    // A descendant that left the group may hold the pipes open: what it says late is lost.
    let read = async { while readers.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LATE, read).await;
    over.cancel();
    while readers.join_next().await.is_some() {}
    Ok(exit)
}

/// The request's entry point, or the command that stands for the job's image, or the default container: the reference
/// trainer, enveloped.
fn command(
    world: &World,
    containers: &Containers,
    stand_in: Option<&str>,
    mut words: Vec<OsString>,
) -> io::Result<Command> {
    match stand_in {
        _ if !containers.entrypoint.is_empty() => {
            words.extend(
                containers
                    .entrypoint
                    .iter()
                    .chain(&containers.arguments)
                    .map(Into::into),
            );
        }
        Some(command) => {
            words.extend(["sh", "-c", command, "sh"].map(Into::into));
            words.extend(arguments(containers));
        }
        None if containers.kind == Kind::Processing => {
            let image = &containers.image;
            return Err(io::Error::other(format!(
                "no command stands for the image {image}, and the request has no ContainerEntrypoint; the sandbox's options \
                 name commands"
            )));
        }
        None if !containers.arguments.is_empty() => {
            return Err(io::Error::other(
                "the sandbox's default image takes no ContainerArguments",
            ));
        }
        None => {
            let program = world.options.program.as_ref().ok_or_else(|| {
                let image = &containers.image;
                let told = format!("no command stands for the image {image}; the sandbox's options name such");
                io::Error::other(told)
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
pub(super) fn arguments(containers: &Containers) -> Vec<OsString> {
    match containers.arguments.as_slice() {
        [] if containers.kind == Kind::Training => vec!["train".into()],
        arguments => arguments.iter().map(Into::into).collect(),
    }
}

fn environment(command: &mut Command, cluster: &Cluster<'_>, folder: &Folder) {
    let (world, containers, session) = (cluster.world, cluster.containers, cluster.session);
    let place = &cluster.role.place;
    let path = path(world);
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", &folder.root)
        .env("LANG", "C.UTF-8")
        .env("STRONGROOM_ML_ROOT", &folder.root)
        .envs(folder.memory.iter().map(|memory| ("STRONGROOM_MEMORY_ROOT", memory)))
        .env("AWS_REGION", &place.region)
        .env("AWS_DEFAULT_REGION", &place.region);
    let arn = containers.kind.arn(place, &containers.name);
    match containers.kind {
        Kind::Training => command
            .env("TRAINING_JOB_NAME", &containers.name)
            .env("TRAINING_JOB_ARN", arn),
        Kind::Processing => command.env("PROCESSING_JOB_ARN", arn),
    };
    if !containers.is_isolated {
        command
            .env("AWS_ENDPOINT_URL", &world.url)
            .env("AWS_ACCESS_KEY_ID", &session.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &session.secret_access_key)
            .env("AWS_SESSION_TOKEN", &session.session_token);
    }
}

/// Where commands are found: the world's program too, as in an image that has it.
fn path(world: &World) -> OsString {
    let machines = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let folder = world.options.program.as_deref().and_then(Path::parent);
    let all = folder
        .map(Path::to_path_buf)
        .into_iter()
        .chain(std::env::split_paths(&machines));
    std::env::join_paths(all).unwrap_or(machines)
}

/// What the request wants in the environment, without what is set already.
fn asked_for<'a>(command: &Command, containers: &'a Containers) -> Vec<(&'a str, &'a str)> {
    let is_set = |wanted: &str| command.as_std().get_envs().any(|(name, _)| name == wanted);
    let wanted = containers
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
