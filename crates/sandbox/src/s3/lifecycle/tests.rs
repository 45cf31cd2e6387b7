use std::io::Write;

use jiff::SignedDuration;
use s3s::dto::{AbortIncompleteMultipartUpload, LifecycleExpiration, LifecycleRuleFilter, NoncurrentVersionExpiration};

use super::*;
use crate::clock::Clock;
use crate::disk::Disk;
use crate::s3::lock::{Lock, Mode, Period};
use crate::s3::object::About;
use crate::s3::store::{Condition, Store};
use crate::s3::versions::{After, Query, Versioning};

struct Place {
    store: Store,
    clock: Clock,
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::default());
        let store = Store::open(folder.path(), &clock, &Disk::default()).unwrap();
        store
            .create_bucket("bucket", &crate::identity::Place::new("1", "us-east-1"))
            .unwrap();
        Self { store, clock, folder }
    }

    fn rule(&self, rule: LifecycleRule) {
        self.store
            .change_settings("bucket", |settings| settings.lifecycle.push(rule))
            .unwrap();
    }

    fn put(&self, key: &str) {
        let mut intake = self.store.intake().unwrap();
        intake.write_all(key.as_bytes()).unwrap();
        let object = Object::new(intake.finish().unwrap(), About::default());
        self.store.put("bucket", key, object, &Condition::Any).unwrap();
    }

    fn days(&self, days: i64) {
        self.clock.advance(SignedDuration::from_hours(24 * days));
    }

    /// Keys, and whether each version is an object.
    fn versions(&self) -> Vec<(String, bool)> {
        let query = Query {
            prefix: String::new(),
            delimiter: None,
            after: After::Nothing,
            limit: 1000,
        };
        let page = self.store.with("bucket", |bucket| bucket.versions(&query)).unwrap();
        let row = |(key, version, _)| (key, matches!(version, Version::Object(_)));
        page.contents.into_iter().map(row).collect()
    }
}

fn rule(prefix: &str) -> LifecycleRule {
    LifecycleRule {
        abort_incomplete_multipart_upload: None,
        expiration: None,
        filter: Some(LifecycleRuleFilter {
            prefix: Some(prefix.to_owned()),
            ..LifecycleRuleFilter::default()
        }),
        id: Some(format!("of {prefix}")),
        noncurrent_version_expiration: None,
        noncurrent_version_transitions: None,
        prefix: None,
        status: ExpirationStatus::from_static(ExpirationStatus::ENABLED),
        transitions: None,
    }
}

fn after_days(prefix: &str, days: i32) -> LifecycleRule {
    LifecycleRule {
        expiration: Some(LifecycleExpiration {
            days: Some(days),
            ..LifecycleExpiration::default()
        }),
        ..rule(prefix)
    }
}

#[test]
fn a_day_is_over_at_the_midnight_after_it() {
    let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(seconds);
    assert_eq!(midnight(at(DAY), 1), at(2 * DAY));
    assert_eq!(midnight(at(DAY + 1), 1), at(3 * DAY));
    assert_eq!(midnight(at(2 * DAY - 1), 1), at(3 * DAY));
    assert_eq!(midnight(at(DAY) + Duration::from_millis(1), 0), at(2 * DAY));
}

#[test]
fn an_object_goes_when_it_is_old_and_one_that_the_rule_is_not_for_stays() {
    let place = Place::new();
    place.rule(after_days("logs/", 2));
    place.put("logs/a");
    place.put("data/a");
    let files = || std::fs::read_dir(place.folder.path()).unwrap().count();
    place.days(1);
    assert_eq!((place.versions().len(), files()), (2, 2));
    place.days(2);
    assert_eq!(place.versions(), [("data/a".to_owned(), true)]);
    assert_eq!(files(), 1);
}

#[test]
fn where_versions_are_kept_an_old_object_gets_a_marker_and_older_versions_go_by_a_rule_of_their_own() {
    let place = Place::new();
    place
        .store
        .change_settings("bucket", |settings| settings.versioning = Versioning::Enabled)
        .unwrap();
    for _ in 0..3 {
        place.put("a");
    }
    place.rule(after_days("", 1));
    place.days(2);
    let (object, marker) = (("a".to_owned(), true), ("a".to_owned(), false));
    assert_eq!(
        place.versions(),
        [marker.clone(), object.clone(), object.clone(), object.clone()]
    );
    place.rule(LifecycleRule {
        noncurrent_version_expiration: Some(NoncurrentVersionExpiration {
            newer_noncurrent_versions: Some(1),
            noncurrent_days: Some(1),
        }),
        ..rule("")
    });
    assert_eq!(place.versions(), [marker.clone(), object.clone()]);
    place.days(7);
    assert_eq!(place.versions(), [marker, object]);
}

#[test]
fn a_rule_leaves_what_is_locked_until_its_time_has_come() {
    let place = Place::new();
    place
        .store
        .change_settings("bucket", |settings| {
            settings.versioning = Versioning::Enabled;
            settings.lock = Some(Lock {
                default: Some((Mode::Compliance, Period::Days(30))),
            });
        })
        .unwrap();
    place.put("a");
    place.put("a");
    place.rule(LifecycleRule {
        noncurrent_version_expiration: Some(NoncurrentVersionExpiration {
            newer_noncurrent_versions: None,
            noncurrent_days: Some(1),
        }),
        ..rule("")
    });
    place.days(3);
    assert_eq!(place.versions().len(), 2);
    place.days(30);
    assert_eq!(place.versions().len(), 1);
}

#[test]
fn a_marker_that_hides_nothing_any_more_goes_and_one_that_does_stays() {
    let place = Place::new();
    place
        .store
        .change_settings("bucket", |settings| settings.versioning = Versioning::Enabled)
        .unwrap();
    place.put("kept");
    place.store.delete("bucket", "kept", &Condition::Any).unwrap();
    place.store.delete("bucket", "never", &Condition::Any).unwrap();
    place.rule(LifecycleRule {
        expiration: Some(LifecycleExpiration {
            expired_object_delete_marker: Some(true),
            ..LifecycleExpiration::default()
        }),
        ..rule("")
    });
    let both = [("kept".to_owned(), false), ("kept".to_owned(), true)];
    assert_eq!(place.versions(), both);
}

#[test]
fn a_rule_that_is_switched_off_does_nothing_and_one_for_uploads_spares_objects() {
    let place = Place::new();
    place.rule(LifecycleRule {
        status: ExpirationStatus::from_static(ExpirationStatus::DISABLED),
        ..after_days("", 1)
    });
    place.rule(LifecycleRule {
        abort_incomplete_multipart_upload: Some(AbortIncompleteMultipartUpload {
            days_after_initiation: Some(1),
        }),
        ..rule("")
    });
    place.put("a");
    place.days(30);
    assert_eq!(place.versions().len(), 1);
}
