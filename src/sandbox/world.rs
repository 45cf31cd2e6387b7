//! Everything there is in a world, and the folder it lives in.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::api::ApiError;
use super::iam::Iam;
use super::identity::{Caller, Principal};
use super::kms::Kms;
use super::policy::{Decision, Question};
use super::{Options, SandboxError, ecr, logs, s3, sagemaker};

/// One world. Each part has its own lock, held for moments and never across an await.
pub(crate) struct World {
    pub(crate) root: PathBuf,
    pub(crate) options: Options,
    /// Where the world is served.
    pub(crate) url: String,
    iam: Mutex<Iam>,
    kms: Mutex<Kms>,
    pub(crate) s3: s3::Store,
    pub(crate) logs: logs::Logs,
    pub(crate) ecr: ecr::Ecr,
    pub(crate) sagemaker: sagemaker::SageMaker,
    /// Cancelled when the world ends: the server and every job end with it.
    pub(crate) shutdown: CancellationToken,
    pub(crate) jobs: tokio::sync::Mutex<JoinSet<()>>,
    /// Removed when the world stops, or at the latest with the world.
    folder: Mutex<Option<tempfile::TempDir>>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("url", &self.url).finish_non_exhaustive()
    }
}

impl World {
    /// A new world in a temporary folder.
    pub(crate) fn new(options: Options, url: &str) -> Result<Self, SandboxError> {
        let folder = tempfile::Builder::new()
            .prefix("strongroom-sandbox-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|source| SandboxError::Folder {
                path: std::env::temp_dir(),
                source,
            })?;
        let root = folder.path().to_path_buf();
        let unusable = |source| SandboxError::Folder {
            path: root.clone(),
            source,
        };
        fs::create_dir(root.join("files")).map_err(unusable)?;
        Ok(Self {
            iam: Mutex::new(Iam::new(now())),
            kms: Mutex::default(),
            s3: s3::Store::open(&root.join("objects")).map_err(unusable)?,
            logs: logs::Logs::default(),
            ecr: ecr::Ecr::default(),
            sagemaker: sagemaker::SageMaker::default(),
            shutdown: CancellationToken::new(),
            jobs: tokio::sync::Mutex::new(JoinSet::new()),
            url: url.to_owned(),
            options,
            root,
            folder: Mutex::new(Some(folder)),
        })
    }

    /// Users, roles and sessions.
    pub(crate) fn iam(&self) -> MutexGuard<'_, Iam> {
        self.iam.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keys, aliases and grants.
    pub(crate) fn kms(&self) -> MutexGuard<'_, Kms> {
        self.kms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the caller's own policies allow an act; services other than KMS ask nothing else.
    pub(crate) fn authorize(
        &self,
        caller: &Caller,
        action: &str,
        resource: &str,
        context: &BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        if matches!(caller.principal, Principal::Service(_)) {
            return Ok(());
        }
        let question = Question::new(caller, action, resource, context);
        let why = match self.iam().decide(&caller.principal, &question) {
            Decision::Allowed => return Ok(()),
            Decision::Denied => "with an explicit deny in an identity-based policy".to_owned(),
            Decision::Silent => format!("because no identity-based policy allows the {action} action"),
        };
        Err(denied(caller, action, resource, &why))
    }

    /// Ends every job and the server.
    pub(crate) async fn stop(&self) {
        self.end_jobs().await;
        // Connections may still hold the world for a moment, and the process may end before they let go.
        drop(self.folder.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Ends every job; each sweeps its own folder, plaintext included.
    pub(crate) async fn end_jobs(&self) {
        self.shutdown.cancel();
        let mut jobs = self.jobs.lock().await;
        while jobs.join_next().await.is_some() {}
    }
}

/// AWS's sentence for a refusal.
pub(crate) fn denied(caller: &Caller, action: &str, resource: &str, why: &str) -> ApiError {
    let arn = &caller.arn;
    ApiError::new(
        "AccessDeniedException",
        format!("User: {arn} is not authorized to perform: {action} on resource: {resource} {why}"),
    )
}

/// The world's clock.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Random bytes; the system has always some.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// Random hexadecimal digits.
pub(crate) fn random_hex<const N: usize>() -> String {
    use std::fmt::Write;
    random::<N>()
        .iter()
        .fold(String::with_capacity(2 * N), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// Random capital letters and digits, as in AWS's ids.
pub(crate) fn random_id(prefix: &str, len: usize) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut id = prefix.to_owned();
    while id.len() < len {
        let [byte] = random::<1>();
        id.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    id
}
