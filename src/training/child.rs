//! COMMAND as a child process: output inherited, signals passed on, its status returned.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal};
use tokio::time::Instant;

use super::stops::Stops;
use super::{say, tether};
use crate::domain::Fault;

/// After SIGTERM SageMaker waits two minutes, kills everything and uploads what is there. This much of them is COMMAND's; the
/// rest is for encrypting what it leaves.
pub(crate) const GRACE: Duration = Duration::from_secs(80);

/// Runs COMMAND to its end; `tethered` is what starts it. It is killed if it goes on for longer than `grace` after SIGTERM.
pub(crate) async fn run(
    program: &OsStr,
    tethered: std::process::Command,
    variables: &BTreeMap<String, OsString>,
    stops: &mut Stops,
    grace: Duration,
) -> Result<ExitStatus, Fault> {
    let fault = |error: std::io::Error| broken(program, error.to_string(), "train");
    let mut command = tokio::process::Command::from(tethered);
    command.envs(variables).kill_on_drop(true);
    let (mut child, _leash) = tether::spawn(command).await.map_err(fault)?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    // Not yet reaped, so the id is still this child's.
    let send = |signal| pid.map(|pid| rustix::process::kill_process(pid, signal));
    let mut deadline = None;
    loop {
        let over = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            status = child.wait() => return status.map_err(fault),
            signal = stops.next() => {
                send(signal);
                if signal == Signal::TERM && deadline.is_none() {
                    deadline = Some(Instant::now() + grace);
                }
            }
            () = over => {
                let seconds = grace.as_secs();
                say(&format!("{} goes on {seconds} s after SIGTERM: killed, so that what it left is encrypted in time", program.display()));
                send(Signal::KILL);
                deadline = None;
            }
        }
    }
}

/// Refuses what cannot be started, before there is any plaintext; `after` is the word that it stands behind.
pub(crate) fn check(command: &[OsString], after: &str) -> Result<(), Fault> {
    let Some(program) = command.first() else {
        let (object, remedy) = ("the training command", "name one after --");
        return Err(Fault::usage("run", object, "there is none", remedy));
    };
    let found = if program.as_encoded_bytes().contains(&b'/') {
        runs(Path::new(program))
    } else {
        is_on_path(program)
    };
    let missing = || broken(program, "there is no program of that name".to_owned(), after);
    found.then_some(()).ok_or_else(missing)
}

/// Whether a program of that name is found where programs are.
pub(crate) fn is_on_path(program: &OsStr) -> bool {
    let path = env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    env::split_paths(&path).any(|folder| runs(&folder.join(program)))
}

fn runs(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

fn broken(program: &OsStr, cause: String, after: &str) -> Fault {
    let remedy = format!("check the image and the command after {after}");
    Fault::io("run", program.to_string_lossy(), cause, remedy)
}

/// Whether COMMAND came to its end by itself, and not by a signal: its own, or that of what a shell ran for it.
pub(crate) fn is_own_end(status: ExitStatus) -> bool {
    status.code().is_some_and(|code| code < 128)
}

/// A shell's number for a status: its code, or 128+N for signal N.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(1);
    u8::try_from(code & 0xff).unwrap_or(1)
}

/// The sentence for `/opt/ml/output/failure`; `None` for success.
pub(crate) fn failure(command: &[OsString], status: ExitStatus) -> Option<String> {
    let program = command
        .first()
        .map_or_else(String::new, |program| program.to_string_lossy().into());
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!(
            "{program} exited with status {code}; its output is in the job's log"
        )),
        (None, Some(signal)) => Some(format!("{program} was ended by signal {signal}")),
        (None, None) => Some(format!("{program} ended without a status")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FaultKind;

    /// A signal that one test has sent to this process is passed on to the commands of all.
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

    async fn shell(script: &str) -> ExitStatus {
        let _alone = ALONE.lock().await;
        let variables = BTreeMap::from([("SM_MODEL_DIR".to_owned(), OsString::from("/nowhere"))]);
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script]);
        let grace = Duration::from_millis(200);
        run("sh".as_ref(), command, &variables, &mut Stops::listen().unwrap(), grace)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn whoever_goes_on_after_the_grace_is_killed() {
        // The shell tells this process to end, which it passes on, and ignores it.
        let status = shell("trap '' TERM; kill -TERM $PPID; while :; do sleep 0.05; done").await;
        assert_eq!(status.signal(), Some(9));
    }

    #[tokio::test]
    async fn the_commands_own_status_is_returned() {
        assert_eq!(exit_code(shell("exit 0").await), 0);
        let failed = shell("test $SM_MODEL_DIR = /nowhere && exit 7").await;
        assert_eq!(exit_code(failed), 7);
        assert!(
            failure(&["fit".into()], failed)
                .unwrap()
                .contains("fit exited with status 7")
        );
    }

    #[tokio::test]
    async fn death_by_signal_is_128_plus_its_number() {
        let status = shell("kill -9 $$").await;
        assert_eq!(exit_code(status), 137);
        assert!(failure(&["fit".into()], status).unwrap().contains("signal 9"));
    }

    #[test]
    fn a_program_that_is_not_there_or_does_not_run_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("plain");
        std::fs::write(&plain, "no program").unwrap();
        for program in ["/no/such/program", "no-such-program", plain.to_str().unwrap(), "/"] {
            assert_eq!(check(&[program.into()], "train").unwrap_err().object, program);
        }
        assert!(check(&["sh".into()], "train").is_ok() && check(&["/bin/sh".into(), "-c".into()], "train").is_ok());
        assert_eq!(check(&[], "train").unwrap_err().kind, FaultKind::Usage);
    }
}
