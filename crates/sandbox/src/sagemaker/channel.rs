//! Input channels and processing inputs, brought into the job's folder as the job's role.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::super::s3::{self, After, Object, Query, open};
use super::request::{Source, location};
use crate::prelude::*;

/// One manifest names so many bytes at most.
const LARGEST_MANIFEST: u64 = 16 << 20;

/// What a host gets of a source's objects. *Choice*: AWS says that each host of n has about an nth of them, and not which;
/// here the objects go round by the order of their keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub(super) nth: usize,
    pub(super) of: usize,
}

impl Share {
    pub(super) const WHOLE: Self = Self { nth: 0, of: 1 };

    fn has(self, index: usize) -> bool {
        index % self.of == self.nth
    }
}

/// Brings a host's share of one source into `folder`; an error is a FailureReason. Blocks.
pub(super) fn download(
    world: &World,
    role: &Caller,
    source: &Source,
    share: Share,
    folder: &Path,
) -> Result<(), String> {
    let (bucket, prefix) = (source.bucket.as_str(), source.prefix.as_str());
    if let Some(place) = world.s3.place(bucket).filter(|place| place.region != role.place.region) {
        return Err(failed(format!(
            "PermanentRedirect (301): The bucket is in this region: {}. Please use this region to retry the request",
            place.region
        )));
    }
    if source.is_manifest {
        // A host whose share is nothing has the source's folder too.
        fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
        let listed = manifest(world, role, source).map_err(failed)?;
        for (_, (key, name)) in listed.into_iter().enumerate().filter(|(index, _)| share.has(*index)) {
            fetch(world, role, (bucket, &key), folder, &name)?;
        }
        return Ok(());
    }
    if below(world, role, (bucket, prefix), share, folder)? == 0 {
        return Err(failed(missing(role, source)));
    }
    Ok(())
}

/// What is asked when a job is made: that there is something at each source's place, and that the role may look there.
pub(super) fn look(world: &World, role: &Caller, source: &Source) -> Result<(), ApiError> {
    let (bucket, prefix) = (source.bucket.as_str(), source.prefix.as_str());
    let is_elsewhere = |place: &Place| place.region != role.place.region;
    // Moved permanently: the download says where to.
    if world.s3.place(bucket).as_ref().is_some_and(is_elsewhere) {
        return Ok(());
    }
    let found = page(world, role, (bucket, prefix), After::Nothing, 1);
    if found.is_ok_and(|(objects, _)| !objects.is_empty()) {
        return Ok(());
    }
    Err(super::invalid(missing(role, source)))
}

fn missing(role: &Caller, source: &Source) -> String {
    let (bucket, prefix) = (&source.bucket, &source.prefix);
    let slash = if prefix.is_empty() { "" } else { "/" };
    format!(
        "No S3 objects found under S3 URL \"s3://{bucket}{slash}{prefix}\" given in input data source. Please ensure that \
         the bucket exists in the selected region ({}), that objects exist under that S3 prefix, and that the role \"{}\" \
         has \"s3:ListBucket\" permissions on bucket \"{bucket}\".",
        role.place.region,
        role.role_arn.as_deref().unwrap_or(&role.arn)
    )
}

/// Objects by their keys, and where more of them are.
type Found = (Vec<(String, Arc<Object>)>, Option<After>);

/// Some of what begins with a prefix, if the role may list it.
fn page(
    world: &World,
    role: &Caller,
    (bucket, prefix): (&str, &str),
    after: After,
    limit: usize,
) -> Result<Found, ApiError> {
    let facts = BTreeMap::from([("s3:prefix".to_owned(), vec![prefix.to_owned()])]);
    s3::authorize(world, role, "s3:ListBucket", &format!("arn:aws:s3:::{bucket}"), &facts)
        .map_err(|error| denied(&error))?;
    let query = Query {
        prefix: prefix.to_owned(),
        delimiter: None,
        after,
        limit,
    };
    let page = world.s3.list(bucket, &query)?;
    Ok((page.contents, page.next))
}

fn failed(why: String) -> String {
    format!("ClientError: Data download failed: {why}")
}

