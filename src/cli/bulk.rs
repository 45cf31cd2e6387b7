//! Acts on a prefix beyond one machine: who asks for them, and what each host of them is told.

use std::path::PathBuf;

use clap::Args;

use super::TermsArgs;

/// How an act on a prefix is carried out by other machines than this one.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Beyond one machine")]
pub struct EngineArgs {
    /// Have it done by the hosts of a SageMaker Processing job
    #[arg(long, value_name = "ENGINE", value_parser = ["processing"])]
    pub on: Option<String>,
    /// How many instances (default: 1)
    #[arg(long, value_name = "N", requires = "on")]
    pub instances: Option<i32>,
    /// Instance type (default: ml.m5.large)
    #[arg(long, value_name = "TYPE", requires = "on")]
    pub instance_type: Option<String>,
    /// URI of an image with strongroom in it, or of any other with --program
    #[arg(long, value_name = "URI", requires = "on")]
    pub image: Option<String>,
    /// The role that its hosts ask as: name or ARN
    #[arg(long, value_name = "ROLE", requires = "on")]
    pub role: Option<String>,
    /// A static strongroom for linux/amd64 that is brought to an image without any (default: what `[jobs]` says; empty: none)
    #[arg(long, value_name = "FILE", requires = "on")]
    pub program: Option<PathBuf>,
    /// Volume of each instance (default: 10)
    #[arg(long, value_name = "GB", requires = "on")]
    pub volume: Option<i32>,
    /// Longest run (default: 86400)
    #[arg(long, value_name = "SECONDS", requires = "on")]
    pub max_runtime: Option<i32>,
    /// Read the list from an S3 Inventory of the bucket, as CSV: its manifest.json
    #[arg(long, value_name = "s3://...", requires = "on", conflicts_with = "resume")]
    pub inventory: Option<String>,
    /// Go on with what was begun under this id: its report if all is done, else a job for what is missing
    #[arg(long, value_name = "ID", requires = "on")]
    pub resume: Option<String>,
    /// Look at what would make the job fail, and begin nothing
    #[arg(long, requires = "on", conflicts_with_all = ["resume", "wait"])]
    pub preflight: bool,
    /// Wait for its end, then tell what a run on one machine tells
    #[arg(long, requires = "on")]
    pub wait: bool,
}

/// `bulk-worker`.
#[derive(Debug, Args)]
pub struct BulkWorkerArgs {
    /// What is done to each object
    #[arg(long, value_name = "ACT", value_parser = ["audit", "rotate", "encrypt", "rewrap"])]
    pub act: String,
    /// Where plan, shards and results are: s3://BUCKET/.strongroom/bulk/ID/
    #[arg(long, value_name = "s3://...")]
    pub from: String,
    /// SHA-256 of the plan that the job was started with: no other is heeded
    #[arg(long, value_name = "SHA256")]
    pub plan: String,
    /// On whose terms the bucket is asked.
    #[command(flatten)]
    pub terms: TermsArgs,
}
