//! SDK error -> [`Fault`]: what kind of failure it is, AWS's own words for it, and what to try.
//!
//! Classification is a pure function of HTTP status, error code and message; everything before it only digs these
//! out of the SDK's layers.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_types::request_id::RequestId;

use super::answer::{NotAnAnswer, is_identified, is_page};
use super::bounded::TOO_LONG;
use super::causes::{chain, find};
use super::gate::{Refused, is_throttling};
use super::login::NoLogin;
use super::mfa::NoCode;
use super::not_asked::NotAsked;
use super::renewal::Unusable;
use crate::domain::explain::remedy_of_denied;
use crate::domain::{Fault, FaultKind, LoginWay, ObjectUri, WayOut};
use crate::printable::shell_word;

/// What AWS answered, as far as classification needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Answer<'a> {
    status: u16,
    code: Option<&'a str>,
    message: Option<&'a str>,
}

fn answer<'a>(status: u16, code: Option<&'a str>, message: Option<&'a str>) -> Answer<'a> {
    Answer { status, code, message }
}

/// The fault of a failed call.
pub(in crate::aws) fn of<E>(act: &str, object: &str, error: &SdkError<E, HttpResponse>) -> Fault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let mut fault = match error {
        SdkError::ServiceError(service) => match (service.err().code(), service.err().message()) {
            // The SDK itself calls every 404 to a HEAD by that name.
            (None, _) | (Some("NotFound"), None) if is_strange(service.raw()) => {
                of_stranger(act, object, service.raw())
            }
            (code, message) => {
                let status = service.raw().status().as_u16();
                of_answer(act, object, answer(status, code, message))
            }
        },
        SdkError::ResponseError(response) => match find::<NotAnAnswer>(error) {
            Some(failure) if failure.passes() => {
                let remedy = remedy(FaultKind::Service, "");
                Fault::new(FaultKind::Service, act, object, failure.to_string(), remedy)
            }
            Some(why) => Fault::new(FaultKind::Foreign, act, object, why.to_string(), ASK_THE_NETWORK),
            None if response.raw().status().is_success() => {
                let cause = format!("this was not AWS's answer: it could not be read: {}", chain(error));
                Fault::new(FaultKind::Foreign, act, object, cause, ASK_THE_NETWORK)
            }
            None if is_strange(response.raw()) => of_stranger(act, object, response.raw()),
            None => {
                let status = response.raw().status().as_u16();
                of_answer(act, object, answer(status, None, None))
            }
        },
        other => of_unanswered(act, object, other, matches!(other, SdkError::TimeoutError(_))),
    };
    fault.request_id = error.request_id().map(str::to_owned);
    if let Some(region) = raw(error).and_then(|raw| raw.headers().get("x-amz-bucket-region"))
        && matches!(fault.kind, FaultKind::WrongRegion | FaultKind::Invalid)
    {
        fault.remedy = format!("the bucket is in {region}: run strongroom with --region {region}");
    }
    fault
}

/// The answer, where there was one.
fn raw<E>(error: &SdkError<E, HttpResponse>) -> Option<&HttpResponse> {
    match error {
        SdkError::ServiceError(service) => Some(service.raw()),
        SdkError::ResponseError(response) => Some(response.raw()),
        _ => None,
    }
}

/// Whether AWS refused without saying why: the answer to a HEAD has no body, so no words.
pub(in crate::aws) fn is_wordless<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ServiceError(service) => service.err().code().is_none(),
        SdkError::ResponseError(_) => true,
        _ => false,
    }
}

/// The fault of a body that broke off.
pub(in crate::aws) fn of_stream(act: &str, object: &str, error: &(dyn Error + 'static)) -> Fault {
    of_unanswered(act, object, error, false)
}

/// The fault of one entry that failed inside an answer that did not.
pub(in crate::aws) fn of_error_entry(act: &str, object: &str, code: Option<&str>, message: Option<&str>) -> Fault {
    of_answer(act, object, answer(200, code, message))
}

/// What a call came to.
pub(in crate::aws) trait Heard<T> {
    /// The answer, or the fault of this act.
    fn heard(self, act: &str, object: &str) -> Result<T, Fault>;
}

impl<T, E: ProvideErrorMetadata + Error + 'static> Heard<T> for Result<T, SdkError<E, HttpResponse>> {
    fn heard(self, act: &str, object: &str) -> Result<T, Fault> {
        self.map_err(|error| of(act, object, &error))
    }
}

/// What AWS always sends.
pub(in crate::aws) trait Expected<T> {
    /// What is there, or the fault of this act for want of `what`.
    fn expected(self, act: &str, object: &str, what: &str) -> Result<T, Fault>;
}

