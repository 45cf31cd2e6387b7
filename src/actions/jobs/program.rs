//! strongroom for images that have none: a static program, kept once for each version beside the key objects, and brought
//! to the job by a channel.

use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;

use super::START;
use crate::actions::blocking::blocking;
use crate::actions::bucket_refusal;
use crate::aws::{Aws, s3, transfer};
use crate::domain::{Brought, Fault, FaultKind, JobSpec, bring};
use crate::envelope::binding;

mod elf;

/// What makes one.
const REMEDY: &str = "give one that assets/container/prepare has made";

/// A program that was read and can run in any image.
pub(in crate::actions) struct Program {
    path: PathBuf,
    version: String,
    bytes: Bytes,
    sha256: String,
}

impl Program {
    /// The program that a job is to bring along, if any.
    pub(in crate::actions) async fn read(spec: &JobSpec) -> Result<Option<Self>, Fault> {
        Self::of(spec.settings.program.clone()).await
    }

    /// The one of this path, if there is one.
    pub(in crate::actions) async fn of(path: Option<PathBuf>) -> Result<Option<Self>, Fault> {
        let Some(path) = path else {
            return Ok(None);
        };
        blocking(move || Self::at(path).map(Some)).await
    }

    fn at(path: PathBuf) -> Result<Self, Fault> {
        let kind = |error: &std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => FaultKind::NotFound,
            _ => FaultKind::Io,
        };
        let bytes = std::fs::read(&path)
            .map_err(|error| Fault::new(kind(&error), "read", named(&path), error.to_string(), REMEDY))?;
        let refused = |cause: &str| Fault::invalid("bring", named(&path), cause, REMEDY);
        elf::check(&bytes).map_err(refused)?;
        // Any other static program would be started in its place, on tokens that nobody decrypts.
        let version = bring::version_of(&bytes).ok_or_else(|| refused("it is another program than strongroom"))?;
        Ok(Self {
            version: version.to_owned(),
            sha256: binding::digest(&bytes),
            bytes: bytes.into(),
            path,
        })
    }

    /// In a few words.
    pub(in crate::actions) fn describe(&self) -> String {
        let (path, version) = (self.path.display(), &self.version);
        format!("{path} is strongroom {version}, static, SHA-256 {}", self.sha256)
    }

    /// Where it is kept: where the bucket's key objects are.
    pub(in crate::actions) fn key(&self, aws: &Aws, bucket: &str) -> String {
        let below = aws.upload_settings(bucket).data_keys_below.unwrap_or_default();
        format!("{below}{}{}/{}", bring::FOLDER, self.sha256, bring::FILE)
    }

    /// Puts it there, unless it is there already.
    pub(in crate::actions) async fn bring(&self, aws: &Aws, bucket: &str) -> Result<Brought, Fault> {
        let key = self.key(aws, bucket);
        let brought = |is_new| Brought {
            uri: s3::uri(bucket, &key),
            sha256: self.sha256.clone(),
            is_new,
        };
        if transfer::is_taken(aws, bucket, &key).await? {
            self.compare(aws, bucket, &key).await?;
            return Ok(brought(false));
        }
        let sum = BASE64_STANDARD.encode(self.digest());
        match transfer::put_sealed(aws, bucket, &key, self.bytes.clone(), &sum).await {
            Ok(()) => Ok(brought(true)),
            // Another start was faster, or the caller may not ask whether it is there.
            Err(fault) if fault.kind == FaultKind::Conflict => {
                self.compare(aws, bucket, &key).await?;
                Ok(brought(false))
            }
            Err(fault) => Err(bucket_refusal::of_write(aws, fault, false).await),
        }
    }

    /// Refuses what stands in its place and is another: by S3's own checksum, else by its bytes.
    async fn compare(&self, aws: &Aws, bucket: &str, key: &str) -> Result<(), Fault> {
        let head = transfer::head(aws, bucket, key).await?;
        let is_it = if head.length != self.bytes.len() as u64 {
            false
        } else if let Some(sum) = transfer::sha256(aws, bucket, key).await? {
            sum == BASE64_STANDARD.encode(self.digest())
        } else {
            let pieces = transfer::range(aws, bucket, key, head.etag.as_deref(), 0, head.length).await?;
            binding::digest(&pieces.concat()) == self.sha256
        };
        if is_it {
            return Ok(());
        }
        let cause = format!("what is there is another than {}", self.path.display());
        let remedy = "find out who wrote it, and delete it";
        Err(Fault::integrity(START, s3::uri(bucket, key), cause, remedy))
    }

    fn digest(&self) -> Vec<u8> {
        let pairs = self.sha256.as_bytes().chunks(2);
        let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        pairs.filter_map(byte).collect()
    }
}

fn named(path: &Path) -> String {
    path.display().to_string()
}
