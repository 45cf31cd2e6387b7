//! Requests about objects, and the buckets they are in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::command::{self, CommandLine, Session};
use super::facts::{Ask, Facts, Touch};
use super::names::Names;
use super::rewraps;
use crate::domain::audit::{AuditReport, AuditRequest};
use crate::domain::rewrap::RewrapSpec;
use crate::domain::words::{counted, holdings, last_part};

/// A request that is about objects or the bucket they are in.
#[derive(Debug, Clone, PartialEq)]
pub enum ObjectRequest {
    /// Encrypt local files under one new data key and upload the tokens.
    Encrypt {
        /// Files (folders: with everything under them).
        paths: Vec<PathBuf>,
        /// Destination bucket.
        bucket: String,
        /// Destination prefix: empty, or ending in `/`.
        prefix: String,
        /// The KMS key: id, ARN or alias.
        key: String,
        /// Encryption context.
        context: BTreeMap<String, String>,
        /// Whether existing objects may be replaced.
        overwrite: bool,
    },
    /// Finish an interrupted upload.
    ResumeUpload {
        /// The id of an [`crate::domain::InterruptedUpload`].
        id: String,
        /// What was being encrypted.
        what: String,
        /// `s3://…`.
        destination: String,
    },
    /// Throw an interrupted upload away: its parts and what nothing needs any more.
    AbandonUpload {
        /// The id of an [`crate::domain::InterruptedUpload`].
        id: String,
        /// What was being encrypted.
        what: String,
        /// `s3://…`.
        destination: String,
    },
    /// Decrypt one object to a file, or a `model.tar.gz` into a folder.
    Decrypt {
        /// Bucket.
        bucket: String,
        /// Object key.
        object: String,
        /// Destination path.
        to: PathBuf,
        /// Whether an existing file may be replaced.
        overwrite: bool,
        /// Whether a renamed object is opened all the same.
        accept_name: bool,
        /// Whether one that may have lost its metadata is.
        accept_unbound: bool,
    },
    /// Read whole tokens and say whether they are intact.
    Verify {
        /// Bucket.
        bucket: String,
        /// Object keys.
        objects: Vec<String>,
        /// Whether tokens that may have lost their metadata are read all the same.
        accept_unbound: bool,
    },
    /// Look at everything under a prefix, by one request an object.
    Audit(AuditRequest),
    /// Look at what a re-wrap would do; nothing is changed.
    PlanRewrap(Box<RewrapSpec>),
    /// Put the data keys of tokens under another KMS key.
    Rewrap(Box<RewrapSpec>),
    /// Write an audit's rows to a new file.
    SaveAudit {
        /// The audit.
        report: Arc<AuditReport>,
        /// The file: JSON lines where it ends in `.json` or `.jsonl`, else CSV.
        to: PathBuf,
    },
    /// Delete objects.
    Delete {
        /// Bucket.
        bucket: String,
        /// Object keys.
        objects: Vec<String>,
    },
    /// Create a bucket.
    CreateBucket {
        /// Its name.
        bucket: String,
    },
    /// Count what is in a bucket, before it is emptied.
    CountBucket {
        /// Its name.
        bucket: String,
    },
    /// Delete everything in a bucket.
    EmptyBucket {
        /// Its name.
        bucket: String,
        /// How many objects the person agreed to; more are not touched.
        expected: u64,
        /// How many older versions and delete markers beside them.
        older: u64,
    },
    /// Delete everything in a bucket, then the bucket.
    DeleteBucket {
        /// Its name.
        bucket: String,
        /// How many objects the person agreed to; more are not touched.
        expected: u64,
        /// How many older versions and delete markers beside them.
        older: u64,
    },
    /// Decrypt the beginning of an object in memory.
    Preview {
        /// Bucket.
        bucket: String,
        /// Object key.
        object: String,
        /// The file inside, if the object is an archive; its first one if none is named.
        member: Option<String>,
        /// How many plaintext bytes to keep.
        most: usize,
        /// Whether a token that may have lost its metadata is opened all the same.
        accept_unbound: bool,
    },
    /// List the versions of an object.
    ListVersions {
        /// Bucket.
        bucket: String,
        /// Object key.
        object: String,
    },
    /// Read one version of an object instead of the object: preview, verify or decrypt it.
    OfVersion {
        /// Its id.
        version: String,
        /// What is done to it.
        request: Box<Self>,
    },
    /// Hold two versions of an object against each other.
    CompareVersions {
        /// Bucket.
        bucket: String,
        /// Object key.
        object: String,
        /// Their ids.
        versions: [String; 2],
        /// Whether the beginning of what they hold is decrypted.
        decrypted: bool,
    },
    /// Sign a URL that reads one object's stored bytes for a time; nothing is sent.
    Presign {
        /// Bucket.
        bucket: String,
        /// Object key.
        object: String,
    },
    /// List the files of a `model.tar.gz`.
    ListArchive {
        /// Bucket.
        bucket: String,
        /// Object key.
        object: String,
    },
}

