//! A model server's side: `strongroom serve [--] COMMAND…`.
//!
//! SageMaker puts what `train` made into `/opt/ml/model`, which nobody may write to. Its tokens are opened into a private
//! folder in memory, each held against the bundle that lists it, and this process becomes COMMAND, which finds the folder by
//! `SM_MODEL_DIR`, and by `SAGEMAKER_BASE_DIR` if it is of SageMaker's inference toolkit. What is plain there, such as code
//! that the SageMaker SDK put beside a model, stays plain. The plaintext lasts as long as COMMAND and what it began ([`sweeper`]),
//! or the container's memory.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::pin::pin;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::inputs::{self, Input};
use super::job::{Job, invalid, io};
use super::keys::{self, Keys, OpenKey};
use super::stops::Stops;
use super::tree::{self, Found};
use super::workspace::Workspace;
use super::{blocking, child, root, say, sweeper};
use crate::aws::Aws;
use crate::config::Connection;
use crate::domain::Fault;
use crate::envelope::binding::{self, Subject};
use crate::envelope::manifest::{Bundle, BundleFile, ManifestFile, WrappedDataKey, bundle_host};
use crate::envelope::{HEADER_LEN, header_of};

/// Where a model server finds its code, below the model: whoever packs the model adds it, and it is not encrypted.
const CODE: &str = "code/";
/// What the one folder is called in the log.
const MODEL: &str = "model";
/// A bundle larger than this is none.
const LONGEST_BUNDLE: u64 = 64 << 20;
/// Holds a token's header, with white space in it.
const BEGINNING: usize = 256;

/// Decrypts the model and becomes COMMAND. Comes back only if that is not to be, without plaintext.
///
/// # Errors
/// When the model does not open, or COMMAND cannot be started.
pub async fn serve(command: Vec<OsString>) -> Result<(), Fault> {
    let mut stops = Stops::listen()?;
    let root = root();
    Workspace::sweep(&root);
    child::check(&command, "serve")?;
    let cancel = CancellationToken::new();
    let opened = {
        let mut opening = pin!(open(&root, cancel.clone()));
        loop {
            tokio::select! {
                opened = &mut opening => break opened,
                _ = stops.next() => cancel.cancel(),
            }
        }
    };
    // One that came at the very end has found nobody yet.
    if cancel.is_cancelled() || stops.next().now_or_never().is_some() {
        return Err(told_to_stop());
    }
    let workspace = opened?;
    let (model, base) = (workspace.model(), workspace.root().to_path_buf());
    let Some((program, arguments)) = command.split_first() else {
        return Ok(());
    };
    if let Err(error) = sweeper::begin(workspace.root()) {
        say(&format!(
            "the plaintext stays in {} when the command has ended: {error}",
            base.display()
        ));
    }
    workspace.pass_on()?;
    let failed = Command::new(program)
        .args(arguments)
        .env("SM_MODEL_DIR", model)
        .env("SAGEMAKER_BASE_DIR", base)
        .exec();
    workspace.remove()?;
    Err(invalid(
        "run",
        &program.to_string_lossy(),
        failed.to_string(),
        "check the image and the command after serve",
    ))
}

async fn open(root: &Path, cancel: CancellationToken) -> Result<Workspace, Fault> {
    let job = Job::read(root)?;
    let Model { files, bundles } = Model::read(&job.model_dir())?;
    let obtaining = async {
        let aws = Aws::connect(&Connection::default()).await?;
        let mut opening = Vec::with_capacity(bundles.len());
        for bundle in &bundles {
            let wrapped = WrappedDataKey {
                data_key: bundle.data_key.clone(),
                kms_key_id: bundle.kms_key_id.clone(),
                context: bundle.context.clone(),
            };
            opening.push(keys::unwrap(wrapped, None, &aws).await?);
        }
        Ok(opening)
    };
    let opening: Vec<OpenKey> = tokio::select! {
        opening = obtaining => opening?,
        () = cancel.cancelled() => {
            return Err(told_to_stop());
        }
    };
    blocking(move || {
        let inputs = plan(files, &bundles, &opening)?;
        let workspace = Workspace::create(&job, inputs::size(&inputs))?;
        let keys = Keys {
            opening,
            manifest: None,
            fresh: None,
        };
        let (delivered, private) = (|_: &str| job.model_dir(), |_: &str| workspace.model());
        inputs::decrypt(&inputs, &keys, &delivered, &private, &cancel)?;
        Ok(workspace)
    })
    .await
}

