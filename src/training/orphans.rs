//! Processes whose parent ended before them. In a container they are process 1's; here they are made ours everywhere, so
//! that they can be found and ended.

#[cfg(target_os = "linux")]
pub(crate) use linux::{adopt, end};

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::time::Duration;

    use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid};

    const LOOKS: u32 = 1000;
    const BETWEEN: Duration = Duration::from_millis(10);

    /// From now on orphans of our descendants become our children.
    pub(crate) fn adopt() {
        let _ = set_child_subreaper(Some(getpid()));
    }

    /// Ends every child of this process that there is; for when none is wanted any more. One that hangs in the kernel is
    /// given up after a while.
    pub(crate) async fn end() {
        // The children of one that is ended come to us in their turn.
        for _ in 0..LOOKS {
            let left = children();
            if left.is_empty() {
                return;
            }
            for pid in left {
                let _ = kill_process(pid, Signal::KILL);
                let _ = waitpid(Some(pid), WaitOptions::NOHANG);
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }

    fn children() -> Vec<Pid> {
        let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
        let pids = lists.flat_map(|list| {
            let pids = list.split_whitespace().filter_map(|pid| pid.parse().ok());
            pids.filter_map(Pid::from_raw).collect::<Vec<_>>()
        });
        pids.collect()
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn adopt() {}

#[cfg(not(target_os = "linux"))]
pub(crate) async fn end() {}
