//! The signals that end a process, caught: each is passed on to COMMAND, and no plaintext stays.

use std::future::poll_fn;
use std::task::Poll;

use rustix::process::Signal;
use tokio::signal::unix::{self, SignalKind};

use crate::domain::Fault;

/// All whose default is the end, but those that tell a program of its own mistakes, the real-time ones, and `SIGKILL`, which
/// nobody catches.
const ENDING: &[Signal] = &[
    Signal::TERM,
    Signal::INT,
    Signal::HUP,
    Signal::QUIT,
    Signal::ABORT,
    Signal::USR1,
    Signal::USR2,
    Signal::ALARM,
    Signal::VTALARM,
    Signal::PROF,
    Signal::XCPU,
    Signal::XFSZ,
    Signal::IO,
    #[cfg(target_os = "linux")]
    Signal::POWER,
];

/// Where those signals arrive.
pub(crate) struct Stops(Vec<(Signal, unix::Signal)>);

impl Stops {
    /// From now on these signals no longer end this process. Whoever started it with one ignored, as `nohup` does, wants
    /// it ignored.
    pub(crate) fn listen() -> Result<Self, Fault> {
        let ignored = ignored();
        let heard = ENDING.iter().filter(|signal| ignored & bit(**signal) == 0);
        let listen = |signal: &Signal| Ok((*signal, unix::signal(SignalKind::from_raw(signal.as_raw()))?));
        heard
            .map(listen)
            .collect::<std::io::Result<_>>()
            .map(Self)
            .map_err(|error| Fault::io("listen for", "signals", error.to_string(), ""))
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            let mut each = self.0.iter_mut();
            let arrived = each.find_map(|(signal, stream)| stream.poll_recv(context).is_ready().then_some(*signal));
            arrived.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

fn bit(signal: Signal) -> u64 {
    1 << (signal.as_raw() - 1)
}

/// The signals that this process was started to ignore, a bit each.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}
