//! Lifecycle rules as clients write them: checked as S3 checks them before they are kept.

use std::collections::HashSet;
use std::time::UNIX_EPOCH;

use s3s::dto::{ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter};

use crate::api::{ApiError, refuse_if};
use crate::s3::convert::malformed;
use crate::s3::lifecycle::moment;

const DAY: u64 = 24 * 60 * 60;

/// The rules, each with an id, or why S3 would not have them.
pub(super) fn checked(rules: Vec<LifecycleRule>) -> Result<Vec<LifecycleRule>, ApiError> {
    refuse_if(rules.is_empty() || rules.len() > 1000, malformed)?;
    let (old, new) = (
        rules.iter().any(|rule| rule.prefix.is_some()),
        rules.iter().any(|rule| rule.filter.is_some()),
    );
    let message = "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.";
    refuse_if(old && new, || request(message))?;
    let mut ids = HashSet::new();
    rules
        .into_iter()
        .map(|mut rule| {
            check(&rule)?;
            let id = rule.id.get_or_insert_with(|| uuid::Uuid::new_v4().to_string());
            if id.len() > 255 {
                return Err(argument("ID length should not exceed allowed limit of 255"));
            }
            if !ids.insert(id.clone()) {
                return Err(argument("Rule ID must be unique. Found same ID for more than one rule"));
            }
            Ok(rule)
        })
        .collect()
}

fn check(rule: &LifecycleRule) -> Result<(), ApiError> {
    if ![ExpirationStatus::ENABLED, ExpirationStatus::DISABLED].contains(&rule.status.as_str()) {
        return Err(malformed());
    }
    if rule.transitions.is_some() || rule.noncurrent_version_transitions.is_some() {
        let message = "Transitions to other storage classes are not implemented";
        return Err(ApiError::not_implemented(message));
    }
    match &rule.filter {
        Some(filter) => check_filter(filter)?,
        None if rule.prefix.is_some() => {}
        None => return Err(malformed()),
    }
    let (abort, older) = (
        &rule.abort_incomplete_multipart_upload,
        &rule.noncurrent_version_expiration,
    );
    if rule.expiration.is_none() && abort.is_none() && older.is_none() {
        return Err(request("At least one action needs to be specified in a rule"));
    }
    if let Some(expiration) = &rule.expiration {
        check_expiration(expiration)?;
    }
    if let Some(older) = older {
        let days = older.noncurrent_days.ok_or_else(malformed)?;
        positive(
            days,
            "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer",
        )?;
        if older
            .newer_noncurrent_versions
            .is_some_and(|keep| !(1..=100).contains(&keep))
        {
            let message = "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be between 1 and 100";
            return Err(argument(message));
        }
    }
    if let Some(abort) = abort {
        let days = abort.days_after_initiation.ok_or_else(malformed)?;
        positive(
            days,
            "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
        )?;
        check_narrow(rule, "AbortIncompleteMultipartUpload")?;
    }
    if let Some(true) = rule
        .expiration
        .as_ref()
        .and_then(|expiration| expiration.expired_object_delete_marker)
    {
        check_narrow(rule, "ExpiredObjectDeleteMarker")?;
    }
    Ok(())
}

/// Refuses what narrows a rule that is about what has neither tags nor size.
fn check_narrow(rule: &LifecycleRule, action: &str) -> Result<(), ApiError> {
    let filter = rule.filter.as_ref();
    let and = filter.and_then(|filter| filter.and.as_ref());
    let has_tags = filter.is_some_and(|filter| filter.tag.is_some()) || and.is_some_and(|and| and.tags.is_some());
    let is_sized = |more: Option<i64>, less: Option<i64>| more.is_some() || less.is_some();
    let has_size = filter.is_some_and(|filter| is_sized(filter.object_size_greater_than, filter.object_size_less_than))
        || and.is_some_and(|and| is_sized(and.object_size_greater_than, and.object_size_less_than));
    match (has_tags, has_size) {
        (true, _) => Err(request(&format!("{action} cannot be specified with Tags."))),
        (false, true) => Err(request(&format!("{action} cannot be specified with Object Size."))),
        (false, false) => Ok(()),
    }
}

/// A filter says one thing, or several within `And`.
fn check_filter(filter: &LifecycleRuleFilter) -> Result<(), ApiError> {
    let said = [
        filter.and.is_some(),
        filter.prefix.is_some(),
        filter.tag.is_some(),
        filter.object_size_greater_than.is_some(),
        filter.object_size_less_than.is_some(),
    ];
    refuse_if(said.into_iter().filter(|said| *said).count() > 1, malformed)?;
    let sizes = filter
        .and
        .as_ref()
        .and_then(|and| and.object_size_greater_than.zip(and.object_size_less_than));
    let message = "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.";
    refuse_if(sizes.is_some_and(|(more, less)| more >= less), || request(message))?;
    let tags = filter.and.iter().flat_map(|and| and.tags.iter().flatten());
    let mut keys = HashSet::new();
    if tags.into_iter().any(|tag| !keys.insert(tag.key.as_deref())) {
        return Err(request("Duplicate Tag Keys are not allowed."));
    }
    Ok(())
}

fn check_expiration(expiration: &LifecycleExpiration) -> Result<(), ApiError> {
    match (
        &expiration.date,
        expiration.days,
        expiration.expired_object_delete_marker,
    ) {
        (Some(date), None, None) => {
            let since = moment(date).and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            let is_midnight =
                since.is_some_and(|since| since.as_secs().is_multiple_of(DAY) && since.subsec_nanos() == 0);
            if is_midnight {
                Ok(())
            } else {
                Err(argument("'Date' must be at midnight GMT"))
            }
        }
        (None, Some(days), None) => positive(days, "'Days' for Expiration action must be a positive integer"),
        (None, None, Some(_)) => Ok(()),
        _ => Err(malformed()),
    }
}

fn positive(days: i32, otherwise: &str) -> Result<(), ApiError> {
    if days > 0 { Ok(()) } else { Err(argument(otherwise)) }
}

fn argument(message: &str) -> ApiError {
    ApiError::invalid_argument(message)
}

fn request(message: &str) -> ApiError {
    ApiError::invalid_request(message)
}
