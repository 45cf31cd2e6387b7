//! Work of many objects, over all threads of the runtime: what is done to one object is cheap, but there are many.

use tokio::task::JoinHandle;

use crate::actions::blocking::joined;
use crate::domain::Fault;

/// A task that ends with whoever waits for it.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Does it on whichever thread has time.
pub(super) async fn spread<T: Send + 'static>(
    work: impl Future<Output = Result<T, Fault>> + Send + 'static,
) -> Result<T, Fault> {
    let mut task = Task(tokio::spawn(work));
    joined((&mut task.0).await)
}
