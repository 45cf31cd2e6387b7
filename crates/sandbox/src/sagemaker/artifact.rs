//! What a job leaves: its model and its output data, packed and put to S3 as the job's role.
//!
//! What all hosts left is one archive. *Choice*: where several left a file of one name, the last host's is in it.

use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::s3::{self, About, Condition, Object, seal};
use super::below::Below;
use super::channel::said;
use super::request::Training;
use crate::prelude::*;

/// Uploads model and output; the model's URI. An error is a FailureReason. Blocks.
pub(super) fn upload(world: &World, role: &Caller, training: &Training, roots: &[&Path]) -> Result<String, String> {
    let failed = |why: String| format!("ClientError: Artifact upload failed: {why}");
    let out = Out::new(
        world,
        role,
        &training.output.0,
        training.containers.output_key.as_deref(),
    );
    let base = match training.output.1.as_str() {
        "" => format!("{}/output", training.containers.name),
        prefix => format!("{prefix}/{}/output", training.containers.name),
    };
    let left = |name: &str| files(roots, name).map_err(|error| failed(error.to_string()));
    let (model, data) = (left("model")?, left("output/data")?);
    let uri = out
        .send(model, &format!("{base}/model"), training.is_packed)
        .map_err(failed)?;
    if !data.is_empty() {
        out.send(data, &format!("{base}/output"), training.is_packed)
            .map_err(failed)?;
    }
    Ok(uri)
}

/// Files by their names in the folders that hold them.
type Left = BTreeMap<PathBuf, Arc<Below>>;

/// What there is in the folders of one name below several roots.
pub(super) fn files(roots: &[&Path], name: &str) -> io::Result<Left> {
    let mut left = Left::new();
    for root in roots {
        if let Some(folder) = Below::open(root, name)? {
            let folder = Arc::new(folder);
            left.extend(folder.files()?.into_iter().map(|file| (file, Arc::clone(&folder))));
        }
    }
    Ok(left)
}

/// Puts to one bucket as the job's role.
pub(super) struct Out<'a> {
    world: &'a World,
    role: &'a Caller,
    bucket: &'a str,
    about: About,
}

impl<'a> Out<'a> {
    pub(super) fn new(world: &'a World, role: &'a Caller, bucket: &'a str, key: Option<&str>) -> Self {
        Self {
            world,
            role,
            bucket,
            about: About {
                content_type: Some("binary/octet-stream".to_owned()),
                // SSE-KMS needs a data key of the output's KMS key, and the role must be allowed to make one.
                encryption: key.map(|_| "aws:kms".to_owned()),
                encryption_key: key.map(str::to_owned),
                ..About::default()
            },
        }
    }

    /// Files as `NAME.tar.gz`, or as objects below `NAME/`; the URI.
    fn send(&self, left: Left, name: &str, packed: bool) -> Result<String, String> {
        let bucket = self.bucket;
        if packed {
            let key = format!("{name}.tar.gz");
            self.put(&key, |body| pack(left, body))?;
            return Ok(format!("s3://{bucket}/{key}"));
        }
        for (file, folder) in &left {
            self.file(folder, file, name)?;
        }
        Ok(format!("s3://{bucket}/{name}/"))
    }

    /// One file of a folder, below a prefix.
    pub(super) fn file(&self, folder: &Below, file: &Path, prefix: &str) -> Result<(), String> {
        let slash = if prefix.is_empty() { "" } else { "/" };
        self.put(&format!("{prefix}{slash}{}", file.display()), |mut body| {
            io::copy(&mut folder.file(file)?.0, &mut body)?;
            Ok(())
        })
    }

    fn put(&self, key: &str, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
        let bucket = self.bucket;
        let resource = format!("arn:aws:s3:::{bucket}/{key}");
        let mut facts = BTreeMap::new();
        for (name, value) in [
            ("s3:x-amz-server-side-encryption", &self.about.encryption),
            (
                "s3:x-amz-server-side-encryption-aws-kms-key-id",
                &self.about.encryption_key,
            ),
        ] {
            facts.extend(value.iter().map(|value| (name.to_owned(), vec![value.clone()])));
        }
        s3::authorize(self.world, self.role, "s3:PutObject", &resource, &facts)
            .map_err(|error| format!("AccessDenied (403): {}", error.message))?;
        self.world.s3.check_bucket(bucket).map_err(|error| said(&error))?;
        let mut intake = self.world.s3.intake().map_err(|error| error.to_string())?;
        fill(&mut intake).map_err(|error| error.to_string())?;
        let mut about = self.about.clone();
        seal(self.world, self.role, &resource, &mut about, None).map_err(|error| said(&error))?;
        let arrived = intake.finish().map_err(|error| error.to_string())?;
        let object = Object::new(arrived, about);
        self.world
            .s3
            .put(bucket, key, object, &Condition::Any)
            .map(drop)
            .map_err(|error| said(&error))
    }
}

fn pack(left: Left, body: &mut dyn Write) -> io::Result<()> {
    let mut tar = tar::Builder::new(GzEncoder::new(body, Compression::fast()));
    tar.mode(tar::HeaderMode::Deterministic);
    for (name, folder) in &left {
        let (file, meta) = folder.file(name)?;
        let mut header = tar::Header::new_gnu();
        header.set_metadata_in_mode(&meta, tar::HeaderMode::Deterministic);
        tar.append_data(&mut header, name, BufReader::new(file))?;
    }
    tar.into_inner()?.finish()?;
    Ok(())
}
