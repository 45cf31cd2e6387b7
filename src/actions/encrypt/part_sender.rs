//! The cipher and the network side by side: parts are sent while the next ones are made.

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::batch::{Failure, Job};
use super::object_upload::Going;
use super::parts::{Cut, Cutter, KnownParts};
use super::plan::Source;
use super::replayed_parts::Scout;
use super::source_file::{SourceFile, is_changed};
use crate::actions::blocking::joined;
use crate::aws::transfer::{self, Content, Multipart, Part};
use crate::domain::Fault;
use crate::envelope::{Encryptor, EnvelopeError};

/// Parts of one token on their way.
const IN_FLIGHT: usize = 4;

/// How a token is cut.
pub(super) struct Plan {
    pub(super) part: u64,
    pub(super) known: KnownParts,
}

/// Parts as they are made, and the cipher that makes them.
pub(super) type Started = (mpsc::Receiver<Cut>, JoinHandle<Result<(), EnvelopeError>>);

impl Job<'_> {
    /// The cipher on its threads, its token cut into parts.
    pub(super) fn start(&self, mut file: SourceFile, encryptor: Encryptor, token_bytes: u64, cut: Plan) -> Started {
        let Plan { part, known } = cut;
        if self.limits.is_streamed(part) {
            let (outlet, checkpoints) = std::sync::mpsc::channel();
            let (mut scout, parts) = Scout::new(file.opened(), token_bytes, part, known, checkpoints);
            let mark = move |checkpoint| {
                // The scout may have stopped: then so does the cipher.
                let _ = outlet.send(checkpoint);
            };
            let reading = spawn_blocking(move || encryptor.run_marking(&mut file, &mut scout, part, mark).map(|_| ()));
            return (parts, reading);
        }
        let (mut cutter, parts) = Cutter::new(&self.pool, token_bytes, part, known);
        let reading = spawn_blocking(move || encryptor.run(&mut file, &mut cutter).map(|_| ()));
        (parts, reading)
    }

    pub(super) fn read(
        &self,
        source: &Source,
        result: Result<Result<(), EnvelopeError>, JoinError>,
    ) -> Result<(), Failure> {
        match joined(result.map(Ok))? {
            Ok(()) => Ok(()),
            // Other bytes than an earlier process sent: only the cutter can tell, and says so while writing.
            Err(EnvelopeError::Write(error)) if is_changed(&error) => Err(Failure::Changed),
            Err(error) => Err(self.fault(source, &error).into()),
        }
    }

    /// Sends what is new, a few at once.
    pub(super) async fn send(
        &self,
        upload: &Multipart,
        parts: &mut mpsc::Receiver<Cut>,
        going: &Going<'_>,
        counted: &mut u64,
    ) -> Result<Vec<Part>, Fault> {
        let mut flying = FuturesUnordered::new();
        let mut sent = Vec::new();
        let mut is_open = true;
        while is_open || !flying.is_empty() {
            let landed = tokio::select! {
                cut = parts.recv(), if is_open && flying.len() < IN_FLIGHT => match cut {
                    Some(Cut::New { number, content, crc }) => {
                        flying.push(self.send_one(upload, number, content, crc));
                        continue;
                    }
                    Some(Cut::Kept { part, bytes }) => (part, bytes),
                    None => {
                        is_open = false;
                        continue;
                    }
                },
                Some(landed) = flying.next(), if !flying.is_empty() => {
                    let (part, bytes) = landed?;
                    going.note(|journal| journal.sent(going.key, &part));
                    (part, bytes)
                }
            };
            let (part, bytes) = landed;
            sent.push(part);
            let plain = bytes / 4 * 3;
            *counted += plain;
            self.tally.add(going.name, plain);
        }
        sent.sort_by_key(|part| part.number);
        Ok(sent)
    }

    async fn send_one(
        &self,
        upload: &Multipart,
        number: i32,
        content: Content,
        crc: u64,
    ) -> Result<(Part, u64), Fault> {
        let part = transfer::upload_part(self.aws, upload, number, &content, crc).await?;
        Ok((part, content.length()))
    }
}
