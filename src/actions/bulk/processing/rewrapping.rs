//! Re-wrap by many hosts: what is found out before any of them begins, and the map of data keys that they copy by.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::held::check_map;
use super::results::{LONGEST, Shard, never, put, write_changed};
use super::shards::Shards;
use super::{LINES, order};
use crate::actions::ProgressSink;
use crate::actions::bucket_refusal;
use crate::actions::bulk::rewrap::{MAPPED, Mapped, map_of, map_text, prepare};
use crate::actions::flight::Pages;
use crate::aws::again::again;
use crate::aws::{Aws, s3};
use crate::domain::bulk::{BulkAct, BulkFolder, BulkOrder, BulkPlan, Listed, RewrapPlan, SHARD, shard_file};
use crate::domain::rewrap::{RewrapRow, RewrapSpec};
use crate::domain::{Fault, FaultKind};
use crate::envelope::binding;

/// Files of the map that are read or written at once.
const AT_ONCE: usize = 8;

/// Looks at everything, has its data keys wrapped anew, and writes the map and the shards; those of which all is told already come
/// first, with their results: how many. And what a person should know of its tokens.
pub(super) async fn plan(
    aws: &Aws,
    folder: &BulkFolder,
    (order, spec): (&BulkOrder, &RewrapSpec),
    (inventory, hosts): (Option<&str>, usize),
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<(BulkPlan, usize, Vec<String>), Fault> {
    let listed: Option<Pages<'_, String>> = match inventory {
        Some(manifest) => {
            let pages = order::inventoried(aws, order, manifest, progress).await?;
            let keys = |page: Vec<Listed>| page.into_iter().map(|listed| listed.key).collect();
            Some(Box::pin(pages.map_ok(keys)))
        }
        None => None,
    };
    let prepared = Box::pin(prepare(aws, spec, listed, progress, cancel)).await?;
    let map = write_map(aws, folder, &prepared.map).await?;
    let mut shards = Shards::new(aws, folder, hosts);
    let mut told = 0;
    for rows in prepared.rows.chunks(SHARD) {
        let listed: Vec<Listed> = rows
            .iter()
            .map(|row| Listed::object(row.key.clone(), row.size))
            .collect();
        let shard = shards.whole(&listed).await?;
        let rows: Vec<Option<RewrapRow>> = rows.iter().cloned().map(Some).collect();
        let text = write_changed(folder, BulkAct::Rewrap, &shard, (&[], &rows))?;
        put(aws, folder, &shard, text).await?;
        told += 1;
    }
    let mut tokens = prepared.tokens();
    while let Some(page) = tokens.try_next().await? {
        shards.add(page).await?;
    }
    drop(tokens);
    let written = shards.finish().await?;
    let rewrap = RewrapPlan {
        spec: spec.clone(),
        target: prepared.target,
        data_keys: prepared.map.len(),
        map,
        passed_over: prepared.passed_over,
    };
    let plan = order::plan(aws, order, inventory, written, Some(rewrap)).await?;
    Ok((plan, told, prepared.differing))
}

fn map_key(folder: &BulkFolder, file: usize) -> String {
    format!("{}{}", folder.data_keys(), shard_file(file + 1))
}

/// The SHA-256 of each of its files.
async fn write_map(aws: &Aws, folder: &BulkFolder, map: &[Mapped]) -> Result<Vec<String>, Fault> {
    let texts = map.chunks(MAPPED).map(map_text).collect::<Result<Vec<_>, _>>();
    let texts = texts.map_err(|error| never(&error))?;
    let digests = texts.iter().map(|text| binding::digest(text)).collect();
    let writes = texts.into_iter().enumerate().map(|(file, text)| async move {
        let key = map_key(folder, file);
        match s3::write_new(aws, &folder.bucket, &key, text, LINES).await {
            Err(fault) => Err(bucket_refusal::of_write(aws, fault, false).await),
            Ok(()) => Ok(()),
        }
    });
    stream::iter(writes)
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    Ok(digests)
}

async fn read_map(aws: &Aws, folder: &BulkFolder, planned: &RewrapPlan, file: usize) -> Result<Vec<Mapped>, Fault> {
    let key = map_key(folder, file);
    let text = again(|| s3::read_small(aws, &folder.bucket, &key, LONGEST)).await?;
    check_map(planned.map.get(file), folder, &key, &text)?;
    map_of(&text).ok_or_else(|| {
        let object = s3::uri(&folder.bucket, &key);
        let (cause, remedy) = (
            "it is no map of data keys",
            "begin the re-wrap anew: it is gone on with where it is",
        );
        Fault::new(FaultKind::Invalid, "read", object, cause, remedy)
    })
}

/// All of it.
pub(super) async fn whole_map(aws: &Aws, folder: &BulkFolder, planned: &RewrapPlan) -> Result<Vec<Mapped>, Fault> {
    let files = stream::iter(0..planned.map.len()).map(|file| read_map(aws, folder, planned, file));
    files.buffered(AT_ONCE).try_concat().await
}

/// What is mapped of the objects of one shard.
pub(super) struct Map(BTreeMap<usize, Vec<Mapped>>);

impl Map {
    /// The data key of a token, as it was wrapped and as it is now.
    pub(super) fn of(&self, listed: &Listed) -> Option<&Mapped> {
        let number = listed.data_key?;
        self.0.get(&(number / MAPPED))?.get(number % MAPPED)
    }
}

/// The files of the map that a shard needs: tokens are listed by their data keys, so these are few.
pub(super) async fn map_of_shard(
    aws: &Aws,
    folder: &BulkFolder,
    planned: &RewrapPlan,
    shard: &Shard,
) -> Result<Map, Fault> {
    let numbers = shard.listed.iter().filter_map(|listed| listed.data_key);
    let files: BTreeSet<usize> = numbers.map(|number| number / MAPPED).collect();
    let mut map = BTreeMap::new();
    for file in files {
        map.insert(file, read_map(aws, folder, planned, file).await?);
    }
    Ok(Map(map))
}
