//! An AWS-compatible world on loopback: real KMS authorization, S3, training jobs that run.
//!
//! A faithful small world, not canned answers. It imports nothing of strongroom's: a bug must not agree with itself.
//! One account and one region, or as many of each as are named; in every account a user `strongroom` with
//! AdministratorAccess and a random access key.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

mod api;
mod clock;
mod disk;
mod ecr;
mod fill;
mod guardian;
mod http;
mod iam;
mod identity;
mod kms;
mod logs;
mod members;
mod policy;
mod s3;
mod sagemaker;
mod seed;
mod shelf;
mod sigv4;
mod sts;
mod trouble;
mod world;

pub use fill::Fill;
pub use trouble::Fault;

use api::ApiError;
use world::World;

/// What a world is made from.
#[derive(Debug, Clone)]
pub struct Options {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The folder that keeps the world; a temporary one if none.
    pub dir: Option<PathBuf>,
    /// Account ids. If empty: those that the world already has, or 111122223333 for a new one. A new world's contents go to
    /// the first.
    pub accounts: Vec<String>,
    /// Regions. If empty: those that the world already has, or us-east-1 for a new one. A new world's contents go to the
    /// first.
    pub regions: Vec<String>,
    /// Whether to leave out everything but the user.
    pub empty: bool,
    /// Training image URIs and the shell commands that stand for them.
    pub images: Vec<(String, String)>,
    /// A registry on loopback that holds ECR's images.
    pub registry: Option<SocketAddr>,
    /// How long a new grant is unseen without its token.
    pub grant_delay: Duration,
    /// The strongroom binary: what training jobs of unknown images run.
    pub program: PathBuf,
    /// The least time that a job spends in each waiting status.
    pub job_pace: Duration,
    /// Between SIGTERM and SIGKILL of a job that is stopped.
    pub stop_grace: Duration,
    /// What goes wrong on purpose.
    pub faults: Vec<Fault>,
    /// Makes faults fall the same way again.
    pub fault_seed: u64,
}

impl Options {
    /// An empty world in a temporary folder where nothing goes wrong and nothing waits.
    pub fn new(program: PathBuf) -> Self {
        Self {
            port: 0,
            dir: None,
            accounts: Vec::new(),
            regions: Vec::new(),
            empty: true,
            images: Vec::new(),
            registry: None,
            grant_delay: Duration::ZERO,
            program,
            job_pace: Duration::ZERO,
            stop_grace: Duration::from_secs(120),
            faults: Vec::new(),
            fault_seed: 0,
        }
    }
}

/// Why a world could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// Its folder cannot be used.
    #[error("cannot use the folder {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its folder holds something else.
    #[error("{path} is not empty and no world of strongroom's; name an empty folder, or one that is not there yet")]
    NoWorld {
        /// The folder.
        path: PathBuf,
    },
    /// Another process has it.
    #[error("the world in {path} is in use by another process; end that one, or name another folder")]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// An account id or a region name is not valid.
    #[error("`{0}` is {1}")]
    Place(String, &'static str),
    /// The world's file cannot be read or written.
    #[error("cannot use {path}: {why}")]
    Rows {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// What a new world holds could not be made.
    #[error("cannot fill the world: {0}")]
    Seed(ApiError),
    /// The port cannot be had.
    #[error("cannot listen on 127.0.0.1:{port}: {source}; choose another port, or 0 for a free one")]
    Port {
        /// The port.
        port: u16,
        /// Why.
        source: io::Error,
    },
}

/// An account of a world, and the access key of its user `strongroom`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Account {
    /// Its id.
    pub id: String,
    /// Access key id.
    #[serde(rename = "AWS_ACCESS_KEY_ID")]
    pub access_key_id: String,
    /// Its secret.
    #[serde(rename = "AWS_SECRET_ACCESS_KEY")]
    pub secret_access_key: String,
}

/// A running world.
pub struct Sandbox {
    world: Arc<World>,
    url: String,
    accounts: Vec<Account>,
    files: PathBuf,
    server: tokio::task::JoinHandle<()>,
}

impl Sandbox {
    /// Opens or makes a world and serves it on loopback.
    ///
    /// # Errors
    /// When its folder or its port cannot be had.
    pub async fn start(options: Options) -> Result<Self, SandboxError> {
        let port = options.port;
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .map_err(|source| SandboxError::Port { port, source })?;
        let address = listener
            .local_addr()
            .map_err(|source| SandboxError::Port { port, source })?;
        let url = format!("http://{address}");
        let world = Arc::new(World::open(options, &url)?);
        world.begin();
        let epoch = world.disk.epoch();
        if world.is_new && !world.options.empty {
            seed::sow(&world).map_err(SandboxError::Seed)?;
        }
        // What is shown below is answered too.
        settled(&world, epoch).await?;
        world.disk.bear().map_err(|source| SandboxError::Folder {
            path: world.root.clone(),
            source,
        })?;
        let server = tokio::spawn(http::serve(Arc::clone(&world), listener));
        let accounts = world.accounts().map(|id| {
            let (access_key_id, secret_access_key) = world.iam(id).own_access_key();
            Account {
                id: id.to_owned(),
                access_key_id,
                secret_access_key,
            }
        });
        let accounts = accounts.collect();
        let files = world.root.join("files");
        Ok(Self {
            world,
            url,
            accounts,
            files,
            server,
        })
    }

    /// Adds a great many rows at once.
    ///
    /// # Errors
    /// When the world cannot hold them.
    pub async fn fill(&self, fill: &Fill) -> Result<(), SandboxError> {
        let epoch = self.world.disk.epoch();
        fill::pour(&self.world, fill).map_err(SandboxError::Seed)?;
        settled(&self.world, epoch).await
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint_url(&self) -> &str {
        &self.url
    }

    /// The first region of the world.
    pub fn region(&self) -> &str {
        &self.world.home.region
    }

    /// Its regions, the first one first.
    pub fn regions(&self) -> &[String] {
        &self.world.regions
    }

    /// Its accounts, the first one first.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Access key id of the user `strongroom` of the first account.
    pub fn access_key_id(&self) -> &str {
        &self.accounts[0].access_key_id
    }

    /// Its secret.
    pub fn secret_access_key(&self) -> &str {
        &self.accounts[0].secret_access_key
    }

    /// Whether this machine lets jobs be confined, so that they see nothing of the world's folder and of each other.
    pub async fn confines_jobs(&self) -> bool {
        sagemaker::confinement(&self.world).await == sagemaker::Confinement::Whole
    }

    /// The folder that holds the sample dataset.
    pub fn sample_dir(&self) -> &Path {
        &self.files
    }

    /// Ends every job, stops serving, and keeps the world's folder or removes a temporary one.
    pub async fn stop(self) {
        self.world.stop().await;
        let _ = self.server.await;
    }
}

async fn settled(world: &World, epoch: u64) -> Result<(), SandboxError> {
    let settled = world.disk.settled(epoch).await;
    settled.map_err(|why| SandboxError::Rows {
        path: world.root.clone(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A world that runs nothing of ours and waits for nothing.
    pub(super) fn options() -> Options {
        Options::new(PathBuf::from("false"))
    }
}
