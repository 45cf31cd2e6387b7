//! Answers as S3 spells them. XML has no way to write most control characters as they are: S3 writes references to them,
//! which its own SDKs read. Every answer names the request, and every error says what it means.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use s3s::Body;

use super::anew::Blocks;
use super::convert::MALFORMED;
use super::scope::SIGNATURE;
use super::told::Asked;
use crate::api::ApiError;

/// The answer to the request of this id, its XML as S3 spells it, and an error with what it is about.
pub(crate) async fn spelled(
    response: Response<Body>,
    asked: &Asked,
    id: &str,
) -> Result<Response<Body>, s3s::StdError> {
    let (mut head, body) = response.into_parts();
    // S3's two names of a request; the second is opaque.
    let host = STANDARD.encode(format!("strongroom/{id}"));
    for (name, value) in [("x-amz-request-id", id), ("x-amz-id-2", &host)] {
        head.headers.insert(name, HeaderValue::from_str(value)?);
    }
    if !is_about_s3(&head.headers) {
        return Ok(Response::from_parts(head, body));
    }
    let mut body = body.collect().await?.to_bytes();
    // s3s' word for a document that it could not read to its end.
    if body.ends_with(b"<Code>InternalError</Code></Error>") {
        let ApiError { code, message, status } = asked.unread();
        head.status = StatusCode::from_u16(status)?;
        head.headers.remove(CONTENT_LENGTH);
        body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>").into();
    }
    let spelled = std::str::from_utf8(&body).ok().and_then(|xml| {
        let is_error = head.status.as_u16() >= 400;
        let told = is_error.then(|| asked.told(xml)).flatten();
        let whole = completed(told.as_deref().unwrap_or(xml), id, &host)
            .or(told)
            .or_else(|| unquoted(xml))
            .or_else(|| named(xml))
            .or_else(|| blocking(xml, *head.extensions.get()?));
        referenced(whole.as_deref().unwrap_or(xml)).or(whole)
    });
    let Some(spelled) = spelled else {
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

/// A list of buckets tells their ARNs.
fn named(xml: &str) -> Option<String> {
    let (head, list) = xml
        .split_once("<Buckets>")
        .filter(|_| xml.contains("<ListAllMyBucketsResult"))?;
    let buckets = list
        .split("<Name>")
        .enumerate()
        .map(|(index, text)| match text.split_once("</Name>") {
            Some((name, rest)) if index > 0 => {
                format!("<Name>{name}</Name><BucketArn>arn:aws:s3:::{name}</BucketArn>{rest}")
            }
            _ => text.to_owned(),
        });
    Some(format!("{head}<Buckets>{}", buckets.collect::<String>()))
}

/// A bucket's default encryption tells what it takes no objects of.
fn blocking(xml: &str, Blocks(blocks): Blocks) -> Option<String> {
    let (head, tail) = xml.split_once("</Rule>")?;
    let kind = if blocks { "SSE-C" } else { "NONE" };
    Some(format!(
        "{head}<BlockedEncryptionTypes><EncryptionType>{kind}</EncryptionType></BlockedEncryptionTypes></Rule>{tail}"
    ))
}

/// An error with what S3 says in every one: a sentence, and the request. `None` for what is no error.
fn completed(xml: &str, id: &str, host: &str) -> Option<String> {
    let at = xml.strip_suffix("</Error>")?;
    let message = match at.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")) {
        Some((code, rest)) if !rest.contains("<Message>") => format!("<Message>{}</Message>", sentence(code)),
        _ => String::new(),
    };
    Some(format!(
        "{at}{message}<RequestId>{id}</RequestId><HostId>{host}</HostId></Error>"
    ))
}

/// What the protocol's own refusals mean.
fn sentence(code: &str) -> &str {
    match code {
        "SignatureDoesNotMatch" => SIGNATURE,
        "InvalidURI" => "Couldn't parse the specified URI.",
        "InvalidBucketName" => "The specified bucket is not valid.",
        "KeyTooLongError" => "Your key is too long",
        "MalformedXML" => MALFORMED,
        "MethodNotAllowed" => "The specified method is not allowed against this resource.",
        "MissingContentLength" => "You must provide the Content-Length HTTP header.",
        "IncompleteBody" => "You did not provide the number of bytes specified by the Content-Length HTTP header",
        "AccessDenied" => "Access Denied",
        other => other,
    }
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
    use super::{completed, named, referenced};

    #[test]
    fn every_error_has_a_message_and_names_its_request() {
        let bare = "<Error><Code>SignatureDoesNotMatch</Code></Error>";
        let whole = completed(bare, "ID", "HOST").unwrap_or_default();
        let message = "<Message>The request signature we calculated";
        assert!(whole.contains(message), "{whole}");
        let end = "<RequestId>ID</RequestId><HostId>HOST</HostId></Error>";
        assert!(whole.ends_with(end), "{whole}");
        let said = completed("<Error><Code>A</Code><Message>b</Message></Error>", "ID", "HOST");
        assert_eq!(said.map(|said| said.matches("<Message>").count()), Some(1));
        assert_eq!(completed("<ListBucketResult></ListBucketResult>", "ID", "HOST"), None);
    }

    #[test]
    fn a_list_of_buckets_tells_their_arns() {
        let list = |arn: &str| {
            format!(
                "<ListAllMyBucketsResult><Buckets><Bucket><Name>a</Name>{arn}</Bucket></Buckets></ListAllMyBucketsResult>"
            )
        };
        assert_eq!(named(&list("")), Some(list("<BucketArn>arn:aws:s3:::a</BucketArn>")));
        assert_eq!(named("<ListBucketResult><Name>a</Name></ListBucketResult>"), None);
    }

    #[test]
    fn what_xml_cannot_carry_is_referred_to() {
        let said = referenced("<Key>back\u{8}space\r\u{ffff}</Key>");
        assert_eq!(said.as_deref(), Some("<Key>back&#x8;space&#xd;&#xffff;</Key>"));
        assert_eq!(referenced("<Key>\n\tcafé</Key>"), None);
    }
}
