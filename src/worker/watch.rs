//! What the watched set becomes, and which of it an operation touches. Pure.

use std::collections::HashSet;

use crate::app::Topic;
use crate::domain::Request;

/// From the topics watched now to those wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) start: Vec<Topic>,
    pub(super) stop: Vec<Topic>,
}

/// What stays is in neither list: its poller goes on undisturbed.
pub(super) fn change<'a>(watched: impl Iterator<Item = &'a Topic>, wanted: Vec<Topic>) -> Change {
    let watched: HashSet<&Topic> = watched.collect();
    let mut seen = HashSet::new();
    let start = wanted
        .iter()
        .filter(|topic| !watched.contains(topic) && seen.insert(*topic))
        .cloned()
        .collect();
    let wanted: HashSet<&Topic> = wanted.iter().collect();
    let stop = watched
        .into_iter()
        .filter(|topic| !wanted.contains(topic))
        .cloned()
        .collect();
    Change { start, stop }
}

/// Whether the answer to a topic may be another one after the request.
pub(super) fn is_affected(topic: &Topic, request: &Request) -> bool {
    match request {
        Request::Encrypt { bucket, .. } | Request::DeleteObjects { bucket, .. } => is_of_bucket(topic, bucket),
        Request::ResumeUpload { .. } | Request::AbandonUpload { .. } => {
            matches!(
                topic,
                Topic::Objects { .. } | Topic::ObjectInfos { .. } | Topic::Interrupted
            )
        }
        Request::Decrypt { .. } | Request::SaveLog { .. } | Request::SaveAudit { .. } => {
            matches!(topic, Topic::Files(_))
        }
        Request::CreateBucket { .. } => *topic == Topic::Buckets,
        Request::RevokeGrant { key_arn, .. } => matches!(topic, Topic::Grants(arn) if arn == key_arn),
        Request::EnableKey { key_arn }
        | Request::DisableKey { key_arn }
        | Request::ScheduleKeyDeletion { key_arn, .. }
        | Request::CancelKeyDeletion { key_arn } => match topic {
            Topic::Keys => true,
            Topic::KeyDetails(arns) => arns.contains(key_arn),
            _ => false,
        },
        Request::StartJob(spec) => is_of_job(topic, &spec.name) || is_of_bucket(topic, &spec.bucket),
        Request::StopJob { name } => is_of_job(topic, name),
        Request::NewKey(_) | Request::AddAlias { .. } | Request::MoveAlias { .. } | Request::DeleteAlias { .. } => {
            *topic == Topic::Keys
        }
        Request::PutKeyPolicy { key_arn, .. } => *topic == Topic::KeyPolicy(key_arn.clone()),
        Request::SetRotation { key_arn, .. } | Request::SetDescription { key_arn, .. } => {
            matches!(topic, Topic::KeyDetails(arns) if arns.contains(key_arn))
        }
        Request::Grant(spec) => *topic == Topic::Grants(spec.key_arn.clone()),
        Request::RetireGrant { key_arn, .. } | Request::ProveStory { key_arn, .. } => {
            *topic == Topic::Grants(key_arn.clone())
        }
        Request::ProveObject { grant, .. } => *grant && matches!(topic, Topic::Grants(_)),
        Request::EmptyBucket { bucket, .. } => is_of_bucket(topic, bucket),
        Request::DeleteBucket { bucket, .. } => *topic == Topic::Buckets || is_of_bucket(topic, bucket),
        Request::NewDataKey { to, .. } | Request::ReEncryptDataKey { to, .. } => match to.strip_prefix("s3://") {
            Some(rest) => is_of_bucket(topic, rest.split('/').next().unwrap_or_default()),
            None => matches!(topic, Topic::Files(_)),
        },
        Request::EncryptMessage { to, .. } | Request::DecryptMessage { to, .. } => {
            to.is_some() && matches!(topic, Topic::Files(_))
        }
        Request::NewRole(_)
        | Request::DeleteRole { .. }
        | Request::TrustCaller { .. }
        | Request::TrustService { .. } => *topic == Topic::Roles,
        // What only looks, or touches nothing that is watched.
        Request::Verify { .. }
        | Request::Prove { .. }
        | Request::DraftKeyPolicy { .. }
        | Request::ReadKeyPolicy { .. }
        | Request::TagKey { .. }
        | Request::KeyTags { .. }
        | Request::FindDependents { .. }
        | Request::OpenDataKey { .. }
        | Request::CountBucket { .. }
        | Request::Preview { .. }
        | Request::ListArchive { .. }
        | Request::RolePolicies { .. }
        | Request::DetachRolePolicy { .. }
        | Request::AwaitGrant { .. }
        | Request::GrantsOf { .. }
        | Request::Preflight(_)
        | Request::NewRepository { .. }
        | Request::DeleteRepository { .. }
        | Request::BuildImage(_)
        | Request::TryImage { .. }
        | Request::PlanCleanUp
        | Request::AuditLog { .. } => false,
    }
}

fn is_of_bucket(topic: &Topic, name: &str) -> bool {
    match topic {
        Topic::Objects { bucket, .. } | Topic::ObjectInfos { bucket, .. } => bucket == name,
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
    fn what_stays_watched_is_neither_stopped_nor_started() {
        let watched = [Topic::Keys, grants("a")];
        let change = change(watched.iter(), vec![Topic::Keys, grants("b"), grants("b")]);
        assert_eq!(change.start, [grants("b")]);
        assert_eq!(change.stop, [grants("a")]);
    }

    #[test]
    fn watching_nothing_stops_everything() {
        let watched = [Topic::Keys];
        assert_eq!(
            change(watched.iter(), Vec::new()),
            Change {
                start: vec![],
                stop: vec![Topic::Keys]
            }
        );
    }

    #[test]
    fn an_operation_touches_only_what_it_changed() {
        let request = Request::RevokeGrant {
            key_arn: "a".to_owned(),
            grant_id: "g".to_owned(),
            grantee: "r".to_owned(),
        };
        assert!(is_affected(&grants("a"), &request));
        assert!(!is_affected(&grants("b"), &request));
        assert!(!is_affected(&Topic::Keys, &request));

        let request = Request::DeleteObjects {
            bucket: "b".to_owned(),
            objects: Vec::new(),
        };
        let objects = |bucket: &str| Topic::Objects {
            bucket: bucket.to_owned(),
            prefix: String::new(),
        };
        assert!(is_affected(&objects("b"), &request));
        assert!(!is_affected(&objects("c"), &request));

        let request = Request::StopJob { name: "j".to_owned() };
        assert!(is_affected(&Topic::Jobs, &request));
        assert!(is_affected(&Topic::Job("j".to_owned()), &request));
        assert!(!is_affected(&Topic::Job("k".to_owned()), &request));
    }
}
