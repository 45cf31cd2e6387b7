//! CloudTrail: the event history of a key.

use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use jiff::Timestamp;
use serde_json::Value;

use super::fault::{Expected, Heard};
use super::{Aws, List, Paged, timestamp};
use crate::domain::Fault;
use crate::domain::who::{Answer, KeyUse, UsedBy, UserKind};

/// Events of a page.
const PAGE: i32 = 50;

/// Events about a key (by its ARN) since then, newest first. Every operation of KMS that names a key is one; the calls of
/// other accounts are, too.
pub(crate) fn lookup<'a>(aws: &'a Aws, key_arn: &'a str, since: Timestamp) -> List<'a, KeyUse> {
    let act = "look up events of";
    List::new(act, key_arn, move |token| async move {
        let attribute = LookupAttribute::builder()
            .attribute_key(LookupAttributeKey::ResourceName)
            .attribute_value(key_arn)
            .build()
            .map_err(|error| Fault::invalid(act, key_arn, error.to_string(), ""))?;
        let call = aws
            .cloudtrail_of(key_arn)
            .lookup_events()
            .lookup_attributes(attribute)
            .start_time(DateTime::from_secs(since.as_second()))
            .max_results(PAGE)
            .set_next_token(token);
        let answer = call.send().await.heard(act, key_arn)?;
        let rows: Option<Vec<KeyUse>> = answer.events().iter().map(used).collect();
        Ok(Paged {
            rows: rows.expected(act, key_arn, "event that can be read")?,
            next: answer.next_token().map(str::to_owned),
        })
    })
}

/// An event as it is; none of what is no event.
fn used(event: &Event) -> Option<KeyUse> {
    let told: Value = serde_json::from_str(event.cloud_trail_event()?).ok()?;
    let at = event.event_time().and_then(timestamp);
    let at = at.or_else(|| told["eventTime"].as_str()?.parse().ok())?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let identity = &told["userIdentity"];
    let invoked_by = identity["invokedBy"].as_str();
    let from = told["sourceIPAddress"].as_str().or(invoked_by).unwrap_or_default();
    let issuer = &identity["sessionContext"]["sessionIssuer"];
    let session = identity["arn"].as_str().filter(|_| issuer["type"] == "Role");
    Some(KeyUse {
        at,
        id: event.event_id()?.to_owned(),
        by: by(identity)?,
        session: session
            .and_then(|arn| arn.rsplit_once('/'))
            .map(|(_, name)| name.to_owned()),
        operation: event
            .event_name()
            .map(str::to_owned)
            .or_else(|| told["eventName"].as_str().map(str::to_owned))?,
        context: context(&told["requestParameters"]),
        from: from.to_owned(),
        agent: text(&told["userAgent"]),
        answer: Answer::of(told["errorCode"].as_str()),
    })
}

/// Who called: of a session the role that it is of.
fn by(identity: &Value) -> Option<UsedBy> {
    let issuer = &identity["sessionContext"]["sessionIssuer"];
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let (kind, name) = match identity["type"].as_str()? {
        "IAMUser" => (UserKind::User, text(&identity["arn"])),
        "Root" => (UserKind::Root, text(&identity["arn"])),
        "AssumedRole" if issuer["type"] == "Role" => (UserKind::Role, text(&issuer["arn"])),
        "AWSAccount" => (UserKind::Account, text(&identity["accountId"])),
        "AWSService" => (UserKind::Service, text(&identity["invokedBy"])),
        _ => (UserKind::Other, text(&identity["arn"])),
    };
    let name = name.or_else(|| text(&identity["principalId"]))?;
    Some(UsedBy { kind, name })
}

/// The encryption context of a call; ReEncrypt has two, of which the old one is told.
fn context(parameters: &Value) -> Vec<(String, String)> {
    let named = ["encryptionContext", "sourceEncryptionContext"];
    let context = named.iter().find_map(|name| parameters[name].as_object());
    let pairs = context.into_iter().flatten();
    pairs
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(told: &Value) -> Event {
        Event::builder()
            .event_id("e")
            .event_name("Decrypt")
            .event_time(DateTime::from_secs(7))
            .cloud_trail_event(told.to_string())
            .build()
    }

    #[test]
    fn a_session_is_told_by_its_role_and_another_account_by_its_number() {
        let of = |identity: Value| used(&event(&json!({"userIdentity": identity}))).map(|used| (used.by, used.session));
        let role = "arn:aws:iam::111122223333:role/team/trainer";
        let session = of(json!({
            "type": "AssumedRole", "principalId": "AROA:SageMaker",
            "arn": "arn:aws:sts::111122223333:assumed-role/trainer/SageMaker",
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role}},
        }));
        let by = |kind, name: &str| UsedBy {
            kind,
            name: name.to_owned(),
        };
        assert_eq!(session, Some((by(UserKind::Role, role), Some("SageMaker".to_owned()))));
        let other = of(json!({"type": "AWSAccount", "principalId": "AIDA", "accountId": "444455556666"}));
        assert_eq!(other, Some((by(UserKind::Account, "444455556666"), None)));
        let service = of(json!({"type": "AWSService", "invokedBy": "sagemaker.amazonaws.com"}));
        assert_eq!(service, Some((by(UserKind::Service, "sagemaker.amazonaws.com"), None)));
        assert_eq!(of(json!({"type": "IAMUser"})), None);
    }

    #[test]
    fn context_source_and_refusal_are_read_from_the_event() {
        let told = json!({
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::1:user/ann"},
            "sourceIPAddress": "203.0.113.7", "userAgent": "aws-cli", "errorCode": "AccessDenied",
            "requestParameters": {"encryptionContext": {"team": "blue"}},
        });
        let used = used(&event(&told)).expect("it is an event");
        assert_eq!(used.context, [("team".to_owned(), "blue".to_owned())]);
        assert_eq!(
            (used.from.as_str(), used.answer.refusal()),
            ("203.0.113.7", Some("AccessDenied"))
        );
        assert_eq!(used.at.as_second(), 7);
    }
}
