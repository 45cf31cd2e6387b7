use super::*;

fn kind(status: u16, code: &str, message: &str) -> FaultKind {
    let code = Some(code).filter(|code| !code.is_empty());
    classify(answer(status, code, Some(message))).0
}

#[test]
fn every_known_failure_has_its_kind() {
    let table = [
        (400, "AccessDeniedException", "", FaultKind::Denied),
        (403, "AccessDenied", "", FaultKind::Denied),
        (403, "", "", FaultKind::Denied),
        (400, "ExpiredTokenException", "", FaultKind::Expired),
        (403, "InvalidClientTokenId", "", FaultKind::Expired),
        (400, "UnrecognizedClientException", "", FaultKind::Expired),
        (403, "RequestTimeTooSkewed", "", FaultKind::Expired),
        (400, "MissingAuthenticationTokenException", "", FaultKind::NoCredentials),
        (400, "ThrottlingException", "Rate exceeded", FaultKind::Throttled),
        (503, "SlowDown", "", FaultKind::Throttled),
        (301, "PermanentRedirect", "", FaultKind::WrongRegion),
        (301, "", "", FaultKind::WrongRegion),
        (
            400,
            "AuthorizationHeaderMalformed",
            "the region 'x' is wrong",
            FaultKind::WrongRegion,
        ),
        (404, "NoSuchBucket", "", FaultKind::NotFound),
        (404, "", "", FaultKind::NotFound),
        (400, "NotFoundException", "", FaultKind::NotFound),
        (
            400,
            "ValidationException",
            "Requested resource not found.",
            FaultKind::NotFound,
        ),
        (
            400,
            "ValidationException",
            "1 validation error detected",
            FaultKind::Invalid,
        ),
        (400, "DisabledException", "ARN is disabled.", FaultKind::KeyState),
        (
            400,
            "KMSInvalidStateException",
            "ARN is pending deletion.",
            FaultKind::KeyState,
        ),
        (400, "InvalidCiphertextException", "", FaultKind::Integrity),
        (400, "IncorrectKeyException", "", FaultKind::Integrity),
        (400, "ResourceInUse", "", FaultKind::Conflict),
        (412, "PreconditionFailed", "", FaultKind::Conflict),
        (409, "", "", FaultKind::Conflict),
        (500, "InternalFailure", "", FaultKind::Service),
        (503, "", "", FaultKind::Service),
        (418, "SomethingNew", "", FaultKind::Invalid),
        (200, "SomethingNew", "", FaultKind::Other),
    ];
    for (status, code, message, expected) in table {
        assert_eq!(kind(status, code, message), expected, "{status} {code} {message}");
    }
}

#[test]
fn an_archived_object_is_restored_not_permitted() {
    let message = Some("The operation is not valid for the object's storage class");
    let answer = answer(403, Some("InvalidObjectState"), message);
    let fault = of_answer("download", "s3://bucket/a/b.csv", answer);
    assert_eq!(fault.kind, FaultKind::Invalid);
    assert!(
        fault.remedy.contains("restore-object --bucket bucket --key a/b.csv"),
        "{fault}"
    );
    assert!(!fault.remedy.contains("permission"), "{fault}");
}

#[test]
fn what_gives_up_does_not_say_that_it_goes_on() {
    let fault = of_answer("list", "keys", answer(503, Some("SlowDown"), None));
    assert!(!fault.remedy.contains("asked again"), "{fault}");
}

#[test]
fn a_fault_quotes_aws_and_names_the_code() {
    let message = Some("User: X is not authorized to perform: kms:Encrypt");
    let answer = answer(400, Some("AccessDeniedException"), message);
    let fault = of_answer("encrypt with", "KEY", answer);
    assert_eq!(fault.kind, FaultKind::Denied);
    assert_eq!(
        fault.cause,
        "User: X is not authorized to perform: kms:Encrypt (AccessDeniedException)"
    );
    assert_eq!(fault.code.as_deref(), Some("AccessDeniedException"));
    assert!(!fault.remedy.is_empty());
}

#[test]
fn missing_credentials_name_the_three_ways_out() {
    let fault = of_stream("list", "keys", &CredentialsError::not_loaded_no_source());
    assert_eq!(fault.kind, FaultKind::NoCredentials);
    assert_eq!(fault.cause, "no credentials found");
    for way in ["aws configure sso", "AWS_PROFILE", "--sandbox"] {
        assert!(fault.remedy.contains(way), "{way}");
    }
}

#[test]
fn an_expired_login_asks_to_log_in_again() {
    let ended = CredentialsError::provider_error("the SSO session has expired");
    let fault = of_stream("list", "keys", &ended);
    assert_eq!(fault.kind, FaultKind::Expired);
}

#[test]
fn a_refused_connection_is_unreachable() {
    let refused = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused");
    assert_eq!(of_stream("list", "keys", &refused).kind, FaultKind::Unreachable);
}

#[test]
fn a_proxy_that_lets_nobody_through_is_named() {
    for words in [
        "client error (Connect): tunnel error: unexpected end of file",
        "client error (Connect): tunnel error: unsuccessful",
    ] {
        let fault = of_stream("list", "keys", &std::io::Error::other(words));
        assert_eq!(fault.kind, FaultKind::Unreachable);
        assert!(fault.remedy.contains("HTTPS_PROXY"), "{fault}");
    }
}

#[test]
fn an_unknown_certificate_authority_asks_for_the_certificates() {
    let unknown = std::io::Error::other("client error (Connect): invalid peer certificate: UnknownIssuer");
    let fault = of_stream("list", "keys", &unknown);
    assert_eq!(fault.kind, FaultKind::Unreachable);
    assert!(fault.remedy.contains("ca-certificates"), "{fault}");
}

#[test]
fn a_shut_gate_is_read_only_not_denied() {
    let operation = "CreateKey".to_owned();
    let refused = Refused { operation };
    let fault = of_stream("create", "a key", &refused);
    assert_eq!(fault.kind, FaultKind::ReadOnly);
    assert!(fault.cause.contains("CreateKey"));
}

#[test]
fn a_clock_a_region_and_a_secret_that_are_wrong_are_told_apart_whichever_service_says_so() {
    for (code, message) in [
        (
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        (
            "InvalidSignatureException",
            "Signature expired: 20200101T000000Z is now earlier than 20261125T000000Z",
        ),
        (
            "SignatureDoesNotMatch",
            "Signature not yet current: 20300101T000000Z is still later than 20261125T000000Z",
        ),
    ] {
        let answer = answer(403, Some(code), Some(message));
        assert_eq!(classify(answer), (FaultKind::Expired, SET_THE_CLOCK), "{code}");
    }
    let message = Some("Credential should be scoped to a valid region, not 'eu-west-1'. ");
    let wrong_region = classify(answer(403, Some("SignatureDoesNotMatch"), message));
    assert_eq!(wrong_region, (FaultKind::WrongRegion, SIGN_FOR_ITS_REGION));
    let message = Some("The request signature we calculated does not match the signature you provided.");
    let wrong_secret = classify(answer(400, Some("InvalidSignatureException"), message));
    assert!(wrong_secret.1.contains("secret access key"));
}
