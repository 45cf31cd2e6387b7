//! Images as they are, run by the machine's docker or podman: what `--image URI=docker` asks for.
//!
//! The job's folder is the container's `/opt/ml`, and the host's network is its network, so that it reaches the sandbox
//! on loopback and its hosts reach each other by their names; an isolated job has none. A container outlives the process that started it: it is removed by name.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::Stdio;
use std::sync::Arc;

use tempfile::NamedTempFile;
use tokio::process::Command;

use super::folder::Folder;
use super::host::{Host, Hosts};
use super::process;
use super::request::Containers;
use crate::guardian::{Charge, Guardian, Held};
use crate::world::random_hex;

/// What is the process's own business, and not the container's.
const OURS: [&str; 5] = ["HOME", "LANG", "PATH", "STRONGROOM_ML_ROOT", "STRONGROOM_MEMORY_ROOT"];
/// How docker and podman find their daemon.
const DAEMON: [&str; 4] = ["DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", "XDG_RUNTIME_DIR"];

/// A container that is to run a job.
#[derive(Debug)]
pub(super) struct Container {
    engine: &'static str,
    name: String,
    /// What the request wants in its environment.
    variables: NamedTempFile,
    _held: Held,
}

impl Container {
    /// The engine, if the words that stand for an image name one.
    pub(super) fn of(command: &str, job: &str, folder: &Folder, guardian: &Arc<Guardian>) -> io::Result<Option<Self>> {
        let engine = match command {
            "docker" => "docker",
            "podman" => "podman",
            _ => return Ok(None),
        };
        let name = format!("strongroom-{job}-{}", random_hex::<4>());
        Ok(Some(Self {
            engine,
            variables: NamedTempFile::new_in(folder.root.parent().unwrap_or(&folder.root))?,
            _held: guardian.hold(Charge::Container(engine.to_owned(), name.clone())),
            name,
        }))
    }

    /// `docker run` without the image; [`finish`](Self::finish) adds what follows the environment.
    pub(super) fn command(&self, containers: &Containers, host: &Host, hosts: &Hosts) -> io::Result<Command> {
        if containers.is_isolated && hosts.len() > 1 {
            return Err(io::Error::other(format!(
                "{} gives several hosts no network that is only theirs; leave EnableNetworkIsolation out, or let a command \
                 stand for the image",
                self.engine
            )));
        }
        let mut mount = OsString::from("type=bind,target=/opt/ml,source=");
        mount.push(&host.folder.root);
        let network = if containers.is_isolated { "none" } else { "host" };
        let mut command = Command::new(self.engine);
        command
            .args(["run", "--rm", "--name", &self.name, "--network", network, "--mount"])
            .arg(mount);
        if !containers.is_isolated {
            for (name, address) in hosts.addresses() {
                command.arg("--add-host").arg(format!("{name}:{address}"));
            }
        }
        let user = rustix::process::getuid();
        if !user.is_root() {
            // What the container leaves must be ours to pack and to sweep.
            let group = rustix::process::getgid();
            command
                .arg("--user")
                .arg(format!("{}:{}", user.as_raw(), group.as_raw()));
        }
        Ok(command)
    }

    /// Hands the environment on, so that no secret stands in a command line, and names image and command. What the
    /// request wants in it is for the container alone: the engine itself would obey it.
    pub(super) fn finish(
        &self,
        command: &mut Command,
        containers: &Containers,
        wanted: &[(&str, &str)],
    ) -> io::Result<()> {
        let names: Vec<OsString> = command
            .as_std()
            .get_envs()
            .filter(|(name, value)| value.is_some() && !OURS.iter().any(|own| name == own))
            .map(|(name, _)| name.to_owned())
            .collect();
        for name in names {
            command.arg("--env").arg(name);
        }
        for (name, value) in wanted {
            if value.contains(['\n', '\r']) {
                let told = format!("{name} has a line break, which {} takes none of", self.engine);
                return Err(io::Error::other(told));
            }
            writeln!(&self.variables, "{name}={value}")?;
        }
        command.arg("--env-file").arg(self.variables.path());
        for name in DAEMON {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        match containers.entrypoint.split_first() {
            Some((program, words)) => {
                command.arg("--entrypoint").arg(program).arg(&containers.image);
                command.args(words).args(&containers.arguments);
            }
            None => {
                command.arg(&containers.image).args(process::arguments(containers));
            }
        }
        Ok(())
    }

    /// Ends the container if it still runs.
    pub(super) async fn remove(&self) {
        let _ = Command::new(self.engine)
            .args(["rm", "--force", &self.name])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
    }
}
