//! File + environment + arguments -> [`Config`], ready to use.

mod environment;
mod habits;
mod own;
mod recent;
mod terminal;

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use jiff::Timestamp;
use serde::Serialize;

use crate::app::{Arrangement, Consent, Habit, Keymap, Settings, ThemeName};
use crate::cli::Global;
use crate::domain::{AwsContext, Fault, FileRow, JobSettings, Named, UploadRule};
use crate::ui::Abilities;

pub use environment::shed_empty_variables;

/// How to reach AWS, decided once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Connection {
    /// `--profile`, or the environment's, for the header; the SDK resolves it itself.
    pub profile: Option<String>,
    /// `--region`, or the context's.
    pub region: Option<String>,
    /// The context of the configuration that said profile, region and role.
    pub context: Option<String>,
    /// ARN of a role that is assumed with the profile's credentials.
    pub role: Option<String>,
    /// `--endpoint-url`: every service there, S3 in path style. What environment and profile say of endpoints the SDK reads.
    pub endpoint_url: Option<String>,
    /// The embedded world; set, nothing of the environment, profiles or proxies is read.
    pub sandbox: Option<SandboxEndpoint>,
    /// The audit log of an embedded world that is kept; that of another is kept in memory.
    pub sandbox_audit: Option<PathBuf>,
    /// Refuse everything that is not on the list of reading operations.
    pub read_only: bool,
    /// What writes to buckets carry.
    pub uploads: Vec<UploadRule>,
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
    ///
    /// # Errors
    /// When the configuration is wrong, or has no such context.
    pub fn new(global: &Global) -> Result<Self, Fault> {
        let own = own::read(global.config.as_deref(), Abilities::ALL)?;
        let first = Self {
            endpoint_url: global.endpoint_url.clone(),
            read_only: global.read_only,
            ..Self::default()
        };
        let mut context = context(global, &own.contexts)?;
        if context.name.is_none() {
            context.uploads = own.uploads;
        }
        Ok(first.in_context(&context))
    }

    /// The same way, for another who and where.
    fn in_context(&self, context: &AwsContext) -> Self {
        let mut sandbox = self.sandbox.clone();
        if let (Some(sandbox), Some(region)) = (&mut sandbox, &context.region) {
            sandbox.region.clone_from(region);
        }
        Self {
            profile: context.profile.clone(),
            region: context.region.clone(),
            context: context.name.clone(),
            role: context.role.clone(),
            endpoint_url: self.endpoint_url.clone(),
            sandbox,
            sandbox_audit: self.sandbox_audit.clone(),
            read_only: self.read_only || context.read_only,
            uploads: context.uploads.clone(),
        }
    }
}

/// What the configuration says of jobs, where the arguments say to begin.
///
/// # Errors
/// As [`Connection::new`].
pub fn job_settings(global: &Global) -> Result<JobSettings, Fault> {
    let own = own::read(global.config.as_deref(), Abilities::ALL)?;
    let context = context(global, &own.contexts)?;
    Ok(if context.name.is_none() { own.jobs } else { context.jobs })
}

/// Who and where to begin as.
fn context(global: &Global, contexts: &[AwsContext]) -> Result<AwsContext, Fault> {
    let mut chosen = match &global.aws_context {
        Some(name) => named(name, contexts)?,
        None => AwsContext::default(),
    };
    // What is changed of it is not it any more.
    if global.profile.is_some() || global.region.is_some() {
        chosen.name = None;
    }
    chosen.profile = global
        .profile
        .clone()
        .or(chosen.profile)
        .or_else(|| environment("AWS_PROFILE", global.sandbox));
    chosen.region = global.region.clone().or(chosen.region);
    Ok(chosen)
}

