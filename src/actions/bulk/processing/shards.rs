//! The list, written in shards: as it comes, and only where objects are few once all of it is known.

use futures::TryStreamExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::results::{Shard, shard_text};
use crate::actions::ProgressSink;
use crate::actions::blocking::joined;
use crate::actions::bucket_refusal;
use crate::actions::bulk::flow::Pages;
use crate::actions::faults::cancelled;
use crate::aws::{Aws, s3};
use crate::domain::bulk::{BulkFolder, Listed, SHARD, SHARDS_A_HOST, shard_file};
use crate::domain::words::counted;
use crate::domain::{Fault, Progress};
use crate::envelope::binding;

/// Shards that are written at once.
const WRITES: usize = 8;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Written {
    /// SHA-256 of each, in their order.
    pub(super) shards: Vec<String>,
    pub(super) objects: u64,
    pub(super) bytes: u64,
}

/// Shards on their way.
pub(super) struct Shards<'a> {
    aws: &'a Aws,
    folder: &'a BulkFolder,
    /// More objects than these are in shards of the usual size.
    few: usize,
    is_many: bool,
    waiting: Vec<Listed>,
    written: Written,
    writes: JoinSet<Result<(), Fault>>,
}

impl<'a> Shards<'a> {
    pub(super) fn new(aws: &'a Aws, folder: &'a BulkFolder, hosts: usize) -> Self {
        Self {
            aws,
            folder,
            few: SHARD * SHARDS_A_HOST * hosts,
            is_many: false,
            waiting: Vec::new(),
            written: Written::default(),
            writes: JoinSet::new(),
        }
    }

    /// The next of the list.
    pub(super) async fn add(&mut self, page: Vec<Listed>) -> Result<(), Fault> {
        self.written.objects += page.len() as u64;
        self.written.bytes += page.iter().map(|one| one.size).sum::<u64>();
        self.waiting.extend(page);
        self.is_many |= self.waiting.len() > self.few;
        while self.is_many && self.waiting.len() >= SHARD {
            let rest = self.waiting.split_off(SHARD);
            let shard = std::mem::replace(&mut self.waiting, rest);
            self.write(&shard).await?;
        }
        Ok(())
    }

    /// One of which all is known: nothing of it waits for what comes after.
    pub(super) async fn whole(&mut self, listed: &[Listed]) -> Result<Shard, Fault> {
        self.written.objects += listed.len() as u64;
        self.written.bytes += listed.iter().map(|one| one.size).sum::<u64>();
        self.write(listed).await?;
        Shard::read(&shard_file(self.written.shards.len()), &shard_text(listed)?)
    }

    async fn write(&mut self, listed: &[Listed]) -> Result<(), Fault> {
        while self.writes.len() >= WRITES {
            self.wait_for_one().await?;
        }
        let (aws, bucket, text) = (self.aws.clone(), self.folder.bucket.clone(), shard_text(listed)?);
        self.written.shards.push(binding::digest(&text));
        let key = format!("{}{}", self.folder.shards(), shard_file(self.written.shards.len()));
        self.writes.spawn(async move {
            let written = s3::write_new(&aws, &bucket, &key, text, super::LINES).await;
            match written {
                Err(fault) => Err(bucket_refusal::of_write(&aws, fault, false).await),
                Ok(()) => Ok(()),
            }
        });
        Ok(())
    }

    async fn wait_for_one(&mut self) -> Result<(), Fault> {
        match self.writes.join_next().await {
            Some(done) => joined(done),
            None => Ok(()),
        }
    }

    /// Nothing more comes.
    pub(super) async fn finish(mut self) -> Result<Written, Fault> {
        let all = std::mem::take(&mut self.waiting);
        let shards = if self.is_many {
            all.len().div_ceil(SHARD)
        } else {
            all.len().min(self.few / SHARD)
        };
        // None is longer than another by more than one.
        for number in 0..shards {
            let bound = |number: usize| number * all.len() / shards;
            self.write(&all[bound(number)..bound(number + 1)]).await?;
        }
        while !self.writes.is_empty() {
            self.wait_for_one().await?;
        }
        Ok(self.written)
    }
}

/// Writes all that is listed. What was written until it fails or is cancelled stays, of use to nobody: `take_back` it.
pub(super) async fn write(
    aws: &Aws,
    folder: &BulkFolder,
    hosts: usize,
    mut pages: Pages<'_>,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<Written, Fault> {
    let mut shards = Shards::new(aws, folder, hosts);
    loop {
        let page = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(cancelled("list", folder.uri())),
            page = pages.try_next() => page?,
        };
        let Some(page) = page else { break };
        shards.add(page).await?;
        let objects = usize::try_from(shards.written.objects).unwrap_or(usize::MAX);
        progress.report(Progress {
            phase: "listing".to_owned(),
            item: counted(objects, "object"),
            bytes: shards.written.bytes,
            ..Progress::default()
        });
    }
    shards.finish().await
}

/// Deletes what was written of an act whose list did not become whole; `fault` then says what is still there.
pub(super) async fn take_back(aws: &Aws, folder: &BulkFolder, mut fault: Fault) -> Fault {
    let left = match s3::list_under(aws, &folder.bucket, &folder.prefix).every().await {
        Ok(rows) => {
            let keys: Vec<String> = rows.iter().map(|row| row.key().to_owned()).collect();
            let gone = s3::delete_objects(aws, &folder.bucket, &keys).await;
            gone.err().map(|why| {
                let files = counted(keys.len(), "file");
                format!(
                    "{files} written for it could not be deleted from {}: {}",
                    folder.uri(),
                    why.cause
                )
            })
        }
        Err(why) => {
            let uri = folder.uri();
            Some(format!(
                "whether something written for it is still in {uri} could not be looked at: {}",
                why.cause
            ))
        }
    };
    if let Some(left) = left {
        fault.cause = format!("{}; {left}", fault.cause);
    }
    fault
}
