//! What an image runs by itself, read from its configuration where the registry is ECR's: for jobs that bring strongroom,
//! which is started in its place.

use serde::Deserialize;

use crate::aws::Aws;
use crate::aws::ecr::{self, Repository, Which};
use crate::domain::policy::ecr_image;
use crate::domain::{Fault, FaultKind, bring};
use crate::envelope::binding;

/// A configuration is a few kilobytes.
const LONGEST: u64 = 1 << 20;
const ACT: &str = "read the command of";
const REMEDY: &str = "name what the image runs (on the command line behind --)";
/// What SageMaker adds to an image's entry point.
const ARGUMENT: &str = "train";

/// One image's manifest, or that of several by platform.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    config: Option<Descriptor>,
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
struct Descriptor {
    digest: String,
    #[serde(default)]
    size: u64,
    platform: Option<Platform>,
}

#[derive(Debug, Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

#[derive(Debug, Default, Deserialize)]
struct Image {
    config: Option<Run>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Run {
    entrypoint: Option<Vec<String>>,
}

/// The words; `None` where the image is in no registry that ECR answers for.
pub(in crate::actions) async fn read(aws: &Aws, image: &str) -> Result<Option<Vec<String>>, Fault> {
    let Some((of, which)) = place(image) else {
        return Ok(None);
    };
    let refused = |kind, cause: &str| Fault::new(kind, ACT, image, cause, REMEDY);
    let unreadable = || refused(FaultKind::Invalid, "its manifest is none that strongroom can read");
    let parsed = |text: String| serde_json::from_str::<Document>(&text).map_err(|_| unreadable());
    let or_named = |fault: Fault| Fault {
        remedy: format!("{}; or {REMEDY}", fault.remedy),
        ..fault
    };
    let mut document = parsed(ecr::manifest(aws, of, &which).await.map_err(or_named)?)?;
    if document.config.is_none() {
        let digest = of_platform(&document).ok_or_else(|| refused(FaultKind::Invalid, "it is not for linux/amd64"))?;
        document = parsed(ecr::manifest(aws, of, &Which::Digest(digest)).await.map_err(or_named)?)?;
    }
    let config = document
        .config
        .filter(|config| config.size <= LONGEST)
        .ok_or_else(unreadable)?;
    let bytes = ecr::blob(aws, of, &config.digest).await.map_err(or_named)?;
    if config.digest.strip_prefix("sha256:") != Some(&*binding::digest(&bytes)) {
        let cause = "its configuration is another than its manifest names";
        return Err(refused(FaultKind::Integrity, cause));
    }
    let image: Image = serde_json::from_slice(&bytes).map_err(|_| unreadable())?;
    let entrypoint = image.config.and_then(|run| run.entrypoint).unwrap_or_default();
    if entrypoint
        .first()
        .is_some_and(|first| first.rsplit('/').next() == Some(bring::FILE))
    {
        let cause = "it starts strongroom by itself";
        let remedy = "start the job without a program";
        return Err(Fault {
            remedy: remedy.to_owned(),
            ..refused(FaultKind::Invalid, cause)
        });
    }
    Ok(Some(entrypoint.into_iter().chain([ARGUMENT.to_owned()]).collect()))
}

/// The one for where SageMaker runs it.
fn of_platform(document: &Document) -> Option<String> {
    let is_it = |platform: &Platform| platform.os == "linux" && platform.architecture == "amd64";
    let mut all = document.manifests.iter();
    let found = all.find(|one| one.platform.as_ref().is_some_and(is_it))?;
    Some(found.digest.clone())
}

/// Where ECR has it. A registry on this machine stands in ECR's place.
fn place(image: &str) -> Option<(Repository<'_>, Which)> {
    let (host, rest) = image.split_once('/')?;
    let is_here = ["127.0.0.1:", "localhost:"].iter().any(|here| host.starts_with(here));
    let account = ecr_image(image).map(|(account, ..)| account);
    if !is_here && account.is_none() {
        return None;
    }
    let (name, which) = match (rest.split_once('@'), rest.split_once(':')) {
        (Some((name, digest)), _) => (name.split(':').next().unwrap_or(name), Which::Digest(digest.to_owned())),
        (None, Some((name, tag))) => (name, Which::Tag(tag.to_owned())),
        (None, None) => (rest, Which::Tag("latest".to_owned())),
    };
    Some((Repository { account, name }, which))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_ecr_is_found_by_account_repository_and_tag_or_digest() {
        fn found(image: &str) -> Option<(Option<&str>, &str, Which)> {
            place(image).map(|(of, which)| (of.account, of.name, which))
        }
        let tag = |tag: &str| Which::Tag(tag.to_owned());
        let host = "763104351884.dkr.ecr.us-east-1.amazonaws.com";
        let account = Some("763104351884");
        for (rest, name, which) in [
            ("pytorch-training:2.5-cpu", "pytorch-training", tag("2.5-cpu")),
            ("team/own", "team/own", tag("latest")),
            ("own:1@sha256:00", "own", Which::Digest("sha256:00".to_owned())),
        ] {
            let image = format!("{host}/{rest}");
            let (of, found) = place(&image).unwrap();
            assert_eq!((of.account, of.name, found), (account, name, which));
        }
        assert_eq!(found("127.0.0.1:5000/own:1"), Some((None, "own", tag("1"))));
        for other in ["own:1", "docker.io/library/python:3", "quay.io/own"] {
            assert_eq!(found(other), None, "{other}");
        }
    }

    #[test]
    fn of_several_platforms_sagemakers_is_taken() {
        let several = r#"{"manifests": [
            {"digest": "sha256:1", "platform": {"os": "linux", "architecture": "arm64"}},
            {"digest": "sha256:2", "platform": {"os": "unknown", "architecture": "unknown"}},
            {"digest": "sha256:3", "size": 7, "platform": {"os": "linux", "architecture": "amd64"}}]}"#;
        assert_eq!(
            of_platform(&serde_json::from_str(several).unwrap()).as_deref(),
            Some("sha256:3")
        );
        assert_eq!(
            of_platform(&serde_json::from_str(r#"{"manifests": []}"#).unwrap()),
            None
        );
    }
}
