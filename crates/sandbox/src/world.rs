//! Everything there is in a world, and the folder it lives in.

use std::fmt;
use std::fs::{self, DirBuilder, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::disk::{self, Locked, guarded, lock};
use super::guardian::{self, Charge, Guardian, Held};
use super::iam::Iam;
use super::identity::{ACCOUNT, REGION};
use super::kms::Kms;
use super::policy::{Guard, Question, Refusal};
use super::trail::Trail;
use super::trouble::Trouble;
use super::{Options, SandboxError, ecr, logs, s3, sagemaker};
use crate::prelude::*;

mod places;

use places::{Services, checked, named};

/// One world. Each part has its own lock, held for moments and never across an await.
pub(crate) struct World {
    pub(crate) root: PathBuf,
    pub(crate) options: Options,
    /// Where the world is served.
    pub(crate) url: String,
    /// Whether it was made just now.
    pub(crate) is_new: bool,
    pub(crate) clock: Clock,
    pub(crate) disk: Disk,
    pub(crate) trouble: Trouble,
    pub(crate) trail: Trail,
    /// The first account and the first region.
    pub(crate) home: Place,
    pub(crate) regions: Vec<String>,
    /// Users, roles and sessions of every account, the first one first.
    accounts: Vec<(String, Mutex<Iam>)>,
    kms: Mutex<Kms>,
    pub(crate) s3: s3::Store,
    services: BTreeMap<Place, Services>,
    /// Cancelled when the world ends: the server and every job end with it.
    pub(crate) shutdown: CancellationToken,
    /// None once the world ends.
    jobs: Mutex<Option<JoinSet<()>>>,
    pub(crate) guardian: Arc<Guardian>,
    /// How far jobs are confined, once that was tried.
    pub(crate) confinement: OnceCell<sagemaker::Confinement>,
    /// A temporary folder is removed when the world stops, or at the latest with the world.
    folder: Mutex<Option<(tempfile::TempDir, Held)>>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Before the parts: what they let go of now is kept, not removed.
        self.disk.close();
    }
}

impl World {
    /// The world in the options' folder, or a new one in a temporary folder.
    pub(crate) fn open(options: Options, url: &str) -> Result<Self, SandboxError> {
        checked(&options)?;
        let (root, folder, disk, is_new) = match &options.dir {
            Some(dir) => {
                // Jobs and the guardian run in other folders.
                let dir = std::path::absolute(dir).map_err(|source| SandboxError::folder(dir, source))?;
                let (disk, is_new) = kept(&dir)?;
                (dir, None, disk, is_new)
            }
            None => {
                let folder = temporary()?;
                (folder.path().to_path_buf(), Some(folder), Disk::default(), true)
            }
        };
        let unusable = |source| SandboxError::folder(&root, source);
        let unreadable = |error| refused(&root, is_new, &error);
        let guardian = Guardian::start();
        let folder = folder.map(|folder| (folder, guardian.hold(Charge::Folder(root.clone().into()))));
        let ((accounts, regions), clock, parts, trail) = guarded(|| {
            let accounts = named("accounts", &options.accounts, ACCOUNT, &disk)?;
            let regions = named("regions", &options.regions, REGION, &disk)?;
            let clock = Clock::open(&disk)?;
            let parts = Parts::open(&root, &clock, &disk, (&accounts, &regions), options.registry)?;
            let trail = Trail::open(disk.is_kept().then_some(root.as_path()), &clock, options.trail_delay)?;
            match parts.s3.home.missing()?.filter(|_| disk.is_kept()) {
                Some(file) => Err(DiskError::Damaged(format!("{} is missing", file.display()))),
                None => Ok(((accounts, regions), clock, parts, trail)),
            }
        })
        .map_err(unreadable)?;
        // It is whole, so it may be touched.
        if !is_new {
            disk.open().map_err(unreadable)?;
        }
        if disk.is_kept() {
            fs::set_permissions(&root, Permissions::from_mode(0o700)).map_err(unusable)?;
        }
        parts.s3.home.sweep().map_err(unusable)?;
        // Of jobs that ran when the world ended last, plaintext included.
        guardian::remove(&root.join("jobs")).map_err(unusable)?;
        sagemaker::sweep();
        fs::create_dir_all(root.join("files")).map_err(unusable)?;
        Ok(Self {
            home: Place::new(&accounts[0], &regions[0]),
            regions,
            accounts: accounts
                .into_iter()
                .zip(parts.accounts.into_iter().map(Mutex::new))
                .collect(),
            kms: Mutex::new(parts.kms),
            s3: parts.s3,
            services: parts.services,
            trouble: Trouble::new(&options),
            trail,
            shutdown: CancellationToken::new(),
            jobs: Mutex::new(Some(JoinSet::new())),
            url: url.to_owned(),
            is_new,
            clock,
            disk,
            options,
            root,
            guardian,
            confinement: OnceCell::new(),
            folder: Mutex::new(folder),
        })
    }

