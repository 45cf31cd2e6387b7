//! The command line: clap definitions and nothing else. Completions and the man page come from here.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use self::bulk::{BulkWorkerArgs, EngineArgs};
pub use self::jobs::{ServeArgs, StartArgs, TrainArgs, WatchArgs};
pub use self::objects::{
    ACLS, AuditArgs, DecryptArgs, ENCRYPTIONS, EncryptArgs, OpenArgs, RewrapArgs, RotateArgs, STORAGE_CLASSES,
    UploadArgs, VerifyArgs,
};

mod bulk;
mod jobs;
mod objects;

/// A terminal dashboard for training on data that must stay encrypted.
///
/// Without a command it opens the dashboard: KMS keys, grants, encrypted S3 objects and SageMaker training jobs on one
/// screen. With --sandbox everything happens in an embedded local AWS: no account, no network.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(mut_group("WorldArgs", |world| world.requires("sandbox")))]
pub struct Cli {
    /// Where and how.
    #[command(flatten)]
    pub global: Global,
    /// Open the dashboard there: s3://BUCKET/PREFIX/, a KMS key's id, ARN or alias/NAME, training-job/NAME or processing-job/NAME
    #[arg(value_name = "NAME", value_parser = named)]
    pub open: Option<String>,
    /// What to do; the dashboard if nothing.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// Profile of the AWS configuration files
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Begin in this context of the configuration file: a profile, a region, a role
    #[arg(long, global = true, value_name = "NAME")]
    pub aws_context: Option<String>,
    /// AWS region
    #[arg(long, global = true, value_name = "NAME")]
    pub region: Option<String>,
    /// Send every request to this endpoint instead of AWS
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Use an embedded local AWS on loopback; nothing of the AWS environment is read
    #[arg(long, global = true, conflicts_with_all = ["profile", "region", "endpoint_url"])]
    pub sandbox: bool,
    /// Keep the sandbox's world in this folder
    #[arg(long, global = true, value_name = "DIR", requires = "sandbox")]
    pub sandbox_dir: Option<PathBuf>,
    /// What its world holds and does.
    #[command(flatten)]
    pub world: WorldArgs,
    /// Refuse everything that could change something
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Configuration file: keys, colours, contexts, what uploads and jobs carry (default: strongroom/config.toml in the XDG folder)
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Encrypt files, or objects that are in S3 already, into Fernet tokens, to S3 or to a local path
    Encrypt(EncryptArgs),
    /// Decrypt an object, a prefix, a local token or a model.tar.gz
    Decrypt(DecryptArgs),
    /// Read whole tokens and say whether they are intact; writes nothing
    Verify(VerifyArgs),
    /// Say what everything under a prefix is, under which key, and what is wrong; writes nothing to S3
    Audit(AuditArgs),
    /// Put the data keys of everything under a prefix under another KMS key; the data stays where it is
    Rewrap(RewrapArgs),
    /// Seal every token under a prefix anew, in its place, under a new data key
    Rotate(RotateArgs),
    /// Prove what a role may do with a key, as the role itself
    Prove(ProveArgs),
    /// Say who can use a KMS key and who did; status 0: nobody outside, 4: somebody outside, 3: not all could be checked
    Who(WhoArgs),
    /// In a training container: unwrap, decrypt, run COMMAND, encrypt what it leaves
    Train(TrainArgs),
    /// Start a training job on encrypted data
    Start(StartArgs),
    /// In a model server's container: decrypt the model into memory and become COMMAND
    Serve(ServeArgs),
    /// Follow a job and its log to the end; status 0 if it completed
    Watch(WatchArgs),
    /// On a host of a processing job: do its share of an act on a prefix
    BulkWorker(BulkWorkerArgs),
    /// Serve the embedded local AWS alone, for boto3, the AWS CLI and tests
    Sandbox(SandboxArgs),
    /// Log in to the single sign-on of the profile, in a browser
    Login,
    /// Check credentials, region, services and permissions
    Doctor(DoctorArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// The sandbox's trainer for images it does not know
    #[command(hide = true)]
    ReferenceTrainer,
    /// Becomes a training command that ends with the one that started it
    #[command(hide = true)]
    Tethered {
        /// Its process id
        parent: i32,
        /// The training command
        #[arg(last = true, required = true)]
        command: Vec<std::ffi::OsString>,
    },
    /// Removes a model's plaintext when the model server has ended
    #[command(hide = true)]
    Swept {
        /// Its process id
        parent: i32,
        /// Where the plaintext is
        folder: PathBuf,
        /// Begun by one that has ended
        #[arg(long)]
        second: bool,
    },
}

/// `who KEY`.
#[derive(Debug, Args)]
pub struct WhoArgs {
    /// KMS key: id, ARN or alias/NAME
    pub key: String,
    /// So many days back; CloudTrail keeps 90
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=90))]
    pub days: i64,
    /// Write who did to a new file
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Keep it with the evidence: as JSON, and as a page to be read
    #[arg(long)]
    pub keep: bool,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// On whose terms buckets are asked, for reading and for writing; beside what the configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct TermsArgs {
    /// Account that the bucket must belong to
    #[arg(long, visible_alias = "expected-bucket-owner", value_name = "ACCOUNT", value_parser = account)]
    pub expected_owner: Option<String>,
    /// Pay for the requests, where the bucket's owner does not
    #[arg(long)]
    pub requester_pays: bool,
}

