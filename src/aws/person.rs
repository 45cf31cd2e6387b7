//! Whoever can be asked what no file knows: in the dashboard, or at the terminal of a command.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::domain::{Answer, Question, Wanted};

/// Who is asked, and what is still to be answered. Cheap to clone; all clones are one person.
#[derive(Clone)]
pub struct Person(Arc<Inner>);

struct Inner {
    reach: Box<Reach>,
    open: Mutex<BTreeMap<u64, oneshot::Sender<Answer>>>,
    /// Rises whenever the person wants to be asked once more.
    turn: AtomicU64,
}

/// Puts a question; `false` where there is nobody.
type Reach = dyn Fn(&Person, Question) -> bool + Send + Sync;

impl Person {
    /// Nobody is there.
    pub fn nobody() -> Self {
        Self::reached_by(|_, _| false)
    }

    /// Whoever `reach` puts a question to, and says whether there is anybody. It must not block; the answer comes by
    /// [`Person::answer`].
    pub fn reached_by(reach: impl Fn(&Self, Question) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            reach: Box::new(reach),
            open: Mutex::default(),
            turn: AtomicU64::default(),
        }))
    }

    /// Answers a question; one that is open no longer, or is another person's, is passed over.
    pub fn answer(&self, id: u64, answer: Answer) {
        if let Some(asker) = self.open().remove(&id) {
            // Who asked may have left.
            let _ = asker.send(answer);
        }
    }

    /// Whether this question is open.
    pub fn is_asked_for(&self, id: u64) -> bool {
        self.open().contains_key(&id)
    }

    /// What was not answered before may be asked again.
    pub fn is_willing(&self) {
        self.0.turn.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn turn(&self) -> u64 {
        self.0.turn.load(Ordering::Relaxed)
    }

    /// Whether somebody waits for this person.
    pub(super) fn is_asked(&self) -> bool {
        !self.open().is_empty()
    }

    /// Asks, for as long as it takes; `None` where there is nobody.
    pub(super) async fn ask(&self, wanted: Wanted) -> Option<Answer> {
        static MINTED: AtomicU64 = AtomicU64::new(0);
        let id = MINTED.fetch_add(1, Ordering::Relaxed) + 1;
        let (asker, answer) = oneshot::channel();
        self.open().insert(id, asker);
        // Also if whoever waits is dropped.
        let asked = Asked { person: self, id };
        if !(self.0.reach)(self, Question { id, wanted }) {
            return None;
        }
        let answer = answer.await.unwrap_or(Answer::No);
        drop(asked);
        Some(answer)
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, oneshot::Sender<Answer>>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person")
    }
}

/// A question that is open as long as this is.
struct Asked<'a> {
    person: &'a Person,
    id: u64,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.person.open().remove(&self.id);
    }
}