impl ObjectRequest {
    pub(super) fn facts(&self, names: &Names<'_>) -> Facts {
        match self {
            Self::Encrypt {
                paths,
                bucket,
                prefix,
                key,
                overwrite,
                ..
            } => {
                let what = match paths.as_slice() {
                    [only] if names.brief => last_part(&only.to_string_lossy()).to_owned(),
                    [only] => only.display().to_string(),
                    several => counted(several.len(), "file"),
                };
                let (to, key) = (format!("s3://{bucket}/{prefix}"), names.key(key));
                let replacing = if *overwrite { ", replacing what is there" } else { "" };
                let title = format!("encrypt {what} under {key} to {to}{replacing}");
                let facts = Facts::change("encrypt to", to, title)
                    .finishing(UPLOADING)
                    .touching([Touch::Bucket(bucket.clone())]);
                if *overwrite {
                    let stays = "The objects there are replaced; the key object of the old ones stays.";
                    return facts.consequence(stays).asking(Ask::Yes);
                }
                facts
            }
            Self::ResumeUpload { what, destination, .. } => Facts::change(
                "finish the upload to",
                destination,
                format!("finish the upload of {what} to {destination}"),
            )
            .finishing(UPLOADING)
            .touching([Touch::written(destination), Touch::Interrupted]),
            Self::AbandonUpload { what, destination, .. } => Facts::change(
                "abort the upload to",
                destination,
                format!("abort the upload of {what} to {destination}"),
            )
            .consequence("Its parts are deleted from S3. Files that were complete stay there, the local files too.")
            .touching([Touch::written(destination), Touch::Interrupted])
            .asking(Ask::Yes),
            Self::Decrypt {
                bucket,
                object,
                to,
                accept_name,
                accept_unbound,
                ..
            } => {
                let renamed = if *accept_name { ", even if it was renamed" } else { "" };
                let stripped = even_stripped(*accept_unbound);
                let title = format!("decrypt s3://{bucket}/{object} to {}{renamed}{stripped}", to.display());
                Facts::reading("decrypt", format!("s3://{bucket}/{object}"), title)
                    .finishing(
                        "What was decrypted of a file so far goes: nothing appears under its name. Files that are there \
                         already stay.",
                    )
                    .touching([Touch::Files])
            }
            Self::Verify {
                bucket,
                objects,
                accept_unbound,
            } => {
                let (objects, stripped) = (names.objects(bucket, objects), even_stripped(*accept_unbound));
                Facts::reading("verify objects of", bucket, format!("verify {objects}{stripped}"))
                    .finishing("Nothing was written. What was not read to its end is not told.")
            }
            Self::Audit(request) => Facts::reading("audit", request.place(), request.title())
                .finishing("Nothing was written. What was seen by then is told, as a part."),
            Self::PlanRewrap(spec) => rewraps::plan_facts(spec, names),
            Self::Rewrap(spec) => rewraps::facts(spec, names),
            Self::SaveAudit { report, to } => {
                let (place, to) = (&report.summary.place, to.display());
                Facts::reading("save", "the audit", format!("save the audit of {place} to {to}"))
                    .touching([Touch::Files])
            }
            Self::Delete { bucket, objects } => {
                let what = if objects.iter().any(|object| names.is_data_key(object)) {
                    "Among them is an encrypted data key: tokens under it whose metadata does not carry it can never be \
                     opened again. "
                } else {
                    ""
                };
                let title = format!("delete {}", names.objects(bucket, objects));
                Facts::change("delete objects of", bucket, title)
                    .consequence(format!(
                        "{what}Nothing deleted comes back, unless the bucket keeps versions."
                    ))
                    .finishing(DELETING)
                    .touching([Touch::Bucket(bucket.clone())])
                    .asking(Ask::Yes)
            }
            Self::CreateBucket { bucket } => {
                Facts::change("create bucket", bucket, format!("create the bucket {bucket}")).touching([Touch::Buckets])
            }
            Self::CountBucket { bucket } => {
                Facts::reading("count bucket", bucket, format!("count what is in the bucket {bucket}"))
            }
            Self::EmptyBucket {
                bucket,
                expected,
                older,
            } => {
                let title = format!("empty the bucket {bucket} of its {}", holdings(*expected, *older));
                Facts::change("empty bucket", bucket, title)
                    .consequence("They are gone for good, data keys with them; the bucket stays.")
                    .finishing(DELETING)
                    .touching([Touch::Bucket(bucket.clone())])
                    .asking(Ask::Type(bucket.clone()))
            }
            Self::DeleteBucket {
                bucket,
                expected,
                older,
            } => {
                let title = format!("delete the bucket {bucket} and its {}", holdings(*expected, *older));
                Facts::change("delete bucket", bucket, title)
                    .consequence("All of it is gone for good, data keys with it.")
                    .finishing(DELETING)
                    .touching([Touch::Buckets, Touch::Bucket(bucket.clone())])
                    .asking(Ask::Type(bucket.clone()))
            }
            Self::Preview {
                bucket,
                object,
                member,
                accept_unbound,
                ..
            } => {
                let place = format!("s3://{bucket}/{object}");
                let member: String = member.iter().map(|member| format!("{member} in ")).collect();
                let title = format!("preview {member}{place}{}", even_stripped(*accept_unbound));
                Facts::reading("preview", place, title)
            }
            Self::ListVersions { bucket, object } => {
                let place = format!("s3://{bucket}/{object}");
                Facts::reading("list the versions of", &place, format!("list the versions of {place}"))
            }
            Self::OfVersion { version, request } => {
                let facts = request.facts(names);
                Facts {
                    title: format!("{}, version {version}", facts.title),
                    object: format!("{}, version {version}", facts.object),
                    ..facts
                }
            }
            Self::CompareVersions {
                bucket,
                object,
                decrypted,
                ..
            } => {
                let place = format!("s3://{bucket}/{object}");
                let how = if *decrypted { ", decrypted" } else { "" };
                Facts::reading(
                    "compare versions of",
                    &place,
                    format!("compare two versions of {place}{how}"),
                )
            }
            Self::Presign { bucket, object } => {
                let place = format!("s3://{bucket}/{object}");
                let title = format!("presign a URL of {place}");
                Facts::reading("presign", place, title)
            }
            Self::ListArchive { bucket, object } => {
                let place = format!("s3://{bucket}/{object}");
                Facts::reading("list", &place, format!("list the files in {place}"))
            }
        }
    }

