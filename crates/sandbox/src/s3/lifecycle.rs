//! Lifecycle rules: what grows too old goes.
//!
//! S3 carries rules out at midnight, UTC. So does this: at the first look at a bucket after one, by the world's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use s3s::dto::{ExpirationStatus, LifecycleRule, LifecycleRuleAndOperator, Tag, Timestamp, TimestampFormat};

use super::body::Body;
use super::object::Object;
use super::store::Bucket;
use super::versions::{Version, key_of};

/// What a rule is for.
type Scope = LifecycleRuleAndOperator;

const DAY: u64 = 24 * 60 * 60;

/// What a rule took away, to be dropped outside the lock.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    versions: Vec<Version>,
    parts: Vec<Body>,
}

/// The midnight at which something that began at `since` is so many days old.
fn midnight(since: SystemTime, days: i32) -> SystemTime {
    let seconds = since
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
        .ceil() as u64;
    let old = seconds + u64::try_from(days).unwrap_or_default() * DAY;
    UNIX_EPOCH + Duration::from_secs(old.div_ceil(DAY) * DAY)
}

/// What a rule is for, in one shape for its three spellings.
fn scope(rule: &LifecycleRule) -> Scope {
    let filter = rule.filter.clone().unwrap_or_default();
    filter.and.unwrap_or_else(|| Scope {
        object_size_greater_than: filter.object_size_greater_than,
        object_size_less_than: filter.object_size_less_than,
        prefix: filter.prefix.or_else(|| rule.prefix.clone()),
        tags: filter.tag.map(|tag| vec![tag]),
    })
}

fn is_in(scope: &Scope, key: &str, object: Option<&Object>) -> bool {
    let prefix = scope.prefix.as_deref().unwrap_or_default();
    let Some(object) = object else {
        // Of a delete marker or an upload nothing is known but its key.
        let more = scope.object_size_greater_than.is_some() || scope.object_size_less_than.is_some();
        return key.starts_with(prefix) && !more && scope.tags.is_none();
    };
    let size = object.body.length() as i64;
    let has = |tag: &Tag| {
        let key = tag.key.as_deref().unwrap_or_default();
        object.tags.get(key).map(String::as_str) == tag.value.as_deref()
    };
    key.starts_with(prefix)
        && scope.object_size_greater_than.is_none_or(|bound| size > bound)
        && scope.object_size_less_than.is_none_or(|bound| size < bound)
        && scope.tags.iter().flatten().all(has)
}

/// When a rule's expiration comes for something of that age, if it ever does.
fn expiry(rule: &LifecycleRule, since: SystemTime) -> Option<SystemTime> {
    let expiration = rule.expiration.as_ref()?;
    let date = expiration.date.as_ref().and_then(moment);
    expiration.days.map(|days| midnight(since, days)).or(date)
}

