//! `/opt/ml/checkpoints`: filled from S3 before the training, copied there while it runs and once more after it.
//!
//! What a job removes stays in S3: AWS does not say, and whoever resumes may need it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::super::identity::Caller;
use super::super::world::World;
use super::artifact::{Out, files};
use super::channel;
use super::request::Training;

/// Between two looks at the folder.
const OFTEN: Duration = Duration::from_secs(2);

/// A job's checkpoints, here and in S3.
pub(super) struct Checkpoints {
    world: Arc<World>,
    role: Caller,
    training: Arc<Training>,
    folder: PathBuf,
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
        let Some((bucket, prefix)) = &training.checkpoints else {
            return Ok(None);
        };
        let mut checkpoints = Self {
            world: Arc::clone(world),
            role: role.clone(),
            training: Arc::clone(training),
            folder: root.join("checkpoints"),
            known: HashMap::new(),
        };
        channel::below(world, role, (bucket, &format!("{prefix}/")), &checkpoints.folder)?;
        checkpoints.known = checkpoints.found().into_iter().collect();
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
        let Some((bucket, prefix)) = &self.training.checkpoints else {
            return Ok(());
        };
        let out = Out::new(&self.world, &self.role, bucket, &self.training);
        for (name, state) in self.found() {
            if self.known.get(&name) != Some(&state) {
                out.file(&self.folder, &name, prefix).map_err(failed)?;
                self.known.insert(name, state);
            }
        }
        Ok(())
    }

    fn found(&self) -> Vec<(PathBuf, (u64, Option<SystemTime>))> {
        let state = |name: PathBuf| {
            let metadata = self.folder.join(&name).metadata().ok()?;
            Some((name, (metadata.len(), metadata.modified().ok())))
        };
        let names = files(&self.folder, Path::new("")).unwrap_or_default();
        names.into_iter().filter_map(state).collect()
    }
}
