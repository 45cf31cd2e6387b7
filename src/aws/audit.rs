//! The audit log: one line of JSON for every change that was asked of AWS, in a private file of the state folder.
//!
//! Written by an interceptor, so that no call can forget it. What only reads, dry runs, and the single parts of an
//! upload (whose beginning and end are there) are left out. In the sandbox it is kept in memory only.

use std::collections::VecDeque;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use etcetera::BaseStrategy;
use jiff::Timestamp;

use super::gate;
use crate::domain::AuditEntry;

const FILE: &str = "audit.jsonl";
/// A longer file is set aside, in place of the one set aside before.
const LONGEST: u64 = 8 << 20;
/// Entries that are remembered where there is no file.
const REMEMBERED: usize = 1000;
/// As many as a big file has parts; said by `CreateMultipartUpload` and `CompleteMultipartUpload`.
const TOO_MANY: &str = "UploadPart";

/// The log of one session and of every session of a role it assumes.
#[derive(Debug, Default)]
pub(super) struct Audit {
    path: Option<PathBuf>,
    recent: Mutex<VecDeque<AuditEntry>>,
}

impl Audit {
    /// In the state folder, if there is one.
    pub(super) fn on_disk() -> Self {
        let folder = etcetera::choose_base_strategy()
            .ok()
            .and_then(|folders| folders.state_dir());
        Self {
            path: folder.map(|folder| folder.join("strongroom").join(FILE)),
            ..Self::default()
        }
    }

    pub(super) fn in_memory() -> Self {
        Self::default()
    }

    fn note(&self, entry: AuditEntry) {
        if let Some(path) = &self.path
            && let Err(error) = append(path, &entry)
        {
            tracing::warn!(%error, "could not write the audit log");
        }
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_front(entry);
        recent.truncate(REMEMBERED);
    }

    /// The newest so many entries, newest first, of earlier sessions too where there is a file.
    pub(super) fn newest(&self, most: usize) -> io::Result<Vec<AuditEntry>> {
        let Some(path) = &self.path else {
            let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(recent.iter().take(most).cloned().collect());
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let newest = text.lines().rev().filter_map(|line| serde_json::from_str(line).ok());
        Ok(newest.take(most).collect())
    }
}

fn append(path: &Path, entry: &AuditEntry) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    if fs::metadata(path).is_ok_and(|meta| meta.len() > LONGEST) {
        fs::rename(path, path.with_extension("1.jsonl"))?;
    }
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    // In one write, so that lines of two sessions never mix.
    file.write_all(&line)
}

/// Notes the changes of one caller.
#[derive(Debug)]
pub(super) struct Auditor {
    pub(super) audit: Arc<Audit>,
    /// The caller's ARN, once it is known.
    pub(super) identity: Arc<OnceLock<String>>,
}

/// What the request is, kept from before it is serialized, when its members can still be looked at.
#[derive(Debug)]
struct Change;

impl Storable for Change {
    type Storer = StoreReplace<Self>;
}

/// Set once the request has really left.
#[derive(Debug)]
struct Sent {
    access_key_id: Option<String>,
}

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for Auditor {
    fn name(&self) -> &'static str {
        "AuditLog"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map_or("", Metadata::name);
        let is_change = !gate::only_reads(operation, context.input()) && operation != TOO_MANY;
        if is_change {
            config.interceptor_state().store_put(Change);
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let authorization = context.request().headers().get("authorization").unwrap_or_default();
        let access_key_id = authorization
            .split_once("Credential=")
            .and_then(|(_, rest)| rest.split('/').next())
            .map(str::to_owned);
        config.interceptor_state().store_put(Sent { access_key_id });
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (Some(_), Some(sent), Some(metadata)) = (
            config.load::<Change>(),
            config.load::<Sent>(),
            config.load::<Metadata>(),
        ) else {
            return Ok(());
        };
        let response = context.response();
        let header = |name: &str| {
            response
                .and_then(|response| response.headers().get(name))
                .map(str::to_owned)
        };
        self.audit.note(AuditEntry {
            time: Timestamp::now(),
            identity: self.identity.get().cloned(),
            access_key_id: sent.access_key_id.clone(),
            call: format!("{}:{}", metadata.service().to_ascii_lowercase(), metadata.name()),
            request_id: header("x-amzn-requestid").or_else(|| header("x-amz-request-id")),
            status: response.map(|response| response.status().as_u16()),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn entry(call: &str) -> AuditEntry {
        AuditEntry {
            time: Timestamp::UNIX_EPOCH,
            identity: None,
            access_key_id: Some("AKIA".to_owned()),
            call: call.to_owned(),
            request_id: Some("r".to_owned()),
            status: Some(200),
        }
    }

    #[test]
    fn the_file_is_private_and_read_back_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("strongroom").join(FILE);
        let audit = Audit {
            path: Some(path.clone()),
            ..Audit::default()
        };
        assert_eq!(audit.newest(9).unwrap(), []);
        for call in ["kms:CreateKey", "kms:CreateGrant", "kms:RevokeGrant"] {
            audit.note(entry(call));
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let folder = path.parent().unwrap();
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
        let calls: Vec<_> = audit.newest(2).unwrap().into_iter().map(|entry| entry.call).collect();
        assert_eq!(calls, ["kms:RevokeGrant", "kms:CreateGrant"]);
    }

    #[test]
    fn a_torn_line_costs_that_line_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let audit = Audit {
            path: Some(path.clone()),
            ..Audit::default()
        };
        audit.note(entry("kms:CreateKey"));
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"time\": \"20\n").unwrap();
        audit.note(entry("kms:EnableKey"));
        assert_eq!(audit.newest(9).unwrap().len(), 2);
    }
}
