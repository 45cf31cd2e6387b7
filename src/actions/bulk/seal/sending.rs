//! A token on its way: at once if it is one part, else in parts, completed only when all of it held.

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::{Digest, LINGER, Sealer};
use crate::actions::encrypt::object_upload::{Going, Seen};
use crate::actions::encrypt::parts::Cut;
use crate::actions::faults::cancelled;
use crate::aws::s3::{self, Carried};
use crate::aws::transfer::{self, Content, Multipart, Part, Stored};
use crate::domain::{Fault, FaultKind};

/// Parts of one token on their way.
const IN_FLIGHT: usize = 4;

impl Sealer<'_> {
    /// A token that is one part, which is there only if all of it held.
    pub(super) async fn at_once(&self, going: &Going<'_>, like: &Carried, cut: Option<Cut>) -> Result<Stored, Fault> {
        let uri = || s3::uri(going.bucket, going.key);
        let Some(Cut::New {
            content: Content::Whole(bytes),
            ..
        }) = cut
        else {
            return Err(cancelled(self.act, uri()));
        };
        let (bucket, key) = (going.bucket, going.key);
        let put = transfer::put(
            self.aws,
            bucket,
            key,
            bytes,
            &going.metadata,
            &going.replaces,
            Some(like),
        );
        // What S3 may have whole already it is not to keep untold.
        let put = tokio::select! {
            put = put => put,
            () = self.lingered() => return Err(unanswered(self.act, uri())),
        };
        match put {
            Err(fault) if fault.kind == FaultKind::Conflict => match going.look(self.aws).await? {
                Seen::There(stored) => Ok(stored),
                seen => Err(going.unless_replaced(fault, matches!(seen, Seen::Hidden))),
            },
            Err(fault) => Err(going.unless_replaced(fault, false)),
            Ok(stored) => Ok(stored),
        }
    }

    /// Sends the parts while `making` makes them, and completes them once it is through.
    pub(super) async fn in_parts(
        &self,
        going: &Going<'_>,
        like: &Carried,
        mut parts: mpsc::Receiver<Cut>,
        making: impl Future<Output = Result<Digest, Fault>>,
    ) -> (Result<Digest, Fault>, Result<Stored, Fault>) {
        let id = match transfer::begin(self.aws, going.bucket, going.key, &going.metadata, Some(like)).await {
            Ok(id) => id,
            Err(fault) => return (Err(fault.clone()), Err(fault)),
        };
        let upload = going.upload(id);
        let sending = async {
            let sent = tokio::select! {
                sent = self.send(&upload, &mut parts, going) => sent,
                () = self.cancel.cancelled() => Err(cancelled(self.act, s3::uri(going.bucket, going.key))),
            };
            // The cipher stops when nobody takes its parts; what failed here is the reason then, not the consequence.
            drop(parts);
            sent
        };
        let (made, sent) = futures::join!(making, sending);
        let finished = match (made, sent) {
            (_, Err(fault)) | (Err(fault), Ok(_)) => Err(fault),
            (Ok(digest), Ok(sent)) => going
                .complete(self.aws, &upload, &sent)
                .await
                .map(|stored| (digest, stored)),
        };
        match finished {
            Ok((digest, stored)) => (Ok(digest), Ok(stored)),
            Err(mut fault) => {
                if let Err(left) = transfer::abort(self.aws, &upload).await {
                    fault.remedy = format!("{}; parts are left: {left}", fault.remedy);
                }
                (Err(fault.clone()), Err(fault))
            }
        }
    }

    async fn send(
        &self,
        upload: &Multipart,
        parts: &mut mpsc::Receiver<Cut>,
        going: &Going<'_>,
    ) -> Result<Vec<Part>, Fault> {
        let (mut flying, mut sent, mut is_open) = (FuturesUnordered::new(), Vec::new(), true);
        while is_open || !flying.is_empty() {
            tokio::select! {
                cut = parts.recv(), if is_open && flying.len() < IN_FLIGHT => match cut {
                    Some(Cut::New { number, content, crc }) => flying.push(async move {
                        let part = transfer::upload_part(self.aws, upload, number, &content, crc).await?;
                        Ok::<_, Fault>((part, content.length()))
                    }),
                    Some(Cut::Kept { part, .. }) => sent.push(part),
                    None => is_open = false,
                },
                Some(landed) = flying.next(), if !flying.is_empty() => {
                    let (part, bytes) = landed?;
                    sent.push(part);
                    self.gauge.add(going.name, bytes / 4 * 3);
                }
            }
        }
        sent.sort_by_key(|part: &Part| part.number);
        Ok(sent)
    }

    /// Until it was cancelled and an answer had its time all the same.
    async fn lingered(&self) {
        self.cancel.cancelled().await;
        tokio::time::sleep(LINGER).await;
    }
}

fn unanswered(act: &str, uri: String) -> Fault {
    let cause = "it was cancelled, and had no answer by then: it may be done all the same";
    Fault::new(FaultKind::Cancelled, act, uri, cause, "")
}
