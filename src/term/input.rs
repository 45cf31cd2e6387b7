//! The stream of what is typed, on a thread of its own.
//!
//! The thread sleeps in `poll(2)` and sees a hang-up there: crossterm's own `poll` would spin once the terminal is gone
//! (its issue 793). A pipe in the same `poll` wakes it when the keyboard is lent to another program.

use std::io::{self, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossterm::event;
use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc;

/// How long a lender waits for the reading thread to let go.
const PATIENCE: Duration = Duration::from_secs(1);

/// What comes from the terminal.
#[derive(Debug)]
pub enum Input {
    /// A key, a paste, a resize.
    Event(event::Event),
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
}

impl Reader {
    fn run(mut self) {
        while let Some(Ok(events)) = self.next() {
            for event in events {
                if self.sender.blocking_send(Input::Event(event)).is_err() {
                    return;
                }
            }
        }
        let _ = self.sender.blocking_send(Input::HungUp);
    }

    /// The events that are ready, waiting for the first; `None` after a hang-up.
    fn next(&mut self) -> Option<io::Result<Vec<event::Event>>> {
        let stdin = io::stdin();
        let mut fds = [
            PollFd::new(&stdin, PollFlags::IN),
            PollFd::new(&self.woken, PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Some(Ok(Vec::new())),
            Err(_) => return None,
        }
        let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        let (terminal, woken) = (fds[0].revents(), fds[1].revents());
        if !woken.is_empty() {
            let goes_on = woken.contains(PollFlags::IN) && self.wait_while_lent();
            return goes_on.then(|| Ok(Vec::new()));
        }
        if terminal.intersects(gone) {
            return None;
        }
        let mut events = Vec::new();
        loop {
            match event::poll(Duration::ZERO) {
                Ok(true) => match event::read() {
                    Ok(event) => events.push(event),
                    Err(error) => return Some(Err(error)),
                },
                Ok(false) => return Some(Ok(events)),
                Err(error) => return Some(Err(error)),
            }
        }
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
        true
    }
}