    pub(super) fn commands(&self, session: &Session) -> Vec<CommandLine> {
        match self {
            Self::Encrypt {
                paths,
                bucket,
                prefix,
                key,
                context,
                overwrite,
            } => vec![
                CommandLine::strongroom("encrypt")
                    .words(paths.iter().map(|path| command::path(path)))
                    .words([format!("s3://{bucket}/{prefix}")])
                    .with("--key", key)
                    .context(context)
                    .flag("--overwrite", *overwrite),
            ],
            Self::Decrypt {
                bucket,
                object,
                to,
                overwrite,
                accept_name,
                accept_unbound,
            } => vec![
                CommandLine::strongroom("decrypt")
                    .words([format!("s3://{bucket}/{object}")])
                    .with("-o", command::path(to))
                    .flag("--accept-name", *accept_name)
                    .flag("--accept-unbound", *accept_unbound)
                    .flag("--overwrite", *overwrite),
            ],
            Self::Verify {
                bucket,
                objects,
                accept_unbound,
            } => vec![
                CommandLine::strongroom("verify")
                    .words(objects.iter().map(|object| format!("s3://{bucket}/{object}")))
                    .flag("--accept-unbound", *accept_unbound),
            ],
            Self::Audit(request) => vec![audit(request)],
            Self::PlanRewrap(spec) => rewraps::commands(spec, "--dry-run", true),
            Self::Rewrap(spec) => rewraps::commands(spec, "--delete-old-key-objects", spec.delete_old),
            Self::SaveAudit { report, to } => vec![
                CommandLine::strongroom("audit")
                    .words([report.summary.place.clone()])
                    .flag("--deep", report.summary.is_deep)
                    .flag("--versions", report.summary.has_versions)
                    .with("--csv", command::path(to)),
            ],
            Self::Delete { bucket, objects } => {
                let delete = CommandLine::aws("s3api delete-object").with("--bucket", bucket);
                let lines = objects.iter().map(|object| delete.clone().with("--key", object));
                lines.collect()
            }
            Self::CreateBucket { bucket } => create_bucket(bucket, session.region.as_deref()),
            Self::CountBucket { bucket } => {
                let all = [
                    format!("s3://{bucket}"),
                    "--recursive".to_owned(),
                    "--summarize".to_owned(),
                ];
                vec![CommandLine::aws("s3 ls").words(all)]
            }
            // Neither removes versions.
            Self::EmptyBucket { older: 1.., .. } | Self::DeleteBucket { older: 1.., .. } => Vec::new(),
            Self::EmptyBucket { bucket, .. } => {
                vec![CommandLine::aws("s3 rm").words([format!("s3://{bucket}"), "--recursive".to_owned()])]
            }
            Self::DeleteBucket { bucket, .. } => {
                vec![CommandLine::aws("s3 rb").words([format!("s3://{bucket}"), "--force".to_owned()])]
            }
            Self::Presign { bucket, object } => vec![
                CommandLine::aws("s3 presign")
                    .words([format!("s3://{bucket}/{object}")])
                    .with("--expires-in", PRESIGNED_SECONDS.to_string()),
            ],
            Self::ListVersions { bucket, object } => vec![
                CommandLine::aws("s3api list-object-versions")
                    .with("--bucket", bucket)
                    .with("--prefix", object),
            ],
            Self::OfVersion { .. }
            | Self::CompareVersions { .. }
            | Self::ResumeUpload { .. }
            | Self::AbandonUpload { .. }
            | Self::Preview { .. }
            | Self::ListArchive { .. } => Vec::new(),
        }
    }
}

