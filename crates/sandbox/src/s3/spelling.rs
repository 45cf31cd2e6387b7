//! Names in XML. It has no way to write most control characters as they are; S3 writes references to them, which its
//! own SDKs read.

use std::fmt::Write;

use http_body_util::BodyExt;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use hyper::{HeaderMap, Response};
use s3s::Body;

use super::told::Asked;

/// The answer, its XML as S3 spells it, and an error with what it is about.
pub(crate) async fn spelled(response: Response<Body>, asked: &Asked) -> Result<Response<Body>, s3s::StdError> {
    let (mut head, body) = response.into_parts();
    if !is_about_s3(&head.headers) {
        return Ok(Response::from_parts(head, body));
    }
    let body = body.collect().await?.to_bytes();
    let xml = std::str::from_utf8(&body).ok();
    let told = xml
        .filter(|_| head.status.as_u16() >= 400)
        .and_then(|xml| asked.told(xml));
    let spelled = told.as_deref().or(xml).and_then(referenced).or(told);
    let Some(spelled) = spelled.or_else(|| unquoted(xml?)) else {
        return Ok(Response::from_parts(head, Body::from(body)));
    };
    head.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(head, Body::from(spelled)))
}

/// An object may be XML too: it is nobody's to change, and has an ETag.
fn is_about_s3(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/xml")) && !headers.contains_key(ETAG)
}

/// Among its attributes S3 gives an object's ETag without quotes.
fn unquoted(xml: &str) -> Option<String> {
    let (before, rest) = xml.split_once("<GetObjectAttributesResponse")?;
    let (head, rest) = rest.split_once("<ETag>\"")?;
    let (etag, rest) = rest.split_once("\"</ETag>")?;
    Some(format!(
        "{before}<GetObjectAttributesResponse{head}<ETag>{etag}</ETag>{rest}"
    ))
}

/// `None` if it is fine as it is.
fn referenced(xml: &str) -> Option<String> {
    xml.contains(is_unspeakable).then(|| {
        xml.chars().fold(String::with_capacity(xml.len() + 8), |mut text, c| {
            if is_unspeakable(c) {
                let _ = write!(text, "&#x{:x};", u32::from(c));
            } else {
                text.push(c);
            }
            text
        })
    })
}

/// A carriage return may be written, and is read as another character.
fn is_unspeakable(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::referenced;

    #[test]
    fn what_xml_cannot_carry_is_referred_to() {
        assert_eq!(
            referenced("<Key>back\u{8}space\r\u{ffff}</Key>").as_deref(),
            Some("<Key>back&#x8;space&#xd;&#xffff;</Key>")
        );
        assert_eq!(referenced("<Key>\n\tcafé</Key>"), None);
    }
}
