//! What tells others which data key opens a folder's tokens, and which token is which: `strongroom.json`, or each host's own.

use std::io::Write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::inputs::is_token;
use super::job::io;
use super::keys::OpenKey;
use crate::domain::Fault;
use crate::envelope::HEADER_LEN;
use crate::envelope::binding::{self, Subject};
use crate::envelope::manifest::{Bundle, BundleFile, VERSION, bundle_host, bundle_names};
use crate::publish::Unpublished;

/// A token of this name, header and plaintext length in bytes, as its bundle lists it.
pub(crate) fn listed(key: &OpenKey, name: String, header: &[u8; HEADER_LEN], length: u64) -> BundleFile {
    // No prefix: with an empty one it would be bound as an object of that name at a bucket's root, where nobody put it.
    let subject = Subject {
        prefix: None,
        name: &name,
        header,
        length,
    };
    let mac = STANDARD.encode(binding::bind(&key.key, subject));
    BundleFile {
        version: 1,
        name,
        prefix: None,
        length,
        mac,
    }
}

/// Writes a bundle of tokens under this key; `live` if they may be replaced before it is.
pub(crate) fn write(key: &OpenKey, path: &Path, mut files: Vec<BundleFile>, live: bool) -> Result<(), Fault> {
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let wrapped = &key.wrapped;
    let bundle = Bundle {
        version: VERSION,
        kms_key_id: wrapped.kms_key_id.clone(),
        data_key: wrapped.data_key.clone(),
        context: wrapped.context.clone(),
        live,
        files,
    };
    let written = serde_json::to_vec_pretty(&bundle)
        .map_err(std::io::Error::from)
        .and_then(|bytes| {
            let mut file = Unpublished::create(path)?;
            file.write_all(&bytes)?;
            file.publish(true)
        });
    written.map_err(|error| io("write", path, &error))
}

/// The first name that a bundle may have and no file has: a script may call its own so.
pub(crate) fn free_name(host: Option<&str>, is_taken: impl Fn(&str) -> bool) -> String {
    let mut names = bundle_names(host);
    names.find(|name| !is_taken(name)).unwrap_or_default()
}

/// The bundle that a file is, if it is one. One that a script called so is a token, or becomes one.
pub(crate) fn read(name: &str, path: &Path) -> Option<Bundle> {
    bundle_host(name)?;
    if is_token(path).unwrap_or(true) {
        return None;
    }
    Bundle::read(&std::fs::read(path).ok()?).ok()
}
