//! Object lock: versions that nobody removes, for a time or until they are told to.
//!
//! A bucket with object lock keeps versions for good. A version is protected until a date, by a mode that says whether anybody
//! may set that aside, and by a legal hold, which is independent of both. What is not locked itself has the bucket's default.

use std::time::{Duration, SystemTime};

use hyper::HeaderMap;
use s3s::dto::{ObjectLockLegalHoldStatus, ObjectLockMode, Timestamp, TimestampFormat};
use serde::{Deserialize, Serialize};

use super::convert::time;
use super::store::{Bucket, Store};
use crate::api::{ApiError, refuse_if};
use crate::sigv4::header;

const DAY: u64 = 24 * 60 * 60;

/// Who may set a protection aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mode {
    /// Who may bypass it, and says so.
    Governance,
    /// Nobody.
    Compliance,
}

impl Mode {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Governance, Self::Compliance]
            .into_iter()
            .find(|mode| mode.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Governance => ObjectLockMode::GOVERNANCE,
            Self::Compliance => ObjectLockMode::COMPLIANCE,
        }
    }
}

/// For how long a version is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Retention {
    pub(crate) mode: Mode,
    pub(crate) until: Timestamp,
}

/// What protects one version.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Protection {
    pub(crate) retention: Option<Retention>,
    /// Whether there is a legal hold. None where nobody ever put one on or took one off.
    pub(crate) hold: Option<bool>,
}

impl Protection {
    /// What the headers of a write ask for.
    pub(super) fn given(headers: &HeaderMap) -> Result<Self, ApiError> {
        let said = |name: &str| header(headers, &format!("x-amz-object-lock-{name}"));
        let retention = match (said("mode"), said("retain-until-date")) {
            (None, None) => None,
            (Some(mode), Some(until)) => Some(Retention {
                mode: Mode::parse(&mode).ok_or_else(|| invalid("Unknown wormMode directive."))?,
                until: Timestamp::parse(TimestampFormat::DateTime, &until)
                    .map_err(|_| invalid("The retain until date must be provided in ISO 8601 format"))?,
            }),
            _ => {
                let message = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
                return Err(invalid(message));
            }
        };
        let hold = said("legal-hold")
            .map(|hold| is_on(&hold).ok_or_else(|| invalid("Legal Hold must be either of 'ON' or 'OFF'")))
            .transpose()?;
        Ok(Self { retention, hold })
    }

    /// Whether the version may go.
    pub(super) fn lets_go(&self, now: SystemTime, bypass: bool) -> bool {
        self.hold != Some(true) && self.retention_lets(now, bypass)
    }

    fn retention_lets(&self, now: SystemTime, bypass: bool) -> bool {
        match &self.retention {
            Some(retention) if retention.until > time(now) => bypass && retention.mode == Mode::Governance,
            _ => true,
        }
    }

    /// Whether this may take the place of its retention: who may not set it aside may still make it longer.
    fn lets_change(&self, to: Option<&Retention>, now: SystemTime, bypass: bool) -> bool {
        let is_longer = match (&self.retention, to) {
            (Some(old), Some(new)) => old.mode == new.mode && old.until <= new.until,
            _ => false,
        };
        is_longer || self.retention_lets(now, bypass)
    }
}

/// How long a bucket keeps what says nothing of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Period {
    Days(i32),
    Years(i32),
}

/// What a bucket with object lock does with new versions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Lock {
    pub(crate) default: Option<(Mode, Period)>,
}

impl Lock {
    /// The retention of a version that was made now. S3 counts 365 days for a year.
    pub(super) fn retention(&self, made: SystemTime) -> Option<Retention> {
        let (mode, period) = self.default?;
        let days = match period {
            Period::Days(days) => i64::from(days),
            Period::Years(years) => i64::from(years) * 365,
        };
        let kept = Duration::from_secs(u64::try_from(days).unwrap_or_default() * DAY);
        Some(Retention {
            mode,
            until: time(made + kept),
        })
    }
}

impl Store {
    /// Refuses what is about protection in a bucket that has no object lock.
    pub(crate) fn check_lock(&self, bucket: &str) -> Result<(), ApiError> {
        self.with(bucket, |bucket| bucket.lock.as_ref().map(drop).ok_or_else(unlocked))
    }

    /// Keeps a version for so long, or for no longer.
    pub(crate) fn retain(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        retention: Option<Retention>,
        bypass: bool,
    ) -> Result<(), ApiError> {
        let now = self.home.now();
        self.with(bucket, |bucket| {
            let protection = bucket.protection(key, id);
            refuse_if(!protection.lets_change(retention.as_ref(), now, bypass), protected)?;
            bucket.change_facts(key, id, |facts| facts.protection.retention = retention);
            Ok(())
        })
    }

    /// Puts a legal hold on a version, or takes it off.
    pub(crate) fn hold(&self, bucket: &str, key: &str, id: &str, on: bool) -> Result<(), ApiError> {
        self.with(bucket, |bucket| {
            bucket.change_facts(key, id, |facts| facts.protection.hold = Some(on));
            Ok(())
        })
    }
}

impl Bucket {
    /// What protects a version, if it is there.
    pub(super) fn protection(&self, key: &str, id: &str) -> Protection {
        let version = self.version(key, id);
        let object = version.as_ref().and_then(|version| version.object());
        object.map(|object| object.facts.protection.clone()).unwrap_or_default()
    }
}