/// The same moment as the store has it.
pub(super) fn moment(date: &Timestamp) -> Option<SystemTime> {
    let mut text = Vec::new();
    date.format(TimestampFormat::EpochSeconds, &mut text).ok()?;
    let seconds: f64 = std::str::from_utf8(&text).ok()?.parse().ok()?;
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

impl Bucket {
    /// Carries the rules out, once for every midnight.
    pub(super) fn age(&mut self, now: SystemTime) -> Gone {
        let mut gone = Gone::default();
        if self.rules.is_empty() || now < self.due {
            return gone;
        }
        self.due = midnight(now + Duration::from_secs(1), 0);
        let rules = std::mem::take(&mut self.rules);
        for rule in rules.iter().filter(|rule| is_enabled(rule)) {
            let scope = scope(rule);
            self.expire_current(rule, &scope, now, &mut gone);
            self.expire_older(rule, &scope, now, &mut gone);
            self.expire_markers(rule, &scope, now, &mut gone);
            self.abort_old(rule, &scope, now, &mut gone);
        }
        self.rules = rules;
        gone
    }

    /// When the current object of a key will go, and by which rule.
    pub(crate) fn expires(&self, key: &str, object: &Object) -> Option<(SystemTime, String)> {
        self.rules
            .iter()
            .filter(|rule| is_enabled(rule) && is_in(&scope(rule), key, Some(object)))
            .filter_map(|rule| Some((expiry(rule, object.modified)?, rule.id.clone().unwrap_or_default())))
            .min()
    }

    fn expire_current(&mut self, rule: &LifecycleRule, scope: &Scope, now: SystemTime, gone: &mut Gone) {
        let is_due = |object: &Object| expiry(rule, object.modified).is_some_and(|at| at <= now);
        let due = self
            .objects
            .iter()
            .filter(|(key, object)| is_in(scope, key, Some(object)) && is_due(object));
        for key in due.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            gone.versions.extend(self.delete(&key, now).gone);
        }
    }

    fn expire_older(&mut self, rule: &LifecycleRule, scope: &Scope, now: SystemTime, gone: &mut Gone) {
        let Some(expiration) = &rule.noncurrent_version_expiration else {
            return;
        };
        let days = expiration.noncurrent_days.unwrap_or_default();
        let keep = expiration
            .newer_noncurrent_versions
            .and_then(|keep| usize::try_from(keep).ok());
        for key in self.older_keys() {
            // A version is noncurrent from the moment on at which the next one was written.
            let mut successor = self.objects.get(&key).map(|object| object.modified);
            let (mut rank, mut due) = (0, Vec::new());
            for (row, version) in self.older_of(&key) {
                if let Some(since) = successor {
                    rank += 1;
                    let object = version.object().map(|object| &**object);
                    let may_go = object.is_none_or(|object| object.protection.lets_go(now, false));
                    let is_due = midnight(since, days) <= now;
                    if rank > keep.unwrap_or(0) && is_in(scope, &key, object) && is_due && may_go {
                        due.push(row.clone());
                    }
                }
                successor = Some(version.modified());
            }
            gone.versions
                .extend(due.iter().filter_map(|row| self.older.remove(row)));
        }
    }

    /// A marker below which no version is left hides nothing any more.
    fn expire_markers(&mut self, rule: &LifecycleRule, scope: &Scope, now: SystemTime, gone: &mut Gone) {
        let Some(expiration) = &rule.expiration else {
            return;
        };
        let always = expiration.expired_object_delete_marker == Some(true);
        for key in self.older_keys() {
            let row = match self.older_of(&key).collect::<Vec<_>>()[..] {
                [(row, Version::Marker(marker))]
                    if !self.objects.contains_key(&key)
                        && is_in(scope, &key, None)
                        && (always
                            || expiration
                                .days
                                .is_some_and(|days| midnight(marker.modified, days) <= now)) =>
                {
                    row.clone()
                }
                _ => continue,
            };
            gone.versions.extend(self.older.remove(&row));
        }
    }

    fn abort_old(&mut self, rule: &LifecycleRule, scope: &Scope, now: SystemTime, gone: &mut Gone) {
        let abort = rule.abort_incomplete_multipart_upload.as_ref();
        let Some(days) = abort.and_then(|abort| abort.days_after_initiation) else {
            return;
        };
        let uploads = self.uploads.values();
        let due = uploads.filter(|upload| is_in(scope, &upload.key, None) && midnight(upload.begun, days) <= now);
        for (key, id) in due
            .map(|upload| (upload.key.clone(), upload.id.clone()))
            .collect::<Vec<_>>()
        {
            gone.parts
                .extend(self.take_upload(&key, &id).into_iter().map(|part| part.body));
        }
    }

    fn older_keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.older.keys().map(|row| key_of(row)).collect();
        keys.dedup();
        keys
    }
}

fn is_enabled(rule: &LifecycleRule) -> bool {
    rule.status.as_str() == ExpirationStatus::ENABLED
}

#[cfg(test)]
#[path = "lifecycle/tests.rs"]
mod tests;
