//! Which topics an operation touches. Pure.

use crate::app::Topic;
use crate::domain::{Request, Touch};

/// Whether the answer to a topic may be another one after the request.
pub(super) fn is_affected(topic: &Topic, request: &Request) -> bool {
    let touches = request.plain_facts().touches;
    touches.iter().any(|touch| is_touched(topic, touch))
}

fn is_touched(topic: &Topic, touch: &Touch) -> bool {
    match touch {
        Touch::Keys => *topic == Topic::Keys,
        Touch::KeyDetail(arn) => matches!(topic, Topic::Key(of) if of == arn),
        Touch::KeyPolicy(arn) => matches!(topic, Topic::KeyPolicy(of) if of == arn),
        Touch::Grants(arn) => matches!(topic, Topic::Grants(of) if of == arn),
        Touch::AllGrants => matches!(topic, Topic::Grants(_)),
        Touch::Buckets => *topic == Topic::Buckets,
        Touch::Bucket(name) => {
            matches!(topic, Topic::Objects { bucket, .. } | Topic::Object { bucket, .. } if bucket == name)
        }
        Touch::Job(name) => match topic {
            Topic::Jobs => true,
            Topic::Job(job) | Topic::Log(job) => job == name,
            _ => false,
        },
        Touch::Roles => *topic == Topic::Roles,
        Touch::Interrupted => *topic == Topic::Interrupted,
        Touch::Files => matches!(topic, Topic::Files(_)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{GrantRequest, JobRequest, ObjectRequest};

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
