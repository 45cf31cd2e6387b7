//! Signature Version 4 of everything but S3, recomputed from the request as it arrived: by header, or by query
//! (presigned). S3 has s3s for it; what s3s leaves open is checked with [`Authorization`] in `s3::access`.

use hmac::{Hmac, KeyInit, Mac};
use hyper::HeaderMap;
use hyper::http::request::Parts;
use hyper::http::{Extensions, HeaderName, HeaderValue};
use jiff::fmt::rfc2822::DateTimeParser;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::trail::{Arrival, Signed};
use crate::prelude::*;

/// How far a request's time may be off, in seconds.
const SKEW: i64 = 15 * 60;
/// The region that requests to IAM are signed for.
const GLOBAL: &str = "us-east-1";
/// The longest that a presigned request may be good for, in seconds.
pub(crate) const LONGEST: i64 = 7 * 24 * 3600;

/// Why a request is nobody's. The protocols name these differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    Missing,
    /// The signature lacks something; the sentence says what.
    Incomplete(String),
    UnknownKey,
    WrongSignature,
    /// The signature is for something else; the sentence says what.
    WrongScope(String),
    /// The session has ended.
    Expired,
    /// Signed too long ago, or ahead of time.
    Skewed(String),
}

/// What the signature of a request says, before anything is believed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub(crate) access_key_id: String,
    date: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) signed_headers: Vec<String>,
    signature: String,
    pub(crate) stamp: String,
    pub(crate) token: Option<String>,
    /// How long a presigned request is good for.
    expires: Option<i64>,
}

