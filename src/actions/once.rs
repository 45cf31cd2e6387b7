//! What many ask for and is asked for once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use crate::domain::Fault;

type Cell<V> = Arc<OnceCell<Result<V, Fault>>>;

/// Answers by what was asked. Whoever asks while another does waits for that answer; a failure that may pass is asked again by
/// whoever comes later.
pub(super) struct Once<K, V>(Mutex<BTreeMap<K, Cell<V>>>);

impl<K, V> Default for Once<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord + Clone, V: Clone> Once<K, V> {
    /// The answer, by `ask` if nobody has it yet.
    pub(super) async fn of<F>(&self, key: &K, ask: impl FnOnce() -> F) -> Result<V, Fault>
    where
        F: Future<Output = Result<V, Fault>>,
    {
        let cell = Arc::clone(self.cells().entry(key.clone()).or_default());
        let answer = cell.get_or_init(ask).await.clone();
        if answer.as_ref().is_err_and(Fault::may_go_on) {
            let mut cells = self.cells();
            if cells.get(key).is_some_and(|known| Arc::ptr_eq(known, &cell)) {
                cells.remove(key);
            }
        }
        answer
    }

    fn cells(&self) -> MutexGuard<'_, BTreeMap<K, Cell<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell as Count;

    use super::*;
    use crate::domain::FaultKind;

    #[tokio::test]
    async fn many_ask_and_one_is_answered_for_all_of_them() {
        let (once, asked) = (Once::default(), Count::new(0));
        let ask = |answer: Result<u32, FaultKind>| {
            let asked = &asked;
            move || async move {
                asked.set(asked.get() + 1);
                tokio::task::yield_now().await;
                answer.map_err(|kind| Fault::new(kind, "ask", "AWS", "it failed", ""))
            }
        };
        let answers = futures::join!(once.of(&1, ask(Ok(7))), once.of(&1, ask(Ok(8))));
        assert_eq!((answers, asked.get()), ((Ok(7), Ok(7)), 1));
        assert!(once.of(&2, ask(Err(FaultKind::Denied))).await.is_err());
        assert!(once.of(&2, ask(Ok(7))).await.is_err());
        assert_eq!(asked.get(), 2, "a refusal is one for all");
        assert!(once.of(&3, ask(Err(FaultKind::Timeout))).await.is_err());
        assert_eq!(once.of(&3, ask(Ok(7))).await, Ok(7), "what passes is asked again");
    }
}
