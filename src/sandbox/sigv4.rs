//! Signature Version 4 of the JSON and query services: recomputed from the request as it arrived. S3 has s3s for it.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use hyper::HeaderMap;
use hyper::http::request::Parts;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::identity::Caller;
use super::world::{World, now};

/// How far a request's time may be off, in seconds.
const SKEW: i64 = 15 * 60;

/// Why a request is nobody's. The protocols name these differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    UnknownKey,
    WrongSignature,
    Expired,
    Skewed,
}

/// What an `Authorization` header says.
pub(crate) struct Authorization {
    pub(crate) access_key_id: String,
    date: String,
    region: String,
    pub(crate) service: String,
    signed_headers: Vec<String>,
    signature: String,
}

impl Authorization {
    pub(crate) fn parse(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get("authorization")?.to_str().ok()?;
        let rest = value.strip_prefix("AWS4-HMAC-SHA256")?;
        let fields: BTreeMap<&str, &str> = rest.split(',').filter_map(|part| part.trim().split_once('=')).collect();
        let mut scope = fields.get("Credential")?.split('/');
        Some(Self {
            access_key_id: scope.next()?.to_owned(),
            date: scope.next()?.to_owned(),
            region: scope.next()?.to_owned(),
            service: scope.next()?.to_owned(),
            signed_headers: fields.get("SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: (*fields.get("Signature")?).to_owned(),
        })
    }
}

/// Who signed this request.
pub(crate) fn caller(world: &World, parts: &Parts, body: &[u8]) -> Result<Caller, Refusal> {
    let authorization = Authorization::parse(&parts.headers).ok_or(Refusal::Missing)?;
    let credential = world
        .iam()
        .credential(&authorization.access_key_id)
        .ok_or(Refusal::UnknownKey)?;
    let stamp = header(&parts.headers, "x-amz-date").ok_or(Refusal::Missing)?;
    let at = moment(&stamp).ok_or(Refusal::Skewed)?;
    if (now().as_second() - at.as_second()).abs() > SKEW || !stamp.starts_with(&authorization.date) {
        return Err(Refusal::Skewed);
    }
    let signed = to_sign(parts, body, &authorization, &stamp);
    let signature = hex(&sign(&credential.secret, &authorization, &signed));
    if !same(&signature, &authorization.signature) {
        return Err(Refusal::WrongSignature);
    }
    if header(&parts.headers, "x-amz-security-token") != credential.session_token {
        return Err(Refusal::UnknownKey);
    }
    if credential.expires.is_some_and(|expires| expires <= now()) {
        return Err(Refusal::Expired);
    }
    Ok(credential.caller)
}

fn moment(stamp: &str) -> Option<Timestamp> {
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", stamp).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()
}

fn to_sign(parts: &Parts, body: &[u8], authorization: &Authorization, stamp: &str) -> String {
    let path = match parts.uri.path() {
        "" => "/",
        path => path,
    };
    let mut query: Vec<&str> = parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|part| !part.is_empty())
        .collect();
    query.sort_unstable();
    let headers = authorization.signed_headers.iter().fold(String::new(), |text, name| {
        let values: Vec<String> = parts
            .headers
            .get_all(name)
            .iter()
            .map(|value| {
                String::from_utf8_lossy(value.as_bytes())
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect();
        text + name + ":" + &values.join(",") + "\n"
    });
    let canonical = [
        parts.method.as_str(),
        path,
        &query.join("&"),
        &headers,
        &authorization.signed_headers.join(";"),
        &hex(&Sha256::digest(body)),
    ]
    .join("\n");
    let Authorization {
        date, region, service, ..
    } = authorization;
    let digest = hex(&Sha256::digest(canonical.as_bytes()));
    format!("AWS4-HMAC-SHA256\n{stamp}\n{date}/{region}/{service}/aws4_request\n{digest}")
}

fn sign(secret: &str, authorization: &Authorization, text: &str) -> Vec<u8> {
    let Authorization {
        date, region, service, ..
    } = authorization;
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [date.as_str(), region, service, "aws4_request", text] {
        key = hmac(&key, part.as_bytes());
    }
    key
}

fn hmac(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

/// Compares in a time that tells nothing.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