fn named(name: &str, contexts: &[AwsContext]) -> Result<AwsContext, Fault> {
    let mut all = contexts.iter();
    let found = all.find(|context| context.name.as_deref() == Some(name)).cloned();
    found.ok_or_else(|| {
        let known: Vec<&str> = contexts.iter().filter_map(|context| context.name.as_deref()).collect();
        let cause = match known.as_slice() {
            [] => "the configuration has no contexts".to_owned(),
            known => format!("the configuration has no such context, but {}", known.join(", ")),
        };
        let remedy = "check --aws-context, or add [contexts.NAME] to the configuration";
        Fault::usage("use context", name, cause, remedy)
    })
}

fn environment(name: &str, sandbox: bool) -> Option<String> {
    if sandbox {
        return None;
    }
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Everything the dashboard was told, ready to use.
#[derive(Debug, Clone)]
pub struct Config {
    /// How to reach AWS.
    pub connection: Connection,
    /// `--read-only`: in every context.
    read_only: bool,
    /// Who and where to begin as.
    context: AwsContext,
    /// Others to go to.
    contexts: Vec<AwsContext>,
    /// What holds without a context.
    general: AwsContext,
    /// Where the person is.
    here: AwsContext,
    /// What to open first.
    pub open: Option<Named>,
    /// Where the files pane opens.
    pub start_dir: PathBuf,
    /// What the walk encrypts where no file was chosen.
    pub sample: Option<FileRow>,
    /// The colours.
    pub theme: ThemeName,
    /// What the terminal can show.
    pub abilities: Abilities,
    /// Whether the mouse is ours.
    pub has_mouse: bool,
    /// The keys.
    pub keymap: Keymap,
    /// Uploads that need no question any more.
    consents: BTreeSet<Consent>,
    /// Where consents and the arrangement are kept; `None` in the sandbox and without a home.
    state_dir: Option<PathBuf>,
}

impl Config {
    /// Reads file and environment and lays the arguments over them.
    ///
    /// # Errors
    /// When the configuration file cannot be read or is wrong.
    pub fn new(global: &Global) -> Result<Self, Fault> {
        let state_dir = match (etcetera::choose_base_strategy(), global.sandbox) {
            (Ok(folders), false) => folders.state_dir().map(|dir| dir.join("strongroom")),
            _ => None,
        };
        let abilities = terminal::abilities(|name| std::env::var(name).ok());
        let mut own = own::read(global.config.as_deref(), abilities)?;
        for context in &mut own.contexts {
            let profile = context.profile.take().filter(|_| !global.sandbox);
            context.profile = profile.or_else(|| environment("AWS_PROFILE", global.sandbox));
        }
        let mut context = context(global, &own.contexts)?;
        let general = AwsContext {
            named: own.named,
            jobs: own.jobs,
            roles: own.roles,
            uploads: own.uploads,
            ..AwsContext::default()
        };
        if context.name.is_none() {
            context.named.clone_from(&general.named);
            context.jobs.clone_from(&general.jobs);
            context.roles.clone_from(&general.roles);
            context.uploads.clone_from(&general.uploads);
        }
        let first = Connection {
            endpoint_url: global.endpoint_url.clone(),
            read_only: global.read_only,
            ..Connection::default()
        };
        Ok(Self {
            connection: first.in_context(&context),
            start_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            sample: None,
            read_only: global.read_only,
            here: context.clone(),
            context,
            contexts: own.contexts,
            general,
            open: None,
            theme: own.theme,
            abilities: own.abilities,
            has_mouse: own.has_mouse,
            keymap: own.keymap,
            consents: state_dir.as_deref().map(consents).unwrap_or_default(),
            state_dir,
        })
    }

    /// What the core starts from.
    pub fn settings(&self, now: Timestamp, size: (u16, u16)) -> Settings {
        let world = self.connection.sandbox.as_ref();
        Settings {
            context: self.context.clone(),
            contexts: self.contexts.clone(),
            recent: match &self.state_dir {
                Some(dir) => recent::read(dir, &self.known()),
                None => Vec::new(),
            },
            profiles: Vec::new(),
            region: self
                .connection
                .region
                .clone()
                .or_else(|| world.map(|world| world.region.clone())),
            endpoint: self.connection.endpoint_url.clone(),
            sandbox: world.is_some(),
            read_only: self.read_only,
            open: self.open.clone(),
            start_dir: self.start_dir.clone(),
            sample: self.sample.clone(),
            consents: self.consents.clone(),
            arrangement: self.state_dir.as_deref().map(arrangement).unwrap_or_default(),
            habits: self.state_dir.as_deref().map(habits::read).unwrap_or_default(),
            theme: self.theme,
            keymap: self.keymap.clone(),
            has_mouse: self.has_mouse,
            now,
            size,
        }
    }

    /// How to reach AWS as somebody else, or elsewhere.
    pub fn connection_in(&self, context: &AwsContext) -> Connection {
        let first = Connection {
            read_only: self.read_only,
            ..self.connection.clone()
        };
        first.in_context(context)
    }

    /// Remembers where everything is to stand.
    pub fn arrange(&self, arrangement: Arrangement) {
        let Some(dir) = &self.state_dir else { return };
        if let Err(error) = keep(dir, ARRANGEMENT, &arrangement) {
            tracing::warn!(%error, "could not keep the arrangement");
        }
    }

    /// Remembers a habit.
    pub fn grow_used_to(&self, habit: &Habit) {
        if let Some(dir) = &self.state_dir {
            habits::note(dir, habit);
        }
    }

    /// Keeps that an upload like this needs no question any more. A failure costs one more question later,
    /// so it is not an error.
    pub fn remember(&mut self, consent: Consent) {
        self.consents.insert(consent);
        let Some(dir) = &self.state_dir else { return };
        if let Err(error) = keep(dir, CONSENTS, &self.consents) {
            tracing::warn!(%error, "could not keep the consents");
        }
    }

    /// The person goes there, and finds it again later.
    pub fn visit(&mut self, context: &AwsContext) {
        let left = std::mem::replace(&mut self.here, context.clone());
        if let Some(dir) = &self.state_dir {
            recent::note(dir, &self.known(), &[&left, context]);
        }
    }

    fn known(&self) -> recent::Known<'_> {
        recent::Known {
            contexts: &self.contexts,
            general: &self.general,
        }
    }
}

