//! COMMAND as a child process: output inherited, signals passed on, its status returned.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal};
use tokio::process::Command;
use tokio::signal::unix::{self, SignalKind};

use crate::domain::{Fault, FaultKind};

/// The signals that SageMaker and people stop a job with.
pub(crate) struct Stops {
    terminate: unix::Signal,
    interrupt: unix::Signal,
}

impl Stops {
    /// From now on these signals no longer end this process.
    pub(crate) fn listen() -> Result<Self, Fault> {
        let listen = |kind| {
            unix::signal(kind)
                .map_err(|error| Fault::new(FaultKind::Io, "listen for", "signals", error.to_string(), ""))
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.interrupt.recv() => Signal::INT,
        }
    }
}

/// Runs COMMAND to its end.
pub(crate) async fn run(
    command: &[OsString],
    variables: &BTreeMap<String, OsString>,
    stops: &mut Stops,
) -> Result<ExitStatus, Fault> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Fault::new(
            FaultKind::Usage,
            "run",
            "the training command",
            "there is none",
            "name one after --",
        ));
    };
    let fault = |kind, cause: String| {
        Fault::new(
            kind,
            "run",
            program.to_string_lossy(),
            cause,
            "check the image and the command after train",
        )
    };
    let mut child = Command::new(program)
        .args(arguments)
        .envs(variables)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| fault(FaultKind::Io, error.to_string()))?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    loop {
        tokio::select! {
            status = child.wait() => return status.map_err(|error| fault(FaultKind::Io, error.to_string())),
            signal = stops.next() => {
                // Not yet reaped, so the id is still this child's.
                if let Some(pid) = pid {
                    let _ = rustix::process::kill_process(pid, signal);
                }
            }
        }
    }
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
        .map(|program| program.to_string_lossy().into_owned())
        .unwrap_or_default();
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
    #![allow(clippy::unwrap_used)]

    use super::*;

    async fn shell(script: &str) -> ExitStatus {
        let command: Vec<OsString> = ["sh", "-c", script].map(OsString::from).to_vec();
        let variables = BTreeMap::from([("SM_MODEL_DIR".to_owned(), OsString::from("/nowhere"))]);
        run(&command, &variables, &mut Stops::listen().unwrap()).await.unwrap()
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

    #[tokio::test]
    async fn a_program_that_is_not_there_is_a_fault() {
        let fault = run(
            &["/no/such/program".into()],
            &BTreeMap::new(),
            &mut Stops::listen().unwrap(),
        )
        .await
        .unwrap_err();
        assert_eq!(fault.object, "/no/such/program");
    }
}
