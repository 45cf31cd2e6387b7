//! ECR: repositories and image manifests.
//!
//! No registry protocol: an image here is its manifest, which is as much as the calls of the API
//! carry. `docker push`, and layers, need a [`registry`].

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::disk::lock;
use super::members;
use super::shelf::Shelf;
use super::world::denied;
use crate::prelude::*;

mod images;
mod layers;
mod registry;
mod request;

pub(crate) use layers::{PATH as LAYERS, layer};
use registry::Registry;
use request::{ImageId, Request, paged};

const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// The row of the password.
const PASSWORD: &str = "ecr";

/// All repositories of an account in a region.
pub(crate) struct Ecr {
    place: Place,
    clock: Clock,
    registry: Option<Registry>,
    /// What every authorization token of this world holds, also of one that was given before it was opened again.
    password: String,
    repositories: Mutex<Shelf<Repository>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Repository {
    created: SystemTime,
    immutable_tags: bool,
    /// By digest.
    images: BTreeMap<String, Image>,
    /// Tag to digest.
    tags: BTreeMap<String, String>,
    /// Tags of the repository itself.
    labels: BTreeMap<String, String>,
}

impl Repository {
    fn tags_of(&self, digest: &str) -> Vec<&String> {
        let tags = self.tags.iter().filter(|(_, tagged)| *tagged == digest);
        tags.map(|(tag, _)| tag).collect()
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

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Image {
    manifest: String,
    media_type: String,
    pushed: SystemTime,
    size: u64,
}

/// Answers one call.
pub(crate) async fn call(
    world: &Arc<World>,
    caller: &Caller,
    operation: &str,
    body: &Value,
) -> Result<Value, ApiError> {
    members::check("ecr", operation, body)?;
    let request = Request::parse(body)?;
    let may = |action: &str, resource: &str| world.authorize(caller, action, resource, &BTreeMap::new());
    let allow = |resource: &str| may(&format!("ecr:{operation}"), resource);
    let ecr = &world.at(&caller.place).ecr;
    if let Some(other) = request.registry_id.as_ref().filter(|id| **id != caller.place.account) {
        // Its repositories have no policies that could let somebody in.
        let action = format!("ecr:{operation}");
        let resource =
            Place::new(other, &caller.place.region).arn("ecr", &format!("repository/{}", request.repository_name));
        let why = format!("because no resource-based policy allows the {action} action");
        return Err(denied(caller, &action, &resource, &why));
    }
    if operation == "GetAuthorizationToken" {
        allow("*")?;
        return Ok(ecr.authorization(&world.url));
    }
    if operation == "ListTagsForResource" {
        allow(&request.resource_arn)?;
        return ecr.labels(&request.resource_arn);
    }
    if operation == "DescribeRepositories" {
        match &request.repository_names {
            Some(names) => names.iter().try_for_each(|name| allow(&ecr.arn(name)))?,
            None => allow(&ecr.arn("*"))?,
        }
        return ecr.describe(&request);
    }
    allow(&ecr.arn(&request.repository_name))?;
    // Whoever makes something with tags must be allowed to tag it, too.
    if operation == "CreateRepository" && !request.tags.is_empty() {
        may("ecr:TagResource", &ecr.arn(&request.repository_name))?;
    }
    ecr.at_registry(operation, &request).await?;
    match operation {
        "CreateRepository" => ecr.create(&request),
        "DeleteRepository" => ecr.delete(&request),
        "PutImage" => ecr.put(&request),
        "DescribeImages" => ecr.describe_images(&request),
        "ListImages" => ecr.list_images(&request),
        "BatchGetImage" => ecr.get_images(&request),
        "BatchDeleteImage" => ecr.delete_images(&request),
        "GetDownloadUrlForLayer" => ecr.layer_url(&world.url, &request).await,
        _ => Err(ApiError::unserved("ecr", operation)),
    }
}

impl Ecr {
    /// The repositories there are, before a registry if one is named.
    pub(crate) fn open(
        place: &Place,
        clock: &Clock,
        disk: &Disk,
        registry: Option<SocketAddr>,
    ) -> Result<Self, DiskError> {
        let mut secrets: Shelf<String> = Shelf::open(&place.table("secrets"), disk)?;
        let password = match secrets.get(PASSWORD) {
            Some(password) => password.clone(),
            None => {
                let password = uuid::Uuid::new_v4().simple().to_string();
                secrets.insert(PASSWORD.to_owned(), password.clone());
                password
            }
        };
        Ok(Self {
            place: place.clone(),
            clock: clock.clone(),
            registry: registry.map(|at| Registry {
                at,
                password: password.clone(),
            }),
            password,
            repositories: Mutex::new(Shelf::open(&place.table("repositories"), disk)?),
        })
    }

    /// Everything as it is on disk.
    pub(crate) fn restore(&self, disk: &Disk) -> Result<(), DiskError> {
        let fresh = Shelf::open(&self.place.table("repositories"), disk)?;
        *self.lock() = fresh;
        Ok(())
    }

    fn authorization(&self, endpoint: &str) -> Value {
        let registry = self.registry.as_ref().map(|registry| format!("http://{}", registry.at));
        json!({
            "authorizationData": [{
                "authorizationToken": basic(&self.password),
                "expiresAt": epoch(self.now() + Duration::from_secs(12 * 3600)),
                "proxyEndpoint": registry.as_deref().unwrap_or(endpoint),
            }],
        })
    }

    fn now(&self) -> SystemTime {
        self.clock.system()
    }

    fn create(&self, request: &Request) -> Result<Value, ApiError> {
        let name = &request.repository_name;
        if !valid_name(name) {
            return Err(invalid(&format!(
                "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression \
                 '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'': {name}"
            )));
        }
        let labels = request.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone()));
        let labels: BTreeMap<String, String> = labels.collect();
        if labels.len() < request.tags.len() {
            let told = "Tag keys must be unique.";
            return Err(ApiError::new("InvalidTagParameterException", told));
        }
        let mut repositories = self.lock();
        if repositories.contains_key(name) {
            let account = &self.place.account;
            let told = format!("The repository with name '{name}' already exists in the registry with id '{account}'");
            return Err(ApiError::new("RepositoryAlreadyExistsException", told));
        }
        let repository = Repository {
            created: self.now(),
            immutable_tags: request.image_tag_mutability.as_deref() == Some("IMMUTABLE"),
            images: BTreeMap::new(),
            tags: BTreeMap::new(),
            labels,
        };
        let row = self.row(name, &repository);
        repositories.insert(name.clone(), repository);
        Ok(json!({ "repository": row }))
    }

