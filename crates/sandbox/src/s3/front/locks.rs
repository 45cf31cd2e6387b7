//! Object lock, as clients see it.

use hyper::HeaderMap;
use hyper::http::Extensions;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::super::convert::{malformed, time};
use super::super::facts::protecting;
use super::super::lock::{Lock, Mode, Period, Protection, Retention, invalid, is_on};
use super::super::store::Settings;
use super::super::versions::Versioning;
use super::versions::Found;
use super::{Answer, Front, arn, taken};
use crate::api::{ApiError, refuse_if};
use crate::sigv4::header;

/// What S3 keeps anything for at most.
const MOST_DAYS: i32 = 36_500;
const MOST_YEARS: i32 = 100;

const BYPASS: &str = "x-amz-bypass-governance-retention";

pub(super) fn configuration(
    front: &Front,
    req: S3Request<GetObjectLockConfigurationInput>,
) -> Answer<GetObjectLockConfigurationOutput> {
    let lock = front.store().settings(&req.input.bucket)?.lock.ok_or_else(|| {
        let message = "Object Lock configuration does not exist for this bucket";
        ApiError::new("ObjectLockConfigurationNotFoundError", message).status(404)
    })?;
    let rule = lock.default.map(|(mode, period)| {
        let (days, years) = match period {
            Period::Days(days) => (Some(days), None),
            Period::Years(years) => (None, Some(years)),
        };
        ObjectLockRule {
            default_retention: Some(DefaultRetention {
                days,
                mode: Some(ObjectLockRetentionMode::from_static(mode.name())),
                years,
            }),
        }
    });
    Ok(S3Response::new(GetObjectLockConfigurationOutput {
        object_lock_configuration: Some(ObjectLockConfiguration {
            object_lock_enabled: Some(ObjectLockEnabled::from_static(ObjectLockEnabled::ENABLED)),
            rule,
        }),
    }))
}

pub(super) fn put_configuration(
    front: &Front,
    req: S3Request<PutObjectLockConfigurationInput>,
) -> Answer<PutObjectLockConfigurationOutput> {
    front.store().check_bucket(&req.input.bucket)?;
    let asked = req.input.object_lock_configuration.ok_or_else(malformed)?;
    let enabled = asked.object_lock_enabled.as_ref().map(ObjectLockEnabled::as_str);
    refuse_if(enabled != Some(ObjectLockEnabled::ENABLED), malformed)?;
    let default = asked.rule.map(default).transpose()?;
    front.store().try_change_settings(&req.input.bucket, |settings| {
        if settings.versioning != Versioning::Enabled {
            let message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
            return Err(ApiError::new("InvalidBucketState", message).status(409));
        }
        settings.lock = Some(Lock { default });
        Ok(())
    })?;
    Ok(S3Response::new(PutObjectLockConfigurationOutput::default()))
}

fn default(rule: ObjectLockRule) -> Result<(Mode, Period), ApiError> {
    let asked = rule.default_retention.ok_or_else(malformed)?;
    let mode = asked.mode.and_then(|mode| Mode::parse(mode.as_str()));
    let mode = mode.ok_or_else(malformed)?;
    let (period, length, most) = match (asked.days, asked.years) {
        (Some(days), None) => (Period::Days(days), days, MOST_DAYS),
        (None, Some(years)) => (Period::Years(years), years, MOST_YEARS),
        _ => return Err(malformed()),
    };
    if length < 1 {
        return Err(invalid("Default retention period must be a positive integer value."));
    }
    refuse_if(length > most, || invalid("Default retention period too large."))?;
    Ok((mode, period))
}

/// Refuses to stop keeping versions that may be locked.
pub(super) fn check_versioning(settings: &Settings, versioning: Versioning) -> Result<(), ApiError> {
    if settings.lock.is_none() || versioning == Versioning::Enabled {
        return Ok(());
    }
    let message = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.";
    Err(ApiError::new("InvalidBucketState", message).status(409))
}

/// A version of a bucket with object lock.
fn lockable(front: &Front, bucket: &str, key: &str, version: Option<&str>) -> S3Result<Found> {
    front.store().check_lock(bucket)?;
    front.find((bucket, key, version))
}

fn unprotected() -> ApiError {
    let message = "The specified object does not have a ObjectLock configuration";
    ApiError::new("NoSuchObjectLockConfiguration", message).status(404)
}

