//! Requests about acts on a prefix beyond one machine.

use super::command::{CommandLine, Session};
use super::facts::{Ask, Facts, Touch};
use super::names::{Names, principal};
use super::objects::audit;
use super::rewraps;
use super::seals::SealRequest;
use crate::domain::words::span;
use crate::domain::{BulkAct, BulkFolder, BulkOrder, BulkPlan, Engine};

/// A request that is about an act that other machines carry out.
#[derive(Debug, Clone, PartialEq)]
pub enum BulkRequest {
    /// List what is under a prefix, and have a processing job do something to it.
    Begin {
        /// What.
        order: BulkOrder,
        /// What carries it out.
        engine: Box<Engine>,
    },
    /// Say what would make that job fail.
    Preflight {
        /// What it is to do.
        order: BulkOrder,
        /// What is to carry it out.
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
    /// The role (ARN) of the job that it looks at before there is one.
    pub(crate) fn role_of_preflight(&self) -> Option<&str> {
        match self {
            Self::Preflight { engine, .. } => Some(&engine.role_arn),
            Self::Begin { .. } | Self::GoOn { .. } | Self::Collect { .. } => None,
        }
    }

    pub(super) fn facts(&self, names: &Names<'_>) -> Facts {
        match self {
            Self::Begin { order, engine } => begin(order, engine, names),
            Self::Preflight { order, .. } => {
                let (act, place) = (order.act().as_str(), order.place());
                let title = format!("look what would make the job fail that is to {act} {place}");
                Facts::reading("look before processing job", place, title)
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

    pub(super) fn commands(&self, _session: &Session) -> Vec<CommandLine> {
        match self {
            Self::Begin { order, engine } => line(order).map(|line| on(line, engine)).into_iter().collect(),
            Self::Preflight { order, engine } => {
                let line = line(order).map(|line| on(line, engine).flag("--preflight", true));
                line.into_iter().collect()
            }
            // The place is the plan's, which is not read for this.
            Self::GoOn { .. } | Self::Collect { .. } => Vec::new(),
        }
    }
}

/// The command that goes on with an act of this plan: its report if all is done, else a job for what is missing.
pub fn resume_command(plan: &BulkPlan, id: &str) -> String {
    let place = format!("s3://{}/{}", plan.bucket, plan.prefix);
    let line = line(&plan.order()).unwrap_or_else(|| CommandLine::strongroom(plan.act.as_str()).words([place]));
    let line = line.with("--on", "processing").with("--resume", id);
    line.shell(&Session::default())
}

/// The command that does it on one machine.
fn line(order: &BulkOrder) -> Option<CommandLine> {
    match order {
        BulkOrder::Audit(request) => Some(audit(request)),
        BulkOrder::Seal(spec) => {
            let run = SealRequest::Run(spec.clone()).commands(&Session::default());
            run.into_iter().next()
        }
        BulkOrder::Rewrap(spec) => {
            let then = rewraps::commands(spec, "--delete-old-key-objects", spec.delete_old);
            then.into_iter().next()
        }
    }
}

fn begin(order: &BulkOrder, engine: &Engine, names: &Names<'_>) -> Facts {
    let (act, facts) = match order {
        BulkOrder::Audit(request) => {
            let facts = Facts::change("audit", request.place(), request.title());
            (
                "audit on processing",
                facts.touching([Touch::Bucket(request.bucket.clone())]),
            )
        }
        BulkOrder::Seal(spec) => {
            let act = match order.act() {
                BulkAct::Encrypt => "encrypt on processing",
                BulkAct::Rotate | BulkAct::Audit | BulkAct::Rewrap => "rotate on processing",
            };
            (act, SealRequest::Run(spec.clone()).facts(names))
        }
        BulkOrder::Rewrap(spec) => ("re-wrap on processing", rewraps::facts(spec, names)),
    };
    let finishing = match order {
        BulkOrder::Audit(_) | BulkOrder::Seal(_) => {
            "Until the list is whole what was written of it is taken back; from then on the job is started, and can be stopped."
        }
        BulkOrder::Rewrap(_) => {
            "Until the list is whole what was written of it is taken back, and no object is changed; data keys that KMS has wrapped \
             anew by then are kept for the next time. From then on the job is started, and can be stopped."
        }
    };
    let consequence = format!(
        "{} {} It lists what is there into .strongroom/bulk/ of the bucket first, and its hosts write their results there.",
        facts.consequence,
        billed(engine)
    );
    let title = format!("{} on {}", facts.title, hosts(engine));
    let job = Touch::Job(order.act().as_str().to_owned());
    let touches: Vec<Touch> = facts.touches.iter().cloned().chain([job]).collect();
    Facts { act, title, ..facts }
        .consequence(consequence.trim())
        .finishing(finishing)
        .touching(touches)
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