impl Authorization {
    /// Reads header or query; nothing if the request is not signed at all.
    pub(crate) fn parse(headers: &HeaderMap, query: Option<&str>) -> Option<Result<Self, Refusal>> {
        let query = query.unwrap_or_default();
        let parameter = |name: &str| {
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| percent_decode_str(value).decode_utf8_lossy().into_owned())
        };
        if let Some(value) = header(headers, "authorization") {
            return Some(Self::from_header(headers, &value));
        }
        let credential = parameter("X-Amz-Credential")?;
        let parsed = Self::of(
            &credential,
            &parameter("X-Amz-SignedHeaders").unwrap_or_default(),
            parameter("X-Amz-Signature"),
        );
        Some(parsed.and_then(|parsed| {
            let expires = parameter("X-Amz-Expires").map_or(Some(900), |text| text.parse().ok());
            Ok(Self {
                stamp: parameter("X-Amz-Date").ok_or_else(|| incomplete("X-Amz-Date"))?,
                token: parameter("X-Amz-Security-Token"),
                expires: Some(
                    expires
                        .filter(|seconds| (1..=LONGEST).contains(seconds))
                        .ok_or_else(|| incomplete("X-Amz-Expires"))?,
                ),
                ..parsed
            })
        }))
    }

    fn from_header(headers: &HeaderMap, value: &str) -> Result<Self, Refusal> {
        let Some(rest) = value.strip_prefix("AWS4-HMAC-SHA256") else {
            return Err(Refusal::Incomplete(
                "Authorization header requires 'AWS4-HMAC-SHA256' as its algorithm.".to_owned(),
            ));
        };
        let fields: BTreeMap<&str, &str> = rest.split(',').filter_map(|part| part.trim().split_once('=')).collect();
        let field = |name: &str| {
            fields
                .get(name)
                .copied()
                .ok_or_else(|| Refusal::Incomplete(format!("Authorization header requires '{name}' parameter.")))
        };
        let parsed = Self::of(
            field("Credential")?,
            field("SignedHeaders")?,
            Some(field("Signature")?.to_owned()),
        )?;
        Ok(Self {
            stamp: stamp(headers, &parsed.signed_headers).ok_or_else(|| {
                Refusal::Incomplete(
                    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".to_owned(),
                )
            })?,
            token: header(headers, "x-amz-security-token"),
            ..parsed
        })
    }

    fn of(credential: &str, signed_headers: &str, signature: Option<String>) -> Result<Self, Refusal> {
        let scope: Vec<&str> = credential.split('/').collect();
        let [access_key_id, date, region, service, "aws4_request"] = scope.as_slice() else {
            return Err(Refusal::Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
            )));
        };
        Ok(Self {
            access_key_id: (*access_key_id).to_owned(),
            date: (*date).to_owned(),
            region: (*region).to_owned(),
            service: (*service).to_owned(),
            signed_headers: signed_headers.split(';').map(str::to_lowercase).collect(),
            signature: signature.ok_or_else(|| incomplete("X-Amz-Signature"))?,
            stamp: String::new(),
            token: None,
            expires: None,
        })
    }

    /// Whether the signature covers what it must: another host's request, or another day's, is not this one.
    pub(crate) fn check_headers(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let covers = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        let unsigned =
            |name: &str| Refusal::Incomplete(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."));
        if !covers("host") {
            return Err(unsigned("Host"));
        }
        let loose = headers
            .keys()
            .find(|name| name.as_str().starts_with("x-amz-") && !covers(name.as_str()) && !is_loose(name.as_str()));
        loose.map_or(Ok(()), |name| Err(unsigned(name.as_str())))
    }

    /// Whether the scope names this service and a region of the world.
    fn check_scope(&self, world: &World, service: &str) -> Result<(), Refusal> {
        if !(world.has_region(&self.region) || (service == "iam" && self.region == GLOBAL)) {
            let told = format!("Credential should be scoped to a valid region, not '{}'. ", self.region);
            return Err(Refusal::WrongScope(told));
        }
        if self.service != service {
            let told = format!("Credential should be scoped to correct service: '{service}'. ");
            return Err(Refusal::WrongScope(told));
        }
        Ok(())
    }

    /// Whether the signature's time is now, by the machine's clock.
    fn check_time(&self, now: Timestamp) -> Result<(), Refusal> {
        let at = moment(&self.stamp).ok_or_else(|| {
            let told = format!("Date must be in ISO-8601 'basic format'. Got '{}'.", self.stamp);
            Refusal::Incomplete(told)
        })?;
        if !self.stamp.starts_with(&self.date) {
            return Err(Refusal::WrongScope(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}'.",
                self.date,
                self.stamp.get(..8).unwrap_or_default()
            )));
        }
        let age = now.as_second() - at.as_second();
        if age > self.expires.unwrap_or(SKEW) {
            return Err(Refusal::Skewed(format!(
                "Signature expired: {} is now earlier than the earliest time that is accepted",
                self.stamp
            )));
        }
        if age < -SKEW {
            return Err(Refusal::Skewed(format!(
                "Signature not yet current: {} is still later than the latest time that is accepted",
                self.stamp
            )));
        }
        Ok(())
    }
}

/// When a request was signed, as signatures spell it: some clients sign the `Date` header instead.
fn stamp(headers: &HeaderMap, signed: &[String]) -> Option<String> {
    header(headers, "x-amz-date").or_else(|| {
        let date = header(headers, "date").filter(|_| signed.iter().any(|name| name == "date"))?;
        let date = DateTimeParser::new().parse_timestamp(&date).ok()?;
        Some(date.strftime("%Y%m%dT%H%M%SZ").to_string())
    })
}

/// Headers that proxies and SDKs add after signing.
fn is_loose(name: &str) -> bool {
    matches!(name, "x-amz-user-agent" | "x-amzn-trace-id" | "x-amz-cf-id")
}

/// Who signed this request to a service.
pub(crate) fn caller(world: &World, parts: &Parts, body: &[u8], service: &str) -> Result<Caller, Refusal> {
    let authorization = Authorization::parse(&parts.headers, parts.uri.query()).ok_or(Refusal::Missing)??;
    // IAM is asked for all regions in one.
    let region = if service == "iam" {
        GLOBAL
    } else {
        &authorization.region
    };
    let credential = world
        .credential(&authorization.access_key_id, region)
        .ok_or(Refusal::UnknownKey)?;
    authorization.check_headers(&parts.headers)?;
    authorization.check_scope(world, service)?;
    authorization.check_time(Timestamp::now())?;
    let signed = to_sign(parts, &hex::encode(Sha256::digest(body)), &authorization);
    let signature = hex::encode(sign(&credential.secret, &authorization, &signed));
    if !bool::from(signature.as_bytes().ct_eq(authorization.signature.as_bytes())) {
        return Err(Refusal::WrongSignature);
    }
    if authorization.token != credential.session_token {
        return Err(Refusal::UnknownKey);
    }
    if credential.expires.is_some_and(|expires| expires <= world.now()) {
        return Err(Refusal::Expired);
    }
    let mut caller = credential.caller;
    caller.signed = signed_by(&parts.extensions, &parts.headers, &authorization.access_key_id);
    Ok(caller)
}

