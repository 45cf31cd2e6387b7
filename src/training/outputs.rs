//! Model and output: everything that COMMAND leaves goes out as tokens, and nothing else stays.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use jiff::Timestamp;

use super::bundle;
use super::inputs::is_token;
use super::job::{Resources, invalid, io};
use super::keys::{OpenKey, broken};
use super::say;
use super::tree;
use crate::domain::{Fault, FaultKind};
use crate::envelope::manifest::{Bundle, BundleFile, bundle_host};
use crate::envelope::{Opened, Sealed, seal, verify};
use crate::publish::Unpublished;

/// SageMaker shows 1024 characters.
const LONGEST_FAILURE: u64 = 4096;

/// Encrypts what is under `private` into `public`, then everything plain that COMMAND put into `public` itself, and
/// writes the bundle: this host's, where there are several. Names that `left` knows are not looked at. Goes on after a
/// failure, deleting what could not be encrypted, and gives the first one.
pub(crate) fn deliver(
    key: &OpenKey,
    resources: &Resources,
    private: &Path,
    public: &Path,
    left: &dyn Fn(&str) -> bool,
) -> Result<(), Fault> {
    let mut delivery = Delivery {
        key,
        resources,
        public,
        files: Vec::new(),
        found: Vec::new(),
        was_listed: false,
        first: None,
    };
    // Before anything is written: a link to a folder would be followed.
    delivery.remove_specials();
    delivery.take_private(private, left);
    delivery.settle_public(left);
    delivery.write_bundle();
    delivery.first.map_or(Ok(()), Err)
}

/// Encrypts one file to another name, which appears only when the token is whole.
pub(crate) fn seal_file(key: &OpenKey, from: &Path, to: &Path) -> Result<Sealed, Fault> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(|error| io("make", parent, &error))?;
    }
    let mut plain = File::open(from).map_err(|error| io("open", from, &error))?;
    let mut token = Unpublished::create(to).map_err(|error| io("write", to, &error))?;
    let seconds = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
    let sealed = seal(&key.key, seconds, &mut plain, &mut token)
        .map_err(|error| broken("encrypt", &from.display().to_string(), &error))?;
    token.publish(true).map_err(|error| io("write", to, &error))?;
    Ok(sealed)
}

/// Whether a file is a token under this key.
pub(crate) fn opens(key: &OpenKey, path: &Path) -> bool {
    opened(key, path).is_some()
}

fn opened(key: &OpenKey, path: &Path) -> Option<Opened> {
    if !is_token(path).unwrap_or(false) {
        return None;
    }
    verify(&key.key, &mut File::open(path).ok()?).ok()
}

struct Delivery<'a> {
    key: &'a OpenKey,
    resources: &'a Resources,
    public: &'a Path,
    files: Vec<BundleFile>,
    /// Tokens under the same key that were there.
    found: Vec<BundleFile>,
    /// By the bundle of an earlier run.
    was_listed: bool,
    first: Option<Fault>,
}

