//! Whether plaintext has room where it is to be kept, and what there is too little of if it has none.

use std::fs;
use std::path::Path;

use crate::domain::{Fault, FaultKind};
use crate::training::human;

/// The share that plaintext may take of what there is in memory.
const PART: u64 = 2;
/// The rest of a remedy for what does not fit into memory.
const VOLUME: &str = "or keep it on the volume: `strongroom start --plaintext volume`, `Plaintext` in the job's form, or the \
                      hyperparameter strongroom_plaintext=volume";

/// What there may be too little of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The file system in memory, whatever memory there is.
    FileSystem,
    /// The memory limit of the container.
    Limit,
    /// The memory of the machine.
    Machine,
}

/// Bytes that are free of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Free {
    file_system: u64,
    limit: Option<u64>,
    machine: Option<u64>,
}

impl Free {
    fn of(memory: &Path) -> std::io::Result<Self> {
        Ok(Self {
            file_system: free(memory)?,
            limit: limit(Path::new("/sys/fs/cgroup")),
            machine: machine(),
        })
    }

    /// What there is least of.
    fn least(self) -> (u64, Kind) {
        let others = [(self.limit, Kind::Limit), (self.machine, Kind::Machine)];
        let others = others.into_iter().filter_map(|(free, kind)| Some((free?, kind)));
        others.fold((self.file_system, Kind::FileSystem), |least, other| {
            if other.0 < least.0 { other } else { least }
        })
    }
}

/// Refuses unless `need` bytes leave half of the memory file system and half of the memory free.
pub(super) fn in_memory(memory: &Path, need: u64) -> Result<(), Fault> {
    let free = Free::of(memory).map_err(|error| {
        let remedy = format!("give the container a file system in memory, {VOLUME}");
        refused(memory, error.to_string(), remedy)
    })?;
    fits(memory, need, free)
}

fn fits(memory: &Path, need: u64, free: Free) -> Result<(), Fault> {
    let (least, kind) = free.least();
    if need <= least / PART {
        return Ok(());
    }
    let (whose, remedy) = match kind {
        Kind::FileSystem => (
            format!("{} has {} free", memory.display(), human(least)),
            "more memory does not help: where you run the container yourself give it a larger one (docker's --shm-size), \
             else share the objects out to more hosts",
        ),
        Kind::Limit => (
            format!("the container's memory limit leaves {}", human(least)),
            "choose an instance with more memory, or a higher limit where you run the container yourself, or share the \
             objects out to more hosts",
        ),
        Kind::Machine => (
            format!("the instance has {} of memory free", human(least)),
            "choose an instance with more memory, or share the objects out to more hosts",
        ),
    };
    let cause = format!(
        "the plaintext takes {}, and {whose}, of which half may be used",
        human(need)
    );
    Err(refused(memory, cause, format!("{remedy}, {VOLUME}")))
}

/// Refuses unless `need` bytes are free on the volume.
pub(super) fn on_volume(root: &Path, need: u64) -> Result<(), Fault> {
    // Where it does not say, the writing will.
    let Ok(free) = free(root) else { return Ok(()) };
    if need <= free {
        return Ok(());
    }
    let cause = format!(
        "the plaintext takes {}, and the volume has {} free",
        human(need),
        human(free)
    );
    let remedy = "give the job a larger volume (`--volume`, `Volume GB`), or share the objects out to more hosts";
    Err(refused(root, cause, remedy.to_owned()))
}

fn refused(place: &Path, cause: String, remedy: String) -> Fault {
    let place = place.display().to_string();
    Fault::new(FaultKind::DiskFull, "keep plaintext in", place, cause, remedy)
}

fn free(place: &Path) -> std::io::Result<u64> {
    let stat = rustix::fs::statvfs(place)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn machine() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// What the container's own limit leaves, where there is one: of cgroups of version 2, else of version 1.
fn limit(cgroup: &Path) -> Option<u64> {
    let number = |name: &str| {
        let text = fs::read_to_string(cgroup.join(name)).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let left = |most: &str, used: &str| Some(number(most)?.saturating_sub(number(used)?));
    left("memory.max", "memory.current")
        .or_else(|| left("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn refused(need: u64, file_system: u64, limit: Option<u64>, machine: u64) -> Option<Fault> {
        let free = Free {
            file_system: file_system * MIB,
            limit: limit.map(|limit| limit * MIB),
            machine: Some(machine * MIB),
        };
        fits(Path::new("/dev/shm"), need * MIB, free).err()
    }

    #[test]
    fn more_plaintext_than_half_the_memory_is_refused_naming_size_and_remedy() {
        let fault = in_memory(&std::env::temp_dir(), 1 << 60).unwrap_err();
        assert_eq!(fault.kind, FaultKind::DiskFull);
        assert!(fault.cause.contains("1.0 EiB"), "{fault}");
        for way in ["strongroom_plaintext=volume", "--plaintext volume", "`Plaintext`"] {
            assert!(fault.remedy.contains(way), "{fault}");
        }
    }

    #[test]
    fn it_is_said_which_of_memory_limit_and_dev_shm_binds() {
        assert_eq!(refused(32, 64, Some(64), 64), None);
        for (file_system, limit, machine, cause, remedy) in [
            (64, Some(9_000), 9_000, "/dev/shm has 64.0 MiB free", "--shm-size"),
            (
                64,
                None,
                9_000,
                "/dev/shm has 64.0 MiB free",
                "more memory does not help",
            ),
            (
                9_000,
                Some(64),
                9_000,
                "the container's memory limit leaves 64.0 MiB",
                "a higher limit",
            ),
            (
                9_000,
                None,
                64,
                "the instance has 64.0 MiB of memory free",
                "more memory",
            ),
        ] {
            let fault = refused(33, file_system, limit, machine).unwrap();
            assert!(fault.cause.contains(cause), "{fault}");
            assert!(fault.cause.contains("takes 33.0 MiB"), "{fault}");
            assert!(fault.remedy.contains(remedy), "{fault}");
        }
    }

    #[test]
    fn the_limit_of_a_container_is_read_in_both_versions() {
        let cgroup = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = cgroup.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(limit(cgroup.path()), None);
        write("memory/memory.limit_in_bytes", "1000\n");
        write("memory/memory.usage_in_bytes", "400\n");
        assert_eq!(limit(cgroup.path()), Some(600));
        write("memory.max", "max\n");
        write("memory.current", "500\n");
        assert_eq!(limit(cgroup.path()), Some(600));
        write("memory.max", "800\n");
        assert_eq!(limit(cgroup.path()), Some(300));
    }
}
