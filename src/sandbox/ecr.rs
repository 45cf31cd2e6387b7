//! ECR: repositories and image manifests.
//!
//! No layers and no registry protocol: an image here is its manifest, which is as much as the calls of the API
//! carry. `docker push` needs a registry, and the sandbox runs training commands as processes anyway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use s3s::crypto::{Checksum as _, Sha256};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::api::ApiError;
use super::identity::{ACCOUNT, Caller, REGION};
use super::world::World;

const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// All repositories.
#[derive(Debug, Default)]
pub(crate) struct Ecr {
    repositories: Mutex<BTreeMap<String, Repository>>,
}

#[derive(Debug)]
struct Repository {
    created: SystemTime,
    immutable_tags: bool,
    /// By digest.
    images: BTreeMap<String, Image>,
    /// Tag to digest.
    tags: BTreeMap<String, String>,
}

impl Repository {
    fn tags_of(&self, digest: &str) -> Vec<&String> {
        self.tags
            .iter()
            .filter(|(_, tagged)| *tagged == digest)
            .map(|(tag, _)| tag)
            .collect()
    }

    /// The digest that `id` names, if such an image is here.
    fn resolve(&self, id: &ImageId) -> Option<String> {
        let digest = match (&id.image_digest, &id.image_tag) {
            (Some(digest), None) => digest,
            (Some(digest), Some(tag)) if self.tags.get(tag) == Some(digest) => digest,
            (None, Some(tag)) => self.tags.get(tag)?,
            _ => return None,
        };
        self.images.contains_key(digest).then(|| digest.clone())
    }
}

#[derive(Debug)]
struct Image {
    manifest: String,
    media_type: String,
    pushed: SystemTime,
    size: u64,
}

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Request {
    repository_name: String,
    repository_names: Option<Vec<String>>,
    image_tag_mutability: Option<String>,
    force: bool,
    image_ids: Option<Vec<ImageId>>,
    image_manifest: String,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
    filter: Filter,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    tag_status: Option<String>,
}

#[derive(Debug, Deserialize, Default, Clone)]
#[serde(rename_all = "camelCase", default)]
struct ImageId {
    image_digest: Option<String>,
    image_tag: Option<String>,
}

impl ImageId {
    fn json(&self) -> Value {
        let mut id = json!({});
        if let Some(digest) = &self.image_digest {
            id["imageDigest"] = json!(digest);
        }
        if let Some(tag) = &self.image_tag {
            id["imageTag"] = json!(tag);
        }
        id
    }
}

/// Answers one call.
pub(crate) fn call(world: &Arc<World>, caller: &Caller, operation: &str, body: &Value) -> Result<Value, ApiError> {
    let request: Request = parse(body)?;
    let allow = |resource: &str| world.authorize(caller, &format!("ecr:{operation}"), resource, &BTreeMap::new());
    if operation == "GetAuthorizationToken" {
        allow("*")?;
        return Ok(authorization(&world.url));
    }
    let ecr = &world.ecr;
    if operation == "DescribeRepositories" {
        match &request.repository_names {
            Some(names) => names.iter().try_for_each(|name| allow(&arn(name)))?,
            None => allow(&arn("*"))?,
        }
        return ecr.describe(&request);
    }
    allow(&arn(&request.repository_name))?;
    match operation {
        "CreateRepository" => ecr.create(&request),
        "DeleteRepository" => ecr.delete(&request),
        "PutImage" => ecr.put(&request),
        "DescribeImages" => ecr.describe_images(&request),
        "ListImages" => ecr.list_images(&request),
        "BatchGetImage" => ecr.get_images(&request),
        "BatchDeleteImage" => ecr.delete_images(&request),
        _ => Err(ApiError::new(
            "UnknownOperationException",
            format!("the sandbox does not implement ecr:{operation}"),
        )),
    }
}

impl Ecr {
    fn create(&self, request: &Request) -> Result<Value, ApiError> {
        let name = &request.repository_name;
        if !valid_name(name) {
            return Err(invalid(&format!(
                "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression \
                 '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'': {name}"
            )));
        }
        let mut repositories = self.lock();
        if repositories.contains_key(name) {
            return Err(ApiError::new(
                "RepositoryAlreadyExistsException",
                format!("The repository with name '{name}' already exists in the registry with id '{ACCOUNT}'"),
            ));
        }
        let repository = Repository {
            created: SystemTime::now(),
            immutable_tags: request.image_tag_mutability.as_deref() == Some("IMMUTABLE"),
            images: BTreeMap::new(),
            tags: BTreeMap::new(),
        };
        let row = repository_row(name, &repository);
        repositories.insert(name.clone(), repository);
        Ok(json!({ "repository": row }))
    }

