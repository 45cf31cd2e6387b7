//! Where one plaintext goes.

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::{ACT, DecryptRequest, Output};
use crate::actions::faults::{io_fault, usage};
use crate::actions::stream;
use crate::console;
use crate::domain::{Fault, Location, ObjectUri};
use crate::publish::Folder;

/// A file to be, or something to write into.
#[derive(Clone)]
pub(super) enum Target {
    File(Spot),
    Stream(Sink),
}

/// A name in an open folder.
#[derive(Clone)]
pub(super) struct Spot {
    pub(super) folder: Folder,
    pub(super) name: OsString,
    /// As people know it.
    pub(super) path: PathBuf,
}

/// What takes bytes at once.
#[derive(Clone)]
pub(super) enum Sink {
    Stdout,
    At(PathBuf),
}

impl Target {
    /// Of a single token.
    pub(super) fn of(output: &Output) -> Result<Self, Fault> {
        match output {
            Output::Path(path) => Spot::of(path).map(Self::File),
            Output::Stdout => Ok(Self::Stream(Sink::Stdout)),
            Output::Stream(path) => Ok(Self::Stream(Sink::At(path.clone()))),
        }
    }
}

impl Spot {
    fn of(path: &Path) -> Result<Self, Fault> {
        let (folder, name) = Folder::of(path).map_err(|error| io_fault("write", path.display(), &error))?;
        Ok(Self {
            folder,
            name,
            path: path.to_owned(),
        })
    }

    /// A name below a folder, with the folders on the way.
    pub(super) fn below(root: &Folder, name: &Path) -> Result<Self, Fault> {
        let path = root.path().join(name);
        let fault = |error: std::io::Error| io_fault("write", path.display(), &error);
        let folder = root.below(name.parent().unwrap_or(Path::new(""))).map_err(fault)?;
        let name = name.file_name().unwrap_or_default().to_owned();
        Ok(Self { folder, name, path })
    }

    /// Whether it may be written, as far as can be seen now.
    pub(super) fn check(&self, overwrite: bool, inputs: &[(u64, u64)]) -> Result<(), Fault> {
        let fault = |error: std::io::Error| io_fault("write", self.path.display(), &error);
        if let Some(id) = self.path.metadata().ok().as_ref().map(id)
            && inputs.contains(&id)
        {
            return Err(usage(
                ACT,
                self.path.display(),
                "source and output are the same file",
                "choose another name",
            ));
        }
        self.folder.check(&self.name, overwrite).map_err(fault)
    }
}

impl Sink {
    /// Opens it; waits for a FIFO's reader.
    pub(super) fn open(&self, cancel: &CancellationToken) -> Result<File, Fault> {
        match self {
            Self::Stdout => console::data(),
            Self::At(path) => stream::open(path, cancel),
        }
        .map_err(|error| io_fault("write", self, &error))
    }

    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Stdout => None,
            Self::At(path) => Some(path.clone()),
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::At(path) => path.display().fmt(f),
        }
    }
}

/// Device and inode of the files that a request reads.
pub(super) fn inputs(request: &DecryptRequest) -> Vec<(u64, u64)> {
    let places = std::iter::once(&request.source).chain(&request.open.data_key);
    let files = places.filter_map(|place| match place {
        Location::Local(path) => path.metadata().ok(),
        Location::S3(ObjectUri { .. }) => None,
    });
    files.map(|meta| id(&meta)).collect()
}

fn id(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}
