//! New material for a key, by calendar or on demand. Old ciphertexts still open.

use serde_json::{Value, json};

use super::key::{Key, State};
use super::{Ask, Kms, page, seconds, with};
use crate::api::ApiError;

/// On-demand rotations of a key, by AWS's quota.
const MOST: usize = 25;

pub(super) fn status(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    let id = ask.administered(kms)?;
    let key = kms.find(&id)?;
    let mut answer = json!({ "KeyRotationEnabled": false, "KeyId": key.arn() });
    if let Some(rotation) = key.rotation
        && key.state != State::PendingDeletion
    {
        answer["KeyRotationEnabled"] = json!(true);
        answer["RotationPeriodInDays"] = json!(rotation.days);
        answer["NextRotationDate"] = json!(seconds(rotation.next));
    }
    Ok(answer)
}

pub(super) fn enable(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let days = ask.request.number("RotationPeriodInDays").unwrap_or(365);
    let now = ask.world.now();
    change(ask, kms, |key| {
        if !(90..=2560).contains(&days) {
            return Err(ApiError::new(
                "ValidationException",
                format!(
                    "1 validation error detected: Value '{days}' at 'rotationPeriodInDays' failed to satisfy constraint: Member must have value between 90 and 2560"
                ),
            ));
        }
        key.rotate_every(days, now);
        Ok(json!({}))
    })
}

pub(super) fn disable(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    change(ask, kms, |key| {
        key.rotation = None;
        Ok(json!({}))
    })
}

pub(super) fn rotate(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let now = ask.world.now();
    change(ask, kms, |key| {
        if key.material.iter().filter(|material| material.is_on_demand).count() >= MOST {
            return Err(ApiError::new(
                "LimitExceededException",
                format!("the key has been rotated on demand {MOST} times, its quota"),
            ));
        }
        key.add_material(now, true);
        Ok(json!({ "KeyId": key.arn() }))
    })
}

fn change(
    ask: &Ask,
    kms: &mut Kms,
    change: impl FnOnce(&mut Key) -> Result<Value, ApiError>,
) -> Result<Value, ApiError> {
    let id = ask.administered(kms)?;
    kms.find(&id)?.usable()?;
    kms.change(&id, change).unwrap_or_else(|| Ok(json!({})))
}

/// Every rotation but the key's making, oldest first.
pub(super) fn list(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    let id = ask.administered(kms)?;
    let key = kms.find(&id)?;
    let names: Vec<String> = (0..key.material.len()).map(|version| format!("{version:06}")).collect();
    let (rows, end) = page(&ask.request, (100, 1000), |after| {
        let rows = names.iter().zip(&key.material).skip(1);
        rows.filter(move |(name, _)| after.as_ref().is_none_or(|after| *name > after))
            .map(|(name, material)| (name.as_str(), material))
    })?;
    let rows: Vec<Value> = rows
        .iter()
        .map(|material| {
            let kind = if material.is_on_demand {
                "ON_DEMAND"
            } else {
                "AUTOMATIC"
            };
            json!({ "KeyId": key.arn(), "RotationDate": seconds(material.since), "RotationType": kind })
        })
        .collect();
    Ok(with(json!({ "Rotations": rows }), end))
}
