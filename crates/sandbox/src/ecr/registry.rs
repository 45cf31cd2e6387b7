//! A real registry behind ECR's calls: `--registry HOST:PORT` names one on loopback that asks for no password, or for
//! that of the authorization token.
//!
//! Repository URIs and the authorization token point at it, so `docker push` works; what it holds of a repository is
//! looked up before every call about images, and what ECR's calls change is changed there first.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Method, Request as HttpRequest, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Ecr, Image, Repository, Request, basic, invalid};
use crate::prelude::*;

/// The largest manifest, as registries have it.
const LARGEST: usize = 4 << 20;
const MANIFESTS: &str = "application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json";

/// Where it is, and what it is told.
#[derive(Clone)]
pub(super) struct Registry {
    pub(super) at: SocketAddr,
    pub(super) password: String,
}

/// Why there is no answer.
type Unheard = Box<dyn std::error::Error + Send + Sync>;

struct Answer {
    status: StatusCode,
    media_type: String,
    body: Bytes,
}

impl Registry {
    async fn open(&self, method: Method, path: &str, sent: (&str, Bytes)) -> Result<Response<Incoming>, Unheard> {
        let (media_type, body) = sent;
        let stream = TcpStream::connect(self.at).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = HttpRequest::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, self.at.to_string())
            .header(header::AUTHORIZATION, format!("Basic {}", basic(&self.password)))
            .header(header::ACCEPT, MANIFESTS)
            .header(header::CONTENT_TYPE, media_type)
            .body(Full::new(body))?;
        Ok(sender.send_request(request).await?)
    }

    async fn ask(&self, method: Method, path: &str, body: (&str, Bytes)) -> Result<Answer, Unheard> {
        let (head, body) = self.open(method, path, body).await?.into_parts();
        let media_type = head.headers.get(header::CONTENT_TYPE);
        Ok(Answer {
            status: head.status,
            media_type: media_type
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            body: Limited::new(body, LARGEST).collect().await?.to_bytes(),
        })
    }

    /// The answer, or nothing for what is not there.
    async fn get(&self, path: &str) -> Result<Option<Answer>, ApiError> {
        let answer = self.ask(Method::GET, path, ("", Bytes::new())).await;
        let answer = answer.map_err(|error| self.failed(&error.to_string()))?;
        match answer.status {
            StatusCode::OK => Ok(Some(answer)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(self.failed(status.as_str())),
        }
    }

    /// A blob as it comes, or nothing if it is not there.
    pub(super) async fn blob(
        &self,
        method: Method,
        name: &str,
        digest: &str,
    ) -> Result<Option<Response<Incoming>>, ApiError> {
        let path = format!("/v2/{name}/blobs/{digest}");
        let answer = self.open(method, &path, ("", Bytes::new())).await;
        let answer = answer.map_err(|error| self.failed(&error.to_string()))?;
        match answer.status() {
            StatusCode::OK => Ok(Some(answer)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(self.failed(status.as_str())),
        }
    }

    /// What the registry holds of a repository: images by tag.
    async fn images(&self, name: &str) -> Result<BTreeMap<String, Answer>, ApiError> {
        let Some(listed) = self.get(&format!("/v2/{name}/tags/list")).await? else {
            return Ok(BTreeMap::new());
        };
        let listed: Value = serde_json::from_slice(&listed.body).unwrap_or_default();
        let mut images = BTreeMap::new();
        for tag in listed["tags"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if let Some(manifest) = self.get(&format!("/v2/{name}/manifests/{tag}")).await? {
                images.insert(tag.to_owned(), manifest);
            }
        }
        Ok(images)
    }

    async fn put(&self, name: &str, reference: &str, media_type: &str, manifest: &str) -> Result<(), ApiError> {
        let path = format!("/v2/{name}/manifests/{reference}");
        let manifest = Bytes::copy_from_slice(manifest.as_bytes());
        match self.ask(Method::PUT, &path, (media_type, manifest)).await {
            Ok(answer) if answer.status.is_success() => Ok(()),
            // Its own words: most likely a layer that was never pushed.
            Ok(answer) => Err(invalid(&format!(
                "the registry: {}",
                String::from_utf8_lossy(&answer.body)
            ))),
            Err(error) => Err(self.failed(&error.to_string())),
        }
    }

    async fn delete(&self, name: &str, digest: &str) -> Result<(), ApiError> {
        let path = format!("/v2/{name}/manifests/{digest}");
        let answer = self.ask(Method::DELETE, &path, ("", Bytes::new())).await;
        match answer.map_err(|error| self.failed(&error.to_string()))?.status {
            status if status.is_success() || status == StatusCode::NOT_FOUND => Ok(()),
            StatusCode::METHOD_NOT_ALLOWED => Err(self.failed("it is not set to delete anything")),
            status => Err(self.failed(status.as_str())),
        }
    }

    fn failed(&self, why: &str) -> ApiError {
        ApiError::new("ServerException", format!("the registry at {}: {why}", self.at)).status(500)
    }
}

impl Ecr {
    /// Does at the registry, if there is one, what a call is about to do here; brings the repository up to date first.
    pub(super) async fn at_registry(&self, operation: &str, request: &Request) -> Result<(), ApiError> {
        let Some(registry) = &self.registry else {
            return Ok(());
        };
        let name = &request.repository_name;
        if operation == "CreateRepository" || !self.lock().contains_key(name) {
            return Ok(());
        }
        let found = registry.images(name).await?;
        self.adopt(name, found)?;
        match operation {
            "PutImage" => {
                let media_type = Image::media_type(request);
                let reference = request.image_tag.as_deref().or(request.image_digest.as_deref());
                let reference =
                    reference.ok_or_else(|| invalid("the registry takes an image by a tag or its digest"))?;
                registry
                    .put(name, reference, &media_type, &request.image_manifest)
                    .await
            }
            "BatchDeleteImage" | "DeleteRepository" => {
                for digest in self.doomed(operation, request)? {
                    registry.delete(name, &digest).await?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Takes a registry's tags as the repository's; an image that lost its last tag stays without.
    fn adopt(&self, name: &str, found: BTreeMap<String, Answer>) -> Result<(), ApiError> {
        let pushed = self.now();
        let images: Vec<(String, String, Image)> = found
            .into_iter()
            .filter_map(|(tag, answer)| {
                let manifest = String::from_utf8(answer.body.into()).ok()?;
                let (digest, image) = Image::new(&manifest, answer.media_type, pushed).ok()?;
                Some((tag, digest, image))
            })
            .collect();
        let mut repositories = self.lock();
        let known = repositories.get(name).ok_or_else(|| self.no_repository(name))?;
        if known
            .tags
            .iter()
            .eq(images.iter().map(|(tag, digest, _)| (tag, digest)))
        {
            return Ok(());
        }
        repositories.change(name, |repository| {
            repository.tags = images
                .iter()
                .map(|(tag, digest, _)| (tag.clone(), digest.clone()))
                .collect();
            for (_, digest, image) in images {
                repository.images.entry(digest).or_insert(image);
            }
        });
        Ok(())
    }

    /// The digests that are gone after a call.
    fn doomed(&self, operation: &str, request: &Request) -> Result<Vec<String>, ApiError> {
        let name = &request.repository_name;
        let repositories = self.lock();
        let before: &Repository = repositories.get(name).ok_or_else(|| self.no_repository(name))?;
        if operation == "DeleteRepository" {
            // Without `force` the call itself refuses one that holds images.
            let all = before.images.keys().filter(|_| request.force);
            return Ok(all.cloned().collect());
        }
        let mut after = before.clone();
        after.delete(request);
        if after.tags.len()
            < before
                .tags
                .values()
                .filter(|digest| after.images.contains_key(*digest))
                .count()
        {
            let told = "the registry cannot take one of an image's tags away; delete the image by its digest";
            return Err(invalid(told));
        }
        Ok(before
            .images
            .keys()
            .filter(|digest| !after.images.contains_key(*digest))
            .cloned()
            .collect())
    }
}
