//! The bundles that lie above a token which says nothing of itself: a job writes them beside its checkpoints, and beside a
//! model that SageMaker does not pack.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::Keyring;
use crate::actions::faults::{fault_of, io_fault};
use crate::actions::once::Once;
use crate::aws::again::again;
use crate::aws::{Aws, s3};
use crate::domain::format::begins_token;
use crate::domain::{Fault, FaultKind, ObjectRow};
use crate::envelope::manifest::{Bundle, BundleFile, bundle_host};
use crate::envelope::{EnvelopeError, HEADER_LEN, header_of};

/// A longer one is none.
const MAX_BUNDLE: u64 = 64 << 20;
/// Folders above a token that are looked into.
const LEVELS: usize = 8;
/// Holds a token's header, with white space in it.
const BEGINNING: u64 = 256;
/// What names of bundles begin with.
const STEM: &str = "strongroom.";

/// A bundle, and where it is.
type Placed = (String, Arc<Bundle>);

/// Those of folders that were looked into, by bucket and folder.
#[derive(Default)]
pub(super) struct Listings(Once<(String, String), Arc<Vec<Placed>>>);

/// What may say what a token is.
pub(super) struct Listing {
    /// How the token begins, if that is needed.
    pub(super) header: Option<[u8; HEADER_LEN]>,
    /// Where the bundle is, the bundle, and what it lists under the token's name.
    pub(super) found: Vec<(String, Arc<Bundle>, Option<BundleFile>)>,
}

/// What lists an object.
pub(super) async fn of_object(aws: &Aws, bucket: &str, key: &str, keyring: &Keyring) -> Result<Option<Listing>, Fault> {
    for folder in folders_above(key) {
        let bundles = keyring.listings.of(aws, bucket, folder).await?;
        if let Some(mut listing) = among(&bundles, &key[folder.len()..]) {
            if listing.found.len() > 1 {
                let beginning = again(|| s3::first_bytes(aws, bucket, key)).await?;
                listing.header = header_of(&beginning);
            }
            return Ok(Some(listing));
        }
    }
    Ok(None)
}

/// What lists a local token.
pub(super) fn of_file(token: &Path) -> Result<Option<Listing>, Fault> {
    for folder in token.ancestors().skip(1).take(LEVELS) {
        let Some(name) = token.strip_prefix(folder).ok().and_then(Path::to_str) else {
            continue;
        };
        if let Some(mut listing) = among(&in_folder(folder)?, name) {
            let mut beginning = Vec::new();
            fs::File::open(token)
                .and_then(|token| token.take(BEGINNING).read_to_end(&mut beginning))
                .map_err(|error| io_fault("read", token.display(), &error))?;
            listing.header = header_of(&beginning);
            return Ok(Some(listing));
        }
    }
    Ok(None)
}

/// The bundles of a folder here. One that may not be listed has none that helps.
fn in_folder(folder: &Path) -> Result<Vec<Placed>, Fault> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let mut bundles = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_named = entry.file_name().to_str().and_then(bundle_host).is_some();
        let is_small = |found: fs::Metadata| found.is_file() && found.len() <= MAX_BUNDLE;
        if is_named && entry.metadata().is_ok_and(is_small) {
            let path = entry.path();
            let text = fs::read(&path).map_err(|error| io_fault("read", path.display(), &error))?;
            let place = path.display().to_string();
            bundles.extend(parsed(&place, &text)?.map(|bundle| (place, bundle)));
        }
    }
    bundles.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(bundles)
}

/// Whether an object is a bundle, and nothing that was put there to be kept.
pub(in crate::actions) async fn is_bundle(aws: &Aws, bucket: &str, key: &str, keyring: &Keyring) -> bool {
    let (folder, name) = key
        .rsplit_once('/')
        .map_or(("", key), |(_, name)| (&key[..key.len() - name.len()], name));
    if bundle_host(name).is_none() {
        return false;
    }
    let place = s3::uri(bucket, key);
    let bundles = keyring.listings.of(aws, bucket, folder).await;
    bundles.is_ok_and(|bundles| bundles.iter().any(|(at, _)| *at == place))
}

