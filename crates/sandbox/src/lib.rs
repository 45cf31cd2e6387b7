//! An AWS-compatible world on loopback: real KMS authorization, S3, training jobs that run.
//!
//! A faithful small world, not canned answers, for the tests of any project. It is in this process, on threads of its own,
//! and ends when it is dropped. One account and one region, or as many of each as are named; in every account a user
//! `strongroom` with AdministratorAccess and a random access key.
//!
//! ```
//! use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
//! use aws_sdk_kms::error::ProvideErrorMetadata;
//! use aws_sdk_kms::primitives::Blob;
//! use strongroom_sandbox::{Options, Sandbox};
//!
//! /// A key policy with this statement beside the one that hands the key to IAM.
//! fn policy(statement: &str) -> String {
//!     let root = r#"{ "Effect": "Allow", "Principal": { "AWS": "111122223333" }, "Action": "kms:*", "Resource": "*" }"#;
//!     format!(r#"{{ "Version": "2012-10-17", "Statement": [{root}{statement}] }}"#)
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start(Options::default()).await?;
//! let (id, secret) = (sandbox.access_key_id(), sandbox.secret_access_key());
//! let config = aws_sdk_kms::Config::builder()
//!     .behavior_version(BehaviorVersion::latest())
//!     .endpoint_url(sandbox.endpoint_url())
//!     .region(Region::new(sandbox.region().to_owned()))
//!     .credentials_provider(Credentials::new(id, secret, None, None, "sandbox"))
//! #   .http_client(aws_smithy_http_client::Builder::new().build_http())
//!     .build();
//! let kms = aws_sdk_kms::Client::from_conf(config);
//!
//! // A key that nobody may decrypt with.
//! let deny = r#", { "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*" }"#;
//! let key = kms.create_key().policy(policy(deny)).send().await?;
//! let key = key.key_metadata.expect("KMS describes a new key").key_id;
//! let secret = kms.encrypt().key_id(&key).plaintext(Blob::new("secret")).send().await?;
//! let decrypt = kms.decrypt().set_ciphertext_blob(secret.ciphertext_blob);
//! let refused = decrypt.clone().send().await.expect_err("the key policy denies it");
//! assert_eq!(refused.code(), Some("AccessDeniedException"));
//!
//! kms.put_key_policy().key_id(&key).policy(policy("")).send().await?;
//! let opened = decrypt.send().await?;
//! assert_eq!(opened.plaintext, Some(Blob::new("secret")));
//! # Ok(())
//! # }
//! ```

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

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
mod prelude;
mod s3;
mod sagemaker;
mod seed;
mod shelf;
mod sigv4;
mod sts;
mod threads;
mod trail;
mod trouble;
mod world;

pub use fill::Fill;
pub use trouble::Fault;

use api::ApiError;
use threads::{Starting, Threads};
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
    /// How long after a call its event is seen by CloudTrail's `LookupEvents`.
    pub trail_delay: Duration,
    /// The strongroom binary: its reference trainer is what training jobs of images that are not in `images` run. Without it
    /// they fail. Jobs find it by its name.
    pub program: Option<PathBuf>,
    /// The least time that a job spends in each waiting status.
    pub job_pace: Duration,
    /// Between SIGTERM and SIGKILL of a job that is stopped.
    pub stop_grace: Duration,
    /// What goes wrong on purpose.
    pub faults: Vec<Fault>,
    /// Makes faults fall the same way again.
    pub fault_seed: u64,
}

impl Default for Options {
    /// An empty world in a temporary folder where nothing goes wrong and nothing waits.
    fn default() -> Self {
        Self {
            port: 0,
            dir: None,
            accounts: Vec::new(),
            regions: Vec::new(),
            empty: true,
            images: Vec::new(),
            registry: None,
            grant_delay: Duration::ZERO,
            trail_delay: Duration::ZERO,
            program: None,
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
    /// Its threads cannot run.
    #[error("cannot start the sandbox's threads: {0}")]
    Threads(#[source] io::Error),
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

impl SandboxError {
    /// Why a folder cannot be used.
    fn folder(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Folder { path, source }
    }
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

/// A running world, on threads of its own. Dropping it stops it, and waits for that.
pub struct Sandbox {
    world: Arc<World>,
    accounts: Vec<Account>,
    files: PathBuf,
    threads: Threads,
}

impl Sandbox {
    /// Opens or makes a world and serves it on loopback.
    ///
    /// # Errors
    /// When its folder or its port cannot be had.
    pub async fn start(options: Options) -> Result<Self, SandboxError> {
        Ok(Self::of(Starting::begin(options)?.started().await?))
    }

    /// The same where nothing is asynchronous, such as in a `#[test]`; it may not be called in a runtime.
    ///
    /// # Errors
    /// As [`Sandbox::start`].
    pub fn start_blocking(options: Options) -> Result<Self, SandboxError> {
        Ok(Self::of(Starting::begin(options)?.wait()?))
    }

    fn of((world, threads): (Arc<World>, Threads)) -> Self {
        let accounts = world.accounts().map(|id| {
            let (access_key_id, secret_access_key) = world.iam(id).own_access_key();
            Account {
                id: id.to_owned(),
                access_key_id,
                secret_access_key,
            }
        });
        Self {
            accounts: accounts.collect(),
            files: world.root.join("files"),
            world,
            threads,
        }
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
        &self.world.url
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
        let world = Arc::clone(&self.world);
        let found = self
            .threads
            .runtime()
            .spawn(async move { sagemaker::confinement(&world).await });
        found.await.is_ok_and(|found| found == sagemaker::Confinement::Whole)
    }

    /// The folder that holds the sample dataset.
    pub fn sample_dir(&self) -> &Path {
        &self.files
    }

    /// Ends every job, stops serving, and keeps the world's folder or removes a temporary one. Dropping does the same, and
    /// blocks.
    pub async fn stop(self) {
        self.threads.end().await;
    }
}

async fn settled(world: &World, epoch: u64) -> Result<(), SandboxError> {
    let settled = world.disk.settled(epoch).await;
    settled.map_err(|why| SandboxError::Rows {
        path: world.root.clone(),
        why,
    })
}