    fn delete(&self, request: &Request) -> Result<Value, ApiError> {
        let name = &request.repository_name;
        let mut repositories = self.lock();
        let repository = repositories.get(name).ok_or_else(|| no_repository(name))?;
        if !repository.images.is_empty() && !request.force {
            return Err(ApiError::new(
                "RepositoryNotEmptyException",
                format!(
                    "The repository with name '{name}' in registry with id '{ACCOUNT}' cannot be deleted because it \
                     still contains images"
                ),
            ));
        }
        let row = repository_row(name, repository);
        repositories.remove(name);
        Ok(json!({ "repository": row }))
    }

    fn describe(&self, request: &Request) -> Result<Value, ApiError> {
        let repositories = self.lock();
        let rows: Vec<(String, Value)> = match &request.repository_names {
            Some(names) => names
                .iter()
                .map(|name| {
                    let repository = repositories.get(name).ok_or_else(|| no_repository(name))?;
                    Ok((name.clone(), repository_row(name, repository)))
                })
                .collect::<Result<_, ApiError>>()?,
            None => repositories
                .iter()
                .map(|(name, repository)| (name.clone(), repository_row(name, repository)))
                .collect(),
        };
        paged("repositories", rows, request)
    }

    fn put(&self, request: &Request) -> Result<Value, ApiError> {
        let name = &request.repository_name;
        let manifest: Value = serde_json::from_str(&request.image_manifest).map_err(|_| {
            invalid("Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'")
        })?;
        let digest = format!(
            "sha256:{}",
            super::s3::hex(&Sha256::checksum(request.image_manifest.as_bytes()))
        );
        if request.image_digest.as_ref().is_some_and(|claimed| *claimed != digest) {
            return Err(ApiError::new(
                "ImageDigestDoesNotMatchException",
                "The specified image digest does not match the digest that Amazon ECR calculated for the image.",
            ));
        }
        let media_type = request
            .image_manifest_media_type
            .clone()
            .or_else(|| manifest["mediaType"].as_str().map(str::to_owned))
            .unwrap_or_else(|| DOCKER_MANIFEST.to_owned());
        let size = manifest["layers"]
            .as_array()
            .into_iter()
            .flatten()
            .chain([&manifest["config"]])
            .filter_map(|layer| layer["size"].as_u64())
            .sum();
        let mut repositories = self.lock();
        let repository = repositories.get_mut(name).ok_or_else(|| no_repository(name))?;
        let tagged = request.image_tag.as_ref().and_then(|tag| repository.tags.get(tag));
        let known = repository.images.contains_key(&digest);
        if known && (request.image_tag.is_none() || tagged == Some(&digest)) {
            return Err(ApiError::new(
                "ImageAlreadyExistsException",
                format!("Image with digest '{digest}' already exists in the repository with name '{name}'"),
            ));
        }
        if repository.immutable_tags && tagged.is_some() {
            return Err(ApiError::new(
                "ImageTagAlreadyExistsException",
                format!(
                    "The image tag already exists in the '{name}' repository and cannot be overwritten because the repository is immutable."
                ),
            ));
        }
        repository.images.entry(digest.clone()).or_insert_with(|| Image {
            manifest: request.image_manifest.clone(),
            media_type,
            pushed: SystemTime::now(),
            size,
        });
        if let Some(tag) = &request.image_tag {
            repository.tags.insert(tag.clone(), digest.clone());
        }
        let id = ImageId {
            image_digest: Some(digest.clone()),
            image_tag: request.image_tag.clone(),
        };
        Ok(json!({ "image": image_json(name, &id, &repository.images[&digest]) }))
    }

    fn describe_images(&self, request: &Request) -> Result<Value, ApiError> {
        let name = &request.repository_name;
        let repositories = self.lock();
        let repository = repositories.get(name).ok_or_else(|| no_repository(name))?;
        let digests: BTreeSet<String> = match &request.image_ids {
            Some(ids) => ids
                .iter()
                .map(|id| repository.resolve(id).ok_or_else(|| no_image(name, id)))
                .collect::<Result<_, _>>()?,
            None => repository.images.keys().cloned().collect(),
        };
        let rows = digests
            .into_iter()
            .filter(|digest| wanted(request, !repository.tags_of(digest).is_empty()))
            .map(|digest| {
                let image = &repository.images[&digest];
                let mut row = json!({
                    "registryId": ACCOUNT,
                    "repositoryName": name,
                    "imageDigest": digest,
                    "imageSizeInBytes": image.size,
                    "imagePushedAt": epoch(image.pushed),
                    "imageManifestMediaType": image.media_type,
                });
                let tags = repository.tags_of(&digest);
                if !tags.is_empty() {
                    row["imageTags"] = json!(tags);
                }
                (digest, row)
            })
            .collect();
        paged("imageDetails", rows, request)
    }

