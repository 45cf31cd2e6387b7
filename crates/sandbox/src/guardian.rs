//! A second process that outlives the sandbox: however that ends, no job runs on and no plaintext stays.
//!
//! It is a small shell script. The sandbox holds the only write end of its standard input and says there what it has under
//! way, a line each. When the input ends, the guardian ends and removes what was not let go of; after an orderly end that
//! is nothing.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use super::disk::lock;

const SCRIPT: &str = include_str!("guardian.sh");

/// What must not outlive the sandbox.
#[derive(Debug)]
pub(crate) enum Charge {
    /// A process group, by its leader.
    Group(i32),
    /// A container: docker or podman, and its name.
    Container(String, String),
    Folder(OsString),
}

impl Charge {
    /// As the script reads it.
    fn line(&self, holds: bool) -> String {
        let (kind, words) = match self {
            Self::Group(leader) => ("group", vec![leader.to_string()]),
            Self::Container(engine, name) => ("container", vec![spelled(engine.as_ref()), name.clone()]),
            Self::Folder(folder) => ("folder", vec![spelled(folder)]),
        };
        format!("{} {kind} {}\n", if holds { '+' } else { '-' }, words.join(" "))
    }
}

/// A word without white space, for `printf %b`.
fn spelled(word: &OsStr) -> String {
    word.as_bytes().iter().fold(String::new(), |mut text, byte| {
        match byte {
            b'/' | b'.' | b'-' | b'_' => text.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => text.push(char::from(*byte)),
            byte => write!(text, "\\0{byte:03o}").expect("a string takes what is written"),
        }
        text
    })
}

/// The guardian, as the sandbox sees it. Where it could not be started, nothing is guarded.
#[derive(Debug)]
pub(crate) struct Guardian(Mutex<Option<Child>>);

impl Guardian {
    /// Starts one, out of reach of the signals that a terminal sends to the sandbox.
    pub(crate) fn start() -> Arc<Self> {
        let started = Command::new("sh")
            .args(["-c", SCRIPT, "strongroom-sandbox-guardian"])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        if let Err(error) = &started {
            tracing::warn!(%error, "no guardian");
        }
        Arc::new(Self(Mutex::new(started.ok())))
    }

    /// Guards something until the answer is let go of.
    pub(crate) fn hold(self: &Arc<Self>, charge: Charge) -> Held {
        self.say(true, &charge);
        Held {
            guardian: Arc::clone(self),
            charge,
        }
    }

    fn say(&self, holds: bool, charge: &Charge) {
        let mut child = lock(&self.0);
        if let Some(input) = child.as_mut().and_then(|child| child.stdin.as_mut()) {
            // One that is gone guards nothing; the sandbox goes on.
            let _ = input.write_all(charge.line(holds).as_bytes());
        }
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        let child = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut child) = child.take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// Something guarded.
#[derive(Debug)]
pub(crate) struct Held {
    guardian: Arc<Guardian>,
    charge: Charge,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.guardian.say(false, &self.charge);
    }
}

/// Removes a folder, if it is there, however deep a job has made it: `rm` holds no file open for each level, as the standard
/// library does.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    let done = Command::new("rm")
        .args(["-rf", "--"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match done {
        Ok(status) if status.success() => Ok(()),
        _ => std::fs::remove_dir_all(folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_let_go_of_is_ended_and_removed_and_nothing_else() {
        use std::os::unix::process::ExitStatusExt;

        let folder = tempfile::tempdir().unwrap();
        // What a shell, `printf` and the script itself would take for something else.
        let names = [
            "left",
            "-rf $(exit) \\0101 %s 'x'\n+ folder\n",
            "ends in lines\n\n",
            "kept",
            "late",
        ];
        let [left, odd, lines, kept, late] = names.map(|name| folder.path().join(name));
        for path in [&left, &odd, &lines, &kept, &late] {
            std::fs::create_dir(path).unwrap();
            std::fs::write(path.join("plaintext"), "x").unwrap();
        }
        let mut sleeper = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
        let mut other = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
        let [sleeping, others] = [&sleeper, &other].map(|child| Charge::Group(child.id() as i32));
        let of = |path: &Path| Charge::Folder(path.into());

        let guardian = Guardian::start();
        for charge in [of(&kept), of(&left), of(&odd), others, sleeping, of(&lines)] {
            guardian.say(true, &charge);
        }
        guardian.say(false, &of(&kept));
        guardian.say(false, &Charge::Group(other.id() as i32));
        // What it never held; and the last line of a sandbox that was killed while it wrote.
        guardian.say(false, &of(&late));
        let cut = of(&late).line(true);
        let mut child = guardian.0.lock().unwrap();
        let input = child.as_mut().unwrap().stdin.as_mut().unwrap();
        input.write_all(cut.trim_end().as_bytes()).unwrap();
        drop(child);
        // Waits for it.
        drop(guardian);

        assert!(!left.exists() && !odd.exists() && !lines.exists());
        assert!(kept.exists() && late.exists());
        assert_eq!(sleeper.wait().unwrap().signal(), Some(9));
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn containers_are_removed_before_the_folders_that_they_write_into() {
        let folder = tempfile::tempdir().unwrap();
        let (engine, log) = (folder.path().join("an engine"), folder.path().join("log"));
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(
            &engine,
            format!(
                "#!/bin/sh\necho \"$@\" $(ls -d '{0}') >'{1}'\n",
                data.display(),
                log.display()
            ),
        )
        .unwrap();
        std::fs::set_permissions(&engine, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let guardian = Guardian::start();
        guardian.say(true, &Charge::Folder(data.clone().into()));
        guardian.say(
            true,
            &Charge::Container(engine.to_str().unwrap().to_owned(), "job-1".to_owned()),
        );
        drop(guardian);
        let said = std::fs::read_to_string(log).unwrap();
        assert_eq!(said, format!("rm --force job-1 {}\n", data.display()));
        assert!(!data.exists());
    }
}