impl<T> Expected<T> for Option<T> {
    fn expected(self, act: &str, object: &str, what: &str) -> Result<T, Fault> {
        self.ok_or_else(|| incomplete(act, object, what))
    }
}

/// The answer lacks something that AWS always sends.
pub(in crate::aws) fn incomplete(act: &str, object: &str, what: &str) -> Fault {
    not_an_answer(act, object, &format!("it has no {what}"))
}

/// Somebody else answered.
pub(in crate::aws) fn not_an_answer(act: &str, object: &str, why: &str) -> Fault {
    let cause = format!("this was not AWS's answer: {why}");
    Fault::new(FaultKind::Foreign, act, object, cause, ASK_THE_NETWORK)
}

/// A refusal without a code and without a request id: AWS sends both, or to a HEAD the id. What says that it is overloaded
/// may stand in between, and passes by itself.
fn is_strange(raw: &HttpResponse) -> bool {
    let status = raw.status().as_u16();
    !is_identified(raw.headers()) && (300..500).contains(&status) && ![408, 429].contains(&status)
}

fn of_stranger(act: &str, object: &str, raw: &HttpResponse) -> Fault {
    let what = match raw.body().bytes() {
        Some(body) if is_page(body) => "a web page with ",
        _ => "",
    };
    not_an_answer(
        act,
        object,
        &format!("it is {what}HTTP status {}", raw.status().as_u16()),
    )
}

fn of_answer(act: &str, object: &str, answer: Answer<'_>) -> Fault {
    let (kind, mut remedy) = classify(answer);
    if answer.status == 400 && answer.code.is_none() && remedy.is_empty() {
        // The answer to a HEAD has no body, so no words.
        remedy = "check the region and the credentials";
    }
    let remedy = match (kind, answer.code) {
        (_, Some("InvalidObjectState")) => restore(object),
        (FaultKind::Denied, Some(code)) => {
            remedy_of_denied(answer.message.unwrap_or_default(), code, object).unwrap_or_else(|| remedy.to_owned())
        }
        _ => remedy.to_owned(),
    };
    let cause = match (answer.code, answer.message.filter(|message| !message.is_empty())) {
        (Some(code), Some(message)) => format!("{message} ({code})"),
        (None, Some(message)) => message.to_owned(),
        (Some(code), None) => code.to_owned(),
        (None, None) => format!("HTTP status {}", answer.status),
    };
    Fault {
        code: answer.code.map(str::to_owned),
        ..Fault::new(kind, act, object, cause, remedy)
    }
}

fn classify(answer: Answer<'_>) -> (FaultKind, &'static str) {
    let kind = answer
        .code
        .and_then(|code| of_code(code, answer.message.unwrap_or_default()))
        .unwrap_or_else(|| of_status(answer.status));
    // KMS and the others have no errors of their own for a clock or a region that is wrong.
    match answer.message {
        Some(message) if is_skewed(message) => (kind, SET_THE_CLOCK),
        Some(message) if message.starts_with("Credential should be scoped to a valid region") => {
            (FaultKind::WrongRegion, SIGN_FOR_ITS_REGION)
        }
        _ => (kind, remedy(kind, answer.code.unwrap_or_default())),
    }
}

fn is_skewed(message: &str) -> bool {
    message.starts_with("Signature expired") || message.starts_with("Signature not yet current")
}

