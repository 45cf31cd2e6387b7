//! From a token to the data key that opens it: its metadata, the caller's word, or the places where key objects lie.
//!
//! A token without metadata says nothing of its data key. Without `--data-key` a bundle is looked for above it, which a job
//! writes beside its checkpoints and its model: that lists its tokens. Without one (the boto3 way) two places of its own
//! bucket are tried: the object `dont_look`, and `.strongroom/data-keys/` if exactly one key object lies there. That is a
//! guess: where such a token does not open, nothing is known of it. A key object
//! that strongroom made without being told its name opens only what strongroom uploaded, and that has metadata: where it is
//! gone, somebody may have taken it away with the name and the place that it proved. Such a token is refused.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::encrypted_data_key::{self, BOTO3_KEY_OBJECT, DATA_KEYS, MAX_DATA_KEY, data_key_file};
use super::faults::fault_of;
use super::once::Once;
use crate::aws::again::again;
use crate::aws::{Aws, kms, s3, transfer};
use crate::domain::format::without_line_end;
use crate::domain::{Bond, Fault, FaultKind, Location, ObjectRow, ObjectUri, WayOut};
use crate::envelope::DataKey;
use crate::envelope::manifest::Bundle;

/// Among more nobody looks for the one that a token was put under.
const MOST_KEY_OBJECTS: usize = 16;

mod claim;
mod listing;
mod unlocked;

pub(super) use claim::{Among, Claim, metadata_of};
pub(super) use listing::is_bundle;
pub(super) use unlocked::{Unlocked, check_listed, check_opened, not_listed};

use listing::{Listing, Listings};
use unlocked::Tie;

/// How a person helps to find the data key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// KMS key that must have wrapped it.
    pub key: Option<String>,
    /// Where C is.
    pub data_key: Option<Location>,
    /// Encryption context, where the object does not record it.
    pub context: BTreeMap<String, String>,
    /// Refuse tokens whose place is not proved.
    pub require_bound: bool,
    /// The prefix that was moved, as a person declares: it explains objects that are not where they were put.
    pub moved_from: Option<String>,
    /// Open an object under another name or beside a contradiction all the same, unless its place must be proved.
    pub accept_name: bool,
    /// Open a token that has lost its metadata all the same.
    pub accept_unbound: bool,
}

/// Data keys that were unwrapped in one operation, what was read of them, and bundles: many tokens under one data key cost one
/// call, however many of them come at once.
#[derive(Default)]
pub(super) struct Keyring {
    keys: Once<Wrapped, Arc<Key>>,
    /// C, by where it is.
    ciphertexts: Once<String, Arc<Vec<u8>>>,
    /// What lies where such ones lie, by bucket.
    found: Once<String, Arc<Found>>,
    listings: Listings,
}

/// C, the KMS key asked for, and the context.
type Wrapped = (Vec<u8>, Option<String>, BTreeMap<String, String>);

struct Key {
    data_key: Arc<DataKey>,
    kms_key_arn: String,
}

/// Unwraps the data key of an object of which, once it opens, so much is proved.
pub(super) async fn unlock_object(
    aws: &Aws,
    claim: Claim,
    bond: Bond,
    options: &OpenOptions,
    keyring: &Keyring,
) -> Result<Unlocked, Fault> {
    let (bucket, uri) = (&claim.bucket, s3::uri(&claim.bucket, &claim.key));
    let Some(metadata) = claim.metadata else {
        let listing = match &options.data_key {
            Some(_) => None,
            None => listing::of_object(aws, bucket, &claim.key, keyring).await?,
        };
        return match listing {
            Some(listing) => keyring.of_bundle(aws, listing, options).await,
            None => unlisted(aws, bucket, &uri, options, keyring).await,
        };
    };
    let ciphertext = match (&options.data_key, &metadata.data_key, &metadata.data_key_object) {
        (Some(place), _, _) => keyring.ciphertext(aws, place).await?,
        (None, Some(ciphertext), _) => ciphertext.clone(),
        (None, None, Some(key)) => {
            let place = Location::s3(bucket.as_str(), key.as_str());
            keyring.ciphertext(aws, &place).await?
        }
        (None, None, None) => return Err(no_data_key(&uri)),
    };
    let key = options.key.clone().unwrap_or_else(|| metadata.kms_key_id.clone());
    let context = if options.context.is_empty() {
        metadata.context.clone()
    } else {
        options.context.clone()
    };
    // Wrapped anew it is the same one in other bytes, and opens.
    let is_another = |own: &[u8]| own != ciphertext && without_line_end(&ciphertext) != Some(own);
    let is_another = metadata.data_key.as_deref().is_some_and(is_another);
    let instead = options.data_key.as_ref().filter(|_| is_another);
    let tie = Tie::Metadata {
        metadata,
        bond,
        instead: instead.map(ToString::to_string),
    };
    keyring.unwrap(aws, ciphertext, Some(key), &context, tie).await
}

