//! Commands on training jobs: what begins and follows them, and what runs inside of their containers.

use std::path::PathBuf;

use clap::Args;

use super::pair;

/// `start IMAGE`.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// The training image's URI
    pub image: String,
    /// Execution role: name or ARN
    #[arg(long, value_name = "ROLE")]
    pub role: String,
    /// Data and the name it has in the job: s3://BUCKET/PREFIX/ or an object, with ,sharded for a part to each
    /// host, with ,plain for what is not encrypted and need not be; again for another
    #[arg(long, required = true, value_name = "NAME=PLACE", value_parser = pair)]
    pub channel: Vec<(String, String)>,
    /// Hyperparameter; again for another
    #[arg(long, value_name = "K=V", value_parser = pair)]
    pub hp: Vec<(String, String)>,
    /// Further hyperparameters: a JSON object, numbers in the digits that stand there
    #[arg(long, value_name = "FILE")]
    pub hp_file: Option<PathBuf>,
    /// The job's name (default: train- and the time)
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Instance type
    #[arg(long, value_name = "TYPE", default_value = "ml.m5.large")]
    pub instance: String,
    /// How many instances
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub instances: i32,
    /// Volume of each instance
    #[arg(long, value_name = "GB", default_value_t = 10)]
    pub volume: i32,
    /// Where plaintext goes: memory, of which half may be used, or the volume, which is encrypted then
    #[arg(long, value_name = "PLACE", value_parser = ["memory", "volume"])]
    pub plaintext: Option<String>,
    /// KMS key of the volumes (with plaintext on the volume: the data's own if none is given)
    #[arg(long, value_name = "KEY")]
    pub volume_key: Option<String>,
    /// Longest run
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub max_runtime: i32,
    /// Use spot instances, and take this long in all, waiting included
    #[arg(long, value_name = "SECONDS")]
    pub spot: Option<i32>,
    /// Where the model goes (default: s3://BUCKET/output of the first channel's bucket)
    #[arg(long, value_name = "s3://...")]
    pub output: Option<String>,
    /// A static strongroom for linux/amd64 that is brought to an image without any, as a channel (default: what
    /// `[jobs]` says; empty: none)
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
    /// Follow the job and its log to the end; status 0 if it completed
    #[arg(long)]
    pub wait: bool,
    /// One JSON object per line on standard output
    #[arg(long)]
    pub json: bool,
    /// What `strongroom train` runs in the container (default: the image's own entry point)
    #[arg(last = true)]
    pub command: Vec<String>,
}

/// `watch JOB`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The training job's name, or processing-job/NAME
    pub job: String,
    /// One JSON object per line on standard output
    #[arg(long)]
    pub json: bool,
}

/// `train [--] COMMAND...`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// The training command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<std::ffi::OsString>,
}

/// `serve [--] COMMAND...`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The model server and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<std::ffi::OsString>,
}
