//! The files that the objects of a prefix become: which, and that no two become one.

use std::ffi::OsString;
use std::path::Path;

use futures::{StreamExt, TryStreamExt};

use super::prefix::Listed;
use super::{ACT, Run};
use crate::actions::clash::clashes;
use crate::actions::faults::{io_fault, usage};
use crate::actions::inside::inside;
use crate::actions::key_escape::from_key;
use crate::actions::unlock::is_bundle;
use crate::aws::again::again;
use crate::aws::s3;
use crate::domain::{Fault, ObjectFormat};
use crate::publish::Folder;

/// Objects that are looked at at once.
const LOOKS: usize = 16;

impl Run<'_> {
    /// The folder, opened once.
    pub(super) async fn root(&self) -> Result<&Folder, Fault> {
        let open = || async {
            let path = self.folder()?;
            Folder::make(path).map_err(|error| io_fault("create", path.display(), &error))
        };
        self.root.get_or_try_init(open).await
    }

    /// The relative path of the file that an object of this format and length becomes; `None` if it becomes none.
    pub(super) async fn name_of(
        &self,
        (bucket, prefix, key): (&str, &str, &str),
        format: ObjectFormat,
        length: u64,
    ) -> Result<Option<OsString>, Fault> {
        let name = key.strip_prefix(prefix).unwrap_or(key);
        let is_marker = name.is_empty() || name.ends_with('/');
        // What consoles write for an empty folder has no bytes; a longer one is a name that leaves the folder.
        let is_empty = format.is_open() && is_marker && length == 0;
        if format == ObjectFormat::KeyObject || is_empty || is_bundle(self.aws, bucket, key, &self.keyring).await {
            return Ok(None);
        }
        inside(Path::new(""), name)?;
        Ok(Some(match format {
            ObjectFormat::Strongroom => from_key(name),
            _ => name.into(),
        }))
    }

    /// Refuses a prefix of which two objects would become one file, before the first byte of it. What an object becomes is known
    /// when it was looked at, so those are looked at that may be in each other's way.
    pub(super) async fn check_names(&self, bucket: &str, prefix: &str, objects: &[Listed]) -> Result<(), Fault> {
        let mut possible = Vec::new();
        for (owner, (key, _)) in objects.iter().enumerate() {
            let name = key.strip_prefix(prefix).unwrap_or(key);
            possible.push((owner, OsString::from(name)));
            let decoded = from_key(name);
            if decoded != *name {
                possible.push((owner, decoded));
            }
        }
        if clashes(&possible, true).is_empty() {
            return Ok(());
        }
        let folds = self.folds_case()?;
        let mut suspects: Vec<usize> = clashes(&possible, folds)
            .into_iter()
            .flat_map(|(a, b)| [a, b])
            .collect();
        suspects.sort_unstable();
        suspects.dedup();
        let look = |owner: usize| async move {
            let (key, size) = &objects[owner];
            let info = again(|| s3::object_info(self.aws, bucket, key)).await?;
            // One that becomes no file, for its name is refused, is in nobody's way.
            match self.name_of((bucket, prefix, key), info.format, *size).await {
                Ok(name) => Ok(name.map(|name| (owner, name))),
                Err(fault) if fault.object == key.strip_prefix(prefix).unwrap_or_default() => Ok(None),
                Err(fault) => Err(fault),
            }
        };
        let looks = futures::stream::iter(suspects).map(look).buffered(LOOKS);
        let names: Vec<_> = looks
            .try_filter_map(|name| async move { Ok(name) })
            .try_collect()
            .await?;
        match clashes(&names, folds).first() {
            None => Ok(()),
            Some((one, other)) => Err(usage(
                ACT,
                s3::uri(bucket, prefix),
                &format!(
                    "`{}` and `{}` would become one file",
                    objects[*one].0, objects[*other].0
                ),
                "decrypt them one by one, each to a name of its own",
            )),
        }
    }

    /// Whether the folder, or where it will be made, knows no case.
    fn folds_case(&self) -> Result<bool, Fault> {
        let path = self.folder()?;
        let there = path.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
        Folder::open(there)
            .and_then(|folder| folder.folds_case())
            .map_err(|error| io_fault("write in", there.display(), &error))
    }
}