    fn labels(&self, resource: &str) -> Result<Value, ApiError> {
        let name = resource.strip_prefix(&self.arn("")).unwrap_or_default();
        let repositories = self.lock();
        let repository = repositories.get(name).ok_or_else(|| self.no_repository(name))?;
        let row = |(key, value): (&String, &String)| json!({ "Key": key, "Value": value });
        Ok(json!({ "tags": repository.labels.iter().map(row).collect::<Vec<_>>() }))
    }

    fn delete(&self, request: &Request) -> Result<Value, ApiError> {
        let name = &request.repository_name;
        let mut repositories = self.lock();
        let repository = repositories.get(name).ok_or_else(|| self.no_repository(name))?;
        if !repository.images.is_empty() && !request.force {
            let told = format!(
                "The repository with name '{name}' in registry with id '{}' cannot be deleted because it \
                 still contains images",
                self.place.account
            );
            return Err(ApiError::new("RepositoryNotEmptyException", told));
        }
        let row = self.row(name, repository);
        repositories.remove(name);
        Ok(json!({ "repository": row }))
    }

    fn describe(&self, request: &Request) -> Result<Value, ApiError> {
        let repositories = self.lock();
        let rows: Vec<(String, Value)> = match &request.repository_names {
            Some(names) => names
                .iter()
                .map(|name| {
                    let repository = repositories.get(name).ok_or_else(|| self.no_repository(name))?;
                    Ok((name.clone(), self.row(name, repository)))
                })
                .collect::<Result<_, ApiError>>()?,
            None => repositories
                .iter()
                .map(|(name, repository)| (name.clone(), self.row(name, repository)))
                .collect(),
        };
        paged("repositories", rows, request)
    }

    fn row(&self, name: &str, repository: &Repository) -> Value {
        let host = match &self.registry {
            Some(registry) => registry.at.to_string(),
            None => format!("{}.dkr.ecr.{}.amazonaws.com", self.place.account, self.place.region),
        };
        json!({
            "repositoryArn": self.arn(name),
            "registryId": self.place.account,
            "repositoryName": name,
            "repositoryUri": format!("{host}/{name}"),
            "createdAt": epoch(repository.created),
            "imageTagMutability": if repository.immutable_tags { "IMMUTABLE" } else { "MUTABLE" },
            "imageScanningConfiguration": { "scanOnPush": false },
            "encryptionConfiguration": { "encryptionType": "AES256" },
        })
    }

    fn arn(&self, repository: &str) -> String {
        self.place.arn("ecr", &format!("repository/{repository}"))
    }

    fn no_repository(&self, name: &str) -> ApiError {
        let account = &self.place.account;
        let told = format!("The repository with name '{name}' does not exist in the registry with id '{account}'");
        ApiError::new("RepositoryNotFoundException", told)
    }

    fn lock(&self) -> MutexGuard<'_, Shelf<Repository>> {
        lock(&self.repositories)
    }
}

/// User and password, as registries are told.
fn basic(password: &str) -> String {
    STANDARD.encode(format!("AWS:{password}"))
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

#[cfg(test)]
mod tests;