fn of_code(code: &str, message: &str) -> Option<FaultKind> {
    Some(match code {
        "AccessDenied"
        | "AccessDeniedException"
        | "AllAccessDisabled"
        | "NotAuthorized"
        | "UnauthorizedOperation"
        | "InvalidGrantTokenException" => FaultKind::Denied,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "TokenRefreshRequired"
        | "RequestExpired"
        | "InvalidToken"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "RequestTimeTooSkewed"
        | "RequestInTheFuture"
        | "IncompleteSignature" => FaultKind::Expired,
        "MissingAuthenticationToken" | "MissingAuthenticationTokenException" => FaultKind::NoCredentials,
        code if is_throttling(code) => FaultKind::Throttled,
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException"
        | "Redirect" => FaultKind::WrongRegion,
        "NotFound"
        | "NotFoundException"
        | "NoSuchKey"
        | "NoSuchBucket"
        | "NoSuchUpload"
        | "NoSuchEntity"
        | "NoSuchVersion"
        | "ImageNotFoundException"
        | "RepositoryNotFoundException"
        | "ResourceNotFound"
        | "ResourceNotFoundException" => FaultKind::NotFound,
        "DisabledException"
        | "KMSInvalidStateException"
        | "KeyUnavailableException"
        | "InvalidKeyUsageException"
        | "KMS.DisabledException"
        | "KMS.KMSInvalidStateException" => FaultKind::KeyState,
        "AlreadyExistsException"
        | "EntityAlreadyExists"
        | "BucketAlreadyExists"
        | "BucketAlreadyOwnedByYou"
        | "BucketNotEmpty"
        | "PreconditionFailed"
        | "ConditionalRequestConflict"
        | "OperationAborted"
        | "ResourceInUse"
        | "DeleteConflict" => FaultKind::Conflict,
        "InvalidCiphertextException" | "IncorrectKeyException" => FaultKind::Integrity,
        // SageMaker has no "not found" of its own for training jobs.
        "ValidationException" | "ValidationError"
            if ["Requested resource not found", "Could not find requested job"]
                .iter()
                .any(|words| message.contains(words)) =>
        {
            FaultKind::NotFound
        }
        "RequestTimeout" => FaultKind::Timeout,
        // What was sent got damaged or cut on the way: sent again it arrives.
        "BadDigest" | "IncompleteBody" | "XAmzContentChecksumMismatch" => FaultKind::Service,
        "InternalError"
        | "InternalFailure"
        | "InternalServiceError"
        | "KMSInternalException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "DependencyTimeoutException" => FaultKind::Service,
        "ValidationException"
        | "ValidationError"
        | "InvalidArnException"
        | "InvalidAliasNameException"
        | "InvalidGrantIdException"
        | "InvalidBucketName"
        | "InvalidObjectState"
        | "InvalidRequest"
        | "InvalidArgument"
        | "LimitExceededException"
        | "ResourceLimitExceeded"
        | "MalformedPolicyDocumentException"
        | "InvalidMarkerException"
        | "UnsupportedOperationException" => FaultKind::Invalid,
        _ => return None,
    })
}

fn of_status(status: u16) -> FaultKind {
    match status {
        301 | 307 => FaultKind::WrongRegion,
        401 | 403 => FaultKind::Denied,
        404 => FaultKind::NotFound,
        408 => FaultKind::Timeout,
        409 | 412 => FaultKind::Conflict,
        429 => FaultKind::Throttled,
        400..=499 => FaultKind::Invalid,
        500..=599 => FaultKind::Service,
        _ => FaultKind::Other,
    }
}

fn remedy(kind: FaultKind, code: &str) -> &'static str {
    match (kind, code) {
        (_, "RequestTimeTooSkewed" | "RequestInTheFuture") => SET_THE_CLOCK,
        (_, "SignatureDoesNotMatch" | "InvalidSignatureException") => {
            "check the secret access key and this machine's clock"
        }
        (_, "ResourceLimitExceeded" | "LimitExceededException") => "ask AWS for a higher quota, or use less",
        (_, "BucketAlreadyExists") => "choose another name: bucket names are shared by all of AWS",
        (_, "InvalidCiphertextException") => {
            "check the encryption context and that this is the data key of that object"
        }
        (_, "IncorrectKeyException") => "use the KMS key that wrapped this data key",
        (_, "DisabledException") => "enable the key",
        (_, "KMSInvalidStateException") => "look at the key's state; a scheduled deletion can be cancelled",
        (_, "KeyUnavailableException") => "try again later",
        (_, "NoSuchBucket") => "check the bucket's name",
        (_, "AccessControlListNotSupported") => {
            "leave the ACL out (--acl, or `acl` in [uploads]): the bucket's owner has them switched off, and its policy says \
             who may read"
        }
        (FaultKind::Denied, _) => "ask for the permission in IAM or the key policy, or create a grant",
        (FaultKind::NoCredentials, _) => NO_CREDENTIALS_REMEDY,
        (FaultKind::Expired, _) => "log in again, or renew the credentials where they come from",
        (FaultKind::Throttled, _) => "wait a minute, then try again",
        (FaultKind::WrongRegion, _) => "run strongroom with --region and the region it lives in",
        (FaultKind::NotFound, _) => "check the name, the account and the region",
        (_, "NotImplemented" | "UnknownOperationException") => "ask for something that is served there",
        (FaultKind::Service, _) => "AWS failed: try again later",
        (FaultKind::Timeout, _) => "try again",
        _ => "",
    }
}

/// An archived object is there, and nobody may read it before it is restored.
fn restore(object: &str) -> String {
    let ObjectUri { bucket, key } = ObjectUri::parse_object(object).unwrap_or_else(|| ObjectUri::new("BUCKET", "KEY"));
    let [bucket, key] = [bucket, key].map(|word| shell_word(word.as_bytes()));
    let command = format!("aws s3api restore-object --bucket {bucket} --key {key} --restore-request Days=7");
    format!("it is archived: restore it (`{command}`), which takes minutes to hours, then try again")
}

const ASK_THE_NETWORK: &str =
    "look at what stands in between (a proxy, a login page) and at the endpoint URL, then try again";
