//! While COMMAND runs: what it puts where it must not stay is taken away at once, not at the next look.
//!
//! Two things are watched. Where COMMAND takes a link away and makes a folder in its place, the link is put back, and the
//! folder's files are reached through it (`Cover::again`): once there is a file, or nobody makes folders in it any more, for
//! who makes several, one in the other, finds no link among them. What it writes into the folder that SageMaker copies while the
//! job runs loses its name there as soon as it has one: COMMAND writes on into a file that nobody can find, and once it is
//! whole it becomes a token ([`Held`]). Between the making of a file or folder and that some milliseconds may pass.

use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

#[cfg(target_os = "linux")]
pub(crate) use linux::Watch;

/// A file that has no name any more.
#[derive(Debug)]
pub(crate) struct Held {
    /// The one that it had, relative to the public folder.
    pub(crate) name: String,
    pub(crate) file: File,
    /// Size and time, as seen a moment ago.
    pub(crate) seen: Option<(u64, SystemTime)>,
}

/// What was taken away and not become a token yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken(Arc<Mutex<Vec<Held>>>);

impl Taken {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Vec<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::ffi::OsStr;
    use std::fs::{self, File, OpenOptions};
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    use std::path::{Path, PathBuf};
    use std::thread::JoinHandle;
    use std::time::{Duration, Instant};

    use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
    use rustix::fs::OFlags;
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

    use super::{Held, Taken};
    use crate::publish::TEMPORARY;
    use crate::training::cover::Cover;
    use crate::training::{bundle, inputs, say, tree};

    /// So long nobody makes a folder in a new one, and it is finished.
    const FINISHED: Duration = Duration::from_secs(1);
    /// Holds some hundred events.
    const EVENTS: usize = 16 << 10;

    /// Ends when dropped.
    pub(crate) struct Watch {
        stop: OwnedFd,
        thread: Option<JoinHandle<()>>,
    }

    impl Watch {
        /// Watches the places of these links, and everything in `public`.
        pub(crate) fn begin(covers: Vec<Cover>, public: PathBuf, taken: Taken) -> io::Result<Self> {
            let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
            let stopped = stop.try_clone()?;
            let mut hand = Hand {
                inotify: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
                covers,
                public,
                taken,
                parents: BTreeMap::new(),
                folders: BTreeMap::new(),
                growing: BTreeMap::new(),
                finished: BTreeMap::new(),
            };
            hand.look_everywhere()?;
            let watching = move || {
                if let Err(error) = hand.watch(&stopped) {
                    say(&format!(
                        "the public folders are no longer watched, only looked at: {error}"
                    ));
                }
            };
            let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(watching)?;
            Ok(Self {
                stop,
                thread: Some(thread),
            })
        }
    }

    impl Drop for Watch {
        fn drop(&mut self) {
            let _ = rustix::io::write(&self.stop, &1_u64.to_ne_bytes());
            if let Some(thread) = self.thread.take() {
                let _ = thread.join();
            }
        }
    }

    struct Hand {
        inotify: OwnedFd,
        covers: Vec<Cover>,
        public: PathBuf,
        taken: Taken,
        /// Folders that links are in.
        parents: BTreeMap<i32, PathBuf>,
        /// The public folder and those in it, with the names of files in them.
        folders: BTreeMap<i32, (PathBuf, String)>,
        /// Folders in the place of links and in those, with the places.
        growing: BTreeMap<i32, (PathBuf, PathBuf)>,
        /// When the link comes back to a place at the latest.
        finished: BTreeMap<PathBuf, Instant>,
    }

    impl Hand {
        fn watch(&mut self, stopped: &OwnedFd) -> io::Result<()> {
            let mut buffer = [MaybeUninit::uninit(); EVENTS];
            loop {
                let mut ready = [
                    PollFd::new(&self.inotify, PollFlags::IN),
                    PollFd::new(stopped, PollFlags::IN),
                ];
                let left = self.finished.values().min();
                let left = left.map(|end| end.saturating_duration_since(Instant::now()));
                let left = left.and_then(|left| Timespec::try_from(left).ok());
                match poll(&mut ready, left.as_ref()) {
                    Ok(_) => {}
                    Err(rustix::io::Errno::INTR) => continue,
                    Err(error) => return Err(error.into()),
                }
                if !ready[1].revents().is_empty() {
                    return Ok(());
                }
                for (folder, flags, name) in self.events(&mut buffer)? {
                    self.heard(folder, flags, &name);
                }
                let now = Instant::now();
                let finished = self.finished.iter().filter(|(_, end)| **end <= now);
                let finished: Vec<_> = finished.map(|(place, _)| place.clone()).collect();
                for place in finished {
                    self.put_back(&place);
                }
            }
        }