pub(super) fn retention(front: &Front, req: S3Request<GetObjectRetentionInput>) -> Answer<GetObjectRetentionOutput> {
    let input = req.input;
    let found = lockable(front, &input.bucket, &input.key, input.version_id.as_deref())?;
    let retention = found.object.protection.retention.clone().ok_or_else(unprotected)?;
    Ok(S3Response::new(GetObjectRetentionOutput {
        retention: Some(ObjectLockRetention {
            mode: Some(ObjectLockRetentionMode::from_static(retention.mode.name())),
            retain_until_date: Some(retention.until),
        }),
    }))
}

pub(super) fn put_retention(
    front: &Front,
    req: S3Request<PutObjectRetentionInput>,
) -> Answer<PutObjectRetentionOutput> {
    let (input, headers, mut extensions) = taken(req);
    let asked = input.retention.ok_or_else(malformed)?;
    let retention = match (asked.mode, asked.retain_until_date) {
        (None, None) => None,
        (Some(mode), Some(until)) => Some(Retention {
            mode: Mode::parse(mode.as_str()).ok_or_else(malformed)?,
            until,
        }),
        _ => return Err(malformed().into()),
    };
    in_future(front, retention.as_ref())?;
    let protection = Protection { retention, hold: None };
    let now = front.store().home.now();
    Front::add_facts(&mut extensions, |facts| protecting(facts, &protection, now))?;
    let resource = arn(&input.bucket, &input.key);
    front.allow(&extensions, "s3:PutObjectRetention", &resource)?;
    let found = lockable(front, &input.bucket, &input.key, input.version_id.as_deref())?;
    let asked = front.asks_to_bypass(&input.bucket, &headers)?;
    let bypass = front.bypasses(asked, &extensions, &resource)?;
    let id = found.object.version();
    front
        .store()
        .retain(&input.bucket, &input.key, id, protection.retention, bypass)?;
    Ok(S3Response::new(PutObjectRetentionOutput::default()))
}

pub(super) fn hold(front: &Front, req: S3Request<GetObjectLegalHoldInput>) -> Answer<GetObjectLegalHoldOutput> {
    let input = req.input;
    let found = lockable(front, &input.bucket, &input.key, input.version_id.as_deref())?;
    let on = found.object.protection.hold.ok_or_else(unprotected)?;
    Ok(S3Response::new(GetObjectLegalHoldOutput {
        legal_hold: Some(ObjectLockLegalHold {
            status: Some(status(on)),
        }),
    }))
}

pub(super) fn put_hold(front: &Front, req: S3Request<PutObjectLegalHoldInput>) -> Answer<PutObjectLegalHoldOutput> {
    let S3Request {
        input, mut extensions, ..
    } = req;
    let asked = input.legal_hold.and_then(|hold| hold.status).ok_or_else(malformed)?;
    let on = is_on(asked.as_str()).ok_or_else(malformed)?;
    let protection = Protection {
        retention: None,
        hold: Some(on),
    };
    let now = front.store().home.now();
    Front::add_facts(&mut extensions, |facts| protecting(facts, &protection, now))?;
    front.allow(&extensions, "s3:PutObjectLegalHold", &arn(&input.bucket, &input.key))?;
    let found = lockable(front, &input.bucket, &input.key, input.version_id.as_deref())?;
    front
        .store()
        .hold(&input.bucket, &input.key, found.object.version(), on)?;
    Ok(S3Response::new(PutObjectLegalHoldOutput::default()))
}

fn status(on: bool) -> ObjectLockLegalHoldStatus {
    ObjectLockLegalHoldStatus::from_static(if on {
        ObjectLockLegalHoldStatus::ON
    } else {
        ObjectLockLegalHoldStatus::OFF
    })
}

fn in_future(front: &Front, retention: Option<&Retention>) -> Result<(), ApiError> {
    let now = time(front.store().home.now());
    if retention.is_some_and(|retention| retention.until <= now) {
        return Err(invalid("The retain until date must be in the future!"));
    }
    Ok(())
}

impl Front {
    /// Whether a request wants to set governance aside, which is for buckets with object lock alone to hear.
    pub(super) fn asks_to_bypass(&self, bucket: &str, headers: &HeaderMap) -> Result<bool, ApiError> {
        let Some(asked) = header(headers, BYPASS) else {
            return Ok(false);
        };
        if !self.store().setting(bucket, |settings| settings.lock.is_some())? {
            let message = "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.";
            return Err(invalid(message));
        }
        Ok(asked.eq_ignore_ascii_case("true"))
    }

    /// Whether governance is set aside for an object: who asks for it must be allowed to.
    pub(super) fn bypasses(&self, asked: bool, extensions: &Extensions, resource: &str) -> Result<bool, ApiError> {
        if asked {
            self.allow(extensions, "s3:BypassGovernanceRetention", resource)?;
        }
        Ok(asked)
    }

