//! The private tree is a whole `/opt/ml`: the sagemaker-training toolkit reads everything below `SAGEMAKER_BASE_DIR`, so it
//! works there as it is, with its scripts, their working folder included.
//!
//! `output/intermediate` is made here, not by the toolkit: what it makes itself it copies to S3, plain, while the job runs.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::Path;

use super::Workspace;
use crate::domain::Fault;
use crate::training::exact::Exact;
use crate::training::job::{self, HYPERPARAMETERS, INPUTS, Job, RESOURCES};
use crate::training::{human, say, tree};

/// More than this is no script.
const MOST_CODE: u64 = 256 << 20;

/// Bytes that the copy of the code takes.
pub(crate) fn size(job: &Job) -> Result<u64, Fault> {
    let size = tree::files(&job.code_dir())?.iter().map(|file| file.size).sum();
    Ok(if size > MOST_CODE { 0 } else { size })
}

/// Makes the folders, and copies what is no data.
pub(super) fn lay_out(workspace: &Workspace, job: &Job) -> Result<(), Fault> {
    let mut folders = vec![
        workspace.config(),
        workspace.model(),
        workspace.output_data(),
        workspace.intermediate(),
        workspace.checkpoints(),
    ];
    folders.extend(job.channels.keys().map(|channel| workspace.channel(channel)));
    for folder in folders {
        fs::create_dir_all(&folder).map_err(|error| job::io("make", &folder, &error))?;
    }
    configure(workspace, job)?;
    let (from, to) = (job.code_dir(), workspace.code());
    let size: u64 = tree::files(&from)?.iter().map(|file| file.size).sum();
    let copied = if size > MOST_CODE {
        say(&format!(
            "{} is not copied ({}): what is written into it is on the volume",
            from.display(),
            human(size)
        ));
        symlink(&from, &to)
    } else {
        copy(&from, &to)
    };
    copied.map_err(|error| job::io("copy code from", &from, &error))
}

/// The files that SageMaker put there, and in place of three of them what COMMAND is to know.
fn configure(workspace: &Workspace, job: &Job) -> Result<(), Fault> {
    let (from, to) = (job.config_dir(), workspace.config());
    if from.is_dir() {
        copy(&from, &to).map_err(|error| job::io("copy configuration from", &from, &error))?;
    }
    let of_command = job.hyperparameters_of_command();
    let delivered = job
        .hyperparameters
        .iter()
        .filter(|(name, _)| of_command.contains_key(*name));
    let delivered = delivered.map(|(name, value)| (name.clone(), Exact::Text(value.clone())));
    for (name, document) in [
        (HYPERPARAMETERS, delivered.collect()),
        (RESOURCES, job.resources.document.clone()),
        (INPUTS, job.inputs()),
    ] {
        let path = to.join(name);
        fs::write(&path, Exact::Map(document).json()).map_err(|error| job::io("write", &path, &error))?;
    }
    Ok(())
}

/// Copies a folder with its links and modes; one that is not there becomes an empty one.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let (kind, from, to) = (entry.file_type()?, entry.path(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&from, &to)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&from)?, &to)?;
        } else if kind.is_file() {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
