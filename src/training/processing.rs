//! The container side of a processing job: `strongroom bulk-worker`.
//!
//! It reads `/opt/ml/config/resourceconfig.json` for its host's name and the shards under `/opt/ml/processing/input/shards`; all
//! else it reads and writes through the API, as the job's role. Its log has a line of JSON a second.

use std::fs;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::exact::Exact;
use super::job::{FIRST_HOST, document, invalid, is_host};
use super::stops::Stops;
use super::{root, say};
use crate::actions::bulk::RewrapMode;
use crate::actions::bulk::processing::{Share, work};
use crate::aws::Aws;
use crate::config::Connection;
use crate::console;
use crate::domain::{BulkAct, BulkFolder, Fault, FaultKind, HostProgress, UploadRule, UploadSettings};

/// Below the root.
const RESOURCES: &str = "config/resourceconfig.json";
const SHARDS: &str = "processing/input/shards";
const OUTPUT: &str = "output";
const MESSAGE: &str = "message";
/// SageMaker keeps no longer one.
const LONGEST_MESSAGE: usize = 1024;

/// Does this host's share of an act on a prefix, and gives the exit status.
///
/// # Errors
/// When it could not be done. The reason is in `output/message` too.
pub async fn bulk_worker(act: BulkAct, (from, plan): (&str, &str), terms: UploadSettings) -> Result<u8, Fault> {
    let root = root();
    let mut stops = Stops::listen()?;
    let cancel = CancellationToken::new();
    let share = Share {
        folder: BulkFolder::read(from)?,
        act,
        plan: plan.to_owned(),
        host: host(&root)?,
        shards: root.join(SHARDS),
        largest_copy: RewrapMode::ALL.largest_copy,
    };
    let (host, buckets) = (share.host.clone(), "*".to_owned());
    let connection = Connection {
        uploads: vec![UploadRule {
            buckets,
            settings: terms,
        }],
        ..Connection::default()
    };
    let mut tell = |progress: &HostProgress| {
        if let Ok(line) = serde_json::to_string(progress) {
            // Nobody reads it: the work goes on.
            let _ = console::line(&line);
        }
    };
    let mut stopped = None;
    let ended = {
        let doing = async {
            let aws = Aws::connect(&connection).await?;
            work(&aws, &share, &cancel, &mut tell).await
        };
        let mut doing = Box::pin(doing);
        loop {
            tokio::select! {
                ended = &mut doing => break ended,
                signal = stops.next(), if stopped.is_none() => {
                    stopped = Some(signal);
                    cancel.cancel();
                }
            }
        }
    };
    match (ended, stopped) {
        (Ok(_), _) => Ok(0),
        (Err(fault), Some(signal)) if fault.kind == FaultKind::Cancelled => {
            let signal = signal.as_raw();
            let reason = format!("{host}: stopped by signal {signal}; what has a result is kept");
            say(&reason);
            write_message(&root, &reason);
            Ok(u8::try_from(128 + signal).unwrap_or(1))
        }
        (Err(fault), _) => {
            write_message(&root, &format!("{host}: {fault}"));
            Err(fault)
        }
    }
}

/// This host's name.
fn host(root: &Path) -> Result<String, Fault> {
    let document = document(&root.join(RESOURCES))?.unwrap_or_default();
    let host = document
        .get("current_host")
        .and_then(Exact::as_text)
        .unwrap_or(FIRST_HOST);
    if is_host(host) {
        return Ok(host.to_owned());
    }
    Err(invalid(
        "read host",
        host,
        "it is no name of a host",
        "name hosts as SageMaker does: algo-1",
    ))
}

/// What SageMaker shows of a job that failed. Where it cannot be written the log has it.
fn write_message(root: &Path, reason: &str) {
    let folder = root.join(OUTPUT);
    let mut end = reason.len().min(LONGEST_MESSAGE);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let _ = fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join(MESSAGE), &reason[..end]));
}
