//! What is said of a re-wrap, and of the plan of one.

use std::collections::BTreeMap;

use super::command::CommandLine;
use super::facts::{Ask, Facts, Touch};
use super::names::Names;
use crate::domain::rewrap::RewrapSpec;

const FINISHED: &str = "What is copied just now is finished and nothing more is begun. Every object opens, under its old data key or \
                        its new one; the same again goes on with the rest.";

pub(super) fn plan_facts(spec: &RewrapSpec, names: &Names<'_>) -> Facts {
    let (place, key) = (spec.place(), names.key(&spec.to));
    let title = format!("look what a re-wrap of {place} under {key} would do");
    Facts::reading("plan the re-wrap of", place, title)
}

pub(super) fn facts(spec: &RewrapSpec, names: &Names<'_>) -> Facts {
    let (place, key) = (spec.place(), names.key(&spec.to));
    let then = if spec.delete_old {
        ", then delete old key objects"
    } else {
        ""
    };
    let title = format!("re-wrap {place} under {key}{then}");
    let facts = Facts::change("re-wrap", place, title)
        .finishing(FINISHED)
        .touching([Touch::Bucket(spec.bucket.clone())]);
    if spec.delete_old {
        let gone = "Old key objects that no version in the whole bucket names are deleted then: what names them from elsewhere, a \
                    job's hyperparameters or a script, finds them no longer.";
        return facts.consequence(gone).asking(Ask::Type(spec.bucket.clone()));
    }
    let stays = "Objects are copied onto themselves, in S3; their old key objects stay.";
    facts.consequence(stays).asking(Ask::Yes)
}

/// The commands that re-wrap all of a place each; of single objects there is none that does no more.
pub(super) fn commands(spec: &RewrapSpec, option: &str, is_given: bool) -> Vec<CommandLine> {
    if !spec.objects.is_empty() {
        return Vec::new();
    }
    let command = |prefix: &String| {
        CommandLine::strongroom("rewrap")
            .words([format!("s3://{}/{prefix}", spec.bucket)])
            .with("--to", &spec.to)
            .context(spec.context.as_ref().unwrap_or(&BTreeMap::new()))
            .flag(option, is_given)
    };
    spec.prefixes.iter().map(command).collect()
}
