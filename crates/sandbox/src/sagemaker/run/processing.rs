//! A processing job's way.

use std::sync::Arc;

use super::super::channel;
use super::super::cluster::{End, Limits};
use super::super::host::Hosts;
use super::super::mirror::Mirror;
use super::super::phase::Phase;
use super::super::request::Processing;
use super::{LONGEST_REASON, LOST, Outcome, Walk, blocking, failure, said, shortened};

impl Walk<'_> {
    pub(super) async fn process(&self, processing: &Arc<Processing>) -> Result<Outcome, String> {
        let hosts = self.hosts()?;
        if let Some(early) = self.wait(self.pace).await {
            return Ok(early);
        }
        self.encrypt_volumes()?;
        let now = self.world.now();
        self.enter(Phase::Downloading, |job| job.started = Some(now));
        let preparing = tokio::join!(self.bring(processing, &hosts), self.wait(self.pace));
        if let Some(early) = preparing.1 {
            return Ok(early);
        }
        preparing.0?;
        self.enter(Phase::Training, |_| {});
        let limits = Limits {
            stop: &self.stop,
            longest: self.containers.longest,
            deadline: None,
        };
        let end = self
            .run(&hosts, self.mirrors(processing, &hosts, true), &limits)
            .await?;
        self.keep_message(&hosts, end);
        let outcome = match end {
            End::Completed => Outcome::Completed,
            End::Stopped => Outcome::Stopped,
            End::Overran => Outcome::Overran,
            End::WaitedTooLong | End::Interrupted => {
                return Err("InternalServerError: not on spot instances".to_owned());
            }
            End::Abandoned => return Ok(Outcome::Abandoned),
            End::Failed(_, status) => return Err(failure("", status)),
            End::Died => return Err(LOST.to_owned()),
        };
        self.enter(Phase::Uploading, |_| {});
        let mirrors = self.mirrors(processing, &hosts, false);
        blocking(move || mirrors.into_iter().try_for_each(|mut mirror| mirror.copy())).await?;
        Ok(outcome)
    }

    /// Prepares every host.
    async fn bring(&self, processing: &Arc<Processing>, hosts: &Arc<Hosts>) -> Result<(), String> {
        let (world, processing) = (Arc::clone(self.world), Arc::clone(processing));
        let (role, hosts) = (self.role.clone(), Arc::clone(hosts));
        blocking(move || {
            let internal = |error: std::io::Error| format!("InternalServerError: {error}");
            let containers = &processing.containers;
            let arn = containers.kind.arn(&role.place, &containers.name);
            for host in hosts.iter() {
                let root = host.folder.root.as_path();
                hosts.prepare_processing(host, &processing, &arn).map_err(internal)?;
                for output in &processing.outputs {
                    std::fs::create_dir_all(root.join(&output.kept.folder)).map_err(internal)?;
                }
                for input in &processing.inputs {
                    if let Some(share) = hosts.share(host, &input.source) {
                        channel::download(&world, &role, &input.source, share, &root.join(&input.folder))?;
                    }
                }
            }
            Ok(())
        })
        .await
    }

    /// The outputs of every host that are uploaded while it runs, or of which that is done at its end. *Choice*: the latter
    /// is done of jobs that complete or are stopped, not of those that fail.
    fn mirrors(&self, processing: &Processing, hosts: &Hosts, continuous: bool) -> Vec<Mirror> {
        let outputs = || {
            let outputs = processing.outputs.iter();
            outputs.filter(|output| output.is_continuous == continuous)
        };
        let key = self.containers.output_key.as_deref();
        let of_host = |root| {
            outputs().map(move |output| Mirror::new(self.world, &self.role, root, ("Output", &output.kept), key))
        };
        hosts
            .iter()
            .flat_map(|host| of_host(host.folder.root.as_path()))
            .collect()
    }

    /// Keeps what a host left to be told at the job's end: whoever failed, or else the first that left something.
    fn keep_message(&self, hosts: &Hosts, end: End) {
        let failed = match end {
            End::Failed(host, _) => hosts.iter().nth(host),
            _ => None,
        };
        let message = failed
            .into_iter()
            .chain(hosts.iter())
            .find_map(|host| said(&host.folder.root, "message"));
        if let Some(message) = message {
            let message = shortened(message, LONGEST_REASON);
            self.book()
                .update(&self.containers.name, |job| job.left = Some(message));
        }
    }
}
