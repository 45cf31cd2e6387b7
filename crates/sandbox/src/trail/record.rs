//! One event: as it is kept, and as CloudTrail writes it.

use serde_json::Map;

use super::Call;
use crate::api::{camel, insert_some, is_one_of};
use crate::prelude::*;
use crate::world::random;

/// Bytes of an event's request parameters.
const LONGEST: usize = 16 << 10;
/// Members that no event shows: what KMS is there to hide, and what would let somebody in.
const SECRET: [&str; 5] = ["Plaintext", "CiphertextBlob", "GrantTokens", "GrantToken", "TokenCode"];
/// Calls whose name does not begin as those that only read do.
const READING: &str = "Decrypt Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext GenerateRandom ReEncrypt \
    AssumeRole SimulatePrincipalPolicy";

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Milliseconds since 1970. First: it is read alone, too.
    pub(super) at: i64,
    pub(super) id: String,
    pub(super) name: String,
    /// `kms`.
    pub(super) service: String,
    /// Whose history it is in.
    pub(super) account: String,
    pub(super) region: String,
    who: Who,
    pub(super) access_key_id: Option<String>,
    /// The service that asked in the caller's name.
    invoked_by: Option<String>,
    ip: String,
    agent: String,
    /// JSON.
    parameters: String,
    pub(super) resources: Vec<String>,
    /// Name and message.
    error: Option<(String, String)>,
    request_id: String,
    /// What the events of several accounts about one call share.
    shared: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Who {
    User {
        arn: String,
        id: String,
        name: String,
    },
    Session {
        arn: String,
        id: String,
        session: String,
        role: String,
        role_arn: String,
    },
    /// Somebody of another account: no more is said of them to the owner of what they used.
    Foreign {
        account: String,
        id: String,
    },
    Service(String),
}

/// The time of an event that is kept.
pub(super) fn time(bytes: &[u8]) -> Option<i64> {
    Some(decoded(bytes)?.at)
}

pub(super) fn decoded(bytes: &[u8]) -> Option<Record> {
    postcard::from_bytes(bytes).ok()
}

/// An event's id.
pub(super) fn id() -> String {
    let id = uuid::Builder::from_random_bytes(random::<16>());
    id.into_uuid().to_string()
}

impl Record {
    /// A call for the history of an account.
    pub(super) fn of(caller: &Caller, call: &Call<'_>, account: &str, shared: Option<&str>, now: Timestamp) -> Self {
        let service = caller.extra.get("kms:ViaService").map(|via| {
            let name = via.split('.').next().unwrap_or(via);
            format!("{name}.amazonaws.com")
        });
        let signed = caller.signed.as_deref();
        let is_foreign = account != caller.place.account;
        let text = |of: &dyn Fn(&super::Signed) -> String| signed.map(of).unwrap_or_default();
        Self {
            at: now.as_millisecond(),
            id: id(),
            name: call.operation.to_owned(),
            service: call.service.to_owned(),
            account: account.to_owned(),
            region: caller.place.region.clone(),
            who: if is_foreign {
                Who::foreign(caller)
            } else {
                Who::of(caller)
            },
            access_key_id: signed
                .map(|signed| signed.access_key_id.clone())
                .filter(|_| !is_foreign),
            ip: service
                .clone()
                .unwrap_or_else(|| text(&|signed| signed.arrival.from.to_string())),
            agent: service.clone().unwrap_or_else(|| text(&|signed| signed.agent.clone())),
            invoked_by: service,
            parameters: parameters(call.parameters),
            resources: call.resources.to_vec(),
            error: call.refused.map(|error| (error.code.clone(), error.message.clone())),
            request_id: text(&|signed| signed.arrival.request_id.clone()),
            shared: shared.map(str::to_owned),
        }
    }

    pub(super) fn encoded(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("a record is made of numbers and texts")
    }

    pub(super) fn source(&self) -> String {
        format!("{}.amazonaws.com", self.service)
    }

    /// Whether it changed nothing, by its name.
    pub(super) fn is_read_only(&self) -> bool {
        let reads = ["Get", "List", "Describe", "Lookup"];
        reads.iter().any(|word| self.name.starts_with(word)) || is_one_of(&self.name, READING)
    }