impl Listings {
    async fn of(&self, aws: &Aws, bucket: &str, folder: &str) -> Result<Arc<Vec<Placed>>, Fault> {
        let at = (bucket.to_owned(), folder.to_owned());
        let read = || async { read(aws, bucket, folder).await.map(Arc::new) };
        self.0.of(&at, read).await
    }
}

async fn read(aws: &Aws, bucket: &str, folder: &str) -> Result<Vec<Placed>, Fault> {
    let prefix = format!("{folder}{STEM}");
    let page = match again(|| s3::list_level(aws, bucket, &prefix).first()).await {
        Ok(page) => page,
        // Who may not list finds what the boto3 way has.
        Err(fault) if fault.kind == FaultKind::Denied => return Ok(Vec::new()),
        Err(fault) => return Err(fault),
    };
    let mut bundles = Vec::new();
    for row in page.rows {
        let ObjectRow::Object { key, size, .. } = row else {
            continue;
        };
        if bundle_host(&key[folder.len()..]).is_none() || size > MAX_BUNDLE {
            continue;
        }
        let text = again(|| s3::read_small(aws, bucket, &key, MAX_BUNDLE)).await?;
        let place = s3::uri(bucket, &key);
        bundles.extend(parsed(&place, &text)?.map(|bundle| (place, bundle)));
    }
    Ok(bundles)
}

/// The bundle, if it is one: a file that a script called so is encrypted, and another's is none of ours.
fn parsed(place: &str, text: &[u8]) -> Result<Option<Arc<Bundle>>, Fault> {
    if begins_token(text) {
        return Ok(None);
    }
    match Bundle::read(text) {
        Ok(bundle) => Ok(Some(Arc::new(bundle))),
        Err(error @ EnvelopeError::Newer { .. }) => Err(fault_of("read", place, &error)),
        Err(_) => Ok(None),
    }
}

/// Those that list this name; or those of a folder whose tokens may be newer than the list.
fn among(bundles: &[Placed], name: &str) -> Option<Listing> {
    let listed = bundles.iter().filter_map(|(place, bundle)| {
        let file = bundle.find(name)?.clone();
        Some((place.clone(), Arc::clone(bundle), Some(file)))
    });
    let mut found: Vec<_> = listed.collect();
    if found.is_empty() {
        let live = bundles
            .iter()
            .filter(|(place, bundle)| bundle.live && is_below(place, name));
        found.extend(live.map(|(place, bundle)| (place.clone(), Arc::clone(bundle), None)));
    }
    (!found.is_empty()).then_some(Listing { header: None, found })
}

/// Whether a checkpoint of this name is of the host whose bundle is there.
fn is_below(place: &str, name: &str) -> bool {
    let bundle = place.rsplit('/').next().unwrap_or_default();
    let folder = name
        .split_once('/')
        .map(|(folder, _)| folder)
        .filter(|folder| folder.starts_with(STEM));
    match (bundle_host(bundle), folder) {
        (Some(Some(_)), Some(folder)) => bundle.strip_suffix(".json") == Some(folder),
        (Some(None), None) => true,
        _ => false,
    }
}

/// The prefixes that end in `/` above a key, the nearest first; the last is empty.
fn folders_above(key: &str) -> impl Iterator<Item = &str> {
    let ends = key.rmatch_indices('/').map(|(at, _)| &key[..=at]);
    ends.chain(std::iter::once("")).take(LEVELS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_above_a_key_are_its_prefixes_the_nearest_first() {
        assert_eq!(folders_above("a/b/c").collect::<Vec<_>>(), ["a/b/", "a/", ""]);
        assert_eq!(folders_above("c").collect::<Vec<_>>(), [""]);
        assert_eq!(folders_above(&"a/".repeat(20)).count(), LEVELS);
    }

    #[test]
    fn a_hosts_bundle_is_of_what_lies_below_its_folder() {
        for (place, name, is) in [
            ("s3://b/c/strongroom.algo-1.json", "strongroom.algo-1/epoch", true),
            ("s3://b/c/strongroom.algo-1.json", "strongroom.algo-2/epoch", false),
            ("s3://b/c/strongroom.algo-1.json", "epoch", false),
            ("s3://b/c/strongroom.json", "deep/epoch", true),
            ("s3://b/c/strongroom.json", "strongroom.algo-2/epoch", false),
        ] {
            assert_eq!(is_below(place, name), is, "{place} {name}");
        }
    }
}
