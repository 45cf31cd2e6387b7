//! A look at what an object holds, decrypted in memory only: the whole token is checked, and no more than the beginning of
//! its plaintext is kept, in a buffer that is wiped.

use std::io::{self, Write};
use std::sync::Mutex;

use flate2::read::GzDecoder;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::archive::Opening;
use super::blocking::blocking;
use super::decrypt::fetch;
use super::download::{ALONE, Download, Watched, scratch};
use super::faults::io_fault;
use super::kinds::{no_token, verified, with_length};
use super::unlock::{Among, Claim, Keyring, OpenOptions, unlock_object};
use super::{ProgressSink, archive};
use crate::aws::{Aws, s3, transfer};
use crate::domain::{Fault, Location, ObjectFormat, Origin, Outcome, Plaintext, Preview, View};
use crate::envelope::{HEADER_TEXT, TokenReader, header_of};

/// More is not kept, whatever is asked for.
const MOST: usize = 4 << 20;

/// The first bytes of an object, or of one file of an archive, once the whole of it has proved intact.
pub async fn preview(
    aws: &Aws,
    bucket: &str,
    object: &str,
    member: Option<&str>,
    (most, accept_unbound): (usize, bool),
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Preview, Fault> {
    let most = most.min(MOST);
    let place = Location::s3(bucket.to_owned(), object.to_owned());
    let info = s3::object_info(aws, bucket, object).await?;
    let uri = s3::uri(bucket, object);
    if info.format == ObjectFormat::Archive {
        return of_archive(aws, &place, member, most, progress, cancel).await;
    }
    if !info.format.is_token() {
        return plain(aws, bucket, object, info.format, most).await;
    }
    let head = transfer::head(aws, bucket, object).await?;
    let options = OpenOptions {
        // A preview publishes nothing under any name; it says `unbound` instead.
        accept_name: true,
        accept_unbound,
        ..OpenOptions::default()
    };
    let claim = Claim::read(bucket, object, &head.metadata)?;
    let bond = claim.bond(&options, Among::Nothing)?;
    let unlocked = unlock_object(aws, claim, bond, &options, &Keyring::default()).await?;
    let stream = Download {
        aws,
        bucket,
        key: object,
        head: &head,
        beginning: &Mutex::default(),
        progress,
        cancel,
        phase: "reading",
        in_flight: ALONE,
    };
    let reading = (TokenReader::decrypting(&unlocked.key), Beginning::new(most), Vec::new());
    let (reader, mut beginning, start) = stream
        .fold(reading, |(reader, beginning, start), piece| {
            let room = HEADER_TEXT.saturating_sub(start.len()).min(piece.len());
            start.extend_from_slice(&piece[..room]);
            let mut plaintext = Zeroizing::new(Vec::with_capacity(piece.len()));
            reader.push(piece, &mut plaintext)?;
            beginning.take(&plaintext);
            Ok(())
        })
        .await
        .map_err(|fault| with_length(fault, &head))?;
    let mut rest = Zeroizing::new(Vec::new());
    // Until here nothing was verified; what was kept is dropped and wiped if this fails.
    let opened = reader.finish(&mut rest).map_err(|error| {
        with_length(
            unlocked.fault(("preview", &uri), header_of(&start).as_ref(), &error),
            &head,
        )
    })?;
    beginning.take(&rest);
    let bond = unlocked
        .check(&opened)
        .map_err(|error| unlocked.fault(("preview", &uri), Some(&opened.header), &error))?;
    let origin = Origin::Token {
        verified: verified((opened, bond)),
        etag: head.unquoted_etag(),
    };
    Ok(beginning.preview(uri, object, opened.plaintext_bytes, origin))
}

/// What is not encrypted by us is shown as it is stored, as far as it is not ciphertext of others.
async fn plain(aws: &Aws, bucket: &str, object: &str, format: ObjectFormat, most: usize) -> Result<Preview, Fault> {
    let uri = s3::uri(bucket, object);
    if !format.is_open() && format != ObjectFormat::KeyObject {
        return Err(no_token("preview", uri, format));
    }
    let head = transfer::head(aws, bucket, object).await?;
    let end = head.length.min(most as u64);
    let mut beginning = Beginning::new(most);
    if end > 0 {
        for piece in transfer::range(aws, bucket, object, head.etag.as_deref(), 0, end).await? {
            beginning.take(&piece);
        }
    }
    Ok(beginning.preview(uri, object, head.length, Origin::Stored(format)))
}

async fn of_archive(
    aws: &Aws,
    place: &Location,
    member: Option<&str>,
    most: usize,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Preview, Fault> {
    let scratch = scratch()?;
    let (mut file, _) = fetch(aws, place, &scratch, progress, cancel).await?;
    let (bundles, names) = archive::contents(&mut file, place)?;
    if names.is_empty() {
        return Err(archive::empty("preview", place));
    }
    let opening = Opening::unlock(aws, place, bundles, &OpenOptions::default()).await?;
    let (place, wanted, cancel) = (place.clone(), member.map(str::to_owned), cancel.clone());
    blocking(move || {
        let mut found: Option<(String, Beginning)> = None;
        let members = archive::open_members(&mut file, &place, &scratch, &opening, |name, unlocked, token| {
            let mut token = Watched {
                inner: token,
                cancel: cancel.clone(),
            };
            let doing = ("preview", name);
            let is_wanted = found.is_none() && wanted.as_deref().is_none_or(|wanted| wanted == name);
            if !is_wanted {
                return unlocked.verify(&mut token, doing).map(|(opened, _)| opened);
            }
            let (opened, _, beginning) = unlocked.decrypt(&mut token, Beginning::new(most), doing)?;
            found = Some((name.to_owned(), beginning));
            Ok(opened)
        })?;
        let Some((name, beginning)) = found else {
            let what = wanted.as_deref().unwrap_or("any file");
            let cause = format!("there is no {what} in it");
            let (object, remedy) = (place.to_string(), "list its files");
            return Err(Fault::not_found("preview", object, cause, remedy));
        };
        let source = format!("{place}/{name}");
        let Some(member) = members.into_iter().find(|member| member.name == name) else {
            let cause = "it was read and is not there any more";
            return Err(Fault::other("preview", source, cause, ""));
        };
        let total = member.opened.plaintext_bytes;
        let origin = Origin::Token {
            verified: verified((member.opened, member.bond)),
            etag: None,
        };
        Ok(beginning.preview(source, &name, total, origin))
    })
    .await
}

/// The files of an archive as they stand in it, with their sizes as they are stored.
pub async fn list_archive(
    aws: &Aws,
    bucket: &str,
    object: &str,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Outcome, Fault> {
    let place = Location::s3(bucket.to_owned(), object.to_owned());
    let (file, _) = fetch(aws, &place, &scratch()?, progress, cancel).await?;
    let source = place.to_string();
    blocking(move || {
        let io = |error: io::Error| io_fault("read", &source, &error);
        let mut archive = tar::Archive::new(GzDecoder::new(file));
        let mut members = Vec::new();
        for entry in archive.entries().map_err(io)? {
            let entry = entry.map_err(io)?;
            if entry.header().entry_type().is_file() {
                let name = entry.path().map_err(io)?.to_string_lossy().into_owned();
                members.push((name, entry.size()));
            }
        }
        Ok(Outcome::Archive {
            source: source.clone(),
            members,
        })
    })
    .await
}

/// Keeps the first bytes, in a buffer that never grows and so never leaves a copy behind.
struct Beginning {
    bytes: Zeroizing<Vec<u8>>,
    most: usize,
}

impl Beginning {
    fn new(most: usize) -> Self {
        Self {
            bytes: Zeroizing::new(Vec::with_capacity(most)),
            most,
        }
    }

    fn take(&mut self, plaintext: &[u8]) {
        let room = self.most - self.bytes.len();
        self.bytes.extend_from_slice(&plaintext[..plaintext.len().min(room)]);
    }

    fn preview(self, source: String, name: &str, total: u64, origin: Origin) -> Preview {
        Preview {
            view: View::of(name, &self.bytes),
            source,
            bytes: Plaintext::new(self.bytes),
            total,
            origin,
        }
    }
}

impl Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
