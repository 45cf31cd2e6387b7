//! The manifest of a job, written before the job is started: one document, or one of very many files in parts.

use super::LONGEST_MANIFEST;
use crate::actions::bucket_refusal;
use crate::aws::{Aws, s3};
use crate::domain::own_area::{self, manifest_part};
use crate::domain::{Fault, FaultKind, JobSpec};
use crate::envelope::binding;
use crate::envelope::manifest::{Manifest, ManifestPart};

/// Files of one document: some megabytes.
const FILES_OF_ONE: usize = 5_000;

/// The documents of a manifest.
pub(super) struct Documents {
    /// Key and bytes of each; the one that names the others is the last.
    all: Vec<(String, Vec<u8>)>,
    uri: String,
    sha256: String,
}

impl Documents {
    pub(super) fn of(spec: &JobSpec, manifest: Manifest) -> Self {
        Self::at_most(spec, manifest, FILES_OF_ONE)
    }

    fn at_most(spec: &JobSpec, manifest: Manifest, most: usize) -> Self {
        let mut all = Vec::new();
        let files: usize = manifest.channels.values().map(|channel| channel.files.len()).sum();
        let whole = if files > most {
            let (mut index, parts) = manifest.split(most);
            for (number, part) in (1..).zip(parts) {
                let document = json(&part);
                let key = manifest_part(&spec.name, number);
                index.parts.push(ManifestPart {
                    key: key.clone(),
                    sha256: binding::digest(&document),
                });
                all.push((key, document));
            }
            index
        } else {
            manifest
        };
        let (key, document) = (own_area::manifest(&spec.name), json(&whole));
        let (uri, sha256) = (s3::uri(&spec.bucket, &key), binding::digest(&document));
        all.push((key, document));
        Self { all, uri, sha256 }
    }

    /// What the container finds it by.
    pub(super) fn hyperparameters(&self) -> [(String, String); 2] {
        [
            ("strongroom_manifest".to_owned(), self.uri.clone()),
            ("strongroom_manifest_sha256".to_owned(), self.sha256.clone()),
        ]
    }

    /// Writes them, and says which were not there yet. Should one of them be refused, what was written is taken back.
    pub(super) async fn write(&self, aws: &Aws, spec: &JobSpec) -> Result<Vec<String>, Fault> {
        let mut written = Vec::new();
        for (key, document) in &self.all {
            match write(aws, spec, key, document).await {
                Ok(true) => written.push(key.clone()),
                Ok(false) => {}
                Err(fault) if written.is_empty() => return Err(fault),
                Err(fault) => return Err(take_back(aws, spec, &written, fault).await),
            }
        }
        Ok(written)
    }
}

/// Deletes what was written for a job that is not started; `fault` then says what is still there.
pub(super) async fn take_back(aws: &Aws, spec: &JobSpec, written: &[String], mut fault: Fault) -> Fault {
    if !written.is_empty() && s3::delete_objects(aws, &spec.bucket, written).await.is_err() {
        let left: Vec<String> = written.iter().map(|key| s3::uri(&spec.bucket, key)).collect();
        let (are, them) = if left.len() == 1 {
            ("was", "is")
        } else {
            ("were", "are")
        };
        fault.cause = format!(
            "{}; {} {are} written for it and {them} still there",
            fault.cause,
            left.join(", ")
        );
    }
    fault
}

/// True if it was written now; the same document from an earlier try is as good.
async fn write(aws: &Aws, spec: &JobSpec, key: &str, document: &[u8]) -> Result<bool, Fault> {
    match s3::write_new(aws, &spec.bucket, key, document.to_vec(), "application/json").await {
        Ok(()) => Ok(true),
        Err(fault) if fault.kind == FaultKind::Conflict => {
            let existing = s3::read_small(aws, &spec.bucket, key, LONGEST_MANIFEST).await?;
            if existing == document {
                return Ok(false);
            }
            Err(Fault {
                remedy: "choose another name for the job".to_owned(),
                ..fault
            })
        }
        Err(fault) => Err(bucket_refusal::of_write(aws, fault, false).await),
    }
}

fn json(manifest: &Manifest) -> Vec<u8> {
    serde_json::to_vec(manifest).expect("strings, numbers and maps with string keys are always JSON")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::actions::jobs::tests::spec;
    use crate::envelope::manifest::{ManifestChannel, ManifestFile, VERSION};

    fn of_files(count: usize) -> Manifest {
        let file = ManifestFile {
            data_key: 0,
            header: String::new(),
            length: Some(1),
            version: 1,
            name: Some(String::new()),
            prefix: None,
            mac: Some(String::new()),
        };
        let channel = ManifestChannel {
            prefix: Some("data/".to_owned()),
            moved_from: None,
            is_plain: false,
            files: (0..count).map(|number| (number.to_string(), file.clone())).collect(),
        };
        Manifest {
            version: VERSION,
            data_keys: Vec::new(),
            channels: BTreeMap::from([("train".to_owned(), channel)]),
            parts: Vec::new(),
        }
    }

    #[test]
    fn few_files_are_one_document_and_many_are_parts_that_the_last_one_names() {
        let one = Documents::at_most(&spec(), of_files(3), 3);
        assert_eq!(one.all.len(), 1);
        assert_eq!(one.uri, "s3://b/.strongroom/manifests/job-1.json");
        let several = Documents::at_most(&spec(), of_files(7), 3);
        let (last, parts) = several.all.split_last().unwrap();
        assert_eq!((last.0.as_str(), parts.len()), (".strongroom/manifests/job-1.json", 3));
        assert_eq!(binding::digest(&last.1), several.sha256);
        let index = Manifest::read(&last.1).unwrap();
        for (named, (key, document)) in index.parts.iter().zip(parts) {
            assert_eq!((&named.key, &named.sha256), (key, &binding::digest(document)));
            assert!(key.starts_with(".strongroom/manifests/job-1/"), "{key}");
            assert!(Manifest::read(document).unwrap().channels["train"].files.len() <= 3);
        }
    }
}
