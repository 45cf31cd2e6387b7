//! Layers, and the configurations of images beside them: a registry's, behind URLs that need no signature for an hour.

use std::time::UNIX_EPOCH;

use hyper::body::Incoming;
use hyper::{Method, Response, StatusCode};

use super::{Ecr, Request, invalid};
use crate::prelude::*;
use crate::sigv4::hmac;

/// Where they begin.
pub(crate) const PATH: &str = "/_strongroom/layer/";
/// How long ECR's own serve.
const GOOD_FOR: Duration = Duration::from_secs(3600);

impl Ecr {
    /// Where whoever is told of it gets a layer.
    pub(super) async fn layer_url(&self, endpoint: &str, request: &Request) -> Result<Value, ApiError> {
        let (name, digest) = (&request.repository_name, &request.layer_digest);
        if !self.lock().contains_key(name) {
            return Err(self.no_repository(name));
        }
        let hexadecimal = digest.strip_prefix("sha256:").unwrap_or_default();
        if hexadecimal.len() != 64 || !hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid(&format!(
                "Invalid parameter at 'layerDigest' failed to satisfy constraint: 'must satisfy regular expression \
                 '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'': {digest}"
            )));
        }
        let is_there = match &self.registry {
            Some(registry) => registry.blob(Method::HEAD, name, digest).await?.is_some(),
            None => false,
        };
        if !is_there {
            let told =
                "The specified layers could not be found, or the specified layer is not valid for this repository.";
            return Err(ApiError::new("LayersNotFoundException", told));
        }
        let until = self.now() + GOOD_FOR;
        let until = until.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let Place { account, region } = &self.place;
        let token = self.token(until, digest, name);
        Ok(json!({
            "downloadUrl": format!("{endpoint}{PATH}{account}/{region}/{until}/{token}/{digest}/{name}"),
            "layerDigest": digest,
        }))
    }

    fn token(&self, until: u64, digest: &str, name: &str) -> String {
        let words = format!("{until} {digest} {name}");
        hex::encode(hmac(self.password.as_bytes(), words.as_bytes()))
    }

    async fn layer(
        &self,
        until: &str,
        token: &str,
        digest: &str,
        name: &str,
    ) -> Result<Response<Incoming>, StatusCode> {
        let until: u64 = until.parse().map_err(|_| StatusCode::FORBIDDEN)?;
        let now = self.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if self.token(until, digest, name) != token || now > until {
            return Err(StatusCode::FORBIDDEN);
        }
        let registry = self.registry.as_ref().ok_or(StatusCode::NOT_FOUND)?;
        let found = registry.blob(Method::GET, name, digest).await;
        found.map_err(|_| StatusCode::BAD_GATEWAY)?.ok_or(StatusCode::NOT_FOUND)
    }
}

/// What a URL of [`Ecr::layer_url`]'s leads to.
pub(crate) async fn layer(world: &World, path: &str) -> Result<Response<Incoming>, StatusCode> {
    let parts: Vec<&str> = path.strip_prefix(PATH).unwrap_or_default().splitn(6, '/').collect();
    let [account, region, until, token, digest, name] = parts.as_slice() else {
        return Err(StatusCode::FORBIDDEN);
    };
    let place = Place::new(*account, *region);
    if !world.has(&place) {
        return Err(StatusCode::FORBIDDEN);
    }
    world.at(&place).ecr.layer(until, token, digest, name).await
}
