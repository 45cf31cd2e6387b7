//! What S3 takes and s3s refuses. It is put in words that s3s knows once s3s has found the signature right, signed and asked
//! for anew.
//!
//! A `Range` that asks for several ranges, or for none that can be read, S3 ignores, and answers with the whole object. A
//! bucket may be made with tags, and may name encryption that it takes no objects of, for which s3s's documents have no place:
//! they go beside them.

use bytes::Bytes;
use hyper::http::Extensions;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Uri, header};
use s3s::dto::{Range, Tag, Tagging};
use s3s::route::S3Route;
use s3s::service::S3Service;
use s3s::xml::{Deserialize, Deserializer};
use s3s::{Body, S3Request, S3Response, S3Result};
use sha2::{Digest, Sha256};

use super::body::broken;
use super::convert::malformed;
use crate::api::{ApiError, refuse_if};
use crate::sigv4::sign_anew;

/// Bytes of a document about a bucket.
const LONGEST: usize = 1 << 20;

/// The tags that a bucket is to be made with.
#[derive(Debug, Clone)]
pub(super) struct TagsOfNew(pub(super) Vec<Tag>);

/// Whether a bucket is to take no objects that a key of the customer's encrypts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocks(pub(super) bool);

/// Asks `service` again.
pub(super) struct Anew {
    pub(super) service: S3Service,
}

#[async_trait::async_trait]
impl S3Route for Anew {
    fn is_match(&self, method: &Method, uri: &Uri, headers: &HeaderMap, _: &mut Extensions) -> bool {
        let (bucket, key) = uri.path().trim_start_matches('/').split_once('/').unwrap_or_default();
        let is_read = method == Method::GET || method == Method::HEAD;
        let is_object = !bucket.is_empty() && !key.is_empty();
        is_read && is_object && headers.contains_key(header::RANGE) && !is_one_range(headers)
            || method == Method::PUT && key.is_empty() && has_document(headers) && (makes_bucket(uri) || encrypts(uri))
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
        let (mut parts, mut body) = request.into_parts();
        let gone = if parts.method == Method::PUT {
            body = Body::from(without_more(&mut parts, body).await?);
            None
        } else {
            parts.headers.remove(header::RANGE);
            Some(&header::RANGE)
        };
        if let Some(credentials) = &req.credentials {
            sign_anew(&mut parts, credentials.secret_key.expose(), gone);
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
    // s3s reads a suffix of no length where there is no number.
    all.next().is_none() && one.is_some_and(|value| value != "bytes=-" && Range::parse(value).is_ok())
}

fn has_document(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
}

/// Whether a PUT of a bucket is for no part of it: what signs it says nothing of that.
fn makes_bucket(uri: &Uri) -> bool {
    let mut names = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty());
    names.all(|pair| pair.starts_with("X-Amz-") || pair.starts_with("x-id="))
}

/// Whether a PUT of a bucket is for its default encryption.
fn encrypts(uri: &Uri) -> bool {
    uri.query()
        .unwrap_or_default()
        .split('&')
        .any(|pair| pair.split('=').next() == Some("encryption"))
}

/// A document without what s3s does not know; that is put beside it.
async fn without_more(parts: &mut Parts, mut body: Body) -> Result<Bytes, ApiError> {
    let document = body.store_all_limited(LONGEST).await;
    let document = document.map_err(|error| broken(&error.to_string()))?;
    let text = std::str::from_utf8(&document).map_err(|_| malformed())?;
    let is_of_encryption = encrypts(&parts.uri);
    let name = if is_of_encryption {
        "BlockedEncryptionTypes"
    } else {
        "Tags"
    };
    let Some((head, more, tail)) = cut(text, name) else {
        return Ok(document);
    };
    if is_of_encryption {
        parts.extensions.insert(Blocks(blocks(more)?));
    } else {
        let tagging = format!("<Tagging><TagSet>{more}</TagSet></Tagging>");
        let tagging = Tagging::deserialize(&mut Deserializer::new(tagging.as_bytes())).map_err(|_| malformed())?;
        if !tagging.tag_set.is_empty() {
            parts.extensions.insert(TagsOfNew(tagging.tag_set));
        }
    }
    let rest = Bytes::from(format!("{head}{tail}"));
    parts.headers.insert(header::CONTENT_LENGTH, rest.len().into());
    if let Some(digest) = parts.headers.get_mut("x-amz-content-sha256") {
        *digest = hex::encode(Sha256::digest(&rest)).parse().map_err(|_| malformed())?;
    }
    Ok(rest)
}

/// What is before an element, in it, and behind it.
fn cut<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let (head, rest) = text.split_once(&format!("<{name}"))?;
    if let Some(tail) = rest.trim_start().strip_prefix("/>") {
        return Some((head, "", tail));
    }
    let inner = rest.trim_start().strip_prefix('>')?;
    let (inner, tail) = inner.split_once(&format!("</{name}>"))?;
    Some((head, inner, tail))
}

/// Whether SSE-C is among the kinds of encryption that are blocked; NONE stands alone.
fn blocks(mut types: &str) -> Result<bool, ApiError> {
    let mut named = Vec::new();
    while !types.trim().is_empty() {
        let (before, name, rest) = cut(types, "EncryptionType").ok_or_else(malformed)?;
        refuse_if(!before.trim().is_empty(), malformed)?;
        named.push(name.trim());
        types = rest;
    }
    match named.as_slice() {
        ["NONE"] => Ok(false),
        ["SSE-C"] => Ok(true),
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_cut_out_of_a_document_however_they_are_written() {
        for (text, pieces) in [
            ("<C><Tags><Tag/></Tags><L/></C>", Some(("<C>", "<Tag/>", "<L/></C>"))),
            ("<C><Tags /></C>", Some(("<C>", "", "</C>"))),
            ("<C><L>x</L></C>", None),
        ] {
            assert_eq!(cut(text, "Tags"), pieces);
        }
    }

    #[test]
    fn a_bucket_blocks_one_kind_of_encryption_or_none() {
        let said = |types: &str| blocks(types).map_err(|error| error.code);
        assert_eq!(said("<EncryptionType>NONE</EncryptionType>"), Ok(false));
        assert_eq!(said("\n <EncryptionType>SSE-C</EncryptionType> "), Ok(true));
        for wrong in [
            "",
            "SSE-C",
            "<EncryptionType>SSE-S3</EncryptionType>",
            "<EncryptionType>NONE</EncryptionType><EncryptionType>SSE-C</EncryptionType>",
        ] {
            assert_eq!(said(wrong), Err("MalformedXML".to_owned()), "{wrong}");
        }
    }
}