/// What the event history tells of a request; nothing of one that did not come over the wire.
pub(crate) fn signed_by(extensions: &Extensions, headers: &HeaderMap, access_key_id: &str) -> Option<Arc<Signed>> {
    let arrival = extensions.get::<Arrival>()?.clone();
    Some(Arc::new(Signed {
        arrival,
        access_key_id: access_key_id.to_owned(),
        agent: header(headers, "user-agent").unwrap_or_default(),
    }))
}

/// Signs a request to S3 anew that was changed once its signature was found right; without a header that is gone.
pub(crate) fn sign_anew(parts: &mut Parts, secret: &str, gone: Option<&HeaderName>) {
    // Version 2 signs no such header, and nobody need have.
    let Some(Ok(mut authorization)) = Authorization::parse(&parts.headers, parts.uri.query()) else {
        return;
    };
    authorization
        .signed_headers
        .retain(|signed| gone.is_none_or(|gone| signed != gone.as_str()));
    let signature = |parts: &Parts, digest: &str| {
        hex::encode(sign(secret, &authorization, &to_sign(parts, digest, &authorization)))
    };
    let names = authorization.signed_headers.join(";");
    if parts.headers.contains_key("authorization") {
        let digest = header(&parts.headers, "x-amz-content-sha256").unwrap_or_default();
        let Authorization {
            access_key_id,
            date,
            region,
            service,
            ..
        } = &authorization;
        let value = format!(
            "AWS4-HMAC-SHA256 Credential={access_key_id}/{date}/{region}/{service}/aws4_request, \
             SignedHeaders={names}, Signature={}",
            signature(parts, &digest)
        );
        if let Ok(value) = HeaderValue::from_str(&value) {
            parts.headers.insert("authorization", value);
        }
    } else {
        set(parts, "X-Amz-SignedHeaders", &names.replace(';', "%3B"));
        let signature = signature(parts, "UNSIGNED-PAYLOAD");
        set(parts, "X-Amz-Signature", &signature);
    }
}

/// Replaces a value in the query.
fn set(parts: &mut Parts, name: &str, value: &str) {
    let query = parts.uri.query().unwrap_or_default().split('&');
    let query: Vec<String> = query
        .map(|pair| match pair.split_once('=') {
            Some((key, _)) if key == name => format!("{name}={value}"),
            _ => pair.to_owned(),
        })
        .collect();
    if let Ok(uri) = format!("{}?{}", parts.uri.path(), query.join("&")).parse() {
        parts.uri = uri;
    }
}

fn incomplete(parameter: &str) -> Refusal {
    Refusal::Incomplete(format!("AWS query-string parameters must include '{parameter}'."))
}

pub(crate) fn moment(stamp: &str) -> Option<Timestamp> {
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", stamp).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()
}

fn to_sign(parts: &Parts, digest: &str, authorization: &Authorization) -> String {
    let path = match parts.uri.path() {
        "" => "/",
        path => path,
    };
    let mut query: Vec<String> = parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|part| !part.is_empty() && !part.starts_with("X-Amz-Signature="))
        // `?list` is signed as `list=`.
        .map(|part| {
            if part.contains('=') {
                part.to_owned()
            } else {
                format!("{part}=")
            }
        })
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
        digest,
    ]
    .join("\n");
    let Authorization {
        date,
        region,
        service,
        stamp,
        ..
    } = authorization;
    let digest = hex::encode(Sha256::digest(canonical.as_bytes()));
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

pub(crate) fn hmac(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests;
