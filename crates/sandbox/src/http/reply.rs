//! Answers in each protocol's shape, and each protocol's names for what goes wrong before a call is performed.

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::header::HeaderValue;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::api::ApiError;
use super::super::iam::escape;
use super::super::sigv4::Refusal;
use super::super::trouble::Kind;
use super::{LARGEST, Refused, Service};

pub(super) type Body = BoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

const SIGNATURE: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
const UNKNOWN: &str = "The security token included in the request is invalid.";
const EXPIRED: &str = "The security token included in the request is expired";

impl Refused {
    /// As a JSON service says it.
    pub(super) fn json(self) -> ApiError {
        match self {
            Self::Signature(Refusal::Missing) => {
                ApiError::new("MissingAuthenticationTokenException", "Missing Authentication Token")
            }
            Self::Signature(Refusal::Incomplete(why)) => ApiError::new("IncompleteSignatureException", why),
            Self::Signature(Refusal::UnknownKey) => ApiError::new("UnrecognizedClientException", UNKNOWN),
            Self::Signature(Refusal::WrongSignature) => ApiError::new("InvalidSignatureException", SIGNATURE),
            Self::Signature(Refusal::WrongScope(why) | Refusal::Skewed(why)) => {
                ApiError::new("InvalidSignatureException", why)
            }
            Self::Signature(Refusal::Expired) => ApiError::new("ExpiredTokenException", EXPIRED),
            Self::TooLarge => too_large("RequestEntityTooLargeException"),
            Self::Cut => ApiError::new("SerializationException", "the body ended early"),
        }
    }

    /// As IAM and STS say it.
    pub(super) fn query(self) -> ApiError {
        let error = match self {
            Self::Signature(Refusal::Missing) => {
                ApiError::new("MissingAuthenticationToken", "Request is missing Authentication Token")
            }
            Self::Signature(Refusal::Incomplete(why)) => return ApiError::new("IncompleteSignature", why),
            Self::Signature(Refusal::UnknownKey) => ApiError::new("InvalidClientTokenId", UNKNOWN),
            Self::Signature(Refusal::WrongSignature) => ApiError::new("SignatureDoesNotMatch", SIGNATURE),
            Self::Signature(Refusal::WrongScope(why) | Refusal::Skewed(why)) => {
                ApiError::new("SignatureDoesNotMatch", why)
            }
            Self::Signature(Refusal::Expired) => ApiError::new("ExpiredToken", EXPIRED),
            Self::TooLarge => return too_large("RequestEntityTooLarge"),
            Self::Cut => return ApiError::new("MalformedInput", "the body ended early"),
        };
        error.status(403)
    }
}

fn too_large(code: &str) -> ApiError {
    ApiError::new(code, format!("The request is larger than {LARGEST} bytes")).status(413)
}

/// The answer of a JSON service.
pub(super) fn json(result: Result<Value, ApiError>) -> Response<Body> {
    const TYPE: &str = "application/x-amz-json-1.1";
    match result {
        Ok(answer) => plain(StatusCode::OK, TYPE, answer.to_string()),
        Err(error) => {
            let body = json!({ "__type": error.code, "message": error.message });
            plain(status(error.status), TYPE, body.to_string())
        }
    }
}

/// The answer of IAM or STS.
pub(super) fn query(service: &str, result: Result<(String, String), ApiError>, id: &str) -> Response<Body> {
    let namespace = match service {
        "iam" => "https://iam.amazonaws.com/doc/2010-05-08/",
        _ => "https://sts.amazonaws.com/doc/2011-06-15/",
    };
    match result {
        Ok((op, result)) => {
            let result = if result.is_empty() {
                result
            } else {
                format!("<{op}Result>{result}</{op}Result>")
            };
            let body = format!(
                "<{op}Response xmlns=\"{namespace}\">{result}<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{op}Response>"
            );
            plain(StatusCode::OK, "text/xml", body)
        }
        Err(error) => {
            let (code, message) = (escape(&error.code), escape(&error.message));
            let kind = if error.status < 500 { "Sender" } else { "Receiver" };
            let body = format!(
                "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
            );
            plain(status(error.status), "text/xml", body)
        }
    }
}

/// What a fault answers in the service's own words.
pub(super) fn struck(service: &Service, kind: Kind, id: &str) -> Response<Body> {
    let skewed = || "Signature expired: by the sandbox's fault switch".to_owned();
    let error = match service {
        Service::Json(..) | Service::Control | Service::Layer => match kind {
            Kind::Throttle => ApiError::new("ThrottlingException", "Rate exceeded"),
            Kind::Expired => Refused::Signature(Refusal::Expired).json(),
            Kind::Skew => Refused::Signature(Refusal::Skewed(skewed())).json(),
            _ => failure("InternalFailure", "ServiceUnavailableException", kind),
        },
        Service::Query(_) => match kind {
            Kind::Throttle => ApiError::new("Throttling", "Rate exceeded"),
            Kind::Expired => Refused::Signature(Refusal::Expired).query(),
            Kind::Skew => Refused::Signature(Refusal::Skewed(skewed())).query(),
            _ => failure("ServiceFailure", "ServiceUnavailable", kind),
        },
        Service::S3 => match kind {
            Kind::Throttle => ApiError::new("SlowDown", "Please reduce your request rate.").status(503),
            Kind::Expired => ApiError::new("ExpiredToken", "The provided token has expired."),
            Kind::Skew => {
                let told = "The difference between the request time and the current time is too large.";
                ApiError::new("RequestTimeTooSkewed", told).status(403)
            }
            _ => failure("InternalError", "ServiceUnavailable", kind),
        },
    };
    refused(service, error, id)
}

/// What is answered when the disk does not keep what was asked, or not what it was answered from.
pub(super) fn unkept(service: &Service, failure: String, id: &str) -> Response<Body> {
    let code = match service.name() {
        Some("kms") => "KMSInternalException",
        Some("logs") => "ServiceUnavailableException",
        Some("ecr") => "ServerException",
        Some("iam") => "ServiceFailure",
        Some("s3") => "InternalError",
        _ => "InternalFailure",
    };
    refused(service, ApiError::new(code, failure).status(500), id)
}

/// An error in a service's shape.
fn refused(service: &Service, error: ApiError, id: &str) -> Response<Body> {
    match service {
        Service::Json(..) | Service::Control | Service::Layer => json(Err(error)),
        Service::Query(name) => query(name, Err(error), id),
        Service::S3 => s3(&error, id),
    }
}

pub(super) fn s3(error: &ApiError, id: &str) -> Response<Body> {
    let (code, message) = (escape(&error.code), escape(&error.message));
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message><RequestId>{id}</RequestId></Error>"
    );
    plain(status(error.status), "application/xml", body)
}

fn failure(internal: &str, unavailable: &str, kind: Kind) -> ApiError {
    let status = match kind {
        Kind::Error(status) => status,
        _ => 500,
    };
    let code = if status == 503 { unavailable } else { internal };
    ApiError::new(code, "The request failed by the sandbox's fault switch.").status(status)
}

pub(super) fn plain(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static(content_type));
    response
}

fn status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST)
}
