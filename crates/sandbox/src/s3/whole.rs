//! A `Range` that asks for several ranges, or for none that can be read: S3 ignores it and answers with the whole object,
//! where s3s refuses the request. So it is taken away once s3s has found the signature right, and the rest is signed and
//! asked for anew.

use hyper::http::Extensions;
use hyper::{HeaderMap, Method, Request, Uri, header};
use s3s::dto::Range;
use s3s::route::S3Route;
use s3s::service::S3Service;
use s3s::{Body, S3Request, S3Response, S3Result};

use crate::api::ApiError;
use crate::sigv4::sign_without;

/// Asks `service` for whole objects.
pub(super) struct Whole {
    pub(super) service: S3Service,
}

#[async_trait::async_trait]
impl S3Route for Whole {
    fn is_match(&self, method: &Method, uri: &Uri, headers: &HeaderMap, _: &mut Extensions) -> bool {
        let path = uri.path().trim_start_matches('/');
        let is_object = path.split_once('/').is_some_and(|(_, key)| !key.is_empty());
        let is_read = method == Method::GET || method == Method::HEAD;
        is_read && is_object && headers.contains_key(header::RANGE) && !is_one_range(headers)
    }

    /// The service does.
    async fn check_access(&self, _: &mut S3Request<Body>) -> S3Result<()> {
        Ok(())
    }

    async fn call(&self, req: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let mut request = Request::new(req.input);
        *request.method_mut() = req.method;
        *request.uri_mut() = req.uri;
        *request.headers_mut() = req.headers;
        *request.extensions_mut() = req.extensions;
        let (mut parts, body) = request.into_parts();
        match &req.credentials {
            Some(credentials) => sign_without(&mut parts, credentials.secret_key.expose(), &header::RANGE),
            None => drop(parts.headers.remove(header::RANGE)),
        }
        let answer = self.service.call(Request::from_parts(parts, body)).await;
        let answer = answer.map_err(|error| ApiError::new("InternalError", format!("{error:?}")).status(500))?;
        let (parts, body) = answer.into_parts();
        let mut response = S3Response::new(body);
        response.status = Some(parts.status);
        response.headers = parts.headers;
        response.extensions = parts.extensions;
        Ok(response)
    }
}

fn is_one_range(headers: &HeaderMap) -> bool {
    let mut all = headers.get_all(header::RANGE).iter();
    let one = all.next().and_then(|value| value.to_str().ok());
    all.next().is_none() && one.is_some_and(|value| Range::parse(value).is_ok())
}
