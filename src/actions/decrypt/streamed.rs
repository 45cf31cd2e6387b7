//! What is written to where others see it at once: after a first reading that verified all of it.

use std::fs::File;
use std::io::{self, Seek};
use std::sync::Arc;

use super::target::Sink;
use super::{ACT, DecryptedFile, Run, Source};
use crate::actions::blocking::blocking;
use crate::actions::download::{Watched, scratch};
use crate::actions::faults::{fault_of, io_fault, unless_cancelled};
use crate::actions::kinds::verified;
use crate::actions::unlock::Unlocked;
use crate::domain::{Bond, Fault};
use crate::envelope::{EnvelopeError, FirstPass, release};

impl Run<'_> {
    /// Opens what is written into at once.
    pub(super) async fn open(&self, sink: &Sink) -> Result<File, Fault> {
        let (sink, cancel) = (sink.clone(), self.cancel.clone());
        let opened = blocking(move || sink.open(&cancel)).await;
        opened.map_err(|fault| unless_cancelled(fault, self.cancel, ACT, &self.request.source))
    }

    /// Writes what was verified before to where others see it at once.
    pub(super) async fn release(
        &self,
        token: File,
        unlocked: Arc<Unlocked>,
        (pass, bond): (FirstPass, Bond),
        (source, etag): Source,
        sink: &Sink,
        mut output: File,
    ) -> Result<DecryptedFile, Fault> {
        let (shown, to) = (source.clone(), sink.to_string());
        let opened = *pass.opened();
        let write = move |token: &mut Watched<File>| {
            release(&unlocked.key, &pass, token, &mut output).map_err(|error| match error {
                EnvelopeError::Write(error) => io_fault("write", to, &error),
                error => fault_of(ACT, &shown, &error),
            })
        };
        self.reading(token, source.clone(), write).await?;
        Ok(DecryptedFile {
            source,
            path: sink.path(),
            bytes: opened.plaintext_bytes,
            verified: verified((opened, bond)),
            etag,
            contested: None,
        })
    }

    /// What can be read once only, where it can be read again.
    pub(super) async fn kept(&self, token: File, source: String) -> Result<File, Fault> {
        let folder = scratch()?;
        let shown = source.clone();
        self.reading(token, source, move |token| {
            let mut keep = || {
                let mut file = folder.unnamed()?;
                io::copy(token, &mut file)?;
                file.rewind()?;
                Ok(file)
            };
            keep().map_err(|error| io_fault("keep the token of", shown, &error))
        })
        .await
    }
}
