//! The gate that every request passes: in a read-only session what could change something is refused before it is sent;
//! otherwise it is noted in the [audit log](Audit) once it has been.
//!
//! It also says which attempts AWS throttles. An interceptor, so that no call can forget it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::http::Headers;
use aws_smithy_types::config_bag::{Storable, StoreReplace};
use jiff::Timestamp;

use super::audit::Audit;
use super::hooks::intercepts;
use crate::domain::{AuditEntry, AuditOutcome};

mod reading;
mod resource;

/// As many as a big file has parts; said by `CreateMultipartUpload` and `CompleteMultipartUpload`.
const TOO_MANY: [&str; 2] = ["UploadPart", "UploadPartCopy"];

/// The gate of one caller.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) read_only: bool,
    pub(super) audit: Arc<Audit>,
    /// The caller's ARN, once it is known.
    pub(super) identity: Arc<OnceLock<String>>,
    pub(super) throttled: Arc<Throttled>,
}

/// Who wants to know which operations are throttled.
#[derive(Default)]
pub(super) struct Throttled(OnceLock<Box<Tell>>);

type Tell = dyn Fn(&str) + Send + Sync;

impl Throttled {
    pub(super) fn told_to(&self, tell: impl Fn(&str) + Send + Sync + 'static) {
        self.0.get_or_init(|| Box::new(tell));
    }
}

impl fmt::Debug for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Throttled")
    }
}

/// Why the gate is shut; [`super::fault`] finds it in the error's sources.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) operation: String,
}

/// What the request is, kept from before it is serialized, when its members can still be looked at.
#[derive(Debug)]
struct Change {
    resource: Option<String>,
}

impl Storable for Change {
    type Storer = StoreReplace<Self>;
}

/// Set once the request has really left.
#[derive(Debug)]
struct Sent {
    access_key_id: Option<String>,
}

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

intercepts! {
    Gate:

    // Not `read_before_execution`: there the operation has no name yet.
    fn read_before_serialization(self, context: &BeforeSerializationInterceptorContextRef<'_>, config) {
        let operation = config.load::<Metadata>().map_or("", Metadata::name);
        if reading::only_reads(operation, context.input()) {
            return Ok(());
        }
        if self.read_only {
            let operation = operation.to_owned();
            return Err(Box::new(Refused { operation }));
        }
        if !TOO_MANY.contains(&operation) {
            let resource = resource::of(context.input());
            config.interceptor_state().store_put(Change { resource });
        }
        Ok(())
    }

    fn read_before_transmit(self, context: &BeforeTransmitInterceptorContextRef<'_>, config) {
        let access_key_id = access_key_of(context.request().headers());
        config.interceptor_state().store_put(Sent { access_key_id });
        Ok(())
    }

    fn read_after_attempt(self, context: &FinalizerInterceptorContextRef<'_>, config) {
        if let (Some(tell), Some(response), Some(metadata)) =
            (self.throttled.0.get(), context.response(), config.load::<Metadata>())
            && matches!(context.output_or_error(), Some(Err(_)))
            && asks_for_less(response)
        {
            tell(metadata.name());
        }
        Ok(())
    }

    fn read_after_execution(self, context: &FinalizerInterceptorContextRef<'_>, config) {
        let (Some(change), Some(sent), Some(metadata)) = (
            config.load::<Change>(),
            config.load::<Sent>(),
            config.load::<Metadata>(),
        ) else {
            return Ok(());
        };
        let response = context.response();
        let header = |name: &str| {
            response
                .and_then(|response| response.headers().get(name))
                .map(str::to_owned)
        };
        let answer = context.output_or_error();
        let output = answer.and_then(Result::ok);
        let error = output.and_then(resource::error_inside).or_else(|| match answer {
            Some(Err(_)) => response.and_then(error_code),
            Some(Ok(_)) | None => None,
        });
        self.audit.note(AuditEntry {
            outcome: Some(outcome(
                response.map(|response| response.status().as_u16()),
                output.is_some(),
                error.as_deref(),
            )),
            error,
            resource: output.and_then(resource::of_answer).or_else(|| change.resource.clone()),
            time: Timestamp::now(),
            identity: self.identity.get().cloned(),
            access_key_id: sent.access_key_id.clone(),
            call: format!("{}:{}", metadata.service().to_ascii_lowercase(), metadata.name()),
            request_id: header("x-amzn-requestid").or_else(|| header("x-amz-request-id")),
            status: response.map(|response| response.status().as_u16()),
        });
        Ok(())
    }
}

/// The id of the access key that a request was signed with.
pub(super) fn access_key_of(headers: &Headers) -> Option<String> {
    let (_, rest) = headers.get("authorization")?.split_once("Credential=")?;
    rest.split('/').next().map(str::to_owned)
}

