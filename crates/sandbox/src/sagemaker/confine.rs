//! What a job sees of the machine: not the world's folder, no other job's folders, no socket of the machine's services, and no
//! process but its own. It sets nothing in `/proc/sys` and `/sys`. The names of its hosts are in its `/etc/hosts`.
//!
//! It is a process of this user, who may read all of that. So it runs in user, mount and process namespaces of its own,
//! where its folders are all that is left of the world ([`SETUP`]). Its end is that of all its processes. Where the
//! system lets us make no namespaces, jobs are not confined, and [`Sandbox::confines_jobs`](crate::Sandbox::confines_jobs)
//! says so.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::folder::Folder;
use super::network::Network;
use super::request::Containers;
use crate::world::World;

const SETUP: &str = include_str!("confine.sh");
/// What the outer namespaces are made with.
const OUTER: &str = "unshare --user --map-current-user --keep-caps --mount --pid --fork --kill-child";

/// How far a machine lets jobs be confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confinement {
    /// As this module says.
    Whole,
    /// A network of its own for a job that asks for isolation, and nothing else.
    Network,
    Nothing,
}

/// What a job has of the machine's network.
#[derive(Debug)]
pub(super) enum Isolation<'a> {
    /// All of it.
    None,
    /// Nothing: a network of its own.
    Alone,
    /// Nothing but what its hosts share.
    Among(&'a Network),
}

impl<'a> Isolation<'a> {
    pub(super) fn of(containers: &Containers, network: Option<&'a Network>) -> Self {
        match network {
            Some(network) => Self::Among(network),
            None if containers.is_isolated => Self::Alone,
            None => Self::None,
        }
    }
}

/// How jobs of this world are confined; tried once.
pub(crate) async fn found(world: &World) -> Confinement {
    *world.confinement.get_or_init(|| attempt(world)).await
}

async fn attempt(world: &World) -> Confinement {
    if let Ok(folder) = Folder::new(world, &[]) {
        // With a signal to the whole group, as a job that is stopped gets it: an old `unshare` ends by that.
        let names = "127.0.0.2 algo-1\n";
        let mut command = words(world, &folder, Confinement::Whole, &Isolation::Alone, names);
        command.extend(["sh", "-c", "trap '' TERM; kill -TERM 0; true"].map(Into::into));
        if succeeds(&command).await {
            return Confinement::Whole;
        }
        let mut command = words(world, &folder, Confinement::Network, &Isolation::Alone, names);
        command.push("true".into());
        if succeeds(&command).await {
            return Confinement::Network;
        }
    }
    Confinement::Nothing
}

async fn succeeds(words: &[OsString]) -> bool {
    Command::new(&words[0])
        .args(&words[1..])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .status()
        .await
        .is_ok_and(|status| status.success())
}

/// What stands before the command of one of a job's hosts; `names` are theirs, as `/etc/hosts` has them.
pub(super) fn words(
    world: &World,
    folder: &Folder,
    confinement: Confinement,
    isolation: &Isolation<'_>,
    names: &str,
) -> Vec<OsString> {
    let is_alone = matches!(isolation, Isolation::Alone);
    let mut words: Vec<OsString> = match isolation {
        Isolation::Among(network) => network.words().into_iter().map(Into::into).collect(),
        Isolation::Alone | Isolation::None => Vec::new(),
    };
    match confinement {
        Confinement::Whole => words.extend(OUTER.split(' ').map(Into::into)),
        Confinement::Network if is_alone => words.extend(["unshare", "--user", "--map-current-user"].map(Into::into)),
        Confinement::Network | Confinement::Nothing => return words,
    }
    if is_alone {
        words.push("--net".into());
    }
    words.push("--".into());
    if confinement == Confinement::Whole {
        words.extend(["sh", "-c", SETUP, "sh"].map(Into::into));
        words.extend([world.root.as_path(), folder.root.as_path()].map(Into::into));
        words.push(folder.memory.as_deref().unwrap_or(Path::new("")).into());
        words.push(if is_alone { "own" } else { "" }.into());
        words.push(names.into());
    }
    words
}

/// What is in a host's folder until its first process heeds signals.
const STARTING: &str = ".starting";

/// Says that a host's first process heeds no signals yet.
pub(super) fn begin(folder: &Folder) -> io::Result<()> {
    std::fs::write(folder.root.join(STARTING), "")
}

/// Comes when it does, so that none is lost.
pub(super) async fn heeds_signals(folder: &Folder) {
    while folder.root.join(STARTING).exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Hands on variables that somebody else chose, under names that mean nothing until the job is confined.
pub(super) fn set_aside(command: &mut Command, variables: &[(&str, &str)]) {
    let names: Vec<&str> = variables.iter().map(|(name, _)| *name).collect();
    command.env("STRONGROOM_JOB_NAMES", names.join(" ")).envs(
        variables
            .iter()
            .map(|(name, value)| (format!("STRONGROOM_JOB_{name}"), value)),
    );
}

#[cfg(test)]
mod tests;
