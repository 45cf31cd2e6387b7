//! Asking again for what failed for a reason that passes by itself, after the SDK's own attempts.

use std::time::Duration;

use tokio::time::Instant;

use super::patience::ASKING;
use crate::domain::Fault;

/// How often a call is made, each time with the SDK's own attempts.
pub(super) const ROUNDS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Calls until it is done, fails for good, or was tried often enough.
pub(crate) async fn again<T, F: Future<Output = Result<T, Fault>>>(call: impl FnMut() -> F) -> Result<T, Fault> {
    again_for(ROUNDS, call).await
}

/// Makes a call of the SDK like this until it is done, fails for good, or was tried often enough.
macro_rules! insist {
    ($call:ident, $act:expr, $object:expr) => {
        $crate::aws::again::again(|| async { $call.clone().send().await.heard($act, $object) })
    };
}

pub(in crate::aws) use insist;

pub(super) async fn again_for<T, F: Future<Output = Result<T, Fault>>>(
    rounds: u32,
    mut call: impl FnMut() -> F,
) -> Result<T, Fault> {
    let mut pause = Pause::new(rounds);
    loop {
        match call().await {
            Err(fault) if fault.is_transient() => {
                if !pause.wait().await {
                    return Err(fault);
                }
            }
            settled => return settled,
        }
    }
}

/// Longer after every failure, never twice the same; and none any more once it was tried for so long.
pub(crate) struct Pause {
    left: u32,
    length: Duration,
    until: Instant,
}

impl Default for Pause {
    fn default() -> Self {
        Self::new(ROUNDS)
    }
}

impl Pause {
    /// Between `rounds` tries.
    fn new(rounds: u32) -> Self {
        Self {
            left: rounds,
            length: FIRST_PAUSE,
            until: Instant::now() + ASKING,
        }
    }

    /// Waits for the next try; `false` if there is none.
    pub(crate) async fn wait(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || Instant::now() >= self.until {
            return false;
        }
        let mut random = [0; 4];
        let _ = getrandom::fill(&mut random);
        let share = f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX);
        tokio::time::sleep(self.length.mul_f64(0.5 + share)).await;
        self.length *= 2;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FaultKind;

    async fn failing(kind: FaultKind, times: u32) -> (Result<u32, Fault>, u32) {
        let mut calls = 0;
        let call = || {
            calls += 1;
            let call = calls;
            async move {
                let fault = Fault::new(kind, "ask", "AWS", "it failed", "");
                if call > times { Ok(call) } else { Err(fault) }
            }
        };
        let result = again_for(3, call).await;
        (result, calls)
    }

    #[tokio::test]
    async fn what_passes_is_asked_for_again_and_what_does_not_is_not() {
        assert_eq!(failing(FaultKind::Throttled, 1).await.0, Ok(2));
        assert_eq!(failing(FaultKind::Denied, 1).await.1, 1);
        let (result, calls) = failing(FaultKind::Unreachable, u32::MAX).await;
        assert!(result.is_err());
        assert_eq!(calls, 3);
    }
}
