//! Ctrl-C and SIGTERM at the command line: whatever a command waits for, it ends within two seconds of the first one.
//!
//! It is told, and may clean up: abort an upload, remove a key object. If that is not answered either it is dropped where
//! it stands. That is as if it had been killed, which everything here is made for: the journal of an upload stays, and the
//! same command goes on with it; files without a name go with the process. A second signal ends it at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::console;
use crate::domain::{Fault, FaultKind};

/// For cleaning up.
const TO_CLEAN_UP: Duration = Duration::from_millis(1200);
/// By then the process has ended, whatever holds it up.
const TO_END: Duration = Duration::from_millis(1800);
const STATUS: i32 = 130;
/// What makes a grant and takes it back.
pub const STORY: &str = "prove --story";

/// Whether it was said why the program ends: by the command, or for it when that took too long.
static TOLD: AtomicBool = AtomicBool::new(false);

/// Whether nobody has said yet why the program ends; then it is the caller's to say.
pub fn is_first_to_tell() -> bool {
    !TOLD.swap(true, Ordering::Relaxed)
}

/// The first signal, for a command of this name.
#[derive(Debug, Clone)]
pub struct Interrupt {
    command: &'static str,
    told: CancellationToken,
}

impl Interrupt {
    /// Listens from now on.
    pub fn listen(command: &'static str) -> Self {
        let told = CancellationToken::new();
        let this = Self { command, told };
        let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        if let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) {
            let heard = this.clone();
            tokio::spawn(async move {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
                heard.told.cancel();
                // A thread of its own: a write that nobody reads may hold up every other one.
                std::thread::spawn(move || heard.end());
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
                std::process::exit(STATUS);
            });
        }
        this
    }

    /// What tells the command.
    pub fn token(&self) -> CancellationToken {
        self.told.clone()
    }

    /// What comes of the command, or of its being interrupted.
    ///
    /// # Errors
    /// As the command, or when it did not end in time.
    pub async fn over<T>(&self, command: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let result = tokio::select! {
            biased;
            result = command => result,
            () = self.after(TO_CLEAN_UP) => Err(self.fault()),
        };
        // Whatever it failed with then, it was interrupted.
        result.map_err(|fault| {
            let kind = if self.told.is_cancelled() {
                FaultKind::Cancelled
            } else {
                fault.kind
            };
            Fault { kind, ..fault }
        })
    }

    /// Ends what only tidies up, once there is no time left for it.
    pub async fn hurry(&self, tidying: impl Future<Output = ()>) {
        tokio::select! {
            biased;
            () = tidying => {}
            () = self.after(TO_END.saturating_sub(TO_CLEAN_UP)) => {}
        }
    }

    async fn after(&self, time: Duration) {
        self.told.cancelled().await;
        tokio::time::sleep(time).await;
    }

    fn fault(&self) -> Fault {
        let cause = "it was interrupted, and what it waited for was not answered";
        let remedy = match self.command {
            "rewrap" => "every object opens; the same command goes on with what is left",
            "encrypt" => "the same command goes on with an upload that had begun",
            "rotate" => "what is rotated by now stays; the same command goes on with the others",
            "start" => "the job may have been started: the dashboard has it, and `aws sagemaker list-training-jobs`",
            STORY => "a grant of this proof may stand: revoke what `aws kms list-grants` names strongroom-proof-…",
            _ => "",
        };
        Fault::cancelled(self.command, "", cause, remedy)
    }

    /// Ends the process when everything else had its time.
    fn end(&self) {
        std::thread::sleep(TO_END);
        let line = self.fault().to_string();
        if is_first_to_tell() {
            std::thread::spawn(move || console::complain(&line));
            std::thread::sleep(Duration::from_millis(50));
        }
        std::process::exit(STATUS);
    }
}