    fn list_images(&self, request: &Request) -> Result<Value, ApiError> {
        let name = &request.repository_name;
        let repositories = self.lock();
        let repository = repositories.get(name).ok_or_else(|| no_repository(name))?;
        let mut rows = Vec::new();
        for digest in repository.images.keys() {
            let tags = repository.tags_of(digest);
            if !wanted(request, !tags.is_empty()) {
                continue;
            }
            if tags.is_empty() {
                rows.push((digest.clone(), json!({ "imageDigest": digest })));
            }
            for tag in tags {
                rows.push((
                    format!("{digest} {tag}"),
                    json!({ "imageDigest": digest, "imageTag": tag }),
                ));
            }
        }
        paged("imageIds", rows, request)
    }

    fn get_images(&self, request: &Request) -> Result<Value, ApiError> {
        let name = &request.repository_name;
        let repositories = self.lock();
        let repository = repositories.get(name).ok_or_else(|| no_repository(name))?;
        let (mut images, mut failures) = (Vec::new(), Vec::new());
        for id in request.image_ids.iter().flatten() {
            match repository.resolve(id) {
                Some(digest) => {
                    let id = ImageId {
                        image_digest: Some(digest.clone()),
                        image_tag: id.image_tag.clone(),
                    };
                    images.push(image_json(name, &id, &repository.images[&digest]));
                }
                None => failures.push(failure(id)),
            }
        }
        Ok(json!({ "images": images, "failures": failures }))
    }