impl Delivery<'_> {
    fn take_private(&mut self, private: &Path, left: &dyn Fn(&str) -> bool) {
        let Some(found) = self.noted(tree::files(private)) else {
            return;
        };
        for path in self.noted(tree::specials(private)).unwrap_or_default() {
            if !path.is_file() {
                say(&format!(
                    "left out {}: it is neither a file nor a link to one",
                    path.display()
                ));
            }
        }
        for file in found.into_iter().filter(|file| !left(&file.name)) {
            let name = self.kept_as(file.name);
            let sealed = seal_file(self.key, &file.path, &self.public.join(&name));
            self.sealed(name, sealed);
        }
    }

    fn remove_specials(&mut self) {
        if let Some(specials) = self.noted(tree::specials(self.public)) {
            for path in specials {
                let _ = fs::remove_file(&path);
                let (object, cause) = (path.display().to_string(), "it is not a regular file");
                let remedy = "let the training command write files to SM_MODEL_DIR";
                self.note(invalid("encrypt", &object, cause, remedy));
            }
        }
    }

    /// Invariant: afterwards every file is a token under the job's key, or gone.
    fn settle_public(&mut self, left: &dyn Fn(&str) -> bool) {
        let ours: BTreeSet<String> = self.files.iter().map(|file| file.name.clone()).collect();
        let Some(found) = self.noted(tree::files(self.public)) else {
            return;
        };
        for file in found
            .into_iter()
            .filter(|file| !left(&file.name) && !ours.contains(&file.name))
        {
            let is_earlier = |bundle: Bundle| bundle.data_key == self.key.wrapped.data_key;
            if bundle::read(&file.name, &file.path).is_some_and(is_earlier) {
                self.was_listed = true;
                if let Err(error) = fs::remove_file(&file.path) {
                    self.note(io("remove", &file.path, &error));
                }
                continue;
            }
            // COMMAND may have encrypted it itself, the boto3 way.
            if let Some(Opened {
                header,
                plaintext_bytes,
                ..
            }) = opened(self.key, &file.path)
            {
                self.found
                    .push(bundle::listed(self.key, file.name, &header, plaintext_bytes));
                continue;
            }
            let name = self.kept_as(file.name);
            let to = self.public.join(&name);
            let sealed = seal_file(self.key, &file.path, &to);
            if (sealed.is_err() || to != file.path)
                && let Err(error) = fs::remove_file(&file.path)
            {
                self.note(io("remove the plain file", &file.path, &error));
            }
            self.sealed(name, sealed);
        }
    }

    /// The name that a file gets: its own, but for that of another host's bundle, which SageMaker would put in its place.
    fn kept_as(&self, name: String) -> String {
        let Resources {
            current_host, hosts, ..
        } = self.resources;
        let is_anothers = |host: &str| host != current_host && hosts.iter().any(|one| one == host);
        match bundle_host(&name) {
            Some(Some(host)) if is_anothers(host) => {
                let kept = format!("{name}.of-{current_host}");
                say(&format!(
                    "{name} is kept as {kept}: {host} writes a bundle of that name"
                ));
                kept
            }
            Some(_) | None => name,
        }
    }

    fn write_bundle(&mut self) {
        if self.files.is_empty() && (!self.was_listed || self.found.is_empty()) {
            return;
        }
        let files: Vec<_> = self.files.drain(..).chain(self.found.drain(..)).collect();
        let name = bundle::free_name(self.resources.host(), |name| files.iter().any(|file| file.name == name));
        let written = bundle::write(self.key, &self.public.join(name), files, false);
        self.noted(written);
    }

    fn sealed(&mut self, name: String, sealed: Result<Sealed, Fault>) {
        match sealed {
            Ok(sealed) => {
                say(&format!("encrypted {name}"));
                self.files
                    .push(bundle::listed(self.key, name, &sealed.header, sealed.plaintext_bytes));
            }
            Err(fault) => self.note(fault),
        }
    }

    fn noted<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.note(fault)).ok()
    }

    fn note(&mut self, fault: Fault) {
        say(&fault.to_string());
        self.first.get_or_insert(fault);
    }
}

/// Takes COMMAND's own sentence on why it failed out of a folder where the toolkit says it may be left.
pub(crate) fn own_failure(output: &Path) -> Option<String> {
    let said = said_failure(output);
    let _ = fs::remove_file(output.join("failure"));
    said
}

/// COMMAND's own sentence, which stays where it is.
pub(crate) fn said_failure(output: &Path) -> Option<String> {
    let path = output.join("failure");
    // A pipe would be waited for.
    if !path.is_file() {
        return None;
    }
    let mut text = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(LONGEST_FAILURE).read_to_end(&mut text));
    read.ok()?;
    Some(String::from_utf8_lossy(&text).trim().to_owned()).filter(|text| !text.is_empty())
}

/// Writes what SageMaker shows as `FailureReason`.
pub(crate) fn write_failure(output: &Path, reason: &str) {
    let path = output.join("failure");
    if let Err(error) = fs::create_dir_all(output).and_then(|()| fs::write(&path, reason)) {
        say(&io("write", &path, &error).to_string());
    }
}

/// KMS's own sentence first, with its error's name, since SageMaker shows only the beginning.
pub(crate) fn reason(fault: &Fault) -> String {
    match (&fault.code, fault.kind) {
        (Some(code), FaultKind::Denied | FaultKind::KeyState) => {
            let named = if fault.cause.contains(code.as_str()) {
                String::new()
            } else {
                format!("{code}: ")
            };
            let remedy = if fault.remedy.is_empty() {
                String::new()
            } else {
                format!("; {}", fault.remedy)
            };
            format!("{named}{}{remedy}", fault.cause)
        }
        _ => fault.to_string(),
    }
}
