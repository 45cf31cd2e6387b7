//! Model archives: every member opened into one folder.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::{ACT, DecryptedFile, Run};
use crate::actions::blocking::blocking;
use crate::actions::kinds::{no_token, verified};
use crate::actions::opening::{fault_of, unlock_archive};
use crate::actions::place::{Place, inside, io_fault, unless_cancelled};
use crate::actions::spool::{ALONE, Download, Watched, open_file};
use crate::actions::{ProgressSink, archive, leftovers};
use crate::aws::{Aws, transfer};
use crate::domain::{Fault, FaultKind, ObjectFormat};
use crate::envelope::decrypt;
use crate::envelope::publish::{HALF_MADE, folder_of};

impl Run<'_> {
    /// The folder appears, by one rename, once every member was verified.
    pub(super) async fn archive(&self, told: Option<ObjectFormat>) -> Result<Vec<DecryptedFile>, Fault> {
        let folder = self.folder()?.to_owned();
        if let Some(format) = told.filter(|format| *format != ObjectFormat::Archive) {
            return Err(no_token(ACT, &self.request.source, format));
        }
        if folder.symlink_metadata().is_ok() {
            let remedy = "name a folder that does not exist yet";
            return Err(Fault::new(
                FaultKind::Conflict,
                "write",
                folder.display().to_string(),
                "it exists already",
                remedy,
            ));
        }
        let io = |error: io::Error| io_fault("write", folder.display(), &error);
        let beside = folder_of(&folder);
        self.leftovers.sweep(beside).await;
        let building = tempfile::Builder::new()
            .prefix(HALF_MADE)
            .tempdir_in(beside)
            .map_err(io)?;
        let held = leftovers::lock(building.path(), true);
        let (mut file, etag) = fetch(
            self.aws,
            &self.request.source,
            building.path(),
            self.progress,
            self.cancel,
        )
        .await?;
        let bundle = archive::bundle(&mut file, &self.request.source)?;
        if bundle.is_none() && self.request.open.require_bound {
            return Err(Fault::new(
                FaultKind::Integrity,
                "open",
                self.request.source.to_string(),
                "it holds no strongroom.json: its names are not proved",
                "without --require-bound it opens, its names unproved",
            ));
        }
        let unlocked = unlock_archive(self.aws, &self.request.source, bundle.as_ref(), &self.request.open).await?;
        let (source, cancel) = (self.request.source.clone(), self.cancel.clone());
        let opened = blocking(move || {
            let root = building.path();
            let members =
                archive::open_members(&mut file, &source, root, &unlocked, bundle.as_ref(), |name, token| {
                    let to = inside(root, name)?;
                    if let Some(parent) = to.parent() {
                        fs::create_dir_all(parent).map_err(|error| io_fault("create", parent.display(), &error))?;
                    }
                    let plain = File::create_new(&to).map_err(|error| io_fault("write", to.display(), &error))?;
                    let mut token = Watched {
                        inner: token,
                        cancel: cancel.clone(),
                    };
                    decrypt(&unlocked.key, &mut token, plain)
                        .map(|(opened, _)| opened)
                        .map_err(|error| fault_of(ACT, name, &error))
                })?;
            fs::rename(root, &folder).map_err(|error| io_fault("write", folder.display(), &error))?;
            let _ = building.keep();
            drop(held);
            Ok(members
                .into_iter()
                .map(|member| DecryptedFile {
                    source: format!("{source}/{}", member.name),
                    path: Some(folder.join(&member.name)),
                    bytes: member.opened.plaintext_bytes,
                    verified: verified((member.opened, member.bond)),
                    etag: etag.clone(),
                })
                .collect())
        })
        .await;
        opened.map_err(|fault| unless_cancelled(fault, self.cancel, ACT, &self.request.source))
    }
}

/// The whole archive, local or spooled, with its ETag.
pub(in crate::actions) async fn fetch(
    aws: &Aws,
    source: &Place,
    folder: &Path,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<(File, Option<String>), Fault> {
    match source {
        Place::Local(path) => Ok((open_file(path)?, None)),
        Place::S3 { bucket, key } => {
            let head = transfer::head(aws, bucket, key).await?;
            let download = Download {
                aws,
                bucket,
                key,
                head: &head,
                progress,
                cancel,
                phase: "downloading",
                in_flight: ALONE,
            };
            Ok((download.spooled(folder).await?, head.unquoted_etag()))
        }
    }
}
