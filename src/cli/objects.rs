//! Commands on files and objects: what encrypts them, opens them and looks at them.

use std::path::PathBuf;

use clap::Args;

use super::{EngineArgs, TermsArgs, pair};

/// `encrypt PATH... DEST`.
#[derive(Debug, Args)]
pub struct EncryptArgs {
    /// Files or folders, then the destination: s3://BUCKET/PREFIX/, a local path, a device or FIFO, or - for standard output; or
    /// one object or prefix of S3, s3://BUCKET/PREFIX/, then where its tokens go, which may be the same
    #[arg(required = true, num_args = 2.., value_names = ["PATH", "DEST"])]
    pub paths: Vec<PathBuf>,
    /// KMS key: id, ARN or alias/NAME
    #[arg(long, value_name = "KEY")]
    pub key: String,
    /// Encryption context; needed again to decrypt
    #[arg(long, value_name = "K=V", value_parser = pair)]
    pub context: Vec<(String, String)>,
    /// Object key of the encrypted data key (default: .strongroom/data-keys/UUID)
    #[arg(long, value_name = "NAME", conflicts_with = "data_key_out")]
    pub data_key_name: Option<String>,
    /// File for the encrypted data key, for local destinations (default: DEST.datakey)
    #[arg(long, value_name = "FILE")]
    pub data_key_out: Option<PathBuf>,
    /// Replace existing files and objects
    #[arg(long)]
    pub overwrite: bool,
    /// Start again instead of resuming an interrupted upload
    #[arg(long)]
    pub no_resume: bool,
    /// Of objects in S3: delete each, and the version that was read, once its token was read back and holds
    #[arg(long)]
    pub delete_plain: bool,
    /// Of objects in S3: say what would be done, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// What the objects carry in S3.
    #[command(flatten)]
    pub upload: UploadArgs,
    /// Of objects in S3: by which other machines it is done, if by any.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// One JSON object per line on standard output
    #[arg(long)]
    pub json: bool,
}

/// `rotate s3://BUCKET/PREFIX/`.
#[derive(Debug, Args)]
pub struct RotateArgs {
    /// A prefix, s3://BUCKET/PREFIX/, or one object
    #[arg(value_name = "PLACE")]
    pub place: String,
    /// KMS key of the new data keys: id, ARN or alias/NAME (default: each token's own)
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Encryption context of the new data keys (default: each token's own)
    #[arg(long, value_name = "K=V", value_parser = pair)]
    pub context: Vec<(String, String)>,
    /// Say what would be done, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Begin anew instead of going on with a rotation that was interrupted
    #[arg(long)]
    pub no_resume: bool,
    /// On whose terms the bucket is asked.
    #[command(flatten)]
    pub terms: TermsArgs,
    /// By which other machines it is done, if by any.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// One JSON object per line on standard output, the last one a summary
    #[arg(long)]
    pub json: bool,
}

/// What is written to S3 carries this, where a bucket's policy wants it; beside what the configuration says.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What the objects carry in S3")]
pub struct UploadArgs {
    /// Server-side encryption
    #[arg(long, value_name = "NAME", value_parser = ENCRYPTIONS)]
    pub sse: Option<String>,
    /// KMS key that S3 encrypts with
    #[arg(long, value_name = "KEY", requires = "sse")]
    pub sse_key: Option<String>,
    /// Encryption context that S3 gives to KMS
    #[arg(long, value_name = "K=V", value_parser = pair, requires = "sse")]
    pub sse_context: Vec<(String, String)>,
    /// Have S3 use a key of the bucket's
    #[arg(long, requires = "sse")]
    pub bucket_key: bool,
    /// Tag of the objects
    #[arg(long, value_name = "K=V", value_parser = pair)]
    pub tag: Vec<(String, String)>,
    /// Storage class
    #[arg(long, value_name = "NAME", value_parser = STORAGE_CLASSES)]
    pub storage_class: Option<String>,
    /// Canned ACL
    #[arg(long, value_name = "NAME", value_parser = ACLS)]
    pub acl: Option<String>,
    /// On whose terms the bucket is asked.
    #[command(flatten)]
    pub terms: TermsArgs,
}

/// What S3 encrypts by.
pub const ENCRYPTIONS: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];
/// Where S3 keeps objects of general purpose buckets.
pub const STORAGE_CLASSES: [&str; 8] = [
    "STANDARD",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
    "REDUCED_REDUNDANCY",
];
/// The ACLs that S3 has names for.
pub const ACLS: [&str; 7] = [
    "bucket-owner-full-control",
    "bucket-owner-read",
    "private",
    "authenticated-read",
    "aws-exec-read",
    "public-read",
    "public-read-write",
];

