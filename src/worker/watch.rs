//! Which topics an operation touches. Pure.

use crate::app::Topic;
use crate::domain::{
    AccountRequest, GrantRequest, ImageRequest, JobRequest, KeyRequest, MessageRequest, ObjectRequest, ProofRequest,
    Request, RoleRequest,
};

/// Whether the answer to a topic may be another one after the request.
pub(super) fn is_affected(topic: &Topic, request: &Request) -> bool {
    match request {
        Request::Object(ObjectRequest::Encrypt { bucket, .. })
        | Request::Object(ObjectRequest::Delete { bucket, .. }) => is_of_bucket(topic, bucket),
        Request::Object(ObjectRequest::ResumeUpload { .. }) | Request::Object(ObjectRequest::AbandonUpload { .. }) => {
            matches!(topic, Topic::Objects { .. } | Topic::Object { .. } | Topic::Interrupted)
        }
        Request::Object(ObjectRequest::Decrypt { .. })
        | Request::Job(JobRequest::SaveLog { .. })
        | Request::Account(AccountRequest::SaveAudit { .. }) => {
            matches!(topic, Topic::Files(_))
        }
        Request::Object(ObjectRequest::CreateBucket { .. }) => *topic == Topic::Buckets,
        Request::Grant(GrantRequest::Revoke { key_arn, .. }) => matches!(topic, Topic::Grants(arn) if arn == key_arn),
        Request::Key(KeyRequest::Enable { key_arn })
        | Request::Key(KeyRequest::Disable { key_arn })
        | Request::Key(KeyRequest::ScheduleDeletion { key_arn, .. })
        | Request::Key(KeyRequest::CancelDeletion { key_arn }) => match topic {
            Topic::Keys => true,
            Topic::Key(arn) => arn == key_arn,
            _ => false,
        },
        Request::Job(JobRequest::Start(spec)) => is_of_job(topic, &spec.name) || is_of_bucket(topic, &spec.bucket),
        Request::Job(JobRequest::Stop { name }) => is_of_job(topic, name),
        Request::Key(KeyRequest::New(_))
        | Request::Key(KeyRequest::AddAlias { .. })
        | Request::Key(KeyRequest::MoveAlias { .. })
        | Request::Key(KeyRequest::DeleteAlias { .. }) => *topic == Topic::Keys,
        Request::Key(KeyRequest::PutPolicy { key_arn, .. }) => *topic == Topic::KeyPolicy(key_arn.clone()),
        Request::Key(KeyRequest::SetRotation { key_arn, .. }) | Request::Key(KeyRequest::Describe { key_arn, .. }) => {
            matches!(topic, Topic::Key(arn) if arn == key_arn)
        }
        Request::Grant(GrantRequest::New(spec)) => *topic == Topic::Grants(spec.key_arn.clone()),
        Request::Grant(GrantRequest::Retire { key_arn, .. }) | Request::Proof(ProofRequest::Story { key_arn, .. }) => {
            *topic == Topic::Grants(key_arn.clone())
        }
        Request::Proof(ProofRequest::Object { grant, .. }) => *grant && matches!(topic, Topic::Grants(_)),
        Request::Object(ObjectRequest::EmptyBucket { bucket, .. }) => is_of_bucket(topic, bucket),
        Request::Object(ObjectRequest::DeleteBucket { bucket, .. }) => {
            *topic == Topic::Buckets || is_of_bucket(topic, bucket)
        }
        Request::Message(MessageRequest::NewDataKey { to, .. })
        | Request::Message(MessageRequest::ReEncryptDataKey { to, .. }) => match to.strip_prefix("s3://") {
            Some(rest) => is_of_bucket(topic, rest.split('/').next().unwrap_or_default()),
            None => matches!(topic, Topic::Files(_)),
        },
        Request::Message(MessageRequest::Encrypt { to, .. }) | Request::Message(MessageRequest::Decrypt { to, .. }) => {
            to.is_some() && matches!(topic, Topic::Files(_))
        }
        Request::Role(RoleRequest::New(_))
        | Request::Role(RoleRequest::Delete { .. })
        | Request::Role(RoleRequest::TrustCaller { .. })
        | Request::Role(RoleRequest::TrustService { .. }) => *topic == Topic::Roles,
        // What only looks, or touches nothing that is watched.
        Request::Object(ObjectRequest::Verify { .. })
        | Request::Proof(ProofRequest::Access { .. })
        | Request::Key(KeyRequest::DraftPolicy { .. })
        | Request::Key(KeyRequest::ReadPolicy { .. })
        | Request::Key(KeyRequest::Tag { .. })
        | Request::Key(KeyRequest::Tags { .. })
        | Request::Key(KeyRequest::FindDependents { .. })
        | Request::Message(MessageRequest::OpenDataKey { .. })
        | Request::Object(ObjectRequest::CountBucket { .. })
        | Request::Object(ObjectRequest::Preview { .. })
        | Request::Object(ObjectRequest::ListArchive { .. })
        | Request::Role(RoleRequest::Policies { .. })
        | Request::Role(RoleRequest::DetachPolicy { .. })
        | Request::Grant(GrantRequest::Await { .. })
        | Request::Grant(GrantRequest::List { .. })
        | Request::Job(JobRequest::Preflight(_))
        | Request::Image(ImageRequest::NewRepository { .. })
        | Request::Image(ImageRequest::DeleteRepository { .. })
        | Request::Image(ImageRequest::Build(_))
        | Request::Image(ImageRequest::Try { .. })
        | Request::Account(AccountRequest::PlanCleanUp)
        | Request::Account(AccountRequest::AuditLog { .. }) => false,
    }
}

fn is_of_bucket(topic: &Topic, name: &str) -> bool {
    match topic {
        Topic::Objects { bucket, .. } | Topic::Object { bucket, .. } => bucket == name,
        _ => false,
    }
}

fn is_of_job(topic: &Topic, name: &str) -> bool {
    match topic {
        Topic::Jobs => true,
        Topic::Job(job) | Topic::Log(job) => job == name,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(arn: &str) -> Topic {
        Topic::Grants(arn.to_owned())
    }

    #[test]
    fn an_operation_touches_only_what_it_changed() {
        let request = Request::Grant(GrantRequest::Revoke {
            key_arn: "a".to_owned(),
            grant_id: "g".to_owned(),
            grantee: "r".to_owned(),
        });
        assert!(is_affected(&grants("a"), &request));
        assert!(!is_affected(&grants("b"), &request));
        assert!(!is_affected(&Topic::Keys, &request));

        let request = Request::Object(ObjectRequest::Delete {
            bucket: "b".to_owned(),
            objects: Vec::new(),
        });
        let objects = |bucket: &str| Topic::Objects {
            bucket: bucket.to_owned(),
            prefix: String::new(),
        };
        assert!(is_affected(&objects("b"), &request));
        assert!(!is_affected(&objects("c"), &request));

        let request = Request::Job(JobRequest::Stop { name: "j".to_owned() });
        assert!(is_affected(&Topic::Jobs, &request));
        assert!(is_affected(&Topic::Job("j".to_owned()), &request));
        assert!(!is_affected(&Topic::Job("k".to_owned()), &request));
    }
}
