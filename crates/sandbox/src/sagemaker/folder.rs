//! A host's folders, private to this user; removed when let go, or by the guardian.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use super::super::guardian::{self, Charge, Held};
use super::super::world::{World, random_hex};
use super::memory;

/// What is one host's own.
pub(super) struct Folder {
    /// In the shape of `/opt/ml`.
    pub(super) root: PathBuf,
    /// For plaintext in memory, where the system has a file system there.
    pub(super) memory: Option<PathBuf>,
    _locked: Option<File>,
    _held: Vec<Held>,
}

impl Folder {
    /// One with folders below it.
    pub(super) fn new(world: &World, below: &[&str]) -> io::Result<Self> {
        let name = random_hex::<8>();
        let root = world.root.join("jobs").join(&name);
        let memory = memory::place(&name);
        let hold = |folder: &PathBuf| world.guardian.hold(Charge::Folder(folder.into()));
        let held = std::iter::once(&root).chain(&memory).map(hold).collect();
        let folder = Self {
            _locked: memory.as_deref().map(memory::hold).transpose()?,
            _held: held,
            root,
            memory,
        };
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&folder.root)?;
        for below in below {
            builder.create(folder.root.join(below))?;
        }
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for folder in std::iter::once(&self.root).chain(&self.memory) {
            // What cannot be removed now goes with the world's folder.
            let _ = guardian::remove(folder);
        }
    }
}
