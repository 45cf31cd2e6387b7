//! The private folders that hold plaintext while COMMAND runs: 0700, in memory by default, gone afterwards.
//!
//! They are removed when the [`Workspace`] is dropped: on every return, fault, signal and panic of this process.
//! `SIGKILL` and a crash leave them to the end of the container, which takes its memory and its volume with it; where
//! there is no container the next start sweeps them. A lock tells which are still in use.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tempfile::TempDir;

use super::job::{Job, io};
use super::say;
use crate::domain::Fault;

mod layout;
mod room;

pub(crate) use layout::size as size_of_code;

/// File system in memory.
const MEMORY: &str = "/dev/shm";
/// What their names begin with.
const PREFIX: &str = ".strongroom-plaintext-";

/// How often a folder is made that another start sweeps at the same moment.
const TRIES: usize = 5;

/// Where plaintext lives.
#[derive(Debug)]
pub(crate) struct Workspace {
    dir: TempDir,
    /// Let go of after the folder has gone.
    lock: File,
}

impl Workspace {
    /// Makes the folders, with room for `need` bytes of plaintext.
    pub(crate) fn create(job: &Job, need: u64) -> Result<Self, Fault> {
        let parent = match job.hyperparameter("strongroom_plaintext").as_deref() {
            None | Some("memory") => {
                let memory = memory();
                room::in_memory(&memory, need)?;
                memory
            }
            Some("volume") => {
                let volume = volume(&job.root, device);
                room::on_volume(&volume, need)?;
                volume
            }
            Some(other) => {
                let cause = format!("`{other}` is neither memory nor volume");
                let (act, name) = ("read hyperparameter", "strongroom_plaintext");
                return Err(super::job::invalid(act, name, cause, "leave it out for memory"));
            }
        };
        let workspace = Self::locked(&parent).map_err(|error| io("make a private folder in", &parent, &error))?;
        layout::lay_out(&workspace, job)?;
        Ok(workspace)
    }

    fn locked(parent: &Path) -> std::io::Result<Self> {
        for _ in 0..TRIES {
            let dir = tempfile::Builder::new()
                .prefix(PREFIX)
                .permissions(Permissions::from_mode(0o700))
                .tempdir_in(parent)?;
            let lock = File::open(dir.path())?;
            // Until it is locked another start may take it for a dead one's. Where there are no locks nobody gets one, and
            // nothing is swept.
            let is_swept = flock(&lock, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK);
            if !is_swept && dir.path().is_dir() {
                return Ok(Self { dir, lock });
            }
        }
        Err(std::io::Error::other("somebody removes it each time"))
    }

    /// Removes the plaintext of runs that were killed, wherever this job could keep its own.
    pub(crate) fn sweep(root: &Path) {
        let mounted = MOUNTED.map(|below| root.join(below));
        for parent in [memory(), root.to_path_buf()].into_iter().chain(mounted) {
            let entries = fs::read_dir(parent).into_iter().flatten().flatten();
            for path in entries.map(|entry| entry.path()) {
                if Self::is_one(&path) && Self::is_left(&path) {
                    say(&match fs::remove_dir_all(&path) {
                        Ok(()) => format!("removed plaintext that an earlier run left in {}", path.display()),
                        Err(error) => io("remove the plaintext in", &path, &error).to_string(),
                    });
                }
            }
        }
    }

    /// Whether a path is that of a workspace.
    pub(crate) fn is_one(path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(PREFIX))
    }

    /// Whether it is ours and nobody works in it.
    fn is_left(path: &Path) -> bool {
        let ours = |metadata: fs::Metadata| metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw();
        fs::symlink_metadata(path).is_ok_and(ours)
            && File::open(path).is_ok_and(|dir| flock(&dir, FlockOperation::NonBlockingLockExclusive).is_ok())
    }

    /// The whole, shaped like `/opt/ml`.
    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    /// The configuration, as far as it is COMMAND's affair.
    pub(crate) fn config(&self) -> PathBuf {
        self.root().join("input/config")
    }

    /// Scripts, and the folder that the toolkit runs them in.
    pub(crate) fn code(&self) -> PathBuf {
        self.root().join("code")
    }

    /// Plaintext of a channel.
    pub(crate) fn channel(&self, name: &str) -> PathBuf {
        self.root().join("input/data").join(name)
    }

    /// What COMMAND leaves here becomes the model.
    pub(crate) fn model(&self) -> PathBuf {
        self.root().join("model")
    }

    /// `SM_OUTPUT_DIR`: the output, and COMMAND's own words on why it failed.
    pub(crate) fn output(&self) -> PathBuf {
        self.root().join("output")
    }

    /// What COMMAND leaves here becomes the output.
    pub(crate) fn output_data(&self) -> PathBuf {
        self.root().join("output/data")
    }

    /// What the toolkit would copy to S3 while the job runs, were it not there already.
    pub(crate) fn intermediate(&self) -> PathBuf {
        self.root().join("output/intermediate")
    }

    /// Checkpoints in plaintext.
    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.root().join("checkpoints")
    }

    /// Makes what this process becomes hold the lock, and so the plaintext, for as long as it runs.
    pub(crate) fn pass_on(&self) -> Result<(), Fault> {
        let passed = rustix::io::fcntl_setfd(&self.lock, rustix::io::FdFlags::empty());
        passed.map_err(|error| io("hold the lock of", self.root(), &error.into()))
    }

    /// Removes everything, saying so if that fails.
    pub(crate) fn remove(self) -> Result<(), Fault> {
        let path = self.dir.path().to_path_buf();
        self.dir
            .close()
            .map_err(|error| io("remove the plaintext in", &path, &error))
    }
}

