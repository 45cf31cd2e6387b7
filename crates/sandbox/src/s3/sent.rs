//! A request as it is handed to s3s: what a signed URL carries in place of headers is headers again, and a body in
//! chunks that breaks off is seen to.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::Request;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;

use super::facts::parameter;
use super::served::SIGNATURE;
use crate::sigv4::Authorization;

/// The names in a signed URL's query that stand for headers; the URL's signature covers them.
#[derive(Debug, Clone, Default)]
pub(super) struct Hoisted(pub(super) Vec<String>);

/// The request for s3s.
pub(crate) fn sent<B>(request: Request<B>) -> Request<s3s::Body>
where
    B: Body<Data = Bytes, Error = io::Error> + Send + Sync + Unpin + 'static,
{
    let (mut parts, body) = request.into_parts();
    let hoisted = hoisted(&mut parts);
    parts.extensions.insert(hoisted);
    let digest = parts.headers.get("x-amz-content-sha256").map(HeaderValue::as_bytes);
    let body = if digest.is_some_and(|digest| digest.starts_with(b"STREAMING-")) {
        s3s::Body::http_body(Framed {
            inner: body,
            frames: Frames::default(),
        })
    } else {
        s3s::Body::http_body(body)
    };
    Request::from_parts(parts, body)
}

/// Puts headers where SDKs have moved them into the query. A header that is sent as well stays as it is.
fn hoisted(parts: &mut Parts) -> Hoisted {
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let is_old = parameter(Some(&query), "AWSAccessKeyId").is_some();
    let signed = parameter(Some(&query), "X-Amz-SignedHeaders");
    if !is_old && signed.is_none() {
        return dated(parts);
    }
    let signed: Vec<String> = signed.unwrap_or_default().split(';').map(str::to_lowercase).collect();
    let mut names = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let name = name.to_lowercase();
        // Version 2 signs these as headers, and boto3 repeats them in the query.
        let is_of_old = matches!(name.as_str(), "content-type" | "content-md5") || name.starts_with("x-amz-");
        if is_old && is_of_old && parts.headers.contains_key(&name) {
            names.push(name);
            continue;
        }
        let is_free = !parts.headers.contains_key(&name) && !signed.contains(&name);
        if !name.starts_with("x-amz-") || !is_old && is_signature(&name) || !is_free {
            continue;
        }
        let header = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(header), Ok(value)) = (header, HeaderValue::from_str(&value)) {
            parts.headers.insert(header, value);
            names.push(name);
        }
    }
    Hoisted(names)
}

/// Gives a request that is signed with `Date` the header that s3s looks for.
fn dated(parts: &mut Parts) -> Hoisted {
    if !parts.headers.contains_key("x-amz-date")
        && let Some(Ok(signed)) = Authorization::parse(&parts.headers, None)
        && let Ok(stamp) = HeaderValue::from_str(&signed.stamp)
    {
        parts.headers.insert("x-amz-date", stamp);
        return Hoisted(vec!["x-amz-date".to_owned()]);
    }
    Hoisted::default()
}

/// What of a query is version 4's signature itself.
fn is_signature(name: &str) -> bool {
    SIGNATURE.split(' ').any(|one| one.eq_ignore_ascii_case(name))
}

/// A body in chunks. Without the last one, of no bytes, nobody has signed that it ends here.
struct Framed<B> {
    inner: B,
    frames: Frames,
}

impl<B: Body<Data = Bytes, Error = io::Error> + Unpin> Body for Framed<B> {
    type Data = Bytes;
    type Error = s3s::StdError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, s3s::StdError>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                if let Some(bytes) = frame.data_ref() {
                    self.frames.pass(bytes);
                }
                Some(Ok(frame))
            }
            Some(Err(error)) => Some(Err(error.into())),
            None if self.frames == Frames::Over => None,
            None => {
                self.frames = Frames::Over;
                Some(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()))
            }
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// How far a body in chunks has come; whether its chunks are well formed and signed is s3s's to say.
#[derive(Debug, PartialEq, Eq)]
enum Frames {
    /// In the line before a chunk: its size as far as read, and whether it is read.
    Head(u64, bool),
    /// In a chunk, with so much of it and of the line's end behind it to come.
    Data(u64),
    /// Behind the last one.
    Over,
}