/// `prove`.
#[derive(Debug, Args)]
pub struct ProveArgs {
    /// KMS key: id, ARN or alias/NAME
    #[arg(long, value_name = "KEY")]
    pub key: String,
    /// The role: name or ARN
    #[arg(long, value_name = "ROLE")]
    pub role: String,
    /// Encryption context to ask with
    #[arg(long, value_name = "K=V", value_parser = pair)]
    pub context: Vec<(String, String)>,
    /// Tell the whole story: denied, granted, allowed, revoked, denied
    #[arg(long)]
    pub story: bool,
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub port: u16,
    /// Keep the world in this folder; without it, it is gone when the command ends
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// An account of the world, twelve digits; again for another. What a new world holds is in the first
    #[arg(long, value_name = "ID")]
    pub account: Vec<String>,
    /// A region of the world; again for another. What a new world holds is in the first
    #[arg(long, value_name = "NAME")]
    pub region: Vec<String>,
    /// What the world holds and does.
    #[command(flatten)]
    pub world: WorldArgs,
    /// One JSON object instead of shell exports
    #[arg(long)]
    pub json: bool,
}

/// What a sandbox's world holds and does, be it embedded (`--sandbox`) or alone (`sandbox`).
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct WorldArgs {
    /// Start a new world with nothing but its user
    #[arg(long)]
    pub empty: bool,
    /// Add many keys, grants on one key, objects in one prefix, jobs
    #[arg(long, value_name = "keys=N,grants=N,objects=N,jobs=N", value_delimiter = ',', value_parser = pair)]
    pub fill: Vec<(String, String)>,
    /// Do something wrong on purpose, such as kms:throttle@0.1, s3:latency=200ms, *:error=503@0.01, sagemaker:interrupt=30s
    #[arg(long, value_name = "SERVICE:KIND[=VALUE][@SHARE]")]
    pub fault: Vec<String>,
    /// Makes faults fall the same way again
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub fault_seed: u64,
    /// Run this shell command for an image of jobs; docker or podman runs the image itself
    #[arg(long, value_name = "URI=COMMAND", value_parser = pair)]
    pub image: Vec<(String, String)>,
    /// A registry on this machine to push images to, instead of ECR's own
    #[arg(long, value_name = "HOST:PORT", value_parser = loopback)]
    pub registry: Option<SocketAddr>,
    /// Seconds until a new grant is seen without its token
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    pub grant_delay: f64,
    /// Seconds until CloudTrail shows a call
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    pub trail_delay: f64,
}