    /// What its resources are.
    pub(super) fn types(&self) -> impl Iterator<Item = &'static str> {
        self.resources.iter().map(|arn| kind(arn))
    }

    /// What `Username` says: the user's name, or the session's.
    pub(super) fn user_name(&self) -> Option<&str> {
        match &self.who {
            Who::User { name, .. } => Some(name),
            Who::Session { session, .. } => Some(session),
            Who::Foreign { .. } | Who::Service(_) => None,
        }
    }

    /// An entry of `LookupEvents`.
    pub(super) fn entry(&self) -> Value {
        let resource = |arn: &String| json!({ "ResourceType": kind(arn), "ResourceName": arn });
        let mut entry = json!({
            "EventId": self.id,
            "EventName": self.name,
            "ReadOnly": self.is_read_only().to_string(),
            "EventTime": self.at.div_euclid(1000),
            "EventSource": self.source(),
            "Resources": self.resources.iter().map(resource).collect::<Vec<_>>(),
            "CloudTrailEvent": self.event().to_string(),
        });
        insert_some(&mut entry, "Username", self.user_name());
        insert_some(&mut entry, "AccessKeyId", self.access_key_id.as_ref());
        entry
    }

    /// The event itself, whose times are whole seconds.
    fn event(&self) -> Value {
        let resource = |arn: &String| json!({ "accountId": account_of(arn), "type": kind(arn), "ARN": arn });
        let at = Timestamp::from_second(self.at.div_euclid(1000)).unwrap_or_default();
        let mut event = json!({
            "eventVersion": "1.11",
            "userIdentity": self.who.identity(self.access_key_id.as_deref(), self.invoked_by.as_deref()),
            "eventTime": at.to_string(),
            "eventSource": self.source(),
            "eventName": self.name,
            "awsRegion": self.region,
            "sourceIPAddress": self.ip,
            "userAgent": self.agent,
            "requestParameters": serde_json::from_str::<Value>(&self.parameters).unwrap_or(Value::Null),
            "responseElements": null,
            "requestID": self.request_id,
            "eventID": self.id,
            "readOnly": self.is_read_only(),
            "resources": self.resources.iter().map(resource).collect::<Vec<_>>(),
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": self.account,
            "eventCategory": "Management",
        });
        if let Some((code, message)) = &self.error {
            // KMS's names are written without what others end in.
            event["errorCode"] = code
                .strip_suffix("Exception")
                .filter(|name| *name == "AccessDenied")
                .unwrap_or(code)
                .into();
            event["errorMessage"] = message.as_str().into();
        }
        insert_some(&mut event, "sharedEventID", self.shared.as_ref());
        event
    }
}

impl Who {
    fn of(caller: &Caller) -> Self {
        let (arn, id) = (caller.arn.clone(), caller.user_id.clone());
        match &caller.principal {
            Principal::User(name) => Self::User {
                arn,
                id,
                name: name.clone(),
            },
            Principal::Session { role, session } => Self::Session {
                arn,
                id,
                session: session.clone(),
                role: role.clone(),
                role_arn: caller.role_arn.clone().unwrap_or_default(),
            },
            Principal::Service(name) => Self::Service(name.clone()),
        }
    }

    fn foreign(caller: &Caller) -> Self {
        Self::Foreign {
            account: caller.place.account.clone(),
            id: caller.user_id.clone(),
        }
    }

    fn identity(&self, access_key_id: Option<&str>, invoked_by: Option<&str>) -> Value {
        let mut identity = match self {
            Self::User { arn, id, name } => json!({
                "type": "IAMUser", "principalId": id, "arn": arn, "accountId": account_of(arn), "userName": name,
            }),
            Self::Session {
                arn,
                id,
                role,
                role_arn,
                ..
            } => json!({
                "type": "AssumedRole", "principalId": id, "arn": arn, "accountId": account_of(arn),
                "sessionContext": { "sessionIssuer": {
                    "type": "Role", "principalId": id.split(':').next(), "arn": role_arn,
                    "accountId": account_of(role_arn), "userName": role,
                } },
            }),
            Self::Foreign { account, id } => json!({ "type": "AWSAccount", "principalId": id, "accountId": account }),
            Self::Service(name) => json!({ "type": "AWSService", "invokedBy": name }),
        };
        insert_some(&mut identity, "accessKeyId", access_key_id);
        insert_some(&mut identity, "invokedBy", invoked_by);
        identity
    }
}

/// What a resource is, as CloudTrail calls it.
fn kind(arn: &str) -> &'static str {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, resource) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
    match (service, resource.split('/').next().unwrap_or_default()) {
        ("kms", _) => "AWS::KMS::Key",
        ("iam", "role") => "AWS::IAM::Role",
        ("iam", "user") => "AWS::IAM::User",
        ("sagemaker", "training-job") => "AWS::SageMaker::TrainingJob",
        ("sagemaker", "processing-job") => "AWS::SageMaker::ProcessingJob",
        _ => "AWS::Resource",
    }
}

/// The members of a request as events name them, without those that are secret.
fn parameters(members: &Value) -> String {
    let Some(members) = members.as_object() else {
        return "null".to_owned();
    };
    let shown = members
        .iter()
        .filter(|(name, value)| !SECRET.contains(&name.as_str()) && !value.is_null());
    let shown: Map<String, Value> = shown.map(|(name, value)| (camel(name), value.clone())).collect();
    let text = if shown.is_empty() {
        Value::Null.to_string()
    } else {
        Value::Object(shown).to_string()
    };
    if text.len() > LONGEST {
        return json!({ "omitted": true, "originalSize": text.len(), "reason": "it is longer than events keep" })
            .to_string();
    }
    text
}