        fn events(&self, buffer: &mut [MaybeUninit<u8>]) -> io::Result<Vec<(i32, ReadFlags, PathBuf)>> {
            let mut reader = Reader::new(&self.inotify, buffer);
            let mut events = Vec::new();
            loop {
                match reader.next() {
                    Ok(event) => {
                        let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                        events.push((event.wd(), event.events(), name.unwrap_or_default().into()));
                    }
                    Err(rustix::io::Errno::AGAIN) => return Ok(events),
                    Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }

        fn heard(&mut self, folder: i32, flags: ReadFlags, name: &Path) {
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                let _ = self.look_everywhere();
            } else if let Some(parent) = self.parents.get(&folder) {
                let place = parent.join(name);
                if place == self.public {
                    self.look_into(&place, "");
                } else {
                    self.look_in_place(&place);
                }
            } else if let Some((parent, place)) = self.growing.get(&folder) {
                let (path, place) = (parent.join(name), place.clone());
                if flags.contains(ReadFlags::IGNORED) {
                    self.growing.remove(&folder);
                } else if !flags.contains(ReadFlags::ISDIR) || self.has_file(&path, &place) {
                    self.put_back(&place);
                }
            } else if let Some((parent, names)) = self.folders.get(&folder) {
                let (path, name) = (parent.join(name), format!("{names}{}", tree::written(name.as_os_str())));
                if flags.contains(ReadFlags::ISDIR) {
                    self.look_into(&path, &format!("{name}/"));
                } else {
                    self.look_at(&path, name);
                }
            }
        }

        fn look_everywhere(&mut self) -> io::Result<()> {
            let places = self.covers.iter().map(Cover::place).chain([&*self.public]);
            let parents: Vec<_> = places.filter_map(Path::parent).map(Path::to_path_buf).collect();
            for parent in parents {
                let made = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
                match inotify::add_watch(&self.inotify, &parent, made) {
                    Ok(folder) => drop(self.parents.insert(folder, parent)),
                    Err(rustix::io::Errno::NOENT) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            let places: Vec<_> = self.covers.iter().map(|cover| cover.place().to_path_buf()).collect();
            for place in places {
                self.look_in_place(&place);
            }
            let public = self.public.clone();
            self.look_into(&public, "");
            Ok(())
        }

        fn look_in_place(&mut self, place: &Path) {
            if !self.covers.iter().any(|cover| cover.is_of(place)) {
                return;
            }
            let is_growing = fs::symlink_metadata(place).is_ok_and(|there| there.is_dir());
            if !is_growing || self.has_file(place, place) {
                self.put_back(place);
            }
        }

        /// Whether there is more than folders in one; if not it is watched.
        fn has_file(&mut self, folder: &Path, place: &Path) -> bool {
            let made = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR | WatchFlags::DONT_FOLLOW;
            match inotify::add_watch(&self.inotify, folder, made) {
                Ok(watched) => drop(
                    self.growing
                        .insert(watched, (folder.to_path_buf(), place.to_path_buf())),
                ),
                // It has gone again.
                Err(rustix::io::Errno::NOENT) => {}
                Err(_) => return true,
            }
            self.finished.insert(place.to_path_buf(), Instant::now() + FINISHED);
            let entries: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
            entries
                .iter()
                .any(|entry| !entry.file_type().is_ok_and(|kind| kind.is_dir()) || self.has_file(&entry.path(), place))
        }

        fn put_back(&mut self, place: &Path) {
            self.finished.remove(place);
            let grown = self.growing.iter().filter(|(_, (_, of))| of == place);
            for watched in grown.map(|(watched, _)| *watched).collect::<Vec<_>>() {
                self.growing.remove(&watched);
                let _ = inotify::remove_watch(&self.inotify, watched);
            }
            self.covers.iter().filter(|cover| cover.is_of(place)).for_each(put_back);
        }

        fn look_into(&mut self, folder: &Path, names: &str) {
            let touched = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::MODIFY;
            let only = WatchFlags::ONLYDIR | WatchFlags::DONT_FOLLOW;
            let Ok(watched) = inotify::add_watch(&self.inotify, folder, touched | only) else {
                return;
            };
            self.folders.insert(watched, (folder.to_path_buf(), names.to_owned()));
            // What was there before it was watched.
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = format!("{names}{}", tree::written(&entry.file_name()));
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    self.look_into(&entry.path(), &format!("{name}/"));
                } else {
                    self.look_at(&entry.path(), name);
                }
            }
        }

        fn look_at(&self, path: &Path, name: String) {
            let is_ours = path
                .file_name()
                .is_some_and(|name| name.as_bytes().starts_with(TEMPORARY.as_bytes()));
            if is_ours || inputs::is_token(path).unwrap_or(true) || bundle::read(&name, path).is_some() {
                return;
            }
            let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
            let flags = i32::try_from(flags.bits()).unwrap_or_default();
            let Ok(file) = OpenOptions::new().read(true).custom_flags(flags).open(path) else {
                return;
            };
            if is_same(&file, path) && fs::remove_file(path).is_ok() {
                self.taken.lock().push(Held { name, file, seen: None });
            }
        }
    }

    /// Whether that is what the name stands for, and a file.
    fn is_same(file: &File, path: &Path) -> bool {
        let named = fs::symlink_metadata(path);
        file.metadata()
            .ok()
            .zip(named.ok())
            .is_some_and(|(file, named)| file.is_file() && (file.dev(), file.ino()) == (named.dev(), named.ino()))
    }

    fn put_back(cover: &Cover) {
        match cover.again() {
            Ok(false) => {}
            Ok(true) => say(&format!(
                "{} was replaced by a folder or a file: the link to a private one is there again, and a folder's files are reached through it",
                cover.place().display()
            )),
            Err(error) => say(&format!(
                "{} was replaced, and no link can take its place: it is encrypted afterwards ({error})",
                cover.place().display()
            )),
        }
    }
}

/// Nothing is watched: the next look finds it.
#[cfg(not(target_os = "linux"))]
pub(crate) struct Watch;

#[cfg(not(target_os = "linux"))]
impl Watch {
    pub(crate) fn begin(_: Vec<super::cover::Cover>, _: std::path::PathBuf, _: Taken) -> std::io::Result<Self> {
        Ok(Self)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