    /// Begins to write.
    pub(crate) fn begin(self: &Arc<Self>) {
        let world = Arc::downgrade(self);
        self.disk
            .begin(move |disk| world.upgrade().map_or(Ok(()), |world| world.restore(disk)));
    }

    /// Everything as it is on disk, part by part: what changes in one of them before its turn is not heard there.
    fn restore(&self, disk: &Disk) -> Result<(), DiskError> {
        self.clock.restore(disk)?;
        for account in self.accounts() {
            *self.iam(account) = Iam::open(account, &self.clock, disk)?;
        }
        *self.kms() = Kms::open(&self.regions, &self.clock, disk)?;
        self.s3.restore(disk)?;
        self.services.values().try_for_each(|services| {
            services.logs.restore(disk)?;
            services.ecr.restore(disk)?;
            services.sagemaker.restore(disk)
        })
    }

    /// Keys, aliases and grants.
    pub(crate) fn kms(&self) -> Locked<'_, Kms> {
        Locked::new(lock(&self.kms), &self.disk)
    }

    /// The world's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What every policy may ask for besides the caller.
    pub(crate) fn facts(&self) -> BTreeMap<String, String> {
        let now = self.now();
        BTreeMap::from([
            ("aws:CurrentTime".to_owned(), now.to_string()),
            ("aws:EpochTime".to_owned(), now.as_second().to_string()),
        ])
    }

    /// Whether the caller's own policies allow an act on what has no policy of its own.
    pub(crate) fn authorize(
        &self,
        caller: &Caller,
        action: &str,
        resource: &str,
        context: &BTreeMap<String, String>,
    ) -> Result<(), ApiError> {
        let mut facts = self.facts();
        facts.extend(context.clone());
        // Who makes a bucket again hears whose it is.
        let bucket = resource
            .strip_prefix("arn:aws:s3:::")
            .filter(|_| action != "s3:CreateBucket");
        let bucket = bucket.and_then(|name| name.split('/').next());
        let owner = bucket.and_then(|bucket| self.s3.place(bucket));
        let Some(Place { account, .. }) = owner else {
            return self.permit_by_identity(&Question::new(caller, action, resource, &facts));
        };
        facts.insert("aws:ResourceAccount".to_owned(), account.clone());
        facts.insert("s3:ResourceAccount".to_owned(), account.clone());
        let question = Question::new(caller, action, resource, &facts);
        self.permit(&question, &Guard::new(None, &account, false))
    }

    /// The same for a question with more facts.
    pub(crate) fn permit_by_identity(&self, question: &Question) -> Result<(), ApiError> {
        self.permit(question, &Guard::new(None, question.caller().account(), false))
    }

    fn permit(&self, question: &Question, guard: &Guard) -> Result<(), ApiError> {
        let (caller, action) = (question.caller(), question.action());
        self.lets(question, guard)
            .map_err(|refusal| denied(caller, action, question.resource, &refusal.why(action)))
    }

    /// Whether the caller's own policies and the resource's together allow what is asked.
    pub(crate) fn lets(&self, question: &Question, guard: &Guard) -> Result<(), Refusal> {
        let caller = question.caller();
        let own = self.iam(&caller.place.account).own(caller, question);
        guard.lets(question, own)
    }

    /// The jobs that run; none where the world ends, and nothing begins any more.
    pub(crate) fn jobs(&self) -> MutexGuard<'_, Option<JoinSet<()>>> {
        lock(&self.jobs)
    }

    /// Ends every job and the server; a kept world is on disk then, a temporary one is gone.
    pub(crate) async fn stop(&self) {
        self.end_jobs().await;
        self.disk.close();
        // Connections may still hold the world for a moment, and the process may end before they let go.
        drop(lock(&self.folder).take());
    }

    /// Ends every job; each sweeps its own folder, plaintext included.
    pub(crate) async fn end_jobs(&self) {
        self.shutdown.cancel();
        let mut jobs = self.jobs().take().unwrap_or_default();
        while jobs.join_next().await.is_some() {}
    }
}