/// What came of a change.
fn outcome(status: Option<u16>, is_done: bool, error: Option<&str>) -> AuditOutcome {
    let refuses = |code: &str| {
        ["AccessDenied", "NotAuthorized", "UnauthorizedOperation"]
            .iter()
            .any(|known| code.starts_with(known))
    };
    match (status, error) {
        (None, _) => AuditOutcome::Unanswered,
        (Some(_), None) if is_done => AuditOutcome::Allowed,
        (Some(_), Some(code)) if refuses(code) => AuditOutcome::Denied,
        (Some(401 | 403), None) => AuditOutcome::Denied,
        // An answer without an error's name that could not be read: nobody knows.
        (Some(status), None) if status < 400 => AuditOutcome::Unanswered,
        (Some(_), _) => AuditOutcome::Failed,
    }
}

/// By its status, which says it by itself, or by the name of its error. 503 says it where nothing else is named, as in the
/// answer to a HEAD, which has no words.
fn asks_for_less(response: &HttpResponse) -> bool {
    let code = error_code(response);
    match response.status().as_u16() {
        429 => true,
        503 => code.is_none_or(|code| is_throttling(&code)),
        _ => code.is_some_and(|code| is_throttling(&code)),
    }
}

/// Whether an error of this name asks for fewer calls.
pub(super) fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "SlowDown"
            | "RequestLimitExceeded"
            | "BandwidthLimitExceeded"
            | "PriorRequestNotComplete"
    )
}

/// AWS's name for an error, as each protocol has it.
pub(super) fn error_code(response: &HttpResponse) -> Option<String> {
    let named = |text: &str| {
        let name = text.rsplit('#').next()?.split(':').next()?.trim();
        let is_name =
            !name.is_empty() && name.len() < 100 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
        is_name.then(|| name.to_owned())
    };
    if let Some(header) = response.headers().get("x-amzn-errortype") {
        return named(header);
    }
    let body = std::str::from_utf8(response.body().bytes()?).ok()?;
    if let Ok(json) = serde_json::from_str::<serde_json::Value>(body) {
        return json["__type"]
            .as_str()
            .or_else(|| json["code"].as_str())
            .and_then(named);
    }
    let (_, rest) = body.split_once("<Code>")?;
    named(rest.split_once("</Code>")?.0)
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the session is read-only and {} is not a reading operation",
            self.operation
        )
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;

    use super::*;

    #[test]
    fn the_error_is_named_in_every_protocol() {
        let code = |body: &str| {
            let status = StatusCode::try_from(400).unwrap();
            error_code(&HttpResponse::new(status, SdkBody::from(body)))
        };
        let denied = Some("AccessDeniedException".to_owned());
        assert_eq!(code(r#"{"__type":"AccessDeniedException","Message":"m"}"#), denied);
        assert_eq!(code(r#"{"__type":"com.amazonaws.kms#AccessDeniedException"}"#), denied);
        assert_eq!(
            code("<Error><Code>NoSuchBucket</Code></Error>").as_deref(),
            Some("NoSuchBucket")
        );
        assert_eq!(code("<html>"), None);
        assert_eq!(code("<Code>a b\u{1b}</Code>"), None);
    }

    #[test]
    fn what_asks_for_less_says_so_by_its_status_or_by_its_name() {
        let asks = |status: u16, code: &str| {
            let body = match code {
                "" => String::new(),
                code => format!(r#"{{"__type":"{code}"}}"#),
            };
            let status = StatusCode::try_from(status).unwrap();
            asks_for_less(&HttpResponse::new(status, SdkBody::from(body)))
        };
        for (status, code) in [
            (400, "ThrottlingException"),
            (429, ""),
            (429, "LimitExceededException"),
            (503, ""),
            (503, "SlowDown"),
        ] {
            assert!(asks(status, code), "{status} {code}");
        }
        for (status, code) in [(400, "ValidationException"), (500, ""), (503, "KMSInternalException")] {
            assert!(!asks(status, code), "{status} {code}");
        }
    }

    #[test]
    fn what_nobody_has_read_is_unanswered_and_not_failed() {
        let of = outcome;
        assert_eq!(of(None, false, None), AuditOutcome::Unanswered);
        assert_eq!(of(Some(200), true, None), AuditOutcome::Allowed);
        assert_eq!(of(Some(200), false, None), AuditOutcome::Unanswered);
        assert_eq!(of(Some(200), true, Some("InternalError")), AuditOutcome::Failed);
        assert_eq!(
            of(Some(400), false, Some("AccessDeniedException")),
            AuditOutcome::Denied
        );
        assert_eq!(of(Some(403), false, None), AuditOutcome::Denied);
        assert_eq!(of(Some(409), false, Some("BucketNotEmpty")), AuditOutcome::Failed);
    }
}
