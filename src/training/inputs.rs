//! Channels: which of their files are opened under which key, and into the private folders.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio_util::sync::CancellationToken;

use super::job::{Job, invalid, io};
use super::keys::{Keys, OpenKey, broken};
use super::tree::{self, Found};
use super::{human, say};
use crate::domain::Fault;
use crate::domain::bond::{Declared, Standing, Written};
use crate::domain::format::{FIRST_BYTES, begins_token};
use crate::envelope;
use crate::envelope::binding::{self, Subject};
use crate::envelope::manifest::{ManifestChannel, ManifestFile};
use crate::publish::Unpublished;

/// Key objects that a channel's prefix happened to take in; they are ciphertext and no data.
const KEY_OBJECTS: &str = ".strongroom/";

/// Files that are opened at the same time, at most: each takes a few megabytes.
const MOST_AT_ONCE: usize = 16;

/// One file of a channel.
#[derive(Debug)]
pub(crate) struct Input {
    channel: String,
    file: Found,
    how: How,
}

/// On how many threads a token is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Reading, opening and writing on one each.
    Spread,
    /// All of it on one.
    OneThread,
}

#[derive(Debug)]
enum How {
    /// A token that the manifest lists.
    Listed(ManifestFile),
    /// A token opened on the job's word alone.
    Unbound,
    /// Plain already, so it is only linked; why that would be so of a token.
    Plain(&'static str),
}

const DECLARED: &str = "its channel is declared plain";
const UNNAMED: &str = "train_file names another file";
const UNLISTED: &str = "no bundle lists it";

/// Looks through the channels, refusing what may not be there.
pub(crate) fn plan(job: &Job, keys: &Keys) -> Result<Vec<Input>, Fault> {
    let only = match job.hyperparameter("train_file") {
        Some(file) if keys.manifest.is_none() => Some((
            job.hyperparameter("train_channel")
                .unwrap_or_else(|| "train".to_owned()),
            file,
        )),
        _ => None,
    };
    let mut inputs = Vec::new();
    for (channel, config) in &job.channels {
        let files: Vec<_> = tree::files(&job.channel_dir(channel))?
            .into_iter()
            .filter(|file| !file.name.starts_with(KEY_OBJECTS) && !file.name.contains("/.strongroom/"))
            .collect();
        let listed = keys.manifest.as_ref().map(|manifest| manifest.channels.get(channel));
        if let (Some(Some(listed)), false) = (listed, config.is_sharded()) {
            let delivered: HashSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
            if let Some(missing) = listed.files.keys().find(|name| !delivered.contains(name.as_str())) {
                let cause = "the manifest lists it, but it was not delivered";
                return Err(refused(channel, missing, cause));
            }
        }
        for file in files {
            let how = match listed {
                Some(Some(listed)) if listed.is_plain => How::Plain(DECLARED),
                Some(listed) => How::Listed(permitted(channel, &file, listed, keys)?),
                None => loose(channel, &file, only.as_ref())?,
            };
            inputs.push(Input {
                channel: channel.clone(),
                file,
                how,
            });
        }
    }
    if let Some((channel, name)) = &only
        && !inputs
            .iter()
            .any(|input| input.channel == *channel && input.file.name == *name)
    {
        return Err(refused(channel, name, "train_file names it, but it was not delivered"));
    }
    if !inputs.iter().any(|input| !matches!(input.how, How::Plain(_))) {
        let (cause, remedy) = (
            "no channel holds an encrypted file",
            "check the S3 URIs of the job's input",
        );
        return Err(invalid("read", "the channels", cause, remedy));
    }
    Ok(inputs)
}

/// Plaintext bytes of all, at most.
pub(crate) fn size(inputs: &[Input]) -> u64 {
    inputs
        .iter()
        .filter(|input| !matches!(input.how, How::Plain(_)))
        .map(|input| input.file.size / 4 * 3)
        .sum()
}

/// Opens everything into the private folders, several files at once, the largest first. `delivered` knows where a channel's
/// files are, `private` where they go.
pub(crate) fn decrypt(
    inputs: &[Input],
    keys: &Keys,
    delivered: &(dyn Fn(&str) -> PathBuf + Sync),
    private: &(dyn Fn(&str) -> PathBuf + Sync),
    cancel: &CancellationToken,
) -> Result<(), Fault> {
    let mut order: Vec<&Input> = inputs.iter().collect();
    order.sort_by_key(|input| Reverse(input.file.size));
    let at_once = thread::available_parallelism().map_or(1, usize::from).min(MOST_AT_ONCE);
    let all: u64 = order.iter().map(|input| input.file.size).sum();
    // A token is opened on several threads where a core would have nothing else to do: one that is most of a core's work, and
    // the last ones. Else each thread keeps to its own, for more of them than cores would only take turns.
    let manner = |index: usize, input: &Input| {
        let is_large = input.file.size.saturating_mul(at_once as u64) > all;
        let is_last = order.len() - index < at_once;
        if is_large || is_last {
            Manner::Spread
        } else {
            Manner::OneThread
        }
    };
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    let stop = cancel.child_token();
    let open_others = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(input) = order.get(index) else { return };
            let (from, to) = (delivered(&input.channel), private(&input.channel));
            let opened = input.open(keys, &from, &to, manner(index, input), &stop);
            if let Err(fault) = opened {
                stop.cancel();
                // What the others say of being stopped comes after it.
                failed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(fault);
                return;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..at_once.min(order.len()) {
            // Where there is no room for another thread, those that there are do it.
            let _ = thread::Builder::new().spawn_scoped(scope, open_others);
        }
        open_others();
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    failed.map_or(Ok(()), Err)
}

impl Input {
    /// One that is plain already.
    pub(crate) fn plain(channel: &str, file: Found) -> Self {
        Self {
            channel: channel.to_owned(),
            file,
            how: How::Plain(UNLISTED),
        }
    }

    /// A token that must be the one that is listed.
    pub(crate) fn listed(channel: &str, file: Found, listed: ManifestFile) -> Self {
        Self {
            channel: channel.to_owned(),
            file,
            how: How::Listed(listed),
        }
    }

    fn open(
        &self,
        keys: &Keys,
        delivered: &Path,
        private: &Path,
        manner: Manner,
        cancel: &CancellationToken,
    ) -> Result<(), Fault> {
        let (from, to) = (delivered.join(&self.file.name), private.join(&self.file.name));
        let parent = to.parent().expect("a file in a folder has a parent");
        fs::create_dir_all(parent).map_err(|error| io("make", parent, &error))?;
        let label = format!("{}/{}", self.channel, self.file.name);
        match &self.how {
            How::Plain(why) => {
                std::os::unix::fs::symlink(&from, &to).map_err(|error| io("link", &to, &error))?;
                say(&left(&label, is_token(&from)?, why));
            }
            How::Unbound => {
                let bytes = open_file(keys.first(), (&from, &to), &label, None, manner, cancel)?;
                say(&format!("decrypted {label} ({}), unbound", human(bytes)));
            }
            How::Listed(listed) => {
                let key = keys
                    .opening
                    .get(listed.data_key)
                    .expect("`permitted` checked the index");
                let bytes = open_file(key, (&from, &to), &label, Some(listed), manner, cancel)?;
                say(&format!("decrypted {label} ({})", human(bytes)));
            }
        }
        Ok(())
    }
}

/// What the log says of a file that is only linked.
fn left(label: &str, is_token: bool, why: &str) -> String {
    if is_token {
        format!("left {label} as it is: it is a token, and is left because {why}")
    } else {
        format!("left {label} as it is: not encrypted")
    }
}

fn permitted(
    channel: &str,
    file: &Found,
    manifest: Option<&ManifestChannel>,
    keys: &Keys,
) -> Result<ManifestFile, Fault> {
    let refused = |cause: &str| Err(refused(channel, &file.name, cause));
    if manifest.is_none() {
        let fault = Fault {
            remedy: format!(
                "start the job again with strongroom, and with this channel: {channel}=s3://BUCKET/PREFIX/, with ,plain \
                 behind it if what it holds is not encrypted and need not be"
            ),
            ..self::refused(channel, &file.name, "the manifest does not list its channel")
        };
        return Err(fault);
    }
    let listed = manifest.and_then(|manifest| Some((manifest, manifest.files.get(&file.name)?)));
    let Some((manifest, listed)) = listed else {
        return refused("the manifest does not list it");
    };
    if !is_token(&file.path)? {
        return refused("it is not encrypted");
    }
    if listed.mac.is_none() || listed.name.is_none() || listed.length.is_none() {
        return refused("the manifest does not bind it");
    }
    if let Some(name) = &listed.name
        && !is_there(manifest, &file.name, listed.prefix.as_deref(), name)
    {
        let cause = format!(
            "it was put at {}{name}, not at this place: it was moved or swapped",
            listed.prefix.as_deref().unwrap_or_default()
        );
        return refused(&cause);
    }
    if listed.data_key >= keys.opening.len() {
        return refused("the manifest names a data key that it does not hold");
    }
    Ok(listed.clone())
}

/// Whether a token that was put under this prefix and name belongs to this path of the channel.
fn is_there(manifest: &ManifestChannel, path: &str, prefix: Option<&str>, name: &str) -> bool {
    let written = Written { prefix, name };
    let Some(channel) = &manifest.prefix else {
        // Version 1 does not say where the channel is: path and name may differ in what stands before both.
        return Path::new(path).ends_with(name) || Path::new(name).ends_with(path);
    };
    let key = format!("{channel}{path}");
    let is_moved = |from: &String| Declared::new(from, Some(channel)).explains(&written, &key);
    written.at(&key) == Standing::InPlace || manifest.moved_from.as_ref().is_some_and(is_moved)
}

fn loose(channel: &str, file: &Found, only: Option<&(String, String)>) -> Result<How, Fault> {
    let token = is_token(&file.path)?;
    match only {
        Some((only_channel, only_file)) if only_channel == channel && *only_file == file.name => {
            let cause = "train_file names it, but it is not encrypted";
            token
                .then_some(How::Unbound)
                .ok_or_else(|| refused(channel, &file.name, cause))
        }
        None if token => Ok(How::Unbound),
        Some(_) | None => Ok(How::Plain(UNNAMED)),
    }
}

fn refused(channel: &str, name: &str, cause: &str) -> Fault {
    let remedy = "encrypt the whole channel with strongroom and start the job again";
    Fault::integrity("accept", format!("{channel}/{name}"), cause, remedy)
}

/// Whether a file begins as a token does.
pub(crate) fn is_token(path: &Path) -> Result<bool, Fault> {
    Ok(begins_token(&beginning(path, FIRST_BYTES)?))
}

/// A file's first bytes.
pub(crate) fn beginning(path: &Path, bytes: usize) -> Result<Vec<u8>, Fault> {
    let mut head = Vec::with_capacity(bytes);
    File::open(path)
        .and_then(|file| file.take(bytes as u64).read_to_end(&mut head))
        .map_err(|error| io("read", path, &error))?;
    Ok(head)
}

/// Opens one token; nothing appears under `to` unless the whole of it holds.
pub(crate) fn open_file(
    key: &OpenKey,
    (from, to): (&Path, &Path),
    label: &str,
    listed: Option<&ManifestFile>,
    manner: Manner,
    cancel: &CancellationToken,
) -> Result<u64, Fault> {
    let inner = File::open(from).map_err(|error| io("open", from, &error))?;
    let output = Unpublished::create(to).map_err(|error| io("write", to, &error))?;
    let mut token = Cancellable { inner, cancel };
    let opened = match manner {
        Manner::Spread => envelope::decrypt(&key.key, &mut token, output),
        Manner::OneThread => envelope::decrypt_on_one_thread(&key.key, &mut token, output),
    };
    let (opened, output) = opened.map_err(|error| broken("decrypt", label, &error))?;
    if let Some(listed) = listed {
        let mac = listed
            .mac
            .as_deref()
            .and_then(|mac| STANDARD.decode(mac).ok())
            .unwrap_or_default();
        let subject = Subject {
            prefix: listed.prefix.as_deref(),
            name: listed.name.as_deref().unwrap_or_default(),
            header: &opened.header,
            length: opened.plaintext_bytes,
        };
        binding::check(&key.key, subject, &mac).map_err(|error| broken("decrypt", label, &error))?;
        if listed.header != STANDARD.encode(opened.header) || listed.length != Some(opened.plaintext_bytes) {
            let cause = "it is not the token that the manifest lists";
            let remedy = "start the job again";
            return Err(Fault::integrity("decrypt", label, cause, remedy));
        }
    }
    output.name(false).map_err(|error| io("write", to, &error))?;
    Ok(opened.plaintext_bytes)
}

/// A file whose reading stops when the job is told to stop.
struct Cancellable<'a> {
    inner: File,
    cancel: &'a CancellationToken,
}

impl Read for Cancellable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(std::io::Error::other("the job was told to stop"));
        }
        self.inner.read(buffer)
    }
}

#[cfg(test)]
mod tests;