/// How long a presigned URL lives, in seconds; shorter if the credentials that sign it do not.
pub const PRESIGNED_SECONDS: u64 = 3600;

const UPLOADING: &str = "A file that goes as one piece is finished, if it is answered within a second; of the others no part \
                         stays. Files that are there already stay, and how many is told.";
const DELETING: &str = "The call under way is finished and no other follows. What is deleted stays deleted; how much that \
                        is, is told.";

/// The command that audits so.
pub(super) fn audit(request: &AuditRequest) -> CommandLine {
    CommandLine::strongroom("audit")
        .words([request.place()])
        .flag("--deep", request.deep)
        .flag("--versions", request.versions)
}

/// What is added where a token may be opened that may have lost its metadata.
fn even_stripped(accept_unbound: bool) -> &'static str {
    if accept_unbound { ", even without metadata" } else { "" }
}

/// The oldest region takes no location, every other one must be named.
fn create_bucket(bucket: &str, region: Option<&str>) -> Vec<CommandLine> {
    let location = region.filter(|region| *region != "us-east-1");
    let location = location.map(|region| format!("LocationConstraint={region}"));
    let of_bucket = |call: &str| CommandLine::aws(call).with("--bucket", bucket);
    vec![
        of_bucket("s3api create-bucket").optional("--create-bucket-configuration", location.as_ref()),
        of_bucket("s3api put-bucket-tagging").with("--tagging", format!("TagSet=[{{{}}}]", command::workflow_tag())),
        of_bucket("s3api put-public-access-block").with(
            "--public-access-block-configuration",
            "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
        ),
    ]
}
