//! What a request to S3 is signed for, as far as S3 says what is wrong with it before it looks at the signature.

use hyper::Request;

use super::facts::parameter;
use crate::api::ApiError;
use crate::sigv4::{LONGEST, header, moment};

/// The form of a credential, as S3 tells it.
const FORM: &str = "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";

/// What S3 says of a signature that is wrong.
pub(super) const SIGNATURE: &str =
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.";

/// What a presigned URL carries.
const PRESIGNED: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
];

/// Where a signature is: S3 has another error for each.
#[derive(Debug, Clone, Copy)]
pub(super) enum Carrier {
    Header,
    Query,
}

impl Carrier {
    /// What S3 says of a credential that is not for it.
    pub(super) fn refuses(self, why: &str) -> ApiError {
        match self {
            Self::Header => ApiError::new(
                "AuthorizationHeaderMalformed",
                format!("The authorization header is malformed; {why}"),
            ),
            Self::Query => ApiError::new(
                "AuthorizationQueryParametersError",
                format!("Error parsing the X-Amz-Credential parameter; {why}"),
            ),
        }
    }
}

/// The bytes are not those that the request's signature covers.
pub(super) fn wrong_digest() -> ApiError {
    ApiError::new(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    )
}

/// Neither the request nor a chunk of it is as its signature has it.
pub(super) fn wrong_signature() -> ApiError {
    ApiError::new("SignatureDoesNotMatch", SIGNATURE).status(403)
}

/// Refuses a request that is signed for another service than S3, or in another form than version 4's. Version 2 has no scope.
pub(crate) fn check_scope<B>(request: &Request<B>) -> Result<(), ApiError> {
    let header = header(request.headers(), "authorization");
    match &header {
        Some(header) => {
            let Some(fields) = header.strip_prefix("AWS4-HMAC-SHA256") else {
                return Ok(());
            };
            let field = |name: &str| {
                let mut fields = fields.split(',').filter_map(|field| field.trim().split_once('='));
                fields.find_map(|(key, value)| (key == name).then_some(value))
            };
            let (Some(credential), Some(_), Some(_)) =
                (field("Credential"), field("SignedHeaders"), field("Signature"))
            else {
                return Err(Carrier::Header.refuses(
                    "the authorization header requires three components: Credential, SignedHeaders, and Signature.",
                ));
            };
            check(credential, Carrier::Header)
        }
        None => check_query(request.uri().query()),
    }
}

/// Checks what a presigned URL of version 4 carries.
fn check_query(query: Option<&str>) -> Result<(), ApiError> {
    let refused = |message: &str| Err(ApiError::new("AuthorizationQueryParametersError", message));
    let said = PRESIGNED.map(|name| parameter(query, name));
    if said.iter().all(Option::is_none) {
        return Ok(());
    }
    let [
        Some(algorithm),
        Some(credential),
        Some(_),
        Some(date),
        Some(_),
        Some(expires),
    ] = said
    else {
        return refused(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, \
             X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        );
    };
    if algorithm != "AWS4-HMAC-SHA256" {
        return refused("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"");
    }
    check(&credential, Carrier::Query)?;
    if moment(&date).is_none() {
        return refused("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
    }
    match expires.parse::<i64>() {
        Err(_) => refused("X-Amz-Expires should be a number"),
        Ok(..0) => refused("X-Amz-Expires must be non-negative"),
        Ok(0..=LONGEST) => Ok(()),
        Ok(_) => refused(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than \
             604800 seconds",
        ),
    }
}

fn check(credential: &str, carrier: Carrier) -> Result<(), ApiError> {
    let parts: Vec<&str> = credential.split('/').collect();
    let [_, date, _, service, terminal] = parts[..] else {
        return Err(carrier.refuses(FORM));
    };
    if date.len() != 8 || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(carrier.refuses(&format!(
            "incorrect date format \"{date}\". This date in the credential must be in the format \"yyyyMMdd\"."
        )));
    }
    if service != "s3" {
        return Err(carrier.refuses(&format!(
            "incorrect service \"{service}\". This endpoint belongs to \"s3\"."
        )));
    }
    if terminal != "aws4_request" {
        return Err(carrier.refuses(&format!(
            "incorrect terminal \"{terminal}\". This endpoint uses \"aws4_request\"."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: &str = "A/20261129/us-east-1/s3/aws4_request";

    fn presigned(credential: &str, expires: &str) -> Result<(), ApiError> {
        let uri = format!(
            "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date=20261129T051016Z\
             &X-Amz-Expires={expires}&X-Amz-SignedHeaders=host&X-Amz-Signature=1"
        );
        check_scope(&Request::get(uri).body(()).unwrap())
    }

    #[test]
    fn a_presigned_url_is_refused_by_what_is_wrong_with_it() {
        for (expires, why) in [
            ("-1", "non-negative"),
            ("soon", "a number"),
            ("604801", "less than a week"),
        ] {
            let error = presigned(RIGHT, expires).unwrap_err();
            assert_eq!(error.code, "AuthorizationQueryParametersError");
            assert!(error.message.contains(why), "{error}");
        }
        assert_eq!(presigned(RIGHT, "604800"), Ok(()));
        let bare = Request::get("/b/k?X-Amz-Signature=1&X-Amz-Expires=1").body(()).unwrap();
        assert!(
            check_scope(&bare)
                .unwrap_err()
                .message
                .contains("requires the X-Amz-Algorithm")
        );
        let old = Request::get("/b/k?AWSAccessKeyId=A&Signature=1").body(()).unwrap();
        assert_eq!(check_scope(&old), Ok(()));
    }

    #[test]
    fn a_credential_for_something_else_is_refused_by_what_is_wrong_with_it() {
        let by_header = |credential: &str| {
            let authorization = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=1");
            let request = Request::get("/b/k")
                .header("authorization", authorization)
                .body(())
                .unwrap();
            check_scope(&request).map_err(|error| (error.code, error.message))
        };
        let by_query = |credential: &str| presigned(credential, "60").map_err(|error| (error.code, error.message));
        assert_eq!((by_header(RIGHT), by_query(RIGHT)), (Ok(()), Ok(())));
        for (credential, why) in [
            ("A/20261129/us-east-1/s3", FORM),
            (
                "A/20261129/us-east-1/kms/aws4_request",
                "incorrect service \"kms\". This endpoint belongs to \"s3\".",
            ),
            (
                "A/20261129/us-east-1/s3/aws5_request",
                "incorrect terminal \"aws5_request\". This endpoint uses \"aws4_request\".",
            ),
            (
                "A/2026/us-east-1/s3/aws4_request",
                "incorrect date format \"2026\". This date in the credential must be in the format \"yyyyMMdd\".",
            ),
        ] {
            let (code, message) = by_header(credential).unwrap_err();
            assert_eq!(code, "AuthorizationHeaderMalformed");
            assert_eq!(message, format!("The authorization header is malformed; {why}"));
            let (code, message) = by_query(credential).unwrap_err();
            assert_eq!(code, "AuthorizationQueryParametersError");
            assert_eq!(message, format!("Error parsing the X-Amz-Credential parameter; {why}"));
        }
        let request = Request::get("/")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=A")
            .body(());
        assert!(
            check_scope(&request.unwrap())
                .unwrap_err()
                .message
                .contains("three components")
        );
    }
}
