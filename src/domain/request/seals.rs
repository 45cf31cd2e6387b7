//! Requests that seal what is in S3 already: rotate, and encrypt where it is.

use super::command::{CommandLine, Session};
use super::facts::{Ask, Facts, Touch};
use super::names::Names;
use crate::domain::seal::{SealAct, SealSpec};
use crate::domain::words::counted;

/// A request that seals objects which are in S3 already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealRequest {
    /// Look at what it would do.
    Plan(SealSpec),
    /// Do it.
    Run(SealSpec),
}

const FINISHING: &str = "What is under way is finished if it is answered within a second, else its parts are thrown away and the \
                         object is as it was; no other is begun. What is done stays done; how much that is, is told, and the \
                         same again goes on.";

impl SealRequest {
    pub(super) fn facts(&self, names: &Names<'_>) -> Facts {
        match self {
            Self::Plan(spec) => {
                let place = what(spec);
                let act = match spec.act {
                    SealAct::Rotate { .. } => "look ahead of the rotation of",
                    SealAct::Encrypt { .. } => "look ahead of the encryption of",
                };
                Facts::reading(act, place.clone(), format!("{act} {place}"))
                    .finishing("Nothing was written. What was seen by then is told, as a part.")
            }
            Self::Run(spec) => run(spec, names),
        }
    }

    pub(super) fn commands(&self, _session: &Session) -> Vec<CommandLine> {
        let (spec, is_plan) = match self {
            Self::Plan(spec) => (spec, true),
            Self::Run(spec) => (spec, false),
        };
        let places: Vec<String> = match spec.places.as_slice() {
            [] => vec![format!("s3://{}/{}", spec.bucket, spec.prefix)],
            places => places
                .iter()
                .map(|place| format!("s3://{}/{place}", spec.bucket))
                .collect(),
        };
        let of = |place: String| match &spec.act {
            SealAct::Rotate { key, context, resume } => CommandLine::strongroom("rotate")
                .words([place])
                .optional("--key", key.as_ref())
                .context(context.as_ref().unwrap_or(&std::collections::BTreeMap::new()))
                .flag("--no-resume", !resume)
                .flag("--dry-run", is_plan),
            SealAct::Encrypt {
                to,
                key,
                context,
                data_key_name,
                overwrite,
                delete_plain,
            } => {
                let to = if spec.is_in_place() {
                    place.clone()
                } else {
                    target(spec, &place, &to.to_string())
                };
                CommandLine::strongroom("encrypt")
                    .words([place, to])
                    .with("--key", key)
                    .context(context)
                    .optional("--data-key-name", data_key_name.as_ref())
                    .flag("--overwrite", *overwrite)
                    .flag("--delete-plain", *delete_plain)
                    .flag("--dry-run", is_plan)
            }
        };
        places.into_iter().map(of).collect()
    }
}

/// Where a place of several goes: its name stays what it was.
fn target(spec: &SealSpec, place: &str, to: &str) -> String {
    let root = format!("s3://{}/{}", spec.bucket, spec.prefix);
    let below = place.strip_prefix(&root).unwrap_or_default();
    let folder = below.rfind('/').map_or("", |slash| &below[..=slash]);
    format!("{to}{folder}")
}

fn what(spec: &SealSpec) -> String {
    match spec.places.len() {
        0 | 1 => spec.place(),
        several => format!("{} of s3://{}/{}", counted(several, "place"), spec.bucket, spec.prefix),
    }
}

fn run(spec: &SealSpec, names: &Names<'_>) -> Facts {
    let place = what(spec);
    let bucket = Touch::Bucket(spec.bucket.clone());
    match &spec.act {
        SealAct::Rotate { key, .. } => {
            let under = key
                .as_ref()
                .map(|key| format!(" under {}", names.key(key)))
                .unwrap_or_default();
            let title = format!("rotate the data keys of {place}{under}");
            Facts::change("rotate", place, title)
                .consequence("Each token is replaced by a new one of the same bytes, once all of it was verified.")
                .finishing(FINISHING)
                .touching([bucket])
                .asking(Ask::Yes)
        }
        SealAct::Encrypt {
            to,
            key,
            overwrite,
            delete_plain,
            ..
        } => {
            let key = names.key(key);
            let into = if spec.is_in_place() {
                " in place".to_owned()
            } else {
                format!(" to {to}")
            };
            let delete = if *delete_plain { ", deleting what was plain" } else { "" };
            let title = format!("encrypt {place}{into} under {key}{delete}");
            let consequence = match (spec.is_in_place(), *delete_plain, *overwrite) {
                (true, false, _) => {
                    "Each plain object is replaced by its token: whoever reads it as it is reads a token from then on."
                }
                (true, true, _) => {
                    "Each plain object is replaced by its token, and the version of it that was read is deleted for good."
                }
                (false, true, _) => {
                    "Each plain object is deleted for good, with the version of it that was read, once its token was read back."
                }
                (false, false, true) => "What is at the destination under the same names is replaced.",
                (false, false, false) => "",
            };
            let facts = Facts::change("encrypt", place, title)
                .consequence(consequence)
                .finishing(FINISHING)
                .touching([bucket, Touch::Bucket(to.bucket.clone())]);
            if spec.is_in_place() || *delete_plain {
                return facts.asking(Ask::Type(spec.bucket.clone()));
            }
            facts.asking(Ask::Yes)
        }
    }
}
