//! COMMAND's life hangs on ours: the kernel ends it when we end, however that comes.
//!
//! What asks the kernel for that must run in the child, between `fork` and COMMAND: a hidden command of this program,
//! which becomes COMMAND then. The kernel's promise is tied to the *thread* that spawned, so that is one of its own which
//! stays for as long as COMMAND may run. COMMAND's own children are not tethered: the end of a container takes them.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::mpsc;

use rustix::process::getppid;
use tokio::process::Child;
use tokio::sync::oneshot;

use super::job::invalid;
use crate::domain::Fault;

/// The hidden command; the process that it must be a child of, and COMMAND, follow.
const COMMAND: &str = "tethered";

/// What becomes COMMAND: this program.
pub(super) fn command(command_line: &[OsString]) -> io::Result<Command> {
    let mut command = Command::new(ourselves()?);
    command
        .arg0("strongroom")
        .args([COMMAND, &std::process::id().to_string(), "--"])
        .args(command_line);
    Ok(command)
}

/// What is under that name by now may be another release; the process itself knows what it runs.
#[cfg(target_os = "linux")]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere the name may not be known")]
pub(super) fn ourselves() -> io::Result<std::path::PathBuf> {
    Ok("/proc/self/exe".into())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn ourselves() -> io::Result<std::path::PathBuf> {
    std::env::current_exe()
}

/// The thread that spawned; it ends when this is dropped.
pub(super) struct Leash(#[expect(dead_code, reason = "held, and let go of")] mpsc::Sender<()>);

/// Spawns from a thread of its own.
pub(super) async fn spawn(mut command: tokio::process::Command) -> io::Result<(Child, Leash)> {
    let runtime = tokio::runtime::Handle::current();
    let (spawned, child) = oneshot::channel();
    let (leash, slipped) = mpsc::channel();
    std::thread::Builder::new().name("tether".to_owned()).spawn(move || {
        let _runtime = runtime.enter();
        if spawned.send(command.spawn()).is_ok() {
            let _ = slipped.recv();
        }
    })?;
    let child = child.await.map_err(io::Error::other)??;
    Ok((child, Leash(leash)))
}

/// The hidden command's own life: becomes COMMAND, tethered to `parent`. Comes back only if that is not to be.
///
/// # Errors
/// When the parent is gone, or COMMAND cannot be started.
pub fn become_command(parent: i32, command: &[OsString]) -> Result<(), Fault> {
    let Some((program, arguments)) = command.split_first() else {
        return Ok(());
    };
    let refused = |cause: String| {
        let remedy = "check the image and the command after train";
        invalid("run", &program.to_string_lossy(), cause, remedy)
    };
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|error| refused(error.to_string()))?;
    // Who ended before the line above will not be told of again.
    if getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(parent) {
        return Err(refused("what started it has ended".to_owned()));
    }
    Err(refused(Command::new(program).args(arguments).exec().to_string()))
}
