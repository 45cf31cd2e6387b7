//! Tokens inside a `model.tar.gz`, with or without the bundle that binds them.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::GzDecoder;
use tar::{Archive, EntryType};

use super::faults::{fault_of, io_fault};
use super::inside::inside;
use super::kinds::{self, no_token, of_file};
use super::unlock::{Unlocked, check_member};
use crate::domain::{Bond, Fault, FaultKind, Location, Verified};
use crate::envelope::Opened;
use crate::envelope::manifest::{BUNDLE_NAME, Bundle, BundleFile};
use crate::publish::Folder;

const ACT: &str = "open";
const MAX_BUNDLE: u64 = 64 << 20;

/// The bundle, if the archive has one; leaves the file where it was found.
pub(super) fn bundle(archive: &mut File, source: &Location) -> Result<Option<Bundle>, Fault> {
    contents(archive, source).map(|(bundle, _)| bundle)
}

/// The bundle, and the names of the members.
pub(super) fn contents(archive: &mut File, source: &Location) -> Result<(Option<Bundle>, Vec<String>), Fault> {
    let (mut found, mut names) = (None, Vec::new());
    each(archive, source, |name, entry| {
        names.push(name.to_owned());
        if name == BUNDLE_NAME {
            let mut text = Vec::new();
            entry
                .take(MAX_BUNDLE)
                .read_to_end(&mut text)
                .map_err(|error| io_fault(ACT, source, &error))?;
            found = Some(Bundle::read(&text).map_err(|error| malformed(source, &error.to_string()))?);
        }
        Ok(())
    })?;
    Ok((found, names))
}

/// What one member turned out to be.
pub(super) struct Member {
    pub(super) name: String,
    pub(super) opened: Opened,
    pub(super) bond: Bond,
}

/// Opens every member, each through `write`, which gets the name and the token; every listed one must be there.
pub(super) fn open_members(
    archive: &mut File,
    source: &Location,
    scratch: &Folder,
    unlocked: &Unlocked,
    bundle: Option<&Bundle>,
    mut write: impl FnMut(&str, &mut File) -> Result<Opened, Fault>,
) -> Result<Vec<Member>, Fault> {
    let mut members: Vec<Member> = Vec::new();
    each(archive, source, |name, entry| {
        if name == BUNDLE_NAME && bundle.is_some() {
            return Ok(());
        }
        let io = |error: std::io::Error| io_fault(ACT, name, &error);
        let mut token = scratch.unnamed().map_err(io)?;
        std::io::copy(entry, &mut token).map_err(io)?;
        token.seek(SeekFrom::Start(0)).map_err(io)?;
        if members.iter().any(|member| member.name == name) {
            return Err(refused(source, name, "the archive holds it twice"));
        }
        match of_file(&token).map_err(io)? {
            Some(format) if !format.is_token() => {
                let what = format!("it is {} ({})", format.described(), format.as_str());
                return Err(match bundle {
                    Some(_) => refused(source, name, &what),
                    None => no_token(ACT, format!("{source}/{name}"), format),
                });
            }
            Some(_) | None => {}
        }
        let opened = write(name, &mut token)?;
        if let Some(bundle) = bundle {
            check_member(unlocked, bundle, name, &opened).map_err(|error| fault_of(ACT, name, &error))?;
        }
        members.push(Member {
            name: name.to_owned(),
            opened,
            bond: if bundle.is_some() { Bond::Inside } else { Bond::Unbound },
        });
        Ok(())
    })?;
    let missing = bundle
        .into_iter()
        .flat_map(|bundle| &bundle.files)
        .map(BundleFile::path)
        .find(|path| members.iter().all(|member| member.name != *path));
    match missing {
        Some(path) => Err(refused(
            source,
            &path,
            "the bundle lists it, the archive does not hold it",
        )),
        None => Ok(members),
    }
}

/// What all members together proved; nothing if there are none.
pub(super) fn verified(members: &[Member]) -> Option<Verified> {
    Verified::of_all(
        members
            .iter()
            .map(|member| kinds::verified((member.opened, member.bond.clone()))),
    )
}

fn each(
    archive: &mut File,
    source: &Location,
    mut visit: impl FnMut(&str, &mut dyn Read) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let io = |error: std::io::Error| match error.kind() {
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof | ErrorKind::Other => {
            let remedy = "get the archive again from where it was made";
            let cause = format!("it is damaged or cut off: {error}");
            Fault::new(FaultKind::Integrity, "read", source.to_string(), cause, remedy)
        }
        _ => io_fault("read", source, &error),
    };
    archive.seek(SeekFrom::Start(0)).map_err(io)?;
    let mut tar = Archive::new(GzDecoder::new(archive));
    for entry in tar.entries().map_err(io)? {
        let mut entry = entry.map_err(io)?;
        let kind = entry.header().entry_type();
        if kind == EntryType::Directory {
            continue;
        }
        let path = entry.path().map_err(io)?.into_owned();
        let shown = path.display().to_string();
        if !kind.is_file() {
            return Err(refused(source, &shown, "it is a link or a device"));
        }
        let name = path
            .to_str()
            .ok_or_else(|| refused(source, &shown, "its name is not UTF-8"))?;
        let name = name.strip_prefix("./").unwrap_or(name);
        inside(Path::new(""), name)?;
        visit(name, &mut entry)?;
    }
    Ok(())
}

fn refused(source: &Location, member: &str, cause: &str) -> Fault {
    let remedy = "get the archive again from where it was made";
    Fault::new(FaultKind::Integrity, ACT, format!("{source}: {member}"), cause, remedy)
}

fn malformed(source: &Location, why: &str) -> Fault {
    refused(source, BUNDLE_NAME, why)
}