fn fetch(world: &World, role: &Caller, (bucket, key): (&str, &str), folder: &Path, name: &str) -> Result<(), String> {
    let object = read(world, role, bucket, key).map_err(|error| failed(said(&error)))?;
    let path = inside(folder, name).ok_or_else(|| failed(format!("the key {key:?} is no relative path")))?;
    write(&object, &path).map_err(|error| failed(format!("s3://{bucket}/{key}: {error}")))
}

/// Brings a share of what begins with a prefix into `folder`; how many objects there are. Blocks.
pub(super) fn below(
    world: &World,
    role: &Caller,
    (bucket, prefix): (&str, &str),
    share: Share,
    folder: &Path,
) -> Result<usize, String> {
    fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
    let mut after = After::Nothing;
    let (mut count, mut files) = (0, 0);
    loop {
        let (objects, next) = page(world, role, (bucket, prefix), after, 1000).map_err(|error| failed(said(&error)))?;
        for (key, object) in &objects {
            count += 1;
            // What consoles make to show an empty folder.
            if key.ends_with('/') && object.body.length() == 0 {
                continue;
            }
            if share.has(files) {
                fetch(world, role, (bucket, key), folder, relative(prefix, key))?;
            }
            files += 1;
        }
        match next {
            Some(next) => after = next,
            None => return Ok(count),
        }
    }
}

/// The name below the channel's folder. A prefix matches strings: it can be a folder, a whole key, or end within a name.
pub(super) fn relative<'a>(prefix: &str, key: &'a str) -> &'a str {
    let rest = &key[prefix.len()..];
    if let Some(below) = rest.strip_prefix('/')
        && !prefix.is_empty()
    {
        return below;
    }
    if !rest.is_empty() && (prefix.is_empty() || prefix.ends_with('/')) {
        return rest;
    }
    let folder = prefix.rfind('/').map_or(0, |at| at + 1);
    &key[folder..]
}

/// Reads an object as the role.
fn read(world: &World, role: &Caller, bucket: &str, key: &str) -> Result<Arc<Object>, ApiError> {
    let resource = format!("arn:aws:s3:::{bucket}/{key}");
    s3::authorize(world, role, "s3:GetObject", &resource, &BTreeMap::new()).map_err(|error| denied(&error))?;
    let object = world.s3.object(bucket, key)?;
    open(world, role, &object.about, &resource)?;
    Ok(object)
}

/// Keys and names of a manifest: a prefix, then what is below it.
fn manifest(world: &World, role: &Caller, source: &Source) -> Result<Vec<(String, String)>, String> {
    let object = read(world, role, &source.bucket, &source.prefix).map_err(|error| said(&error))?;
    if object.body.length() > LARGEST_MANIFEST {
        return Err("the manifest is larger than 16 MiB".to_owned());
    }
    let mut text = String::new();
    object
        .body
        .reader()
        .read_to_string(&mut text)
        .map_err(|error| format!("the manifest: {error}"))?;
    let entries: Vec<Value> = serde_json::from_str(&text).map_err(|error| format!("the manifest: {error}"))?;
    let (first, names) = entries.split_first().ok_or("the manifest is empty")?;
    let (bucket, prefix) = first["prefix"]
        .as_str()
        .and_then(|prefix| location(prefix, "prefix").ok())
        .ok_or("the manifest does not begin with a prefix")?;
    if bucket != source.bucket {
        return Err("the manifest names another bucket".to_owned());
    }
    names
        .iter()
        .map(|name| {
            let name = name.as_str().ok_or("the manifest names something that is no string")?;
            Ok((format!("{prefix}{name}"), name.trim_start_matches('/').to_owned()))
        })
        .collect()
}

/// `name` below `folder`, if it stays there.
fn inside(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    let stays = !name.is_empty()
        && !name.contains('\0')
        && path
            .components()
            .all(|component| matches!(component, Component::Normal(_)));
    stays.then(|| folder.join(path))
}

fn write(object: &Object, path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create_new(path)?;
    io::copy(&mut object.body.reader(), &mut file)?;
    Ok(())
}

fn denied(error: &ApiError) -> ApiError {
    ApiError::new("AccessDenied", error.message.clone()).status(403)
}

pub(super) fn said(error: &ApiError) -> String {
    format!("{} ({}): {}", error.code, error.status, error.message)
}
