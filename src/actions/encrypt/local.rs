//! Tokens that stay on this machine, or go to standard output.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use super::batch::{Job, now};
use super::plan::Source;
use super::source_file::SourceFile;
use super::{EncryptedFile, taken};
use crate::actions::blocking::joined;
use crate::actions::faults::io_fault;
use crate::actions::stream;
use crate::console;
use crate::domain::{Fault, Location};
use crate::envelope::{Encryptor, EnvelopeError};
use crate::publish::{Folder, IsDataKey, Unpublished, folder_of};

impl Job<'_> {
    pub(super) async fn to_file(&self, source: &Source, path: &Path) -> Result<EncryptedFile, Fault> {
        check_free(path, self.overwrite)?;
        if let Ok(folder) = Folder::open(folder_of(path)) {
            self.leftovers.sweep(&folder).await;
        }
        let (path, overwrite) = (path.to_owned(), self.overwrite);
        let published = Arc::clone(&self.published);
        self.here(source, move |encryptor, file| {
            let token = write_token(encryptor, file, &path)?;
            token.publish_among(&published, overwrite).map_err(EnvelopeError::Write)
        })
        .await
    }

    pub(super) async fn to_stream(&self, source: &Source) -> Result<EncryptedFile, Fault> {
        let (path, cancel) = (self.stream.clone(), self.cancel.clone());
        self.here(source, move |encryptor, file| {
            let open = || match path {
                Some(path) => stream::open(&path, &cancel),
                None => console::data(),
            };
            let mut stream = open().map_err(EnvelopeError::Write)?;
            encryptor.run(file, &mut stream).map(|_| ())
        })
        .await
    }

    /// Makes a token on this machine.
    async fn here(
        &self,
        source: &Source,
        write: impl FnOnce(Encryptor, &mut SourceFile) -> Result<(), EnvelopeError> + Send + 'static,
    ) -> Result<EncryptedFile, Fault> {
        let io = |error: io::Error| io_fault("read", source.path.display(), &error);
        let _maker = self.makers.acquire().await;
        let (tally, name) = (self.tally.clone(), source.name.clone());
        let told = move |bytes| tally.add(&name, bytes);
        let mut file = SourceFile::open(&source.path, self.cancel, told).map_err(io)?;
        let stamp = file.stamp;
        let encryptor = Encryptor::new(&self.data_key, now()).map_err(|error| self.fault(source, &error))?;
        let written = tokio::task::spawn_blocking(move || write(encryptor, &mut file));
        joined(written.await.map(Ok))?.map_err(|error| self.fault(source, &error))?;
        self.tally.end(&source.name, stamp.size, stamp.size);
        Ok(self.made(source, stamp, None, false))
    }
}

/// Whether a file may be written, as far as can be seen now.
pub(super) fn check_free(path: &Path, overwrite: bool) -> Result<(), Fault> {
    let checked = match Folder::of(path) {
        Ok((folder, name)) => folder.check(&name, overwrite),
        // It is made with the file.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    checked.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists
            if !error
                .get_ref()
                .is_some_and(<dyn std::error::Error + Send + Sync>::is::<IsDataKey>) =>
        {
            taken(&Location::Local(path.to_owned()))
        }
        _ => io_fault("write", path.display(), &error),
    })
}

fn write_token(encryptor: Encryptor, file: &mut SourceFile, path: &Path) -> Result<Unpublished, EnvelopeError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(EnvelopeError::Write)?;
    }
    let mut token = Unpublished::create(path).map_err(EnvelopeError::Write)?;
    encryptor.run(file, &mut token)?;
    Ok(token)
}