/// The folders that SageMaker mounts its volume on and uploads nothing from.
const MOUNTED: [&str; 2] = ["input", "input/data"];

/// Where the ML volume is: where SageMaker puts data on a file system of its own, for what lies beside that is of the container,
/// and no key of the job's encrypts it.
fn volume(root: &Path, device: impl Fn(&Path) -> Option<u64>) -> PathBuf {
    let own = device(root);
    let folders = MOUNTED.map(|below| root.join(below));
    let mounted = folders
        .into_iter()
        .find(|folder| device(folder).is_some_and(|device| Some(device) != own));
    mounted.unwrap_or_else(|| root.to_path_buf())
}

/// The file system of a folder that may be written to.
fn device(folder: &Path) -> Option<u64> {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).ok()?;
    Some(fs::metadata(folder).ok()?.dev())
}

/// The sandbox names a folder of its own there, which it can sweep.
fn memory() -> PathBuf {
    std::env::var_os("STRONGROOM_MEMORY_ROOT").map_or_else(|| MEMORY.into(), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FaultKind;

    fn job(root: &Path, place: &str) -> Job {
        let config = root.join("input/config");
        fs::create_dir_all(&config).unwrap();
        fs::write(
            config.join("hyperparameters.json"),
            format!(r#"{{"strongroom_plaintext": "{place}"}}"#),
        )
        .unwrap();
        fs::create_dir_all(root.join("input/data/train")).unwrap();
        Job::read(root).unwrap()
    }

    #[test]
    fn plaintext_folders_are_private_and_gone_afterwards() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(&job(root.path(), "volume"), 10).unwrap();
        let path = workspace.root().to_path_buf();
        assert!(path.starts_with(root.path()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(workspace.channel("train").join("secret"), "x").unwrap();
        workspace.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_run_left_is_swept_and_what_is_in_use_is_not() {
        let root = tempfile::tempdir().unwrap();
        let used = Workspace::create(&job(root.path(), "volume"), 10).unwrap();
        let killed = Workspace::create(&job(root.path(), "volume"), 10).unwrap();
        let Workspace { dir, lock } = killed;
        let left = dir.keep();
        drop(lock);
        fs::create_dir(root.path().join(".strongroom-other")).unwrap();
        std::os::unix::fs::symlink(used.root(), root.path().join(format!("{PREFIX}link"))).unwrap();
        Workspace::sweep(root.path());
        assert!(!left.exists() && used.root().exists());
        assert!(
            root.path().join(".strongroom-other").exists() && root.path().join(format!("{PREFIX}link")).is_symlink()
        );
    }

    #[test]
    fn more_plaintext_than_there_is_room_for_is_refused_on_the_volume_too() {
        let root = tempfile::tempdir().unwrap();
        let fault = Workspace::create(&job(root.path(), "volume"), 1 << 60).unwrap_err();
        assert_eq!(fault.kind, FaultKind::DiskFull);
        assert!(fault.cause.contains("1.0 EiB"), "{fault}");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "only what was there");
    }

    #[test]
    fn the_volume_is_the_file_system_that_the_data_comes_on() {
        let root = Path::new("/opt/ml");
        let with = |input: Option<u64>, data: Option<u64>| {
            volume(root, |folder| {
                match folder.strip_prefix(root).unwrap().to_str().unwrap() {
                    "input" => input,
                    "input/data" => data,
                    _ => Some(1),
                }
            })
        };
        for (input, data, found) in [
            (Some(1), Some(1), ""),
            (Some(2), Some(2), "input"),
            (Some(1), Some(2), "input/data"),
            (None, Some(2), "input/data"),
            (None, None, ""),
        ] {
            assert_eq!(with(input, data), root.join(found), "{input:?} {data:?}");
        }
    }

    #[test]
    fn an_unknown_place_is_refused() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(
            Workspace::create(&job(root.path(), "tape"), 0).unwrap_err().kind,
            FaultKind::Invalid
        );
    }
}
