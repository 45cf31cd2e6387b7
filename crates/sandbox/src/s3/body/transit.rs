//! Bodies on their way: a request's into a file, hashed meanwhile, and a file's into a response. Memory is bounded both ways.

use std::fs::File;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use s3s::StdError;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::Checksum;
use s3s::stream::{ByteStream, RemainingLength};
use tokio::sync::mpsc;

use super::sealed::Sealer;
use super::{Body, BodyFile, CHUNK, Home, PART, Segment, fill};
use crate::api::{ApiError, refuse_if};
use crate::s3::customer::CustomerKey;
use crate::s3::scope::{wrong_digest, wrong_signature};
use crate::world::random;

/// Chunks waiting for a disk that is slower than the network.
const WAITING: usize = 4;

/// So much of a body that cannot be kept is read and thrown away, so that the client hears why.
const PATIENCE: u64 = 64 << 20;

/// The largest body of one request.
pub(crate) const LARGEST_PUT: u64 = 5 * 1024 * 1024 * 1024;

impl Body {
    /// For a response: read ahead by a few chunks on a blocking thread.
    pub(crate) fn stream(&self) -> BodyStream {
        let (sender, receiver) = mpsc::channel(WAITING);
        let mut reader = self.reader();
        tokio::task::spawn_blocking(move || {
            loop {
                let mut chunk = BytesMut::zeroed(CHUNK);
                let read = match fill(&mut reader, &mut chunk) {
                    Ok(0) => return,
                    Ok(read) => read,
                    Err(error) => {
                        let _ = sender.blocking_send(Err(error));
                        return;
                    }
                };
                chunk.truncate(read);
                if sender.blocking_send(Ok(chunk.freeze())).is_err() {
                    return;
                }
            }
        });
        BodyStream {
            receiver,
            remaining: self.length(),
        }
    }
}

/// A body on its way out.
#[derive(Debug)]
pub(crate) struct BodyStream {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    remaining: u64,
}

impl Stream for BodyStream {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.receiver.poll_recv(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(chunk))) => {
                self.remaining = self.remaining.saturating_sub(chunk.len() as u64);
                Poll::Ready(Some(Ok(chunk)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(Box::new(error)))),
            Poll::Ready(None) if self.remaining > 0 => {
                self.remaining = 0;
                Poll::Ready(Some(Err("the body ended early".into())))
            }
            Poll::Ready(None) => Poll::Ready(None),
        }
    }
}

impl ByteStream for BodyStream {
    fn remaining_length(&self) -> RemainingLength {
        usize::try_from(self.remaining).map_or_else(|_| RemainingLength::unknown(), RemainingLength::new_exact)
    }
}

/// A body that has arrived whole.
pub(crate) struct Arrived {
    pub(crate) at: SystemTime,
    pub(crate) body: Body,
    pub(crate) md5: [u8; 16],
    /// What its ETag is made of.
    pub(crate) tag: [u8; 16],
    pub(crate) checksum: Checksum,
}

impl Arrived {
    /// Of what a customer's key encrypts the ETag is not the MD5, which would tell equal plaintexts.
    pub(super) fn tag(md5: [u8; 16], is_sealed: bool) -> [u8; 16] {
        if is_sealed { random() } else { md5 }
    }
}

/// A file being written, hashed on the way.
pub(crate) struct Intake {
    file: File,
    body: Arc<BodyFile>,
    length: u64,
    md5: Md5,
    checksums: ChecksumHasher,
    sealer: Option<Sealer>,
}

impl Intake {
    /// Opens a fresh file, encrypted if there is a key. Dropped unfinished, it leaves nothing behind.
    pub(crate) fn new(home: &Arc<Home>, checksums: ChecksumHasher, key: Option<&CustomerKey>) -> io::Result<Self> {
        let body = home.fresh();
        let path = if home.disk.is_kept() {
            body.path().with_extension(PART)
        } else {
            body.path()
        };
        Ok(Self {
            file: File::create_new(path).map_err(|error| home.failed(error))?,
            sealer: key.map(|key| Sealer::new(key.cipher(&body.name))),
            body,
            length: 0,
            md5: Md5::default(),
            checksums,
        })
    }