/// Unwraps the data key of what nothing lists: the caller's, or the one that lies where such ones lie.
async fn unlisted(
    aws: &Aws,
    bucket: &str,
    uri: &str,
    options: &OpenOptions,
    keyring: &Keyring,
) -> Result<Unlocked, Fault> {
    let (ciphertext, tie) = match &options.data_key {
        Some(place) => (keyring.ciphertext(aws, place).await?, Tie::Named),
        None => {
            let bucket = bucket.to_owned();
            let found = keyring.found.of(&bucket, || by_convention(aws, &bucket)).await?;
            match &*found {
                Found::One { at, is_ours: true, .. } if !options.accept_unbound => return Err(stripped(uri, at)),
                Found::One { at, ciphertext, .. } => (ciphertext.clone(), Tie::Guessed(s3::uri(&bucket, at))),
                Found::None => return Err(no_data_key(uri)),
                Found::Several => return Err(one_of_several(uri)),
            }
        }
    };
    keyring
        .unwrap(aws, ciphertext, options.key.clone(), &options.context, tie)
        .await
}

/// Unwraps the data key of a local token: `--data-key`, `TOKEN.datakey`, that of the bundle that lists it, or
/// `FOLDER.datakey` of a folder that it lies in.
pub(super) async fn unlock_file(aws: &Aws, token: &Path, options: &OpenOptions) -> Result<Unlocked, Fault> {
    if options.require_bound {
        return Err(unbound(token.display()));
    }
    let own = || {
        Some(data_key_file(token))
            .filter(|file| file.is_file())
            .map(Location::Local)
    };
    let keyring = Keyring::default();
    let (place, tie) = match options.data_key.clone().or_else(own) {
        Some(place) => (place, Tie::Named),
        None => {
            if let Some(listing) = listing::of_file(token)? {
                return keyring.of_bundle(aws, listing, options).await;
            }
            let folders = token
                .ancestors()
                .skip(1)
                .filter(|folder| !folder.as_os_str().is_empty());
            let found = folders.map(data_key_file).find(|file| file.is_file());
            let found = found.ok_or_else(|| no_data_key(token.display()))?;
            let tie = Tie::Guessed(found.display().to_string());
            (Location::Local(found), tie)
        }
    };
    let ciphertext = encrypted_data_key::at(aws, &place).await?;
    keyring
        .unwrap(aws, ciphertext, options.key.clone(), &options.context, tie)
        .await
}

/// Unwraps the data key of an archive: one bundle's, or the caller's.
pub(super) async fn unlock_archive(
    aws: &Aws,
    source: &Location,
    bundle: Option<&Bundle>,
    options: &OpenOptions,
    keyring: &Keyring,
) -> Result<Unlocked, Fault> {
    if let Some(bundle) = bundle {
        // Which of its tokens is which is told member by member.
        return keyring.of(aws, source, bundle, options, Tie::Named).await;
    }
    match source {
        Location::Local(path) => unlock_file(aws, path, options).await,
        Location::S3(ObjectUri { bucket, key }) => {
            // Its bundle is in the archive or nowhere: there was no metadata that could have been taken away.
            let options = &OpenOptions {
                accept_unbound: true,
                ..options.clone()
            };
            Claim::read(bucket, key, &BTreeMap::new())?.bond(options, Among::Nothing)?;
            unlisted(aws, bucket, &s3::uri(bucket, key), options, keyring).await
        }
    }
}

impl Keyring {
    async fn of(
        &self,
        aws: &Aws,
        shown: impl fmt::Display,
        bundle: &Bundle,
        options: &OpenOptions,
        tie: Tie,
    ) -> Result<Unlocked, Fault> {
        let ciphertext = base64_of(shown, &bundle.data_key)?;
        let key = options.key.clone().unwrap_or_else(|| bundle.kms_key_id.clone());
        self.unwrap(aws, ciphertext, Some(key), &bundle.context, tie).await
    }

    /// Unwraps the data key of a token that a bundle lists, or that lies where its tokens do.
    async fn of_bundle(&self, aws: &Aws, listing: Listing, options: &OpenOptions) -> Result<Unlocked, Fault> {
        let Listing { header, found } = listing;
        let mut first = None;
        for (place, bundle, file) in found {
            let tie = match file {
                Some(file) => Tie::Listed {
                    bundle: place.clone(),
                    file,
                    is_live: bundle.live,
                },
                None => Tie::Guessed(place.clone()),
            };
            let unlocked = self.of(aws, &place, &bundle, options, tie).await?;
            // Where several hosts left a file of this name, its MAC is of one.
            if header.is_some_and(|header| unlocked.is_another(&header)) {
                first.get_or_insert(unlocked);
            } else {
                return Ok(unlocked);
            }
        }
        first.ok_or_else(|| no_data_key("the token"))
    }

