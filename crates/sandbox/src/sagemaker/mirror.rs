//! A host's folder that is copied to S3: checkpoints, and what processing leaves. While the job runs and once more after it, or
//! only after it.
//!
//! Every host's folder goes to the same place: of two hosts that write one name, whoever wrote later stays. What a job
//! removes stays in S3: AWS does not say, and whoever resumes may need it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::artifact::Out;
use super::below::Below;
use super::channel::{self, Share};
use super::request::Kept;
use crate::prelude::*;

/// Between two looks at the folder.
const OFTEN: Duration = Duration::from_secs(2);

/// A host's folder, here and in S3.
pub(super) struct Mirror {
    world: Arc<World>,
    role: Caller,
    root: PathBuf,
    kept: Kept,
    key: Option<String>,
    /// What has failed when it cannot be copied: `Checkpoint`.
    what: &'static str,
    /// What S3 has: each file's length and time.
    known: HashMap<PathBuf, (u64, Option<SystemTime>)>,
}

impl Mirror {
    /// Of a folder below `root`, under this KMS key.
    pub(super) fn new(
        world: &Arc<World>,
        role: &Caller,
        root: &Path,
        (what, kept): (&'static str, &Kept),
        key: Option<&str>,
    ) -> Self {
        Self {
            world: Arc::clone(world),
            role: role.clone(),
            root: root.to_path_buf(),
            kept: kept.clone(),
            key: key.map(str::to_owned),
            what,
            known: HashMap::new(),
        }
    }

    /// Brings what an earlier job left. Blocks.
    pub(super) fn fetch(mut self) -> Result<Self, String> {
        let prefix = format!("{}/", self.kept.prefix);
        let folder = self.root.join(&self.kept.folder);
        let place = (self.kept.bucket.as_str(), prefix.as_str());
        channel::below(&self.world, &self.role, place, Share::WHOLE, &folder)?;
        if let Some(folder) = self.open()? {
            self.known = found(&folder).into_iter().collect();
        }
        Ok(self)
    }

    /// Copies what is new, again and again.
    pub(super) async fn keep(mut self, until: impl Future<Output = ()>) -> Result<(), String> {
        let mut until = std::pin::pin!(until);
        loop {
            let is_over = tokio::time::timeout(OFTEN, &mut until).await.is_ok();
            let (kept, copied) = super::run::blocking(move || {
                let copied = self.copy();
                Ok((self, copied))
            })
            .await?;
            self = kept;
            // What cannot be copied while the job runs may be half written.
            if is_over {
                return copied;
            }
        }
    }

    /// Copies what is new. Blocks.
    pub(super) fn copy(&mut self) -> Result<(), String> {
        let Some(folder) = self.open()? else {
            return Ok(());
        };
        let out = Out::new(&self.world, &self.role, &self.kept.bucket, self.key.as_deref());
        for (name, state) in found(&folder) {
            if self.known.get(&name) != Some(&state) {
                let sent = out.file(&folder, &name, &self.kept.prefix);
                sent.map_err(|why| self.failed(&why))?;
                self.known.insert(name, state);
            }
        }
        Ok(())
    }

    /// The folder, unless it is something else by now.
    fn open(&self) -> Result<Option<Below>, String> {
        Below::open(&self.root, &self.kept.folder).map_err(|error| self.failed(&error.to_string()))
    }

    fn failed(&self, why: &str) -> String {
        format!("ClientError: {} upload failed: {why}", self.what)
    }
}

fn found(folder: &Below) -> Vec<(PathBuf, (u64, Option<SystemTime>))> {
    let state = |name: PathBuf| {
        let (_, metadata) = folder.file(&name).ok()?;
        Some((name, (metadata.len(), metadata.modified().ok())))
    };
    let names = folder.files().unwrap_or_default();
    names.into_iter().filter_map(state).collect()
}