/// The services, read from disk.
struct Parts {
    accounts: Vec<Iam>,
    kms: Kms,
    s3: s3::Store,
    services: BTreeMap<Place, Services>,
}

impl Parts {
    /// The large ones at the same time: a world of hundreds of thousands of rows is up within a second.
    fn open(
        root: &Path,
        clock: &Clock,
        disk: &Disk,
        (accounts, regions): (&[String], &[String]),
        registry: Option<SocketAddr>,
    ) -> Result<Self, DiskError> {
        let open_s3 = || s3::Store::open(&root.join("objects"), clock, disk);
        let open_services = || {
            let places = accounts
                .iter()
                .flat_map(|account| regions.iter().map(move |region| Place::new(account, region)));
            places
                .map(|place| {
                    let services = Services {
                        logs: logs::Logs::open(&place, clock, disk)?,
                        ecr: ecr::Ecr::open(&place, clock, disk, registry)?,
                        sagemaker: sagemaker::SageMaker::open(&place, clock, disk)?,
                    };
                    Ok((place, services))
                })
                .collect::<Result<_, DiskError>>()
        };
        let (s3, services, kms) = if disk.is_kept() {
            std::thread::scope(|scope| {
                let s3 = scope.spawn(open_s3);
                let services = scope.spawn(open_services);
                let kms = Kms::open(regions, clock, disk);
                (joined(s3), joined(services), kms)
            })
        } else {
            (open_s3(), open_services(), Kms::open(regions, clock, disk))
        };
        Ok(Self {
            accounts: accounts
                .iter()
                .map(|account| Iam::open(account, clock, disk))
                .collect::<Result<_, _>>()?,
            kms: kms?,
            s3: s3?,
            services: services?,
        })
    }
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn temporary() -> Result<tempfile::TempDir, SandboxError> {
    tempfile::Builder::new()
        .prefix("strongroom-sandbox-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .map_err(|source| SandboxError::folder(&std::env::temp_dir(), source))
}

/// Opens a folder as a world: one that is there, or an empty one. Nobody else may look into it.
fn kept(dir: &Path) -> Result<(Disk, bool), SandboxError> {
    let unusable = |source| SandboxError::folder(dir, source);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(unusable)?;
    let is_new = !dir.join(disk::FILE).exists();
    // What is left of one that never began is no world, and nothing else.
    let is_free = || Ok(dir.join(disk::UNBORN).exists() || fs::read_dir(dir)?.next().is_none());
    if is_new && !is_free().map_err(unusable)? {
        return Err(SandboxError::NoWorld { path: dir.to_owned() });
    }
    let opened = guarded(|| if is_new { Disk::create(dir) } else { Disk::look(dir) });
    match opened {
        Ok(disk) => Ok((disk, is_new)),
        Err(DiskError::Busy) => Err(SandboxError::Busy { path: dir.to_owned() }),
        Err(error) => Err(refused(dir, is_new, &error)),
    }
}

/// A folder that is not taken for a world, before anything in it has changed.
fn refused(dir: &Path, is_new: bool, error: &DiskError) -> SandboxError {
    let rest = if is_new { "" } else { "; nothing was touched" };
    SandboxError::Rows {
        path: dir.join(disk::FILE),
        why: format!("{error}{rest}"),
    }
}

/// AWS's sentence for a refusal.
pub(crate) fn denied(caller: &Caller, action: &str, resource: &str, why: &str) -> ApiError {
    let arn = &caller.arn;
    let told = format!("User: {arn} is not authorized to perform: {action} on resource: {resource} {why}");
    ApiError::new("AccessDeniedException", told)
}

/// Random bytes; the system has always some.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// Random hexadecimal digits.
pub(crate) fn random_hex<const N: usize>() -> String {
    hex::encode(random::<N>())
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

#[cfg(test)]
impl World {
    /// A new world in a temporary folder, for tests of its parts.
    pub(crate) fn scratch(options: Options) -> Self {
        Self::open(options, "http://127.0.0.1:1").expect("a temporary folder can be had")
    }

    /// The user of the first account, calling the first region.
    pub(crate) fn owner(&self) -> Caller {
        let iam = self.iam(&self.home.account);
        let (id, _) = iam.own_access_key();
        let caller = iam.caller(&id, None, &self.home.region);
        caller.expect("a new account has a user")
    }
}