/// `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Check the permissions for this KMS key too: id, ARN or alias/NAME
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// For this bucket
    #[arg(long, value_name = "BUCKET")]
    pub bucket: Option<String>,
    /// For this training role: name or ARN
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// For this capability, of those in the README; again for another (default: what the main job takes)
    #[arg(long = "for", value_name = "CAPABILITY")]
    pub capabilities: Vec<String>,
    /// Print the IAM policy document that is missing, to hand to an administrator, and nothing else
    #[arg(long, conflicts_with = "json")]
    pub policy: bool,
    /// JSON on standard output
    #[arg(long)]
    pub json: bool,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    text.replace("localhost:", "127.0.0.1:")
        .parse()
        .ok()
        .filter(|address: &SocketAddr| address.ip().is_loopback())
        .ok_or_else(|| format!("`{text}` is not HOST:PORT of this machine, such as 127.0.0.1:5000"))
}

/// What it names is the core's to say; a mistyped command is told here.
fn named(text: &str) -> Result<String, String> {
    let may_be_key = text.contains('-') && text.len() >= 36;
    if text.contains(['/', ':']) || may_be_key {
        return Ok(text.to_owned());
    }
    Err("it is neither a command nor what the dashboard opens by its name: s3://BUCKET/PREFIX/, a KMS key's id, ARN or \
         alias/NAME, training-job/NAME"
        .to_owned())
}

/// The id of an account.
///
/// # Errors
/// When it is none.
pub fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is no account: it has twelve digits"))
}

fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("`{text}` is not NAME=VALUE"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["strongroom"].into_iter().chain(line.split(' ')))
    }

    #[test]
    fn a_world_is_described_alike_beside_sandbox_and_behind_it() {
        let options = "--empty --fill keys=1,jobs=2 --fault kms:throttle@0.1 --fault s3:reset --fault-seed 7 \
                       --image a/b:latest=docker --registry localhost:5000 --grant-delay 2.5";
        let beside = read(&format!("--sandbox {options} doctor")).unwrap().global.world;
        let Some(Command::Sandbox(alone)) = read(&format!("sandbox {options}")).unwrap().command else {
            panic!("another command");
        };
        assert_eq!(beside, alone.world);
        assert!(beside.empty && beside.fill.len() == 2 && beside.fault.len() == 2);
        assert_eq!(beside.registry.unwrap().to_string(), "127.0.0.1:5000");
        let plain = WorldArgs {
            trail_delay: 2.0,
            ..WorldArgs::default()
        };
        assert_eq!(read("--sandbox").unwrap().global.world, plain);
    }

    #[test]
    fn a_world_has_the_accounts_and_regions_that_are_named_in_their_order() {
        let line = "sandbox --account 444455556666 --region eu-west-1 --account 111122223333 --region us-east-1";
        let Some(Command::Sandbox(alone)) = read(line).unwrap().command else {
            panic!("another command");
        };
        assert_eq!(alone.account, ["444455556666", "111122223333"]);
        assert_eq!(alone.region, ["eu-west-1", "us-east-1"]);
        let one = read("--region eu-west-1 doctor").unwrap();
        assert_eq!(one.global.region.as_deref(), Some("eu-west-1"));
        assert!(read("doctor --region eu-west-1 --region us-east-1").is_err());
    }

    #[test]
    fn a_world_without_a_sandbox_is_refused() {
        for option in [
            "--empty",
            "--fault kms:throttle",
            "--image a=b",
            "--fault-seed 7",
            "--grant-delay 1",
        ] {
            let refused = read(&format!("{option} doctor")).unwrap_err();
            assert_eq!(
                refused.kind(),
                clap::error::ErrorKind::MissingRequiredArgument,
                "{option}"
            );
        }
        assert!(read("sandbox --registry 192.0.2.1:5000").is_err());
    }
}