    /// What is to protect an object that a request writes, as its headers say.
    pub(super) fn header_protection(
        &self,
        extensions: &Extensions,
        headers: &HeaderMap,
        bucket: &str,
        resource: &str,
    ) -> Result<Protection, ApiError> {
        let protection = Protection::given(headers)?;
        in_future(self, protection.retention.as_ref())?;
        if protection.retention.is_some() {
            self.allow(extensions, "s3:PutObjectRetention", resource)?;
        }
        if protection.hold.is_some() {
            self.allow(extensions, "s3:PutObjectLegalHold", resource)?;
        }
        if protection != Protection::default() {
            self.store().check_lock(bucket)?;
        }
        Ok(protection)
    }

    /// Refuses an object that comes without a digest and is to be locked.
    pub(super) fn check_undigested(&self, bucket: &str, protection: &Protection) -> Result<(), ApiError> {
        let has_default = |settings: &Settings| settings.lock.as_ref().is_some_and(|lock| lock.default.is_some());
        if *protection == Protection::default() && !self.store().setting(bucket, has_default)? {
            return Ok(());
        }
        Err(ApiError::invalid_request(
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters",
        ))
    }

    /// What of a version's protection the caller may hear.
    pub(super) fn shown_protection(
        &self,
        extensions: &Extensions,
        protection: &Protection,
        resource: &str,
    ) -> (
        Option<ObjectLockMode>,
        Option<ObjectLockRetainUntilDate>,
        Option<ObjectLockLegalHoldStatus>,
    ) {
        let may = |action| self.allow(extensions, action, resource).is_ok();
        let retention = protection.retention.as_ref().filter(|_| may("s3:GetObjectRetention"));
        let hold = protection.hold.filter(|_| may("s3:GetObjectLegalHold"));
        (
            retention.map(|retention| ObjectLockMode::from_static(retention.mode.name())),
            retention.map(|retention| retention.until.clone()),
            hold.map(status),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};

    use hyper::{Method, Uri};

    use super::super::versions::put_status;
    use super::*;
    use crate::Options;
    use crate::world::World;

    fn request<T>(input: T) -> S3Request<T> {
        S3Request {
            input,
            method: Method::PUT,
            uri: Uri::default(),
            headers: HeaderMap::new(),
            extensions: Extensions::new(),
            credentials: None,
            region: None,
            service: None,
            trailing_headers: None,
        }
    }

    #[test]
    fn a_bucket_is_never_locked_without_versions_however_two_requests_meet() {
        let world = Arc::new(World::scratch(Options::default()));
        let front = &Front {
            world: Arc::clone(&world),
        };
        for round in 0..300 {
            let bucket = format!("bucket-{round}");
            let settings = Settings {
                versioning: Versioning::Enabled,
                ..Settings::of_new()
            };
            world.s3.create_bucket_as(&bucket, &world.home, settings).unwrap();
            let suspend = PutBucketVersioningInput {
                bucket: bucket.clone(),
                checksum_algorithm: None,
                content_md5: None,
                expected_bucket_owner: None,
                mfa: None,
                versioning_configuration: VersioningConfiguration {
                    mfa_delete: None,
                    status: Some(BucketVersioningStatus::from_static(BucketVersioningStatus::SUSPENDED)),
                },
            };
            let lock = PutObjectLockConfigurationInput {
                bucket: bucket.clone(),
                object_lock_configuration: Some(ObjectLockConfiguration {
                    object_lock_enabled: Some(ObjectLockEnabled::from_static(ObjectLockEnabled::ENABLED)),
                    rule: None,
                }),
                ..PutObjectLockConfigurationInput::default()
            };
            let both = Barrier::new(2);
            let (suspended, locked) = std::thread::scope(|scope| {
                let suspending = scope.spawn(|| {
                    both.wait();
                    put_status(front, request(suspend)).is_ok()
                });
                both.wait();
                let locked = put_configuration(front, request(lock)).is_ok();
                (suspending.join().unwrap(), locked)
            });
            assert!(suspended != locked, "round {round}: one of them is refused");
        }
    }

    #[test]
    fn nothing_is_decided_without_what_conditions_may_ask() {
        let world = Arc::new(World::scratch(Options::default()));
        let mut extensions = Extensions::new();
        extensions.insert(world.owner());
        let front = Front { world };
        let asked = front.allow(&extensions, "s3:PutObjectLegalHold", "arn:aws:s3:::b/k");
        let added = Front::add_facts(&mut extensions, |_| {});
        for outcome in [asked, added] {
            let error = outcome.unwrap_err();
            assert_eq!((error.code.as_str(), error.status), ("InternalError", 500));
        }
    }
}
