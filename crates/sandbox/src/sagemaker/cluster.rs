//! All hosts of a job, side by side, until all of them have ended: by themselves, or because one failed, somebody stopped the
//! job, its time is over or its instances are taken back. Then the others are told to end too.

use std::io;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::iam::SessionCredentials;
use super::confine::{self, Confinement};
use super::host::Hosts;
use super::lines::{Log, Metrics};
use super::network::Network;
use super::process::{self, Exit};
use super::request::Containers;
use crate::prelude::*;

/// How the hosts ended, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// All by themselves, well.
    Completed,
    /// One with this status; the host by its place.
    Failed(usize, i32),
    /// One because its machine died.
    Died,
    /// Because the job was stopped.
    Stopped,
    /// Because they took longer than they may.
    Overran,
    /// Because the time for spot instances, waiting included, is over.
    WaitedTooLong,
    /// Because their spot instances were taken back.
    Interrupted,
    /// Because the world ends.
    Abandoned,
}

/// A job's hosts, ready to run.
pub(super) struct Cluster<'a> {
    pub(super) world: &'a Arc<World>,
    pub(super) role: &'a Caller,
    pub(super) containers: &'a Arc<Containers>,
    pub(super) session: &'a SessionCredentials,
    pub(super) hosts: &'a Hosts,
    pub(super) metrics: &'a Arc<Metrics>,
}

/// What ends hosts that do not end by themselves.
pub(super) struct Limits<'a> {
    pub(super) stop: &'a CancellationToken,
    /// What is left of the job's longest run.
    pub(super) longest: Duration,
    /// When the time for spot instances is over.
    pub(super) deadline: Option<Instant>,
}

impl Cluster<'_> {
    /// Runs every host's command to its end.
    pub(super) async fn run(&self, limits: &Limits<'_>) -> io::Result<End> {
        let confinement = confine::found(self.world).await;
        let is_shared = self.containers.is_isolated && self.hosts.len() > 1 && confinement != Confinement::Nothing;
        let network = if is_shared { Some(Network::new().await?) } else { None };
        let halt = CancellationToken::new();
        let deaths: Vec<CancellationToken> = self.hosts.iter().map(|_| CancellationToken::new()).collect();
        let mut running = FuturesUnordered::new();
        for (index, (host, death)) in self.hosts.iter().zip(&deaths).enumerate() {
            let log = Log::new(self.world, self.role, self.containers, &host.name, self.metrics);
            let exit = process::run(self, host, network.as_ref(), Arc::new(log), (&halt, death));
            running.push(exit.map(move |exit| (index, &host.name, exit)));
        }
        let mut reached = std::pin::pin!(self.reached(limits));
        let mut dying = std::pin::pin!(self.world.trouble.death(deaths.len()).fuse());
        let (mut end, mut broken) = (None, None);
        loop {
            tokio::select! {
                biased;
                ended = running.next() => match ended {
                    None => break,
                    Some((_, name, Err(error))) => {
                        broken.get_or_insert(io::Error::new(error.kind(), format!("{name}: {error}")));
                        halt.cancel();
                    }
                    Some((_, _, Ok(Exit::Abandoned))) => end = Some(End::Abandoned),
                    Some((_, _, Ok(Exit::Status(0) | Exit::Halted))) => {}
                    Some((_, _, Ok(Exit::Died))) => {
                        end.get_or_insert(End::Died);
                        halt.cancel();
                    }
                    Some((index, _, Ok(Exit::Status(status)))) => {
                        end.get_or_insert(End::Failed(index, status));
                        halt.cancel();
                    }
                },
                host = &mut dying => deaths[host].cancel(),
                limit = &mut reached, if end.is_none() => {
                    end = Some(limit);
                    halt.cancel();
                }
            }
        }
        match broken {
            Some(error) => Err(error),
            None => Ok(end.unwrap_or(End::Completed)),
        }
    }

    async fn reached(&self, limits: &Limits<'_>) -> End {
        let taken_back = async {
            if !self.containers.is_spot {
                std::future::pending::<()>().await;
            }
            self.world.trouble.interruption().await;
        };
        let waited = async {
            match limits.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = limits.stop.cancelled() => End::Stopped,
            () = tokio::time::sleep(limits.longest) => End::Overran,
            () = waited => End::WaitedTooLong,
            () = taken_back => End::Interrupted,
        }
    }
}
