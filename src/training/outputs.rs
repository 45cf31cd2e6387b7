//! Model and output: everything that COMMAND leaves goes out as tokens, and nothing else stays.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::inputs::is_token;
use super::job::{invalid, io};
use super::keys::{OpenKey, broken};
use super::say;
use super::tree;
use crate::domain::{Fault, FaultKind};
use crate::envelope::binding::{self, Subject};
use crate::envelope::manifest::{Bundle, BundleFile, VERSION, bundle_host, bundle_name};
use crate::envelope::{Sealed, seal, verify};
use crate::publish::Unpublished;

/// SageMaker shows 1024 characters.
const LONGEST_FAILURE: u64 = 4096;

/// Encrypts what is under `private` into `public`, then everything plain that COMMAND put into `public` itself, and
/// writes the bundle: `host`'s, where there are several. Names that `left` knows are not looked at. Goes on after a failure,
/// deleting what could not be encrypted, and gives the first one.
pub(crate) fn deliver(
    key: &OpenKey,
    host: Option<&str>,
    private: &Path,
    public: &Path,
    left: &dyn Fn(&str) -> bool,
) -> Result<(), Fault> {
    let mut delivery = Delivery {
        key,
        bundle: bundle_name(host),
        public,
        files: Vec::new(),
        first: None,
    };
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
    is_token(path).unwrap_or(false) && File::open(path).is_ok_and(|mut token| verify(&key.key, &mut token).is_ok())
}

struct Delivery<'a> {
    key: &'a OpenKey,
    bundle: String,
    public: &'a Path,
    files: Vec<BundleFile>,
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
            if bundle_host(&file.name).is_some() {
                self.note(taken(&file.name));
                continue;
            }
            let sealed = seal_file(self.key, &file.path, &self.public.join(&file.name));
            self.sealed(file.name, sealed);
        }
    }

    /// Invariant: afterwards every file is a token under the job's key, or gone.
    fn settle_public(&mut self, left: &dyn Fn(&str) -> bool) {
        if let Some(specials) = self.noted(tree::specials(self.public)) {
            for path in specials {
                let _ = fs::remove_file(&path);
                let (object, cause) = (path.display().to_string(), "it is not a regular file");
                let remedy = "let the training command write files to SM_MODEL_DIR";
                self.note(invalid("encrypt", &object, cause, remedy));
            }
        }
        let ours: BTreeSet<String> = self.files.iter().map(|file| file.name.clone()).collect();
        let Some(found) = self.noted(tree::files(self.public)) else {
            return;
        };
        for file in found
            .into_iter()
            .filter(|file| !left(&file.name) && !ours.contains(&file.name))
        {
            // COMMAND may have encrypted it itself, the boto3 way.
            let is_bundle = bundle_host(&file.name).is_some();
            if !is_bundle && opens(self.key, &file.path) {
                continue;
            }
            let to = self.public.join(&file.name);
            let sealed = if is_bundle {
                Err(taken(&file.name))
            } else {
                seal_file(self.key, &file.path, &to)
            };
            if (sealed.is_err() || to != file.path)
                && let Err(error) = fs::remove_file(&file.path)
            {
                self.note(io("remove the plain file", &file.path, &error));
            }
            self.sealed(file.name, sealed);
        }
    }

    fn write_bundle(&mut self) {
        if self.files.is_empty() {
            return;
        }
        let wrapped = &self.key.wrapped;
        let mut files = std::mem::take(&mut self.files);
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let bundle = Bundle {
            version: VERSION,
            kms_key_id: wrapped.kms_key_id.clone(),
            data_key: wrapped.data_key.clone(),
            context: wrapped.context.clone(),
            live: false,
            files,
        };
        let path = self.public.join(&self.bundle);
        let written = serde_json::to_vec_pretty(&bundle)
            .map_err(std::io::Error::from)
            .and_then(|bytes| {
                let mut file = Unpublished::create(&path)?;
                file.write_all(&bytes)?;
                file.publish(true)
            });
        if let Err(error) = written {
            self.note(io("write", &path, &error));
        }
    }

    fn sealed(&mut self, name: String, sealed: Result<Sealed, Fault>) {
        match sealed {
            Ok(sealed) => {
                say(&format!("encrypted {name}"));
                // No prefix: with an empty one it would be bound as an object of that name at a bucket's root, where nobody put it.
                let subject = Subject {
                    prefix: None,
                    name: &name,
                    header: &sealed.header,
                    length: sealed.plaintext_bytes,
                };
                let mac = STANDARD.encode(binding::bind(&self.key.key, subject));
                self.files.push(BundleFile {
                    version: 1,
                    name,
                    prefix: None,
                    length: sealed.plaintext_bytes,
                    mac,
                });
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

/// The fault of a file that is called as a bundle is.
fn taken(name: &str) -> Fault {
    let cause = "strongroom writes files of such names itself";
    invalid("encrypt", name, cause, "let the training command use another name")
}

/// Takes COMMAND's own sentence on why it failed out of a folder where the toolkit says it may be left.
pub(crate) fn own_failure(output: &Path) -> Option<String> {
    let path = output.join("failure");
    let mut text = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(LONGEST_FAILURE).read_to_end(&mut text));
    let _ = fs::remove_file(&path);
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
