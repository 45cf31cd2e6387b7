//! One async function per thing a person can do, for the dashboard and the command line alike:
//! `(Aws, request, Progress, CancellationToken) -> Result`. Decides nothing about when or how it is shown.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::config::Connection;
use crate::domain::{Fault, Outcome, Progress};

mod archive;
mod blocking;
mod bucket_refusal;
mod buckets;
mod clash;
mod cleanup;
mod dependents;
mod doctor;
mod download;
mod empty_place;
mod encrypted_data_key;
mod evidence;
mod faults;
mod flight;
mod grants;
mod images;
mod inside;
mod job_watch;
mod jobs;
mod key_escape;
mod keys;
mod kinds;
mod kms_messages;
mod login;
mod once;
mod permissions;
mod preflight;
mod presign;
mod preview;
mod principals;
mod proof;
mod roles;
mod sheets;
mod stream;
mod sweep;
mod tally;
mod unlock;
mod upload_journal;
mod versions;
mod walk_tag;
pub(crate) mod who;

pub mod bulk;
pub mod decrypt;
pub mod encrypt;
pub mod resume;
pub mod verify;

pub use crate::aws::{Aws, Person};
pub use buckets::{count_bucket, create_bucket, delete_objects, empty_bucket};
pub use cleanup::plan_clean_up;
pub use dependents::dependents;
pub use doctor::{Check, check_up};
pub(crate) use encrypted_data_key::of_object as data_key_of_object;
pub use grants::{await_grant, grant, grants_of, retire_grant, revoke_grant};
pub use images::{build_image, delete_repository, new_repository, try_image};
pub use job_watch::{JobNews, save_log, watch_job};
pub use jobs::{start_job, stop_job};
pub use keys::{
    add_alias, cancel_key_deletion, delete_alias, disable_key, draft_key_policy, enable_key, key_tags, move_alias,
    new_key, put_key_policy, read_key_policy, schedule_key_deletion, set_description, set_rotation, tag_key,
};
pub use kms_messages::{decrypt_message, encrypt_message, new_data_key, open_data_key, re_encrypt_data_key};
pub use login::{Login, log_in, open_page};
pub use permissions::{Answer, Checked, Subject, check_permissions};
pub use preflight::{preflight, preflight_bulk};
pub use presign::presign;
pub use preview::{list_archive, preview};
pub use principals::role_arn;
pub use proof::{prove, prove_grant_cycle, prove_object, prove_trusted, step_json, steps_json};
pub use roles::{delete_role, detach_role_policy, new_role, role_policies, trust_caller, trust_service};
pub use sheets::{NewFile, save_sheet};
pub use unlock::OpenOptions;
pub use versions::{compare_versions, list_versions};
pub use who::{save_who, who};

/// Where an action says how far it is; it may be told as often as is convenient.
#[derive(Clone)]
pub struct ProgressSink(Arc<dyn Fn(Progress) + Send + Sync>);

impl ProgressSink {
    /// A sink that hands everything to `report`, which must not block.
    pub fn new(report: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(report))
    }

    /// Nobody is listening.
    pub fn none() -> Self {
        Self::new(|_| {})
    }

    /// It is doing this to `item` now.
    pub fn at(&self, phase: &str, item: impl fmt::Display) {
        self.report(Progress {
            phase: phase.to_owned(),
            item: item.to_string(),
            ..Progress::default()
        });
    }

    /// The same, with so many of all done.
    pub fn counted(&self, phase: &str, item: &str, items: (u64, u64)) {
        self.report(Progress {
            phase: phase.to_owned(),
            item: item.to_owned(),
            items: Some(items),
            ..Progress::default()
        });
    }

    /// It got this far.
    pub fn report(&self, progress: Progress) {
        (self.0)(progress);
    }
}

impl fmt::Debug for ProgressSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProgressSink")
    }
}

/// Decides how to reach AWS; asks nothing over the network.
pub async fn connect(connection: &Connection) -> Result<Aws, Fault> {
    Aws::connect(connection).await
}

/// The same for a person who may be asked, once credentials are wanted that no file has.
pub async fn connect_for(connection: &Connection, person: Person) -> Result<Aws, Fault> {
    Aws::connect_for(connection, person).await
}

/// The profiles of the AWS configuration files, which the sandbox does not read.
pub async fn profiles(connection: &Connection) -> Vec<String> {
    if connection.sandbox.is_some() {
        return Vec::new();
    }
    crate::aws::profiles().await
}

/// The newest so many changes that this program asked AWS for, newest first.
pub fn audit_log(aws: &Aws, most: usize) -> Result<Outcome, Fault> {
    aws.audit_log(most).map(Outcome::Audit)
}

/// Writes the whole audit log, as it is kept, into a new file: the oldest change first.
///
/// # Errors
/// When it holds no change, or the file exists or cannot be written.
pub fn save_audit(aws: &Aws, to: &Path) -> Result<Outcome, Fault> {
    let mut entries = aws.audit_log(usize::MAX)?;
    entries.reverse();
    if entries.is_empty() {
        let cause = "no change was asked for yet";
        return Err(Fault::not_found(
            "save",
            "the audit log",
            cause,
            "there is nothing to save",
        ));
    }
    let lines = entries.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
    let lines = lines.map_err(|error| Fault::other("save", "the audit log", error.to_string(), ""))?;
    kms_messages::write_new(to, (lines.join("\n") + "\n").as_bytes())?;
    Ok(Outcome::AuditSaved {
        path: to.to_path_buf(),
        changes: entries.len() as u64,
    })
}