impl Default for Frames {
    fn default() -> Self {
        Self::Head(0, false)
    }
}

impl Frames {
    fn pass(&mut self, mut bytes: &[u8]) {
        while let [first, rest @ ..] = bytes {
            match self {
                Self::Over => return,
                Self::Data(left) => {
                    let passed = (bytes.len() as u64).min(*left);
                    bytes = &bytes[passed as usize..];
                    *left -= passed;
                    if *left == 0 {
                        *self = Self::default();
                    }
                }
                Self::Head(size, is_read) => {
                    bytes = rest;
                    match char::from(*first).to_digit(16) {
                        _ if *first == b'\n' && *size == 0 => *self = Self::Over,
                        _ if *first == b'\n' => *self = Self::Data(size.saturating_add(2)),
                        Some(digit) if !*is_read => *size = size.saturating_mul(16).saturating_add(digit.into()),
                        _ => *is_read = true,
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_chunks_is_over_with_the_chunk_of_no_bytes_however_it_is_cut() {
        let whole = b"10;chunk-signature=ab\r\n0123456789\r\n0\r\nx\r\n0;chunk-signature=cd\r\n\r\n";
        let end = whole.len() - 2;
        for step in 1..whole.len() {
            for length in 0..=whole.len() {
                let mut frames = Frames::default();
                whole[..length].chunks(step).for_each(|piece| frames.pass(piece));
                assert_eq!(frames == Frames::Over, length >= end, "{length} bytes by {step}");
            }
        }
    }

    fn headers(uri: &str, header: Option<(&str, &str)>) -> (Vec<(String, String)>, Vec<String>) {
        let mut request = Request::get(uri);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let Hoisted(names) = hoisted(&mut parts);
        let headers = parts.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        (headers.collect(), names)
    }

    #[test]
    fn what_a_signed_url_carries_stands_for_headers_and_nothing_else_does() {
        let signed = "/b/k?X-Amz-SignedHeaders=host%3Bx-amz-acl&X-Amz-Signature=1&X-Amz-Date=2";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            headers(&format!("{signed}&X-Amz-Tagging=a%3Db&x-amz-acl=private"), None),
            (vec![pair("x-amz-tagging", "a=b")], vec!["x-amz-tagging".to_owned()])
        );
        let sent = Some(("x-amz-tagging", "c=d"));
        assert_eq!(
            headers(&format!("{signed}&x-amz-tagging=a%3Db"), sent),
            (vec![pair("x-amz-tagging", "c=d")], vec![])
        );
        assert_eq!(headers("/b/k?x-amz-tagging=a%3Db", None), (vec![], vec![]));
        let old = "/b/k?AWSAccessKeyId=A&Signature=1&x-amz-tagging=a%3Db";
        assert_eq!(
            headers(old, sent),
            (vec![pair("x-amz-tagging", "c=d")], vec!["x-amz-tagging".to_owned()])
        );
    }

    #[test]
    fn a_request_that_signs_its_date_header_is_of_that_time_and_one_that_does_not_is_of_none() {
        for (signed, stamp) in [("date;host", Some("20261129T051016Z")), ("host", None)] {
            let authorization = format!(
                "AWS4-HMAC-SHA256 Credential=A/20261129/us-east-1/s3/aws4_request, SignedHeaders={signed}, Signature=1"
            );
            let request = Request::put("/b/k")
                .header("authorization", authorization)
                .header("date", "Sun, 29 Nov 2026 05:10:16 GMT");
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            let Hoisted(names) = hoisted(&mut parts);
            assert_eq!(names.is_empty(), stamp.is_none());
            let found = parts.headers.get("x-amz-date").map(|value| value.to_str().unwrap());
            assert_eq!(found, stamp);
        }
    }
}