const SIGN_FOR_ITS_REGION: &str = "give --region, or set AWS_REGION: the region of this endpoint";
const SET_THE_CLOCK: &str = "set this machine's clock: AWS refuses requests whose time is minutes off";
const NO_CREDENTIALS_REMEDY: &str = "run `aws configure sso`, set AWS_PROFILE, or try strongroom --sandbox";

fn of_unanswered(act: &str, object: &str, error: &(dyn Error + 'static), timed_out: bool) -> Fault {
    if let Some(refused) = find::<Refused>(error) {
        let (cause, remedy) = (
            refused.to_string(),
            "run strongroom without --read-only, and in a context that is not",
        );
        return Fault::new(FaultKind::ReadOnly, act, object, cause, remedy);
    }
    if let Some(NotAsked(fault)) = find::<NotAsked>(error) {
        return Fault::new(fault.kind, act, object, fault.cause.clone(), fault.remedy.clone());
    }
    if let Some(login) = find::<NoLogin>(error) {
        let remedy = format!("log in: `{}`", login.command());
        let way = match login.way {
            LoginWay::SingleSignOn => WayOut::LogIn,
            LoginWay::Console => WayOut::AfterLogin,
        };
        return Fault::new(FaultKind::Expired, act, object, chain(login), remedy).by(way);
    }
    if let Some(missing) = find::<NoCode>(error) {
        let way = if missing.is_withheld {
            WayOut::GiveCode
        } else {
            WayOut::BeThere
        };
        return Fault::new(FaultKind::NoCredentials, act, object, missing.to_string(), "").by(way);
    }
    // Those who give credentials are asked through the same network.
    let text = chain(error);
    if text.contains("invalid peer certificate") {
        let remedy = "install the certificate authorities' certificates (Debian: ca-certificates) or name those to trust by AWS_CA_BUNDLE";
        return Fault::new(FaultKind::Unreachable, act, object, text, remedy);
    }
    if text.contains(TOO_LONG) {
        return Fault::new(FaultKind::Foreign, act, object, text, ASK_THE_NETWORK);
    }
    if text.contains("tunnel error") {
        let remedy = "check HTTPS_PROXY: the proxy did not let this through";
        return Fault::new(FaultKind::Unreachable, act, object, text, remedy);
    }
    if let Some(missing) = find::<CredentialsError>(error) {
        return of_credentials(act, object, missing);
    }
    if timed_out || is_timeout(&text) {
        let (cause, remedy) = ("no answer in time", "check the network, then try again");
        return Fault::new(FaultKind::Timeout, act, object, cause, remedy);
    }
    let words = ["dns", "connect", "(Connect)"];
    if find::<std::io::Error>(error).is_some() || words.iter().any(|word| text.contains(word)) {
        let remedy = "check the network, the endpoint URL, the region and the proxy";
        return Fault::new(FaultKind::Unreachable, act, object, text, remedy);
    }
    Fault::other(act, object, text, "")
}

fn of_credentials(act: &str, object: &str, error: &CredentialsError) -> Fault {
    let text = chain(error);
    if let Some(why) = find::<Unusable>(error) {
        let remedy = format!("mend {}", why.source);
        return Fault::new(FaultKind::NoCredentials, act, object, why.to_string(), remedy);
    }
    if text.contains("(AccessDenied)") && text.contains("sts:AssumeRole") {
        let remedy =
            "let the role's trust policy and a policy of whoever assumes it allow sts:AssumeRole, or take another role";
        return Fault::new(FaultKind::NoCredentials, act, object, text, remedy);
    }
    let (kind, cause, remedy) = match error {
        CredentialsError::CredentialsNotLoaded(_) => (
            FaultKind::NoCredentials,
            "no credentials found".to_owned(),
            NO_CREDENTIALS_REMEDY,
        ),
        CredentialsError::ProviderTimedOut(_) => (
            FaultKind::Timeout,
            "the credentials did not arrive in time".to_owned(),
            "check the credential process or the network",
        ),
        _ if text.contains("dispatch failure") => (
            FaultKind::Unreachable,
            text,
            "check the network and the proxy: what gives the credentials could not be asked",
        ),
        _ if ["expired", "Expired", "refresh"].iter().any(|word| text.contains(word)) => {
            (FaultKind::Expired, text, "log in again, or renew the credentials")
        }
        _ => (
            FaultKind::NoCredentials,
            text,
            "check what the profile says of its credentials in ~/.aws/config",
        ),
    };
    Fault::new(kind, act, object, cause, remedy)
}

fn is_timeout(text: &str) -> bool {
    text.contains("timed out") || text.contains("timeout") || text.contains("throughput")
}

#[cfg(test)]
mod tests;
