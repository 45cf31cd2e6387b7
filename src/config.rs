//! Environment + arguments -> [`Connection`], ready to use.

use crate::cli::Global;

/// How to reach AWS, decided once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Connection {
    /// `--profile`, or the environment's, for the header; the SDK resolves it itself.
    pub profile: Option<String>,
    /// `--region`.
    pub region: Option<String>,
    /// `--endpoint-url`: every service there, S3 in path style.
    pub endpoint_url: Option<String>,
    /// The embedded world; set, nothing of the environment, profiles or proxies is read.
    pub sandbox: Option<SandboxEndpoint>,
    /// Refuse everything that is not on the list of reading operations.
    pub read_only: bool,
}

/// Where the embedded sandbox listens, and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub struct SandboxEndpoint {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// Region of the world.
    pub region: String,
    /// Access key id of the user `strongroom`.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

impl std::fmt::Debug for SandboxEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxEndpoint")
            .field("url", &self.url)
            .field("region", &self.region)
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Lays the arguments over the environment.
    pub fn new(global: &Global) -> Self {
        Self {
            profile: global
                .profile
                .clone()
                .or_else(|| environment("AWS_PROFILE", global.sandbox)),
            region: global.region.clone(),
            endpoint_url: global
                .endpoint_url
                .clone()
                .or_else(|| environment("AWS_ENDPOINT_URL", global.sandbox)),
            sandbox: None,
            read_only: global.read_only,
        }
    }
}

fn environment(name: &str, sandbox: bool) -> Option<String> {
    if sandbox {
        return None;
    }
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
