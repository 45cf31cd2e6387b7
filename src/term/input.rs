//! The stream of what is typed, on a thread of its own.
//!
//! The thread sleeps in `poll(2)`, sees a hang-up there, and reads the terminal itself: crossterm's reader takes late
//! answers of the terminal for key presses, and would spin once the terminal is gone. A pipe in the same `poll` wakes it
//! when the keyboard is lent to another program. Whether bytes belong together is told by `poll` running out, never by a
//! clock: a thread that the machine let wait finds them both there.

mod decode;
mod keys;
mod mouse;

use std::io::{self, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossterm::event::KeyEvent;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::mpsc;

pub use decode::Decoder;
pub use mouse::{Mouse, MouseAct};

/// How long a lender waits for the reading thread to let go.
const PATIENCE: Duration = Duration::from_secs(1);

/// What comes from the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse was used.
    Mouse(Mouse),
    /// A text was pasted.
    Paste(String),
    /// The terminal is gone.
    HungUp,
}

/// The reading thread, seen from outside.
pub struct Keyboard {
    events: mpsc::Receiver<Input>,
    waker: io::PipeWriter,
    lending: Arc<Lending>,
}

#[derive(Default)]
struct Lending {
    reading: Mutex<Reading>,
    changed: Condvar,
}

impl Lending {
    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Reading {
    #[default]
    On,
    /// The thread is to stop reading.
    Asked,
    /// It does not read.
    Off,
}

/// While it lives, nothing is read from the terminal.
pub(super) struct Paused<'a>(&'a Lending);

impl Keyboard {
    /// Starts reading.
    pub fn open() -> io::Result<Self> {
        let (sender, events) = mpsc::channel(256);
        let (woken, waker) = io::pipe()?;
        let lending = Arc::new(Lending::default());
        let reader = Reader {
            sender,
            woken,
            lending: Arc::clone(&lending),
            decoder: Decoder::default(),
        };
        std::thread::spawn(move || reader.run());
        Ok(Self { events, waker, lending })
    }

    /// The next of what was typed; `None` when nothing will come any more.
    pub async fn recv(&mut self) -> Option<Input> {
        self.events.recv().await
    }

    /// What has been typed already.
    pub fn try_recv(&mut self) -> Option<Input> {
        self.events.try_recv().ok()
    }

    /// Stops reading; returns when the thread has let go.
    pub(super) fn pause(&self) -> Paused<'_> {
        let mut reading = self.lending.lock();
        *reading = Reading::Asked;
        // Without a reader the write fails, and there is nothing to wait for.
        if (&self.waker).write_all(&[0]).is_ok() {
            let still_asked = |reading: &mut Reading| *reading == Reading::Asked;
            let waited = self.lending.changed.wait_timeout_while(reading, PATIENCE, still_asked);
            drop(waited);
        }
        Paused(&self.lending)
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        *self.0.lock() = Reading::On;
        self.0.changed.notify_all();
    }
}

struct Reader {
    sender: mpsc::Sender<Input>,
    woken: io::PipeReader,
    lending: Arc<Lending>,
    decoder: Decoder,
}

impl Reader {
    fn run(mut self) {
        while let Some(typed) = self.next() {
            for input in typed {
                if self.sender.blocking_send(input).is_err() {
                    return;
                }
            }
        }
        let _ = self.sender.blocking_send(Input::HungUp);
    }

    /// What was typed next, if anything; `None` after a hang-up.
    fn next(&mut self) -> Option<Vec<Input>> {
        let stdin = io::stdin();
        let mut fds = [
            PollFd::new(&stdin, PollFlags::IN),
            PollFd::new(&self.woken, PollFlags::IN),
        ];
        let patience = self.decoder.patience().and_then(|time| Timespec::try_from(time).ok());
        let mut typed = Vec::new();
        match poll(&mut fds, patience.as_ref()) {
            Ok(0) => {
                self.decoder.silence(&mut typed);
                return Some(typed);
            }
            Ok(_) => {}
            Err(Errno::INTR) => return Some(typed),
            Err(_) => return None,
        }
        let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        let (terminal, woken) = (fds[0].revents(), fds[1].revents());
        if !woken.is_empty() {
            let goes_on = woken.contains(PollFlags::IN) && self.wait_while_lent();
            return goes_on.then_some(typed);
        }
        if terminal.intersects(gone) {
            return None;
        }
        let mut bytes = [0; 4096];
        match rustix::io::read(&stdin, &mut bytes) {
            Ok(count @ 1..) => self.decoder.feed(&bytes[..count], &mut typed),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Ok(0) | Err(_) => return None,
        }
        Some(typed)
    }

    /// False when nobody will give the keyboard back.
    fn wait_while_lent(&mut self) -> bool {
        if self.woken.read(&mut [0; 1]).is_err() {
            return false;
        }
        let mut reading = self.lending.lock();
        if *reading == Reading::Asked {
            *reading = Reading::Off;
            self.lending.changed.notify_all();
        }
        let lent = |reading: &mut Reading| *reading == Reading::Off;
        drop(self.lending.changed.wait_while(reading, lent));
        // What had begun was for somebody else.
        self.decoder = Decoder::default();
        true
    }
}
