//! Sessions of a role that may do everything, as a company hands them out.

use std::time::SystemTime;

use aws_sdk_sts::types::Credentials;
use serde_json::{Value, json};

use crate::place::Place;

pub(crate) const ENGINEER: &str = "arn:aws:iam::111122223333:role/engineer";

/// Makes the role, which everybody of the account may assume.
pub(crate) fn engineer(place: &Place) {
    let all = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    let trust = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}});
    let iam = aws_sdk_iam::Client::new(&place.sdk());
    place.wait(async {
        let role = iam.create_role().role_name("engineer");
        let role = role.assume_role_policy_document(trust.to_string());
        role.send().await.unwrap();
        let policy = iam.put_role_policy().role_name("engineer").policy_name("all");
        policy.policy_document(all.to_string()).send().await.unwrap();
    });
}

/// Begins a session of it, by an STS at this endpoint.
pub(crate) fn begin(place: &Place, endpoint: &str) -> Credentials {
    let config = place.sdk().to_builder().endpoint_url(endpoint).build();
    let call = aws_sdk_sts::Client::new(&config).assume_role();
    let call = call.role_arn(ENGINEER).role_session_name("ann");
    place.wait(call.send()).unwrap().credentials.unwrap()
}

/// As a credential process prints it.
pub(crate) fn printed(session: &Credentials) -> Value {
    json!({
        "Version": 1,
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "SessionToken": session.session_token,
    })
}

/// The moment, as AWS writes it.
pub(crate) fn in_seconds(seconds: i64) -> String {
    let moment = jiff::Timestamp::try_from(SystemTime::now()).unwrap();
    let moment = moment + jiff::SignedDuration::from_secs(seconds);
    moment.round(jiff::Unit::Second).unwrap().to_string()
}
