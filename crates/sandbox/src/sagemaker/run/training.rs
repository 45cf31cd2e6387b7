//! A training job's way.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::cluster::{End, Limits};
use super::super::host::Hosts;
use super::super::mirror::Mirror;
use super::super::phase::Phase;
use super::super::request::Training;
use super::super::{artifact, channel};
use super::{LOST, NO_CAPACITY, Outcome, Walk, blocking, failure, said};

/// How one run on one set of instances ended.
enum Attempt {
    Ended(Outcome),
    Interrupted,
}

impl Walk<'_> {
    /// From the beginning again whenever spot instances are taken back, as long as the job may wait for others.
    pub(super) async fn train(&self, training: &Arc<Training>) -> Result<Outcome, String> {
        let deadline = training.spot_wait.map(|wait| Instant::now() + wait);
        let mut left = self.containers.longest;
        loop {
            match self.attempt(training, &mut left, deadline).await? {
                Attempt::Ended(outcome) => return Ok(outcome),
                Attempt::Interrupted => self.enter(Phase::Interrupted, |_| {}),
            }
            if let Some(early) = self.wait(self.pace.max(NO_CAPACITY)).await {
                return Ok(early);
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Ok(Outcome::WaitedTooLong);
            }
            self.enter(Phase::Starting, |_| {});
        }
    }

    /// One run on new hosts, whose time is taken from what is left of the longest run.
    async fn attempt(
        &self,
        training: &Arc<Training>,
        left: &mut Duration,
        deadline: Option<Instant>,
    ) -> Result<Attempt, String> {
        let hosts = self.hosts()?;
        if let Some(early) = self.wait(self.pace).await {
            return Ok(Attempt::Ended(early));
        }
        self.encrypt_volumes()?;
        let now = self.world.now();
        self.enter(Phase::Downloading, |job| {
            job.started.get_or_insert(now);
        });
        let downloading = tokio::join!(self.download(training, &hosts), self.wait(self.pace));
        if let Some(early) = downloading.1 {
            return Ok(Attempt::Ended(early));
        }
        let checkpoints = downloading.0?;
        self.enter(Phase::Training, |_| {});
        let began = Instant::now();
        let limits = Limits {
            stop: &self.stop,
            longest: *left,
            deadline,
        };
        let end = self.run(&hosts, checkpoints, &limits).await?;
        *left = left.saturating_sub(began.elapsed());
        let outcome = match end {
            End::Completed => Outcome::Completed,
            End::Stopped => Outcome::Stopped,
            End::Overran => Outcome::Overran,
            End::WaitedTooLong => Outcome::WaitedTooLong,
            End::Interrupted => return Ok(Attempt::Interrupted),
            End::Abandoned => return Ok(Attempt::Ended(Outcome::Abandoned)),
            End::Failed(host, status) => {
                let root = hosts.iter().nth(host).map(|host| host.folder.root.as_path());
                let said = root.and_then(|root| said(root, "failure"));
                return Err(failure(&said.unwrap_or_default(), status));
            }
            End::Died => return Err(LOST.to_owned()),
        };
        self.enter(Phase::Uploading, |_| {});
        self.upload(training, &hosts, matches!(outcome, Outcome::Completed))
            .await?;
        Ok(Attempt::Ended(outcome))
    }

    /// Prepares every host; their checkpoints, if the job keeps such.
    async fn download(&self, training: &Arc<Training>, hosts: &Arc<Hosts>) -> Result<Vec<Mirror>, String> {
        let (world, training) = (Arc::clone(self.world), Arc::clone(training));
        let (role, hosts) = (self.role.clone(), Arc::clone(hosts));
        blocking(move || {
            let mut kept = Vec::new();
            for host in hosts.iter() {
                let root = host.folder.root.as_path();
                let prepared = hosts.prepare(host, &training);
                prepared.map_err(|error| format!("InternalServerError: {error}"))?;
                for channel in &training.channels {
                    if let Some(share) = hosts.share(host, &channel.source) {
                        let folder = root.join("input/data").join(&channel.name);
                        channel::download(&world, &role, &channel.source, share, &folder)?;
                    }
                }
                if let Some(checkpoints) = &training.checkpoints {
                    let key = training.containers.output_key.as_deref();
                    kept.push(Mirror::new(&world, &role, root, ("Checkpoint", checkpoints), key).fetch()?);
                }
            }
            Ok(kept)
        })
        .await
    }

    /// A job that did not end by itself leaves a model only if there is something of it.
    async fn upload(&self, training: &Arc<Training>, hosts: &Arc<Hosts>, whole: bool) -> Result<(), String> {
        let (world, training) = (Arc::clone(self.world), Arc::clone(training));
        let (role, hosts) = (self.role.clone(), Arc::clone(hosts));
        let uploaded = blocking(move || {
            let roots: Vec<&Path> = hosts.iter().map(|host| host.folder.root.as_path()).collect();
            let has_model = artifact::files(&roots, "model").is_ok_and(|model| !model.is_empty());
            if !whole && !has_model {
                return Ok(None);
            }
            artifact::upload(&world, &role, &training, &roots).map(Some)
        })
        .await?;
        if let Some(uri) = uploaded {
            self.book().update(&self.containers.name, |job| job.left = Some(uri));
        }
        Ok(())
    }
}