    async fn unwrap(
        &self,
        aws: &Aws,
        ciphertext: Vec<u8>,
        key: Option<String>,
        context: &BTreeMap<String, String>,
        tie: Tie,
    ) -> Result<Unlocked, Fault> {
        let wrapped = (ciphertext, key, context.clone());
        let ask = || async {
            let (ciphertext, key, context) = &wrapped;
            let call = || kms::unwrap_data_key(aws, ciphertext, key.as_deref(), context, &[]);
            let unwrapped = again(call).await?;
            let data_key = DataKey::from_plaintext(&unwrapped.plaintext)
                .map_err(|error| fault_of("unwrap a data key under", &unwrapped.key_arn, &error))?;
            Ok(Arc::new(Key {
                data_key: Arc::new(data_key),
                kms_key_arn: unwrapped.key_arn,
            }))
        };
        let key = self.keys.of(&wrapped, ask).await?;
        Ok(Unlocked {
            key: Arc::clone(&key.data_key),
            kms_key_arn: key.kms_key_arn.clone(),
            tie,
        })
    }

    async fn ciphertext(&self, aws: &Aws, place: &Location) -> Result<Vec<u8>, Fault> {
        let read = || async { encrypted_data_key::at(aws, place).await.map(Arc::new) };
        let ciphertext = self.ciphertexts.of(&place.to_string(), read).await?;
        Ok(Vec::clone(&ciphertext))
    }
}

/// What lies in a bucket where encrypted data keys lie.
enum Found {
    None,
    Several,
    One {
        at: String,
        /// Whether only strongroom's own tokens are under it.
        is_ours: bool,
        ciphertext: Vec<u8>,
    },
}

async fn by_convention(aws: &Aws, bucket: &str) -> Result<Arc<Found>, Fault> {
    match encrypted_data_key::of_object(aws, bucket, BOTO3_KEY_OBJECT).await {
        Err(fault) if fault.kind == FaultKind::NotFound => {}
        Err(fault) => return Err(fault),
        Ok(ciphertext) => {
            let head = transfer::head(aws, bucket, BOTO3_KEY_OBJECT).await?;
            return Ok(Arc::new(Found::One {
                at: BOTO3_KEY_OBJECT.to_owned(),
                is_ours: s3::is_kept_by_us(&head.metadata, BOTO3_KEY_OBJECT),
                ciphertext,
            }));
        }
    }
    let page = s3::list_under(aws, bucket, DATA_KEYS).first().await?;
    let found = match put_first(aws, bucket, page.rows).await?.as_slice() {
        [ObjectRow::Object { key, size, .. }] if *size <= MAX_DATA_KEY => Found::One {
            at: key.clone(),
            is_ours: true,
            ciphertext: encrypted_data_key::of_object(aws, bucket, key).await?,
        },
        [] | [_] => Found::None,
        _ => Found::Several,
    };
    Ok(Arc::new(found))
}

fn one_of_several(uri: &str) -> Fault {
    let cause = "it has no strongroom metadata, which may have been taken away, and which of the data keys of strongroom's \
                 uploads is its own is not known; opened with one of them, its name is not proved";
    Fault {
        cause: cause.to_owned(),
        ..no_data_key(uri)
    }
}

/// Of several key objects those that tokens were put under: one that came by a re-wrap has the same data key as another.
async fn put_first(aws: &Aws, bucket: &str, rows: Vec<ObjectRow>) -> Result<Vec<ObjectRow>, Fault> {
    if !(2..=MOST_KEY_OBJECTS).contains(&rows.len()) {
        return Ok(rows);
    }
    let mut first = Vec::new();
    for row in rows {
        let head = transfer::find(aws, bucket, row.key()).await?;
        if head.is_some_and(|head| !head.metadata.contains_key(s3::REWRAPPED_MARK)) {
            first.push(row);
        }
    }
    Ok(first)
}

fn stripped(uri: &str, at: &str) -> Fault {
    let cause = format!(
        "it has no strongroom metadata, but the data key found for it, {at}, is of strongroom's own uploads: the metadata, \
         which proves name and place, may have been taken away"
    );
    Fault::new(FaultKind::Stripped, "open", uri, cause, "").by(WayOut::AcceptUnbound)
}

fn no_data_key(object: impl fmt::Display) -> Fault {
    let cause = "nothing says where its encrypted data key is";
    Fault::not_found("open", object.to_string(), cause, "").by(WayOut::NameDataKey)
}

fn unbound(object: impl fmt::Display) -> Fault {
    let cause = "its name and metadata are not proved";
    let remedy = "without --require-bound it opens, its name unproved";
    Fault::integrity("open", object.to_string(), cause, remedy)
}

fn base64_of(source: impl fmt::Display, text: &str) -> Result<Vec<u8>, Fault> {
    decode(text).ok_or_else(|| {
        let cause = "the data key in its bundle is not base64";
        let remedy = "get it again from where it was made";
        Fault::integrity("open", source.to_string(), cause, remedy)
    })
}

fn decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}