/// Opening does not wait.
pub(crate) const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
/// No file of settings or of what is kept is longer.
const LONGEST: u64 = 1 << 20;

/// A whole file of at most so many bytes. One that is no regular file is refused: a pipe is waited for, a device has no end.
pub(crate) fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(NONBLOCK)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.len() > most {
        return Err(io::Error::other(format!("it is longer than {most} bytes")));
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A whole text of at most so many bytes that a person names. A pipe is read too: `--config <(command)`.
pub(crate) fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    if read as u64 > most {
        return Err(io::Error::other(format!("it is longer than {most} bytes")));
    }
    Ok(text)
}

/// Keeps it in a file of this name, whole or not at all, for its owner alone.
fn keep(dir: &Path, name: &str, what: &impl Serialize) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let file = tempfile::NamedTempFile::new_in(dir)?;
    serde_json::to_writer(&file, what)?;
    file.persist(dir.join(name)).map_err(|error| error.error)?;
    Ok(())
}

const CONSENTS: &str = "consents.json";
const ARRANGEMENT: &str = "arrangement.json";

/// What makes no sense is as if nothing had been kept.
fn arrangement(state_dir: &Path) -> Arrangement {
    let kept = read_file(&state_dir.join(ARRANGEMENT), LONGEST).ok();
    let kept: Option<Arrangement> = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    kept.unwrap_or_default().moved((0, 0))
}

/// What an earlier version kept says nothing of the key: it is asked again.
fn consents(state_dir: &Path) -> BTreeSet<Consent> {
    read_file(&state_dir.join(CONSENTS), LONGEST)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}