    fn delete_images(&self, request: &Request) -> Result<Value, ApiError> {
        let name = &request.repository_name;
        let mut repositories = self.lock();
        let repository = repositories.get_mut(name).ok_or_else(|| no_repository(name))?;
        let (mut deleted, mut failures) = (Vec::new(), Vec::new());
        for id in request.image_ids.iter().flatten() {
            let Some(digest) = repository.resolve(id) else {
                failures.push(failure(id));
                continue;
            };
            // By tag only the tag goes, and the image with its last tag; by digest the image goes, and its tags.
            match &id.image_tag {
                Some(tag) => {
                    repository.tags.remove(tag);
                    if repository.tags_of(&digest).is_empty() {
                        repository.images.remove(&digest);
                    }
                }
                None => {
                    repository.images.remove(&digest);
                    repository.tags.retain(|_, tagged| *tagged != digest);
                }
            }
            deleted.push(
                ImageId {
                    image_digest: Some(digest),
                    image_tag: id.image_tag.clone(),
                }
                .json(),
            );
        }
        Ok(json!({ "imageIds": deleted, "failures": failures }))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Repository>> {
        self.repositories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse<T: DeserializeOwned>(body: &Value) -> Result<T, ApiError> {
    serde_json::from_value(body.clone()).map_err(|error| invalid(&error.to_string()))
}

/// One page of `rows`, named by their sorted names.
fn paged(list: &str, rows: Vec<(String, Value)>, request: &Request) -> Result<Value, ApiError> {
    let limit = request.max_results.unwrap_or(100);
    if !(1..=1000).contains(&limit) {
        return Err(invalid(
            "Invalid parameter at 'maxResults' failed to satisfy constraint: 'must be between 1 and 1000'",
        ));
    }
    let after = request
        .next_token
        .as_ref()
        .map(|token| {
            URL_SAFE_NO_PAD
                .decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| {
                    invalid("Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid token'")
                })
        })
        .transpose()?;
    let mut left: Vec<(String, Value)> = rows
        .into_iter()
        .skip_while(|(name, _)| after.as_ref().is_some_and(|after| name <= after))
        .collect();
    let more = left.len() > limit;
    left.truncate(limit);
    let next = left
        .last()
        .filter(|_| more)
        .map(|(name, _)| URL_SAFE_NO_PAD.encode(name));
    let rows: Vec<Value> = left.into_iter().map(|(_, row)| row).collect();
    let mut answer = json!({ list: rows });
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

fn wanted(request: &Request, tagged: bool) -> bool {
    match request.filter.tag_status.as_deref() {
        Some("TAGGED") => tagged,
        Some("UNTAGGED") => !tagged,
        _ => true,
    }
}

fn authorization(endpoint: &str) -> Value {
    let password = uuid::Uuid::new_v4().simple().to_string();
    json!({
        "authorizationData": [{
            "authorizationToken": STANDARD.encode(format!("AWS:{password}")),
            "expiresAt": epoch(SystemTime::now() + Duration::from_secs(12 * 3600)),
            "proxyEndpoint": endpoint,
        }],
    })
}

fn repository_row(name: &str, repository: &Repository) -> Value {
    json!({
        "repositoryArn": arn(name),
        "registryId": ACCOUNT,
        "repositoryName": name,
        "repositoryUri": format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}"),
        "createdAt": epoch(repository.created),
        "imageTagMutability": if repository.immutable_tags { "IMMUTABLE" } else { "MUTABLE" },
        "imageScanningConfiguration": { "scanOnPush": false },
        "encryptionConfiguration": { "encryptionType": "AES256" },
    })
}

fn image_json(repository: &str, id: &ImageId, image: &Image) -> Value {
    json!({
        "registryId": ACCOUNT,
        "repositoryName": repository,
        "imageId": id.json(),
        "imageManifest": image.manifest,
        "imageManifestMediaType": image.media_type,
    })
}

fn failure(id: &ImageId) -> Value {
    json!({
        "imageId": id.json(),
        "failureCode": "ImageNotFound",
        "failureReason": "Requested image not found",
    })
}

fn arn(repository: &str) -> String {
    format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository}")
}

fn epoch(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as f64 / 1000.0
}

fn valid_name(name: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (2..=256).contains(&name.len())
        && name.split('/').all(|component| {
            component
                .split(['.', '_', '-'])
                .all(|word| !word.is_empty() && word.chars().all(alphanumeric))
        })
}

fn invalid(message: &str) -> ApiError {
    ApiError::new("InvalidParameterException", message)
}

fn no_repository(name: &str) -> ApiError {
    ApiError::new(
        "RepositoryNotFoundException",
        format!("The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'"),
    )
}

fn no_image(name: &str, id: &ImageId) -> ApiError {
    let shown = |part: &Option<String>| {
        part.as_deref()
            .map_or_else(|| "null".to_owned(), |part| format!("'{part}'"))
    };
    ApiError::new(
        "ImageNotFoundException",
        format!(
            "The image with imageId {{imageDigest:{}, imageTag:{}}} does not exist within the repository with name \
             '{name}' in the registry with id '{ACCOUNT}'",
            shown(&id.image_digest),
            shown(&id.image_tag)
        ),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request(body: &Value) -> Request {
        parse(body).unwrap()
    }

    #[test]
    fn an_image_is_found_by_tag_and_by_digest_until_its_last_tag_goes() {
        let ecr = Ecr::default();
        ecr.create(&request(&json!({ "repositoryName": "example-image" })))
            .unwrap();
        let manifest = json!({ "layers": [{ "size": 7 }], "config": { "size": 3 } }).to_string();
        let put = json!({ "repositoryName": "example-image", "imageManifest": manifest, "imageTag": "latest" });
        let image = ecr.put(&request(&put)).unwrap();
        assert_eq!(ecr.put(&request(&put)).unwrap_err().code, "ImageAlreadyExistsException");
        let digest = &image["image"]["imageId"]["imageDigest"];
        let ids = json!({ "repositoryName": "example-image", "imageIds": [{ "imageTag": "latest" }, { "imageDigest": digest }] });
        let got = ecr.get_images(&request(&ids)).unwrap();
        assert_eq!(got["images"][0]["imageManifest"], manifest);
        assert_eq!(got["images"].as_array().unwrap().len(), 2);
        let details = ecr
            .describe_images(&request(&json!({ "repositoryName": "example-image" })))
            .unwrap();
        assert_eq!(details["imageDetails"][0]["imageSizeInBytes"], 10);
        let full = json!({ "repositoryName": "example-image" });
        assert_eq!(
            ecr.delete(&request(&full)).unwrap_err().code,
            "RepositoryNotEmptyException"
        );
        let by_tag = json!({ "repositoryName": "example-image", "imageIds": [{ "imageTag": "latest" }] });
        ecr.delete_images(&request(&by_tag)).unwrap();
        assert_eq!(
            ecr.get_images(&request(&ids)).unwrap()["failures"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
        ecr.delete(&request(&full)).unwrap();
    }

    #[test]
    fn repositories_are_listed_page_by_page() {
        let ecr = Ecr::default();
        for name in ["aa", "bb", "cc"] {
            ecr.create(&request(&json!({ "repositoryName": name }))).unwrap();
        }
        let first = ecr.describe(&request(&json!({ "maxResults": 2 }))).unwrap();
        let second = ecr
            .describe(&request(&json!({ "maxResults": 2, "nextToken": first["nextToken"] })))
            .unwrap();
        assert_eq!(first["repositories"].as_array().unwrap().len(), 2);
        assert_eq!(second["repositories"][0]["repositoryName"], "cc");
        assert!(second.get("nextToken").is_none());
    }

    #[test]
    fn repository_names_follow_ecr() {
        for good in ["example-image", "team/example_image", "a.b/c-d"] {
            assert!(valid_name(good), "{good}");
        }
        for bad in ["", "a", "Upper", "-a", "a-", "a//b", "a--b"] {
            assert!(!valid_name(bad), "{bad}");
        }
    }
}
