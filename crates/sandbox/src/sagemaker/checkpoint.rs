//! `CheckpointConfig`: a folder that is filled from S3 before the training, copied there while it runs and once more
//! after it.
//!
//! Every host has all of what was there, and its folder goes to the same place: of two hosts that write one name, whoever
//! wrote later stays. What a job removes stays in S3: AWS does not say, and whoever resumes may need it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::super::identity::Caller;
use super::super::world::World;
use super::artifact::Out;
use super::below::Below;
use super::channel::{self, Share};
use super::request::Training;

/// Between two looks at the folder.
const OFTEN: Duration = Duration::from_secs(2);

/// A host's checkpoints, here and in S3.
pub(super) struct Checkpoints {
    world: Arc<World>,
    role: Caller,
    training: Arc<Training>,
    root: PathBuf,
    /// What S3 has: each file's length and time.
    known: HashMap<PathBuf, (u64, Option<SystemTime>)>,
}

impl Checkpoints {
    /// Brings what an earlier job left. Blocks.
    pub(super) fn fetch(
        world: &Arc<World>,
        role: &Caller,
        training: &Arc<Training>,
        root: &Path,
    ) -> Result<Option<Self>, String> {
        let Some(kept) = &training.checkpoints else {
            return Ok(None);
        };
        let mut checkpoints = Self {
            world: Arc::clone(world),
            role: role.clone(),
            training: Arc::clone(training),
            root: root.to_path_buf(),
            known: HashMap::new(),
        };
        let prefix = format!("{}/", kept.prefix);
        let folder = root.join(&kept.folder);
        channel::below(world, role, (&kept.bucket, &prefix), Share::WHOLE, &folder)?;
        if let Some(folder) = checkpoints.open()? {
            checkpoints.known = found(&folder).into_iter().collect();
        }
        Ok(Some(checkpoints))
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

    fn copy(&mut self) -> Result<(), String> {
        let failed = |why: String| format!("ClientError: Checkpoint upload failed: {why}");
        let (Some(kept), Some(folder)) = (&self.training.checkpoints, self.open()?) else {
            return Ok(());
        };
        let out = Out::new(&self.world, &self.role, &kept.bucket, &self.training);
        for (name, state) in found(&folder) {
            if self.known.get(&name) != Some(&state) {
                out.file(&folder, &name, &kept.prefix).map_err(failed)?;
                self.known.insert(name, state);
            }
        }
        Ok(())
    }

    /// The folder, unless it is something else by now.
    fn open(&self) -> Result<Option<Below>, String> {
        let Some(kept) = &self.training.checkpoints else {
            return Ok(None);
        };
        Below::open(&self.root, &kept.folder).map_err(|error| format!("ClientError: Checkpoint upload failed: {error}"))
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