/// `decrypt SOURCE`.
#[derive(Debug, Args)]
pub struct DecryptArgs {
    /// s3://BUCKET/KEY, s3://BUCKET/PREFIX/, a local token, or a model.tar.gz of either kind
    pub source: String,
    /// Where to: a file, a folder for prefixes and archives, a device or FIFO, or - for standard output
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// How to find the data key.
    #[command(flatten)]
    pub open: OpenArgs,
    /// On whose terms the bucket is asked.
    #[command(flatten)]
    pub terms: TermsArgs,
    /// Open a renamed object, saying so
    #[arg(long)]
    pub accept_name: bool,
    /// Replace existing files
    #[arg(long)]
    pub overwrite: bool,
    /// One JSON object per line on standard output
    #[arg(long)]
    pub json: bool,
}

/// `verify SOURCE...`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Objects, prefixes, local tokens or archives
    #[arg(required = true)]
    pub sources: Vec<String>,
    /// How to find the data key.
    #[command(flatten)]
    pub open: OpenArgs,
    /// On whose terms buckets are asked.
    #[command(flatten)]
    pub terms: TermsArgs,
    /// One JSON object per line on standard output
    #[arg(long)]
    pub json: bool,
}

/// `audit s3://BUCKET/PREFIX/`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// s3://BUCKET/PREFIX/: every object whose key begins so; s3://BUCKET/ for all of a bucket
    pub place: String,
    /// Read every token to its end and check it, as verify does
    #[arg(long)]
    pub deep: bool,
    /// Write every row to a new file, what is wrong first
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// One JSON object per line on standard output, then the summary
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Look at older versions and delete markers too
    #[arg(long)]
    pub versions: bool,
    /// On whose terms the bucket is asked.
    #[command(flatten)]
    pub terms: TermsArgs,
    /// Who carries it out.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// `rewrap s3://BUCKET/PREFIX/ --to KEY`.
#[derive(Debug, Args)]
pub struct RewrapArgs {
    /// s3://BUCKET/PREFIX/: every token whose key begins so; s3://BUCKET/ for all of a bucket
    pub place: String,
    /// The KMS key that the data keys are to be under: id, ARN or alias/NAME
    #[arg(long, value_name = "KEY")]
    pub to: String,
    /// Encryption context that the data keys are to have, in place of their own
    #[arg(long, value_name = "K=V", value_parser = pair)]
    pub context: Vec<(String, String)>,
    /// Look at everything and say what would be done; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Then delete the old key objects that no version in the whole bucket names any more
    #[arg(long, conflicts_with = "dry_run")]
    pub delete_old_key_objects: bool,
    /// One JSON object per line on standard output, then the summary
    #[arg(long)]
    pub json: bool,
    /// On whose terms the bucket is asked.
    #[command(flatten)]
    pub terms: TermsArgs,
    /// By which other machines it is done, if by any.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// How to find and unwrap the data key of a token.
#[derive(Debug, Clone, Args)]
pub struct OpenArgs {
    /// KMS key that must have wrapped the data key: id, ARN or alias/NAME
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// The encrypted data key: s3://BUCKET/KEY or a file
    #[arg(long, value_name = "WHERE")]
    pub data_key: Option<String>,
    /// Encryption context, where the object does not record it
    #[arg(long, value_name = "K=V", value_parser = pair)]
    pub context: Vec<(String, String)>,
    /// Refuse tokens whose place is not proved
    #[arg(long)]
    pub require_bound: bool,
    /// The prefix that was moved to where it is opened now: what stands as it stood there is accepted
    #[arg(long, value_name = "PREFIX")]
    pub moved_from: Option<String>,
    /// Open a token that has no metadata any more though its data key is strongroom's own
    #[arg(long)]
    pub accept_unbound: bool,
}
