//! A second process that outlives the sandbox: however that ends, no job runs on and no plaintext stays.
//!
//! The sandbox holds the only write end of the guardian's standard input and says there what it has under way, a line
//! each. When the input ends, the guardian ends and removes what was not let go of; after an orderly end that is nothing.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};

/// The hidden command that is the guardian.
const COMMAND: &str = "sandbox-guardian";

/// What must not outlive the sandbox; ended in this order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Charge {
    /// A process group, by its leader.
    Group(i32),
    /// A container: docker or podman, and its name.
    Container(String, String),
    Folder(OsString),
}

/// The guardian, as the sandbox sees it. Where it could not be started, nothing is guarded.
#[derive(Debug)]
pub(crate) struct Guardian(Mutex<Option<Child>>);

impl Guardian {
    /// Starts one, out of reach of the signals that a terminal sends to the sandbox.
    pub(crate) fn start(program: &Path) -> Arc<Self> {
        let started = Command::new(program)
            .arg(COMMAND)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        if let Err(error) = &started {
            tracing::warn!(%error, "no guardian");
        }
        Arc::new(Self(Mutex::new(started.ok())))
    }

    /// Guards something until the answer is let go of.
    pub(crate) fn hold(self: &Arc<Self>, charge: Charge) -> Held {
        self.say(true, &charge);
        Held {
            guardian: Arc::clone(self),
            charge,
        }
    }

    fn say(&self, holds: bool, charge: &Charge) {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(input) = child.as_mut().and_then(|child| child.stdin.as_mut())
            && let Ok(line) = serde_json::to_string(&(holds, charge))
        {
            // One that is gone guards nothing; the sandbox goes on.
            let _ = input.write_all((line + "\n").as_bytes());
        }
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        let child = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut child) = child.take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// Something guarded.
#[derive(Debug)]
pub(crate) struct Held {
    guardian: Arc<Guardian>,
    charge: Charge,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.guardian.say(false, &self.charge);
    }
}

/// The guardian's own life: listens to its end, then ends and removes what is left.
pub fn keep_watch(input: impl BufRead) {
    let mut charges = BTreeSet::new();
    for line in input.lines().map_while(Result::ok) {
        match serde_json::from_str::<(bool, Charge)>(&line) {
            Ok((true, charge)) => {
                charges.insert(charge);
            }
            Ok((false, charge)) => {
                charges.remove(&charge);
            }
            // The last line of a sandbox that was killed while it wrote.
            Err(_) => {}
        }
    }
    for charge in charges {
        end(&charge);
    }
}

/// Removes a folder, if it is there, however deep a job has made it: `rm` holds no file open for each level, as the standard
/// library does.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    let done = Command::new("rm")
        .args(["-rf", "--"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match done {
        Ok(status) if status.success() => Ok(()),
        _ => std::fs::remove_dir_all(folder),
    }
}

fn end(charge: &Charge) {
    match charge {
        Charge::Group(leader) => {
            if let Some(leader) = Pid::from_raw(*leader) {
                let _ = kill_process_group(leader, Signal::KILL);
            }
        }
        Charge::Container(engine, name) => {
            let _ = Command::new(engine)
                .args(["rm", "--force", name])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
        Charge::Folder(folder) => {
            // A process that is still dying may put another file there.
            for _ in 0..100 {
                if remove(Path::new(folder)).is_ok() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_not_let_go_of_is_ended_and_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (left, kept) = (folder.path().join("left"), folder.path().join("kept"));
        std::fs::create_dir(&left).unwrap();
        std::fs::create_dir(&kept).unwrap();
        std::fs::write(left.join("plaintext"), "x").unwrap();
        let mut sleeper = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
        let line = |holds: bool, charge: Charge| serde_json::to_string(&(holds, charge)).unwrap() + "\n";
        let said = [
            line(true, Charge::Folder(kept.clone().into())),
            line(true, Charge::Folder(left.clone().into())),
            line(true, Charge::Group(sleeper.id() as i32)),
            line(false, Charge::Folder(kept.clone().into())),
            "[true,{\"Fold".to_owned(),
        ]
        .concat();
        keep_watch(said.as_bytes());
        assert!(!left.exists() && kept.exists());
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(sleeper.wait().unwrap().signal(), Some(9));
    }
}
