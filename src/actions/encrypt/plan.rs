//! From what a person named to files, each with its logical name and the place of its token.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{ACT, Destination, EncryptRequest};
use crate::actions::encrypted_data_key::DATA_KEYS;
use crate::actions::faults::{io_fault, usage};
use crate::actions::key_escape::to_key;
use crate::domain::{Fault, Location, ObjectUri};

const MAX_KEY_BYTES: usize = 1024;

/// One file to encrypt.
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// Its logical name.
    pub(super) name: String,
    /// The key prefix that it is put under in S3: the token's key is prefix + name.
    pub(super) prefix: String,
    /// Where its token goes; `None` is standard output.
    pub(super) to: Option<Location>,
}

/// The files of a request, and what could not be taken along.
pub(super) fn sources(request: &EncryptRequest) -> Result<(Vec<Source>, Vec<Fault>), Fault> {
    let mut found = Found::default();
    let mut any_folder = false;
    for path in &request.paths {
        let meta = fs::metadata(path).map_err(|error| io_fault("read", path.display(), &error))?;
        if meta.is_dir() {
            any_folder = true;
            let root = path
                .canonicalize()
                .map_err(|error| io_fault("read", path.display(), &error))?;
            found.walk(path, &root, path);
        } else if meta.is_file() {
            let name = path.file_name().unwrap_or(path.as_os_str());
            found.files.push((path.clone(), to_key(name)));
        } else {
            return Err(usage(
                ACT,
                path.display(),
                "it is neither a file nor a folder",
                "give regular files",
            ));
        }
    }
    let many = any_folder || found.files.len() != 1;
    let mut taken = BTreeSet::new();
    let mut sources = Vec::new();
    let inputs: BTreeSet<_> = found.files.iter().filter_map(|(path, _)| id(path)).collect();
    for (path, name) in found.files {
        let (prefix, name, to) = target(request, name, many)?;
        if let Some(place) = &to
            && !taken.insert(place.to_string())
        {
            return Err(usage(
                ACT,
                path.display(),
                &format!("two sources would become {place}"),
                "encrypt them to different prefixes",
            ));
        }
        if let Some(Location::Local(output)) = &to
            && id(output).is_some_and(|id| inputs.contains(&id))
        {
            return Err(usage(
                ACT,
                path.display(),
                "source and destination are the same file",
                "choose another name",
            ));
        }
        sources.push(Source { path, name, prefix, to });
    }
    match (sources.is_empty(), found.left_out.is_empty()) {
        (true, true) => Err(usage(ACT, "nothing", "the folders hold no files", "check the paths")),
        (true, false) => Err(found.left_out.swap_remove(0)),
        _ => Ok((sources, found.left_out)),
    }
}

/// Device and inode: a file has one, whatever it is called.
fn id(path: &Path) -> Option<(u64, u64)> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino()))
}

#[derive(Default)]
struct Found {
    files: Vec<(PathBuf, String)>,
    left_out: Vec<Fault>,
}

impl Found {
    /// Everything under `folder`, by name. What cannot be read or is no file is left out and said.
    fn walk(&mut self, top: &Path, root: &Path, folder: &Path) {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return self.left_out.push(io_fault("read", folder.display(), &error)),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            match kind(root, &path) {
                Ok(Kind::Folder) => self.walk(top, root, &path),
                Ok(Kind::File) => {
                    let name = to_key(path.strip_prefix(top).unwrap_or(&path).as_os_str());
                    self.files.push((path, name));
                }
                Err(fault) => self.left_out.push(fault),
            }
        }
    }
}

enum Kind {
    File,
    Folder,
}

/// A link to a file of the same tree counts as that file. Links to folders are not followed: what they lead to is in
/// the tree already, or outside it.
fn kind(root: &Path, path: &Path) -> Result<Kind, Fault> {
    let io = |error: io::Error| io_fault("read", path.display(), &error);
    let left_out = |cause: &str, remedy: &str| {
        let object = path.display().to_string();
        Fault::invalid(ACT, object, cause, remedy)
    };
    let own = path.symlink_metadata().map_err(io)?;
    if own.is_symlink() {
        let target = path.canonicalize().map_err(io)?;
        if !target.starts_with(root) {
            let remedy = "name its target itself to encrypt it";
            return Err(left_out("it is a link that leads out of the folder", remedy));
        }
        if target.is_dir() {
            let remedy = "what it leads to is encrypted under its own name";
            return Err(left_out("it is a link to a folder", remedy));
        }
    }
    let meta = fs::metadata(path).map_err(io)?;
    if own.is_dir() {
        Ok(Kind::Folder)
    } else if meta.is_file() {
        Ok(Kind::File)
    } else {
        let remedy = "remove it or name the files themselves";
        Err(left_out("it is not a regular file", remedy))
    }
}

/// The prefix, the logical name and the place of one token.
fn target(request: &EncryptRequest, name: String, many: bool) -> Result<(String, String, Option<Location>), Fault> {
    match &request.destination {
        Destination::Stdout if many => Err(usage(ACT, "-", "standard output takes one file", "give one file")),
        Destination::Stream(path) if many => Err(usage(ACT, path.display(), "it takes one file", "give one file")),
        Destination::Stdout | Destination::Stream(_) => Ok((String::new(), name, None)),
        Destination::Location(Location::Local(path)) => {
            let is_folder = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
            if many && !is_folder && path.exists() {
                return Err(usage(
                    ACT,
                    path.display(),
                    "it is not a folder",
                    "give a folder for several files",
                ));
            }
            let path = if many || is_folder {
                path.join(crate::actions::key_escape::from_key(&name))
            } else {
                path.clone()
            };
            Ok((String::new(), name, Some(Location::Local(path))))
        }
        Destination::Location(place @ Location::S3(ObjectUri { bucket, key })) => {
            let (prefix, name) = if place.is_prefix() {
                (key.clone(), name)
            } else if many {
                return Err(usage(
                    ACT,
                    place,
                    "it names one object",
                    "end it with / for several files",
                ));
            } else {
                let (prefix, name) = key.split_at(key.rfind('/').map_or(0, |slash| slash + 1));
                (prefix.to_owned(), name.to_owned())
            };
            let key = format!("{prefix}{name}");
            if key.starts_with(DATA_KEYS) {
                let remedy = "choose another prefix";
                return Err(usage(
                    ACT,
                    place,
                    "encrypted data keys lie there, and nothing else",
                    remedy,
                ));
            }
            if key.len() > MAX_KEY_BYTES {
                return Err(usage(
                    ACT,
                    &key,
                    "the key would be longer than 1024 bytes",
                    "choose a shorter prefix",
                ));
            }
            let bucket = bucket.clone();
            Ok((prefix, name, Some(Location::S3(ObjectUri { bucket, key }))))
        }
    }
}
