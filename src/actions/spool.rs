//! Whole tokens and archives in an unnamed file: ciphertext only, gone with the process.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use futures::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use super::ProgressSink;
use super::place::{Place, cancelled, io_fault};
use crate::aws::{Aws, s3, transfer};
use crate::domain::{Fault, Progress};

const RANGE: u64 = 8 << 20;
const IN_FLIGHT: usize = 4;

/// Downloads the very object that `head` looked at into an unnamed file of `folder`.
pub(super) async fn download(
    aws: &Aws,
    bucket: &str,
    key: &str,
    head: &transfer::Head,
    folder: &Path,
    progress: &ProgressSink,
    cancel: &CancellationToken,
) -> Result<File, Fault> {
    let io = |error: io::Error| io_fault("write a temporary file in", folder.display(), &error);
    let mut file = tokio::fs::File::from_std(tempfile::tempfile_in(folder).map_err(io)?);
    let mut ranges = std::pin::pin!(ranges(aws, bucket, key, head));
    let mut bytes = 0;
    loop {
        let next = tokio::select! {
            next = ranges.next() => next,
            () = cancel.cancelled() => return Err(cancelled("download", s3::uri(bucket, key))),
        };
        let Some(chunk) = next else { break };
        let chunk = chunk?;
        file.write_all(&chunk).await.map_err(io)?;
        bytes += chunk.len() as u64;
        progress.report(Progress {
            phase: "downloading".to_owned(),
            item: key.to_owned(),
            bytes,
            total: Some(head.length),
            items: None,
        });
    }
    file.flush().await.map_err(io)?;
    let mut file = file.into_std().await;
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    Ok(file)
}

/// The object's bytes in order, a few ranges in flight.
pub(super) fn ranges<'a>(
    aws: &'a Aws,
    bucket: &'a str,
    key: &'a str,
    head: &'a transfer::Head,
) -> impl futures::Stream<Item = Result<bytes::Bytes, Fault>> + 'a {
    let length = head.length;
    let starts = (0..length.div_ceil(RANGE)).map(|index| index * RANGE);
    futures::stream::iter(starts)
        .map(move |start| {
            transfer::range(
                aws,
                bucket,
                key,
                head.etag.as_deref(),
                start,
                (start + RANGE).min(length),
            )
        })
        .buffered(IN_FLIGHT)
}

/// A local file, opened for reading.
pub(super) fn open_file(path: &Path) -> Result<File, Fault> {
    let io = |error: io::Error| io_fault("read", path.display(), &error);
    let file = File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.is_dir() {
        return Err(io_fault("read", path.display(), &io::ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}

/// A reader that ends in an error once the operation is cancelled.
pub(super) struct Watched<R> {
    pub(super) inner: R,
    pub(super) cancel: CancellationToken,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("it was cancelled"));
        }
        self.inner.read(buffer)
    }
}

impl<R: Seek> Seek for Watched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// Whether the name says it is a model archive.
pub(super) fn is_archive(place: &Place) -> bool {
    let name = place.to_string();
    name.ends_with(".tar.gz") || name.ends_with(".tgz")
}
