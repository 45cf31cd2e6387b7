//! Model archives: every member opened into one folder.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Mutex;

use tokio_util::sync::CancellationToken;

use super::{ACT, DecryptedFile, Run};
use crate::actions::archive::Opening;
use crate::actions::blocking::blocking;
use crate::actions::clash::clashes;
use crate::actions::download::{ALONE, Download, Watched, open_file};
use crate::actions::faults::{io_fault, unless_cancelled, usage};
use crate::actions::inside::inside;
use crate::actions::kinds::{no_token, verified};
use crate::actions::{ProgressSink, archive};
use crate::aws::{Aws, transfer};
use crate::domain::{Fault, Location, ObjectFormat, ObjectUri};
use crate::publish::{Folder, UnpublishedFolder};

impl Run<'_> {
    /// The folder appears, by one rename, once every member was verified.
    pub(super) async fn archive(&self, told: Option<ObjectFormat>) -> Result<Vec<DecryptedFile>, Fault> {
        let folder = self.folder()?.to_owned();
        if let Some(format) = told.filter(|format| *format != ObjectFormat::Archive) {
            return Err(no_token(ACT, &self.request.source, format));
        }
        if folder.symlink_metadata().is_ok() {
            let remedy = "name a folder that does not exist yet";
            let (object, cause) = (folder.display().to_string(), "it exists already");
            return Err(Fault::conflict("write", object, cause, remedy));
        }
        let io = |error: io::Error| io_fault("write", folder.display(), &error);
        let (beside, name) = Folder::of(&folder).map_err(io)?;
        self.leftovers.sweep(&beside).await;
        let building = UnpublishedFolder::create_in(&beside).map_err(io)?;
        let (mut file, etag) = fetch(
            self.aws,
            &self.request.source,
            building.folder(),
            self.progress,
            self.cancel,
        )
        .await?;
        let (bundles, names) = archive::contents(&mut file, &self.request.source)?;
        if names.is_empty() {
            return Err(archive::empty(ACT, &self.request.source));
        }
        self.check_members(&names, building.folder())?;
        if self.request.open.require_bound {
            let cause = if bundles.is_empty() {
                "it holds no strongroom.json: its names are not proved"
            } else {
                "its members are bound to their names in it, but no place of its own is proved"
            };
            let object = self.request.source.to_string();
            let remedy = "without --require-bound it opens, and what is proved is told";
            return Err(Fault::integrity("open", object, cause, remedy));
        }
        let opening = Opening::unlock(self.aws, &self.request.source, bundles, &self.request.open).await?;
        let (source, cancel) = (self.request.source.clone(), self.cancel.clone());
        let opened = blocking(move || {
            let root = building.folder();
            let members = archive::open_members(&mut file, &source, root, &opening, |name, unlocked, token| {
                let to = inside(Path::new(""), name)?;
                let io = |error: io::Error| io_fault("write", folder.join(&to).display(), &error);
                let within = root.below(to.parent().unwrap_or(Path::new(""))).map_err(io)?;
                let plain = within.new_file(to.file_name().unwrap_or_default()).map_err(io)?;
                let mut token = Watched {
                    inner: token,
                    cancel: cancel.clone(),
                };
                unlocked
                    .decrypt(&mut token, plain, (ACT, name))
                    .map(|(opened, _, _)| opened)
            })?;
            if members.is_empty() {
                return Err(archive::empty(ACT, &source));
            }
            building
                .publish(&name)
                .map_err(|error| io_fault("write", folder.display(), &error))?;
            Ok(members
                .into_iter()
                .map(|member| DecryptedFile {
                    source: format!("{source}/{}", member.name),
                    path: Some(folder.join(&member.name)),
                    bytes: member.opened.plaintext_bytes,
                    verified: verified((member.opened, member.bond)),
                    etag: etag.clone(),
                    contested: member.contested,
                })
                .collect())
        })
        .await;
        opened.map_err(|fault| unless_cancelled(fault, self.cancel, ACT, &self.request.source))
    }

    /// Refuses an archive of which two members would become one file.
    fn check_members(&self, names: &[String], folder: &Folder) -> Result<(), Fault> {
        let owned: Vec<_> = names.iter().map(OsString::from).enumerate().collect();
        if clashes(&owned, true).is_empty() {
            return Ok(());
        }
        let folds = folder
            .folds_case()
            .map_err(|error| io_fault("write in", folder.path().display(), &error))?;
        match clashes(&owned, folds).first() {
            None => Ok(()),
            Some((one, other)) => Err(usage(
                ACT,
                &self.request.source,
                &format!(
                    "its members `{}` and `{}` would become one file",
                    names[*one], names[*other]
                ),
                "get the archive again from where it was made",
            )),
        }
    }
}

/// The whole archive, local or spooled, with its ETag.
pub(in crate::actions) async fn fetch(
    aws: &Aws,
    source: &Location,
    folder: &Folder,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<(File, Option<String>), Fault> {
    match source {
        Location::Local(path) => Ok((open_file(path)?, None)),
        Location::S3(ObjectUri { bucket, key }) => {
            let head = transfer::head(aws, bucket, key).await?;
            let download = Download {
                aws,
                bucket,
                key,
                head: &head,
                beginning: &Mutex::default(),
                progress,
                cancel,
                phase: "downloading",
                in_flight: ALONE,
            };
            Ok((download.spooled(folder).await?, head.unquoted_etag()))
        }
    }
}
