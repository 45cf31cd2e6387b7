//! Images: manifests by digest, and the tags that point at them.

use std::collections::BTreeSet;
use std::time::SystemTime;

use s3s::crypto::{Checksum as _, Sha256};
use serde_json::{Value, json};

use super::{DOCKER_MANIFEST, Ecr, Image, ImageId, Repository, Request, epoch, invalid, paged};
use crate::api::ApiError;

impl Ecr {
    pub(super) fn put(&self, request: &Request) -> Result<Value, ApiError> {
        let name = &request.repository_name;
        let (digest, image) = Image::new(&request.image_manifest, Image::media_type(request), self.now())?;
        if request.image_digest.as_ref().is_some_and(|claimed| *claimed != digest) {
            let told = "The specified image digest does not match the digest that Amazon ECR calculated for the image.";
            return Err(ApiError::new("ImageDigestDoesNotMatchException", told));
        }
        let mut repositories = self.lock();
        let repository = repositories.get(name).ok_or_else(|| self.no_repository(name))?;
        let tagged = request.image_tag.as_ref().and_then(|tag| repository.tags.get(tag));
        let known = repository.images.contains_key(&digest);
        if known && (request.image_tag.is_none() || tagged == Some(&digest)) {
            let told = format!("Image with digest '{digest}' already exists in the repository with name '{name}'");
            return Err(ApiError::new("ImageAlreadyExistsException", told));
        }
        if repository.immutable_tags && tagged.is_some() {
            let told = format!(
                "The image tag already exists in the '{name}' repository and cannot be overwritten because the repository is immutable."
            );
            return Err(ApiError::new("ImageTagAlreadyExistsException", told));
        }
        let id = ImageId::new(digest.clone(), request.image_tag.clone());
        let answer = json!({ "image": image_json(&self.place.account, name, &id, &image) });
        repositories.change(name, |repository| {
            repository.images.entry(digest.clone()).or_insert(image);
            if let Some(tag) = &request.image_tag {
                repository.tags.insert(tag.clone(), digest);
            }
        });
        Ok(answer)
    }

    pub(super) fn describe_images(&self, request: &Request) -> Result<Value, ApiError> {
        let name = &request.repository_name;
        let repositories = self.lock();
        let repository = repositories.get(name).ok_or_else(|| self.no_repository(name))?;
        let digests: BTreeSet<String> = match &request.image_ids {
            Some(ids) => ids
                .iter()
                .map(|id| repository.resolve(id).ok_or_else(|| self.no_image(name, id)))
                .collect::<Result<_, _>>()?,
            None => repository.images.keys().cloned().collect(),
        };
        let rows = digests
            .into_iter()
            .filter(|digest| wanted(request, !repository.tags_of(digest).is_empty()))
            .map(|digest| {
                let image = &repository.images[&digest];
                let mut row = json!({
                    "registryId": self.place.account,
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

    pub(super) fn list_images(&self, request: &Request) -> Result<Value, ApiError> {
        let name = &request.repository_name;
        let repositories = self.lock();
        let repository = repositories.get(name).ok_or_else(|| self.no_repository(name))?;
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

    pub(super) fn get_images(&self, request: &Request) -> Result<Value, ApiError> {
        let name = &request.repository_name;
        let repositories = self.lock();
        let repository = repositories.get(name).ok_or_else(|| self.no_repository(name))?;
        let (mut images, mut failures) = (Vec::new(), Vec::new());
        for id in request.image_ids.iter().flatten() {
            match repository.resolve(id) {
                Some(digest) => {
                    let id = ImageId::new(digest.clone(), id.image_tag.clone());
                    images.push(image_json(&self.place.account, name, &id, &repository.images[&digest]));
                }
                None => failures.push(failure(id)),
            }
        }
        Ok(json!({ "images": images, "failures": failures }))
    }

    fn no_image(&self, name: &str, id: &ImageId) -> ApiError {
        let shown = |part: &Option<String>| {
            part.as_deref()
                .map_or_else(|| "null".to_owned(), |part| format!("'{part}'"))
        };
        let told = format!(
            "The image with imageId {{imageDigest:{}, imageTag:{}}} does not exist within the repository with name \
             '{name}' in the registry with id '{}'",
            shown(&id.image_digest),
            shown(&id.image_tag),
            self.place.account
        );
        ApiError::new("ImageNotFoundException", told)
    }

    pub(super) fn delete_images(&self, request: &Request) -> Result<Value, ApiError> {
        let name = &request.repository_name;
        let change = |repository: &mut Repository| repository.delete(request);
        self.lock().change(name, change).ok_or_else(|| self.no_repository(name))
    }
}

impl Image {
    /// The image of a manifest, and its digest.
    pub(super) fn new(manifest: &str, media_type: String, pushed: SystemTime) -> Result<(String, Self), ApiError> {
        let parsed: Value = serde_json::from_str(manifest).map_err(|_| {
            invalid("Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'")
        })?;
        let layers = parsed["layers"].as_array().into_iter().flatten();
        let sizes = layers
            .chain([&parsed["config"]])
            .filter_map(|layer| layer["size"].as_u64());
        let image = Self {
            manifest: manifest.to_owned(),
            media_type,
            pushed,
            size: sizes.sum(),
        };
        let digest = format!("sha256:{}", hex::encode(Sha256::checksum(manifest.as_bytes())));
        Ok((digest, image))
    }

    /// As the request or its manifest says.
    pub(super) fn media_type(request: &Request) -> String {
        let said = || {
            let manifest: Value = serde_json::from_str(&request.image_manifest).ok()?;
            manifest["mediaType"].as_str().map(str::to_owned)
        };
        let named = request.image_manifest_media_type.clone();
        named.or_else(said).unwrap_or_else(|| DOCKER_MANIFEST.to_owned())
    }
}

impl Repository {
    /// Takes away the images that a request names, as far as they are here.
    pub(super) fn delete(&mut self, request: &Request) -> Value {
        let (mut deleted, mut failures) = (Vec::new(), Vec::new());
        for id in request.image_ids.iter().flatten() {
            let Some(digest) = self.resolve(id) else {
                failures.push(failure(id));
                continue;
            };
            // By tag only the tag goes, and the image with its last tag; by digest the image goes, and its tags.
            match &id.image_tag {
                Some(tag) => {
                    self.tags.remove(tag);
                    if self.tags_of(&digest).is_empty() {
                        self.images.remove(&digest);
                    }
                }
                None => {
                    self.images.remove(&digest);
                    self.tags.retain(|_, tagged| *tagged != digest);
                }
            }
            deleted.push(ImageId::new(digest, id.image_tag.clone()).json());
        }
        json!({ "imageIds": deleted, "failures": failures })
    }
}

fn wanted(request: &Request, tagged: bool) -> bool {
    match request.filter.tag_status.as_deref() {
        Some("TAGGED") => tagged,
        Some("UNTAGGED") => !tagged,
        _ => true,
    }
}

fn image_json(account: &str, repository: &str, id: &ImageId, image: &Image) -> Value {
    json!({
        "registryId": account,
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