/// What a legal hold's name means.
pub(super) fn is_on(status: &str) -> Option<bool> {
    match status {
        ObjectLockLegalHoldStatus::ON => Some(true),
        ObjectLockLegalHoldStatus::OFF => Some(false),
        _ => None,
    }
}

pub(super) fn invalid(message: &str) -> ApiError {
    ApiError::invalid_argument(message)
}

pub(super) fn protected() -> ApiError {
    ApiError::new("AccessDenied", "Access Denied because object protected by object lock.").status(403)
}

pub(super) fn unlocked() -> ApiError {
    ApiError::invalid_request("Bucket is missing Object Lock Configuration")
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::clock::Clock;
    use crate::disk::Disk;
    use crate::identity::Place;
    use crate::s3::object::About;
    use crate::s3::store::{Condition, Settings};
    use crate::s3::versions::Versioning;

    fn at(day: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(day * DAY)
    }

    fn until(mode: Mode, day: u64) -> Protection {
        Protection {
            retention: Some(Retention {
                mode,
                until: time(at(day)),
            }),
            hold: None,
        }
    }

    #[test]
    fn a_version_goes_when_its_time_has_come_or_who_may_says_so() {
        let (governed, kept) = (until(Mode::Governance, 5), until(Mode::Compliance, 5));
        assert!(!governed.lets_go(at(4), false) && governed.lets_go(at(4), true) && governed.lets_go(at(5), false));
        assert!(!kept.lets_go(at(4), true) && kept.lets_go(at(5), false));
        let held = Protection {
            hold: Some(true),
            ..governed
        };
        assert!(!held.lets_go(at(4), true) && !held.lets_go(at(9), true));
        assert!(Protection::default().lets_go(at(0), false));
    }

    #[test]
    fn anybody_makes_a_retention_longer_and_only_who_may_bypass_it_shorter_or_another() {
        let (governed, kept) = (until(Mode::Governance, 5), until(Mode::Compliance, 5));
        let changes =
            |from: &Protection, to: &Protection, bypass| from.lets_change(to.retention.as_ref(), at(1), bypass);
        for (mode, from) in [(Mode::Governance, &governed), (Mode::Compliance, &kept)] {
            assert!(changes(from, &until(mode, 5), false) && changes(from, &until(mode, 6), false));
            assert!(!changes(from, &until(mode, 4), false));
            assert_eq!(changes(from, &until(mode, 4), true), mode == Mode::Governance);
            assert_eq!(changes(from, &Protection::default(), true), mode == Mode::Governance);
        }
        assert!(!changes(&governed, &kept, false) && changes(&governed, &kept, true));
        assert!(!changes(&kept, &until(Mode::Governance, 9), true));
        assert!(changes(&Protection::default(), &kept, false));
        assert!(kept.lets_change(None, at(5), false), "it is over");
    }

    fn denied<T>() -> Result<T, String> {
        Err("AccessDenied".to_owned())
    }

    #[test]
    fn what_protects_a_version_is_there_when_the_world_opens_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = |disk: &Disk| Store::open(&folder.path().join("objects"), &Clock::default(), disk).unwrap();
        let mut disk = Disk::whole(folder.path());
        let before = store(&disk);
        let settings = Settings {
            versioning: Versioning::Enabled,
            lock: Some(Lock {
                default: Some((Mode::Governance, Period::Days(1))),
            }),
            ..Settings::default()
        };
        let place = Place::new("1", "us-east-1");
        before.create_bucket_as("bucket", &place, settings).unwrap();
        before.put_bytes("bucket", "k", b"x", About::default()).unwrap();
        let id = before.object("bucket", "k").unwrap().version().to_owned();
        before.hold("bucket", "k", &id, true).unwrap();
        disk.close();
        drop((before, std::mem::take(&mut disk)));
        disk = Disk::whole(folder.path());
        let store = store(&disk);
        let delete = |bypass| {
            let gone = store.delete_version("bucket", "k", &id, &Condition::Any, bypass);
            gone.map(|gone| gone.is_some()).map_err(|error| error.code)
        };
        assert_eq!(delete(true), denied(), "the legal hold");
        store.hold("bucket", "k", &id, false).unwrap();
        assert_eq!(delete(false), denied(), "the default retention");
        let longer = |mode| Retention {
            mode,
            until: time(store.home.now() + Duration::from_secs(9 * DAY)),
        };
        store
            .retain("bucket", "k", &id, Some(longer(Mode::Governance)), false)
            .unwrap();
        let changed = store.retain("bucket", "k", &id, Some(longer(Mode::Compliance)), false);
        assert_eq!(changed.map_err(|error| error.code), denied());
        assert_eq!(delete(true), Ok(true));
        assert_eq!(store.check_lock("bucket").map_err(|error| error.code), Ok(()));
        disk.close();
    }

    #[test]
    fn a_default_is_counted_from_when_a_version_is_made() {
        let kept = |period| {
            let lock = Lock {
                default: Some((Mode::Compliance, period)),
            };
            lock.retention(at(10)).unwrap().until
        };
        assert_eq!(kept(Period::Days(2)), time(at(12)));
        assert_eq!(kept(Period::Years(2)), time(at(740)));
        assert_eq!(Lock::default().retention(at(10)), None);
    }
}
