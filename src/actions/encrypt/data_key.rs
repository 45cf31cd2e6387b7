//! Where C goes: a key object, or a file. Neither is ever overwritten.

use std::io::Write;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::{ACT, DATA_KEYS, Destination, EncryptRequest};
use crate::actions::opening::MAX_DATA_KEY;
use crate::actions::place::{Place, io_fault, usage};
use crate::aws::again::again;
use crate::aws::{Aws, s3};
use crate::domain::{Fault, FaultKind};
use crate::envelope::publish::Unpublished;

/// Writes the key object; fine if it is there and the same.
pub(super) async fn put_data_key(aws: &Aws, bucket: &str, key: &str, ciphertext: &[u8]) -> Result<(), Fault> {
    let kind = "application/octet-stream";
    let put = again(|| s3::write_new(aws, bucket, key, ciphertext.to_vec(), kind)).await;
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

pub(super) fn data_key_place(request: &EncryptRequest) -> Result<Place, Fault> {
    match (&request.destination, &request.data_key_out, &request.data_key_name) {
        (Destination::Place(Place::S3 { .. }), Some(path), _) => Err(usage(
            ACT,
            path.display(),
            "--data-key-out is for local destinations",
            "give --data-key-name",
        )),
        (Destination::Place(Place::S3 { bucket, .. }), None, name) => Ok(Place::S3 {
            bucket: bucket.clone(),
            key: name.clone().unwrap_or_else(|| format!("{DATA_KEYS}{}", Uuid::new_v4())),
        }),
        (_, _, Some(name)) => Err(usage(
            ACT,
            name,
            "--data-key-name is for S3 destinations",
            "give --data-key-out",
        )),
        (_, Some(path), None) => Ok(Place::Local(path.clone())),
        (Destination::Place(Place::Local(path)), None, None) => Ok(Place::Local(data_key_file(path))),
        (Destination::Stdout, None, None) => Err(usage(
            ACT,
            "-",
            "the encrypted data key has no place to go",
            "give --data-key-out FILE",
        )),
    }
}

/// `DEST.datakey`, beside a folder as beside a file.
pub(in crate::actions) fn data_key_file(token: &Path) -> PathBuf {
    let mut name = token.components().as_path().as_os_str().to_owned();
    name.push(".datakey");
    PathBuf::from(name)
}

pub(super) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let write = || {
        let mut file = Unpublished::create(path)?;
        file.write_all(bytes)?;
        file.publish(false)
    };
    write().map_err(|error| {
        let mut fault = io_fault("write", path.display(), &error);
        if fault.kind == FaultKind::Conflict {
            "give another --data-key-out: encrypted data keys are never overwritten".clone_into(&mut fault.remedy);
        }
        fault
    })
}