    /// The body, complete in its file; in a world on disk it is there before a row names it. Blocks.
    pub(crate) fn finish(mut self) -> io::Result<Arrived> {
        let home = Arc::clone(&self.body.home);
        let is_sealed = self.sealer.is_some();
        if let Some(sealer) = &mut self.sealer {
            sealer.finish(&mut self.file).map_err(|error| home.failed(error))?;
        }
        if home.disk.is_kept() {
            let path = self.body.path();
            let whole = std::fs::rename(path.with_extension(PART), path).and_then(|()| self.file.sync_data());
            whole.map_err(|error| home.failed(error))?;
        }
        let md5 = self.md5.finalize();
        Ok(Arrived {
            at: home.now(),
            body: Body {
                segments: if self.length == 0 {
                    Vec::new()
                } else {
                    vec![Segment {
                        file: self.body,
                        start: 0,
                        length: self.length,
                        is_sealed,
                    }]
                },
                key: None,
            },
            md5,
            tag: Arrived::tag(md5, is_sealed),
            checksum: self.checksums.finalize(),
        })
    }
}

impl Write for Intake {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.sealer {
            Some(sealer) => sealer.write(&mut self.file, bytes),
            None => self.file.write_all(bytes),
        };
        written.map_err(|error| self.body.home.failed(error))?;
        self.md5.update(bytes);
        self.checksums.update(bytes);
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Takes a request's body in. Memory is bounded: a blocking thread writes and hashes, a few chunks behind.
pub(crate) async fn receive<S, E>(
    home: &Arc<Home>,
    checksums: ChecksumHasher,
    key: Option<CustomerKey>,
    mut stream: S,
) -> Result<Arrived, ApiError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: std::fmt::Display,
{
    // The end is told from a connection that broke by an empty chunk.
    let (sender, mut receiver) = mpsc::channel::<Bytes>(WAITING);
    let home = Arc::clone(home);
    let writer = tokio::task::spawn_blocking(move || {
        let mut intake = Intake::new(&home, checksums, key.as_ref())?;
        while let Some(chunk) = receiver.blocking_recv() {
            if chunk.is_empty() {
                return intake.finish().map(Some);
            }
            intake.write_all(&chunk)?;
        }
        Ok(None)
    });
    let mut gathered = BytesMut::new();
    let (mut length, mut is_lost) = (0, false);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| broken(&error.to_string()))?;
        length += chunk.len() as u64;
        refuse_if(length > LARGEST_PUT, too_large)?;
        if is_lost && length > PATIENCE {
            break;
        } else if is_lost {
            continue;
        }
        let sent = if gathered.is_empty() && chunk.len() >= CHUNK {
            sender.send(chunk).await
        } else {
            gathered.extend_from_slice(&chunk);
            if gathered.len() < CHUNK {
                continue;
            }
            sender.send(gathered.split().freeze()).await
        };
        // The writer has failed; it says why below, when the client has said all and listens.
        if sent.is_err() {
            is_lost = true;
        }
    }
    if !gathered.is_empty() {
        let _ = sender.send(gathered.freeze()).await;
    }
    let _ = sender.send(Bytes::new()).await;
    drop(sender);
    let arrived: io::Result<Option<Arrived>> = writer
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error.to_string())));
    arrived
        .map_err(|error| disk(&error))?
        .ok_or_else(|| ApiError::new("IncompleteBody", "the request's body was cut"))
}

/// What is wrong with a body that cannot be read to its end; s3s holds it against its signature on the way.
pub(crate) fn broken(error: &str) -> ApiError {
    if error.ends_with("Sha256Mismatch") {
        wrong_digest()
    } else if error.ends_with("SignatureMismatch") {
        wrong_signature()
    } else {
        ApiError::new("IncompleteBody", format!("the request's body was cut: {error}"))
    }
}

pub(crate) fn too_large() -> ApiError {
    let message = "Your proposed upload exceeds the maximum allowed size";
    ApiError::new("EntityTooLarge", message)
}

/// What a failing disk looks like to a client.
pub(crate) fn disk(error: &io::Error) -> ApiError {
    ApiError::new("InternalError", error.to_string()).status(500)
}
