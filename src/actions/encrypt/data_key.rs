//! Where C goes: a key object, or a file. Neither is ever overwritten.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::plan::Source;
use super::{ACT, Destination, EncryptRequest};
use crate::actions::bucket_refusal;
use crate::actions::encrypted_data_key::{DATA_KEYS, MAX_DATA_KEY, data_key_file};
use crate::actions::faults::{io_fault, usage};
use crate::aws::again::again;
use crate::aws::{Aws, s3};
use crate::domain::{Fault, FaultKind, Location, ObjectUri};
use crate::publish::{Folder, folder_of, write_new};

/// Writes the key object, with more metadata; fine if it is there and the same.
pub(in crate::actions) async fn put_data_key(
    aws: &Aws,
    bucket: &str,
    key: &str,
    (ciphertext, kms_key_arn): (&[u8], &str),
    more: &[(&str, String)],
) -> Result<(), Fault> {
    let put = again(|| s3::write_key_object_with(aws, bucket, key, ciphertext.to_vec(), kms_key_arn, more)).await;
    let Err(mut fault) = put else { return Ok(()) };
    if fault.kind == FaultKind::Conflict {
        let there = again(|| s3::read_small(aws, bucket, key, MAX_DATA_KEY)).await;
        if there.is_ok_and(|there| there == ciphertext) {
            return Ok(());
        }
        "give another --data-key-name: key objects are never overwritten".clone_into(&mut fault.remedy);
    }
    Err(fault)
}

/// Writes the key object at the first of these places where the caller may write; that place. `begin` is called before
/// each try, and what it gave before one that was denied goes to `undo`.
pub(in crate::actions) async fn put_at_first<J>(
    aws: &Aws,
    bucket: &str,
    places: &[String],
    (ciphertext, kms_key_arn): (&[u8], &str),
    begin: impl Fn(&str) -> Option<J>,
    undo: impl Fn(J),
) -> Result<(String, Option<J>), Fault> {
    let mut denied = None;
    for key in places {
        let begun = begin(key);
        let Err(fault) = put_data_key(aws, bucket, key, (ciphertext, kms_key_arn), &[]).await else {
            return Ok((key.clone(), begun));
        };
        begun.into_iter().for_each(&undo);
        if fault.kind != FaultKind::Denied {
            return Err(fault);
        }
        // Of several the first says most: it is where everybody's are.
        denied = denied.or(Some(fault));
    }
    let Some(fault) = denied else {
        let cause = "there is no place for the encrypted data key";
        return Err(usage(ACT, bucket, cause, "give --data-key-name"));
    };
    Err(bucket_refusal::of_write(aws, fault, true).await)
}

/// Where the key object of a request to S3 may go, the best first: where the bucket's are, else below the destination's own
/// prefix, for whoever may write nowhere else.
pub(in crate::actions) fn places(aws: &Aws, request: &EncryptRequest, first: &str) -> Vec<String> {
    let mut places = vec![first.to_owned()];
    if let Destination::Location(Location::S3(ObjectUri { bucket, key })) = &request.destination
        && request.data_key_name.is_none()
        && aws.upload_settings(bucket).data_keys_below.is_none()
        && let Some(slash) = key.rfind('/')
    {
        places.push(format!("{}{first}", &key[..=slash]));
    }
    places
}

pub(in crate::actions) fn data_key_place(aws: &Aws, request: &EncryptRequest) -> Result<Location, Fault> {
    match (&request.destination, &request.data_key_out, &request.data_key_name) {
        (Destination::Location(Location::S3(ObjectUri { .. })), Some(path), _) => Err(usage(
            ACT,
            path.display(),
            "--data-key-out is for local destinations",
            "give --data-key-name",
        )),
        (Destination::Location(Location::S3(ObjectUri { bucket, .. })), None, name) => {
            let key = name.clone();
            let below = aws.upload_settings(bucket).data_keys_below.unwrap_or_default();
            let key = key.unwrap_or_else(|| format!("{below}{DATA_KEYS}{}", Uuid::new_v4()));
            Ok(Location::s3(bucket, key))
        }
        (_, _, Some(name)) => Err(usage(
            ACT,
            name,
            "--data-key-name is for S3 destinations",
            "give --data-key-out",
        )),
        (_, Some(path), None) => Ok(Location::Local(path.clone())),
        (Destination::Location(Location::Local(path)), None, None) => Ok(Location::Local(data_key_file(path))),
        (Destination::Stdout, None, None) => Err(no_place("to standard output")),
        (Destination::Stream(path), None, None) => Err(no_place(path.display())),
    }
}

fn no_place(to: impl std::fmt::Display) -> Fault {
    let cause = "the encrypted data key has no place to go";
    usage(ACT, to, cause, "give --data-key-out FILE")
}

/// Refuses a place for C that is taken, or that a token of the same command would take.
pub(super) fn check_place(place: &Location, sources: &[Source]) -> Result<(), Fault> {
    let is_place = |to: &Location| match (to, place) {
        (Location::Local(token), Location::Local(data_key)) => spelled(token) == spelled(data_key),
        (to, place) => to == place,
    };
    if sources.iter().filter_map(|source| source.to.as_ref()).any(is_place) {
        let cause = "a token of the same command would replace the encrypted data key";
        return Err(usage(ACT, place, cause, "name another place for the data key"));
    }
    match place {
        Location::S3(ObjectUri { .. }) => Ok(()),
        Location::Local(path) => match Folder::of(path) {
            Ok((folder, name)) => folder.check(&name, false).map_err(|error| not_written(path, &error)),
            // Writing it says it better.
            Err(_) => Ok(()),
        },
    }
}

/// One path for one file, there or not.
fn spelled(path: &Path) -> PathBuf {
    let folder = folder_of(path);
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    folder.join(path.file_name().unwrap_or_default())
}

pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    write_new(path, bytes).map_err(|error| not_written(path, &error))
}

fn not_written(path: &Path, error: &io::Error) -> Fault {
    let mut fault = io_fault("write", path.display(), error);
    match error.kind() {
        ErrorKind::AlreadyExists => {
            fault.ways.clear();
            "give another --data-key-out: encrypted data keys are never overwritten".clone_into(&mut fault.remedy);
        }
        // A device, a FIFO or a link.
        ErrorKind::InvalidInput => {
            "give a new file to --data-key-out: what it is written into must keep it".clone_into(&mut fault.remedy);
        }
        _ => {}
    }
    fault
}
