//! `doctor`: can we reach AWS, as whom, where, and what may we see?

use futures::join;
use jiff::{SignedDuration, Timestamp};

use crate::aws::{Aws, iam, kms, logs, s3, sagemaker, sts};
use crate::domain::{Door, Fault};

/// AWS refuses signatures that are more than five minutes off; warn well before.
const MOST_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to try, if it is not well.
    pub remedy: Option<String>,
}

/// Looks at everything the dashboard needs; asks AWS for no more than one page of anything.
pub async fn check_up(aws: &Aws) -> Vec<Check> {
    let asked = Timestamp::now();
    let (identity, keys, buckets, jobs, roles, streams) = join!(
        sts::caller_identity_at(aws),
        kms::list_keys(aws).first(),
        s3::list_buckets(aws).first(),
        sagemaker::list_training_jobs(aws, None).first(),
        iam::list_roles(aws).first(),
        logs::streams(aws, "strongroom-doctor").first(),
    );
    let server_time = identity.as_ref().ok().and_then(|(_, at)| *at);
    let mut checks = vec![
        place(aws),
        of("credentials", identity, |(who, _)| {
            format!("{} in account {}", who.arn, who.account)
        }),
    ];
    if let Some(at) = server_time {
        checks.push(clock(at.duration_since(asked)));
    }
    let page = |rows: usize, more: bool, what: &str| format!("{rows}{} {what}", if more { "+" } else { "" });
    checks.extend([
        of("KMS", keys, |keys| page(keys.rows.len(), keys.next.is_some(), "keys")),
        of("S3", buckets, |buckets| {
            page(buckets.rows.len(), buckets.next.is_some(), "buckets")
        }),
        of("SageMaker", jobs, |jobs| {
            page(jobs.rows.len(), jobs.next.is_some(), "training jobs")
        }),
        of("IAM", roles, |roles| {
            page(roles.rows.len(), roles.next.is_some(), "roles")
        }),
        log(streams),
    ]);
    checks
}

fn place(aws: &Aws) -> Check {
    let mut detail = format!("{} ({})", aws.region(), aws.region_source());
    for told in aws.endpoints_told() {
        detail.push_str("; ");
        detail.push_str(&told);
    }
    Check {
        name: "region".to_owned(),
        ok: true,
        detail,
        remedy: None,
    }
}

/// Before the first job of an account there is no log group: that is well.
fn log(streams: Result<impl Sized, Fault>) -> Check {
    use crate::domain::FaultKind;

    match streams {
        Err(fault) if fault.kind == FaultKind::NotFound => Check {
            name: "CloudWatch Logs".to_owned(),
            ok: true,
            detail: "no training log yet".to_owned(),
            remedy: None,
        },
        other => of("CloudWatch Logs", other, |_| "training logs can be read".to_owned()),
    }
}

fn clock(ahead: SignedDuration) -> Check {
    let off = ahead.abs();
    let ok = off <= MOST_SKEW;
    Check {
        name: "clock".to_owned(),
        ok,
        detail: if ok {
            "agrees with AWS".to_owned()
        } else {
            format!("{} seconds off", off.as_secs())
        },
        remedy: (!ok).then(|| "set this machine's clock".to_owned()),
    }
}

fn of<T>(name: &str, result: Result<T, Fault>, say: impl FnOnce(T) -> String) -> Check {
    let (ok, detail, remedy) = match result {
        Ok(answer) => (true, say(answer), None),
        Err(fault) => (
            false,
            fault.cause.clone(),
            Some(fault.remedy_at(Door::CommandLine)).filter(|remedy| !remedy.is_empty()),
        ),
    };
    Check {
        name: name.to_owned(),
        ok,
        detail,
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_service_carries_its_cause_and_remedy() {
        let fault = Fault::denied("list", "KMS keys", "no permission", "ask");
        let check = of("KMS", Err::<(), _>(fault), |()| String::new());
        assert!(!check.ok);
        assert_eq!(
            (check.detail.as_str(), check.remedy.as_deref()),
            ("no permission", Some("ask"))
        );
    }

    #[test]
    fn a_missing_log_group_is_well() {
        let missing = Fault::not_found("find the log of", "j", "no group", "");
        assert!(log(Err::<(), _>(missing)).ok);
        let denied = Fault::denied("find the log of", "j", "no permission", "");
        assert!(!log(Err::<(), _>(denied)).ok);
    }

    #[test]
    fn a_clock_is_wrong_in_both_directions() {
        assert!(clock(SignedDuration::from_secs(-2)).ok);
        assert!(!clock(SignedDuration::from_secs(400)).ok);
        assert!(!clock(SignedDuration::from_secs(-400)).ok);
    }
}
