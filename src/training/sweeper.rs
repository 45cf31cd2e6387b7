//! Where `serve` becomes COMMAND nobody is left to remove the plaintext: a second process does, once COMMAND and all that it
//! began have ended, however that comes.
//!
//! COMMAND is not to meet a child that it did not make, so the process is nobody's: it is begun by one that ends. As the
//! container's first process COMMAND would be given it all the same, and the container's end takes the memory along: there
//! is none then.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, getpid, setsid};

use super::job::io;
use super::tether;
use super::workspace::Workspace;
use crate::domain::Fault;

/// The hidden command.
const COMMAND: &str = "swept";

/// Begins the process, which waits for this one, whatever it becomes, and for whoever holds the lock of `folder` then.
pub(super) fn begin(folder: &Path) -> io::Result<()> {
    let own = getpid();
    if own.is_init() {
        return Ok(());
    }
    let status = itself(own, folder)?.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("it ended with {status}")))
    }
}

fn itself(parent: Pid, folder: &Path) -> io::Result<Command> {
    let mut command = Command::new(tether::ourselves()?);
    command
        .arg0("strongroom")
        .args([COMMAND, &parent.as_raw_nonzero().to_string()])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(command)
}

/// The hidden command's own life: its `first` stage begins the second and ends, which waits and removes `folder`.
///
/// # Errors
/// When the plaintext cannot be removed.
pub fn sweep_after(parent: i32, folder: &Path, first: bool) -> Result<(), Fault> {
    let fault = |error: io::Error| io("wait to remove", folder, &error);
    let parent = Pid::from_raw(parent).ok_or_else(|| fault(io::ErrorKind::InvalidInput.into()))?;
    if first {
        let second = itself(parent, folder).and_then(|mut second| second.arg("--second").spawn());
        return second.map(drop).map_err(fault);
    }
    let _ = setsid();
    let _ = std::env::set_current_dir("/");
    wait_for(parent).map_err(fault)?;
    let lock = match File::open(folder) {
        Ok(lock) if Workspace::is_one(folder) => lock,
        Ok(_) => return Err(fault(io::ErrorKind::InvalidInput.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fault(error)),
    };
    while let Err(error) = flock(&lock, FlockOperation::LockExclusive) {
        if error != rustix::io::Errno::INTR {
            return Err(fault(error.into()));
        }
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io("remove the plaintext in", folder, &error)),
        _ => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn wait_for(process: Pid) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::process::{PidfdFlags, pidfd_open};

    let process = match pidfd_open(process, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    loop {
        match poll(&mut [PollFd::new(&process, PollFlags::IN)], None) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Its lock tells.
#[cfg(not(target_os = "linux"))]
fn wait_for(_: Pid) -> io::Result<()> {
    Ok(())
}
