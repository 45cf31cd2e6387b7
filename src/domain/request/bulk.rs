//! Requests about acts on a prefix beyond one machine.

use super::command::{CommandLine, Session};
use super::facts::{Ask, Facts, Touch};
use super::names::principal;
use super::seals::SealRequest;
use crate::domain::words::span;
use crate::domain::{BulkAct, BulkFolder, BulkPlan, Engine};

/// A request that is about an act that other machines carry out.
#[derive(Debug, Clone, PartialEq)]
pub enum BulkRequest {
    /// List what is under a prefix, and have a processing job look at it.
    Audit {
        /// Bucket.
        bucket: String,
        /// Empty, or every key's beginning.
        prefix: String,
        /// Whether every token is read to its end.
        deep: bool,
        /// Whether older versions are looked at too.
        versions: bool,
        /// What carries it out.
        engine: Box<Engine>,
    },
    /// Start a job for what has no result yet.
    GoOn {
        /// Where everything of the act is.
        folder: BulkFolder,
        /// What carries it out.
        engine: Box<Engine>,
    },
    /// Read the results of an act as one report.
    Collect {
        /// What was done.
        act: BulkAct,
        /// Where everything of it is.
        folder: BulkFolder,
    },
}

impl BulkRequest {
    pub(super) fn facts(&self) -> Facts {
        match self {
            Self::Audit {
                bucket,
                prefix,
                deep,
                engine,
                ..
            } => {
                let place = format!("s3://{bucket}/{prefix}");
                let how = if *deep { ", every token to its end" } else { "" };
                let title = format!("audit {place}{how} on {}", hosts(engine));
                Facts::change("audit on processing", &place, title)
                    .consequence(format!(
                        "{} It lists what is there into .strongroom/bulk/ of the bucket first, and its hosts write their \
                         results there.",
                        billed(engine)
                    ))
                    .finishing(
                        "Until the list is whole what was written of it is taken back; from then on the job is started, and \
                         can be stopped.",
                    )
                    .touching([Touch::Bucket(bucket.clone()), Touch::Job("audit".to_owned())])
            }
            Self::GoOn { folder, engine } => {
                let title = format!("go on with {} on {}", folder.id(), hosts(engine));
                Facts::change("go on with", folder.uri(), title)
                    .consequence(format!("{} What has a result is not done again.", billed(engine)))
                    .asking(Ask::Yes)
                    .touching([Touch::Bucket(folder.bucket.clone()), Touch::Job(folder.id().to_owned())])
            }
            Self::Collect { folder, .. } => {
                let title = format!("read the report of {}", folder.id());
                Facts::reading("collect", folder.uri(), title)
            }
        }
    }

    pub(super) fn commands(&self) -> Vec<CommandLine> {
        match self {
            Self::Audit {
                bucket,
                prefix,
                deep,
                versions,
                engine,
            } => {
                let line = CommandLine::strongroom("audit")
                    .words([format!("s3://{bucket}/{prefix}")])
                    .flag("--deep", *deep)
                    .flag("--versions", *versions);
                vec![on(line, engine)]
            }
            // The place is the plan's, which is not read for this.
            Self::GoOn { .. } | Self::Collect { .. } => Vec::new(),
        }
    }
}

/// The command that goes on with an act of this plan: its report if all is done, else a job for what is missing.
pub fn resume_command(plan: &BulkPlan, id: &str) -> String {
    let line = match &plan.seal {
        Some(spec) => SealRequest::Run(spec.clone()).commands().into_iter().next(),
        None => None,
    };
    let place = format!("s3://{}/{}", plan.bucket, plan.prefix);
    let line = line.unwrap_or_else(|| CommandLine::strongroom(plan.act.as_str()).words([place]));
    let line = line.with("--on", "processing").with("--resume", id);
    line.shell(&Session::default())
}

fn hosts(engine: &Engine) -> String {
    format!(
        "{} × {} as {}",
        engine.instances,
        engine.instance_type,
        principal(&engine.role_arn)
    )
}

fn billed(engine: &Engine) -> String {
    let longest = span(engine.max_runtime.into());
    format!("For at most {longest}, with {}; AWS bills for it.", engine.image)
}

fn on(line: CommandLine, engine: &Engine) -> CommandLine {
    let line = line
        .with("--on", "processing")
        .with("--instances", engine.instances.to_string())
        .with("--instance-type", &engine.instance_type)
        .with("--image", &engine.image)
        .with("--role", &engine.role_arn)
        .with("--volume", engine.volume_gb.to_string())
        .with("--max-runtime", engine.max_runtime.to_string());
    match engine.program() {
        Some(program) => line.with("--program", super::command::path(program)),
        None => line,
    }
}
