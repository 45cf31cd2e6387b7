//! Tokens inside a `model.tar.gz`, with or without the bundles that bind them.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::bufread::GzDecoder;
use tar::{Archive, EntryType};

use super::faults::{fault_of, io_fault};
use super::inside::inside;
use super::kinds::{self, no_token, of_file};
use super::unlock::{Unlocked, check_opened};
use crate::domain::format::begins_token;
use crate::domain::words::counted;
use crate::domain::{Bond, Contested, Fault, FaultKind, Location, Verified};
use crate::envelope::manifest::{Bundle, bundle_host};
use crate::envelope::{EnvelopeError, Opened, header_of};
use crate::publish::Folder;

mod hosts;

pub(super) use hosts::{HostBundle, Opening};

const ACT: &str = "open";
const AGAIN: &str = "get the archive again from where it was made";
const MAX_BUNDLE: u64 = 64 << 20;
/// Holds a token's header, with white space in it.
const BEGINNING: u64 = 256;

/// The bundles, one a host, or none, and the names of the members; leaves the file where it was found.
pub(super) fn contents(archive: &mut File, source: &Location) -> Result<(Vec<HostBundle>, Vec<String>), Fault> {
    let (mut found, mut names) = (Vec::new(), Vec::new());
    each(archive, source, |name, entry| {
        names.push(name.to_owned());
        if let Some(host) = bundle_host(name) {
            let mut text = Vec::new();
            entry
                .take(MAX_BUNDLE)
                .read_to_end(&mut text)
                .map_err(|error| unread(source, &error))?;
            // What a script called so is a token like all that it left.
            if begins_token(&text) {
                return Ok(());
            }
            found.push(HostBundle {
                name: name.to_owned(),
                host: host.map(str::to_owned),
                bundle: Bundle::read(&text).map_err(|error| match error {
                    EnvelopeError::Newer { .. } => fault_of(ACT, format!("{source}: {name}"), &error),
                    error => refused(source, name, &error.to_string()),
                })?,
            });
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
    /// Where several hosts left a file of this name, and one's was kept.
    pub(super) contested: Option<Contested>,
}

/// Opens every member, each through `write`, which gets the name, the data key and the token; every listed one must be there.
pub(super) fn open_members(
    archive: &mut File,
    source: &Location,
    scratch: &Folder,
    opening: &Opening,
    mut write: impl FnMut(&str, &Unlocked, &mut File) -> Result<Opened, Fault>,
) -> Result<Vec<Member>, Fault> {
    let mut members: Vec<Member> = Vec::new();
    each(archive, source, |name, entry| {
        if opening.bundles().any(|one| one.name == name) {
            return Ok(());
        }
        let io = |error: std::io::Error| io_fault(ACT, name, &error);
        let mut token = scratch.unnamed().map_err(io)?;
        std::io::copy(entry, &mut token).map_err(|error| unread(source, &error))?;
        if members.iter().any(|member| member.name == name) {
            return Err(refused(source, name, "the archive holds it twice"));
        }
        match of_file(&token).map_err(io)? {
            Some(format) if !format.is_token() => {
                let what = format!("it is {} ({})", format.described(), format.as_str());
                return Err(if opening.bundles().next().is_some() {
                    refused(source, name, &what)
                } else {
                    no_token(ACT, format!("{source}/{name}"), format)
                });
            }
            Some(_) | None => {}
        }
        let mut beginning = Vec::new();
        token.seek(SeekFrom::Start(0)).map_err(io)?;
        (&mut token).take(BEGINNING).read_to_end(&mut beginning).map_err(io)?;
        token.seek(SeekFrom::Start(0)).map_err(io)?;
        let chosen = opening.chosen(source, name, header_of(&beginning))?;
        let opened = write(name, chosen.unlocked, &mut token)?;
        if let Some(listed) = chosen.listed {
            check_opened(&chosen.unlocked.key, listed, &opened).map_err(|error| fault_of(ACT, name, &error))?;
        }
        members.push(Member {
            name: name.to_owned(),
            opened,
            bond: if chosen.listed.is_some() {
                Bond::Inside
            } else {
                Bond::Unbound
            },
            contested: chosen.contested,
        });
        Ok(())
    })?;
    let is_there = |path: &str| members.iter().any(|member| member.name == path);
    let listed = opening
        .bundles()
        .flat_map(|one| one.bundle.files.iter().map(move |file| (one, file.path())));
    let missing: Vec<_> = listed.filter(|(_, path)| !is_there(path)).collect();
    match missing.as_slice() {
        [] => Ok(members),
        [(one, path), more @ ..] => {
            let others = match more.len() {
                0 => String::new(),
                more => format!(", nor {} more that bundles list", counted(more, "file")),
            };
            let cause = format!("{} lists it, and the archive does not hold it{others}", one.name);
            Err(refused(source, path, &cause))
        }
    }
}

/// The fault of an archive that has nothing to open.
pub(super) fn empty(act: &str, source: &Location) -> Fault {
    let (cause, remedy) = ("it holds no token", "there is nothing in it to open");
    Fault::new(FaultKind::NoToken, act, source.to_string(), cause, remedy)
}

/// Where several hosts left files of one name, and one's was kept.
pub(super) fn contested(members: Vec<Member>) -> Vec<Contested> {
    members.into_iter().filter_map(|member| member.contested).collect()
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
    let io = |error: std::io::Error| unread(source, &error);
    archive.seek(SeekFrom::Start(0)).map_err(io)?;
    let mut tar = Archive::new(GzDecoder::new(BufReader::new(archive)));
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
    end(tar.into_inner(), source)
}

/// Reads on to the end, which has the checksum of all; nothing but padding may come behind it.
fn end(mut stream: GzDecoder<BufReader<&mut File>>, source: &Location) -> Result<(), Fault> {
    let io = |error: std::io::Error| unread(source, &error);
    std::io::copy(&mut stream, &mut std::io::sink()).map_err(io)?;
    let mut behind = stream.into_inner();
    loop {
        let bytes = behind.fill_buf().map_err(io)?;
        if bytes.is_empty() {
            return Ok(());
        }
        if bytes.iter().any(|byte| *byte != 0) {
            let cause = "more bytes follow behind its end";
            return Err(Fault::integrity("read", source.to_string(), cause, AGAIN));
        }
        let length = bytes.len();
        behind.consume(length);
    }
}

/// What keeps an archive from being read: itself, or the disk.
fn unread(source: &Location, error: &std::io::Error) -> Fault {
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof | ErrorKind::Other => {
            let cause = format!("it is damaged or cut off: {error}");
            Fault::integrity("read", source.to_string(), cause, AGAIN)
        }
        _ => io_fault("read", source, error),
    }
}

fn refused(source: &Location, member: &str, cause: &str) -> Fault {
    Fault::integrity(ACT, format!("{source}: {member}"), cause, AGAIN)
}
