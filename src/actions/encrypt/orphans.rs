//! Uploads that were asked for and whose answer nobody heard: it was lost, or the process was killed before it came.
//!
//! S3 has such an upload and nobody has its id. It has no part, so it costs nothing; but it would stay. Other people may
//! upload to the same key, and S3 lists neither metadata nor anything else that would mark an upload as ours. So one is
//! thrown away only if everything that can be known says so: it was not there before the call and began right after it, the
//! same caller began it, it has no part, nobody else on this machine uploads to that key, and there are no more of its
//! kind than calls without an answer. Where anything of that is open, it stays, and the log names it.

use jiff::{SignedDuration, Timestamp};

use crate::actions::journal::{Asking, Journal};
use crate::aws::Aws;
use crate::aws::transfer::{self, Begun, Multipart};

/// How far S3's clock may be from this one.
const SKEW: SignedDuration = SignedDuration::from_mins(2);
/// A call and its retries are over by then.
const LONGEST: SignedDuration = SignedDuration::from_mins(10);

/// What a call that begins an upload needs to have noted before; `None` if the caller may not list uploads.
pub(super) async fn before(aws: &Aws, bucket: &str, key: &str) -> Option<Asking> {
    let listed = transfer::uploads(aws, bucket, key).await.ok()?;
    Some(Asking {
        at: Timestamp::now(),
        before: listed.into_iter().map(|upload| upload.id).collect(),
    })
}

/// Throws away what came of these calls; `own` is the upload that a later one got.
pub(super) async fn sweep(
    aws: &Aws,
    bucket: &str,
    key: &str,
    journal: Option<&Journal>,
    unanswered: &[Asking],
    own: Option<&str>,
) {
    let listed = match transfer::uploads(aws, bucket, key).await {
        Ok(listed) => listed,
        Err(fault) => return tracing::warn!(%fault, "could not look for an upload whose beginning was not answered"),
    };
    let mut found = Vec::new();
    for id in candidates(&listed, unanswered, own) {
        let upload = Multipart {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            id,
        };
        if transfer::parts(aws, &upload).await.is_ok_and(|parts| parts.is_empty()) {
            found.push(upload);
        }
    }
    let is_clear = found.len() <= unanswered.len() && !Journal::is_others_too(journal, bucket, key);
    for upload in found {
        if !is_clear || transfer::abort(aws, &upload).await.is_err() {
            tracing::warn!(
                bucket,
                key,
                id = upload.id,
                "an upload that may be somebody else's was left alone"
            );
        }
    }
}

/// The ids of the uploads that may have come of these calls.
fn candidates(listed: &[Begun], unanswered: &[Asking], own: Option<&str>) -> Vec<String> {
    let known = listed.iter().find(|upload| Some(upload.id.as_str()) == own);
    let came_of = |upload: &Begun, asking: &Asking| {
        let (Ok(from), Ok(to)) = (asking.at.checked_sub(SKEW), asking.at.checked_add(LONGEST)) else {
            return false;
        };
        !asking.before.contains(&upload.id) && upload.at.is_some_and(|at| (from..=to).contains(&at))
    };
    listed
        .iter()
        .filter(|upload| Some(upload.id.as_str()) != own)
        .filter(|upload| known.is_none_or(|own| own.by == upload.by))
        .filter(|upload| unanswered.iter().any(|asking| came_of(upload, asking)))
        .map(|upload| upload.id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_790_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(NOON + seconds).expect("it is within the calendar")
    }

    fn upload(id: &str, begun: i64, by: &str) -> Begun {
        Begun {
            id: id.to_owned(),
            at: Some(at(begun)),
            by: Some(by.to_owned()),
        }
    }

    fn asking(before: &[&str]) -> Asking {
        Asking {
            at: at(0),
            before: before.iter().map(|id| (*id).to_owned()).collect(),
        }
    }

    #[test]
    fn an_upload_of_somebody_else_is_never_taken_for_one_that_was_not_answered() {
        let listed = [
            upload("there-before", 1, "me"),
            upload("lost", 1, "me"),
            upload("of-another-caller", 2, "you"),
            upload("of-yesterday", -86_400, "me"),
            upload("much-later", 3600, "me"),
            upload("own", 4, "me"),
            Begun {
                at: None,
                ..upload("timeless", 1, "me")
            },
        ];
        assert_eq!(candidates(&listed, &[asking(&["there-before"])], Some("own")), ["lost"]);
        assert!(candidates(&listed, &[], Some("own")).is_empty());
    }
}