/// What lies in the model's folder.
struct Model {
    files: Vec<Found>,
    bundles: Vec<Bundle>,
}

impl Model {
    fn read(folder: &Path) -> Result<Self, Fault> {
        if let Some(special) = tree::specials(folder)?.first() {
            return Err(refused(special, "it is a link or a device"));
        }
        // One that a script has called so is a token.
        let is_listing =
            |file: &Found| bundle_host(&file.name).is_some() && !inputs::is_token(&file.path).unwrap_or(true);
        let (listings, files): (Vec<_>, Vec<_>) = tree::files(folder)?.into_iter().partition(is_listing);
        let mut bundles = Vec::new();
        for listing in listings {
            if listing.size > LONGEST_BUNDLE {
                return Err(refused(&listing.path, "it is too long for a bundle"));
            }
            let text = fs::read(&listing.path).map_err(|error| io("read", &listing.path, &error))?;
            let bundle = Bundle::read(&text).map_err(|error| refused(&listing.path, &error.to_string()))?;
            bundles.push(bundle);
        }
        if bundles.is_empty() {
            return Err(refused(
                folder,
                "it holds no strongroom.json, so nothing says what opens it",
            ));
        }
        let listed = bundles.iter().flat_map(|bundle| &bundle.files).map(BundleFile::path);
        let mut missing = listed.filter(|path| files.iter().all(|file| file.name != *path));
        match missing.next() {
            Some(path) => Err(refused(&folder.join(path), "a bundle lists it, and it is not there")),
            None => Ok(Self { files, bundles }),
        }
    }
}

fn plan(files: Vec<Found>, bundles: &[Bundle], opening: &[OpenKey]) -> Result<Vec<Input>, Fault> {
    let plan_one = |file: Found| {
        if !inputs::is_token(&file.path)? {
            let is_listed = bundles.iter().any(|bundle| bundle.find(&file.name).is_some());
            return if is_listed {
                Err(refused(&file.path, "a bundle lists it, and it is not encrypted"))
            } else if file.name.starts_with(CODE) {
                Ok(Input::plain(MODEL, file))
            } else {
                Err(refused(
                    &file.path,
                    "no bundle lists it, and it is not encrypted; only the code beside a model, in code/, may be plain",
                ))
            };
        }
        let header = header_of(&inputs::beginning(&file.path, BEGINNING)?);
        let listing = |(data_key, bundle): (usize, &Bundle)| {
            let listed = bundle.find(&file.name)?;
            let header = header.filter(|header| is_its(listed, header, &opening[data_key]))?;
            Some(ManifestFile {
                data_key,
                header: STANDARD.encode(header),
                length: Some(listed.length),
                version: listed.version,
                name: Some(listed.name.clone()),
                prefix: listed.prefix.clone(),
                mac: Some(listed.mac.clone()),
            })
        };
        match bundles.iter().enumerate().find_map(listing) {
            Some(listed) => Ok(Input::listed(MODEL, file, listed)),
            None => Err(refused(
                &file.path,
                "it is not the token that a bundle lists under this name",
            )),
        }
    };
    files.into_iter().map(plan_one).collect()
}

fn is_its(listed: &BundleFile, header: &[u8; HEADER_LEN], key: &OpenKey) -> bool {
    let subject = Subject {
        prefix: listed.prefix.as_deref(),
        name: &listed.name,
        header,
        length: listed.length,
    };
    let mac = STANDARD.decode(&listed.mac);
    mac.is_ok_and(|mac| binding::check(&key.key, subject, &mac).is_ok())
}

fn told_to_stop() -> Fault {
    Fault::cancelled("serve", "the model", "it was told to stop", "")
}

fn refused(path: &Path, cause: &str) -> Fault {
    let remedy = "serve a model as strongroom train made it";
    Fault::integrity("open", path.display().to_string(), cause, remedy)
}
