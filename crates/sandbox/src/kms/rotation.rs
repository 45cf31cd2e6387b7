//! New material for a key, by calendar or on demand. Old ciphertexts still open.

use serde_json::{Value, json};

use super::key::{Key, Material};
use super::{Ask, Kms, exceeded, page, seconds, with};
use crate::api::{ApiError, refuse_if};

/// On-demand rotations of a key, by AWS's quota.
const MOST: usize = 25;

pub(super) fn status(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    let id = ask.administered(kms)?;
    let key = kms.key(&id)?;
    let mut answer = json!({ "KeyRotationEnabled": false, "KeyId": key.arn });
    if let Some(rotation) = key.rotation
        && key.not_pending().is_ok()
    {
        answer["KeyRotationEnabled"] = json!(true);
        answer["RotationPeriodInDays"] = json!(rotation.days);
        answer["NextRotationDate"] = json!(seconds(rotation.next));
    }
    Ok(answer)
}

pub(super) fn enable(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let days = ask.request.bounded("RotationPeriodInDays", 90..=2560)?.unwrap_or(365);
    let now = ask.world.now();
    change(ask, kms, |key| {
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
            return Err(exceeded(format!(
                "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be \
                 performed for this key: {}",
                key.arn
            )));
        }
        key.add_material(now, true);
        Ok(json!({ "KeyId": key.arn }))
    })
}

fn change(
    ask: &Ask,
    kms: &mut Kms,
    change: impl FnOnce(&mut Key) -> Result<Value, ApiError>,
) -> Result<Value, ApiError> {
    let id = ask.administered(kms)?;
    let key = kms.key(&id)?;
    key.usable()?;
    refuse_if(key.is_replica(), || key.not_primary())?;
    let answer = kms.change(&id, change).unwrap_or_else(|| Ok(json!({})));
    kms.share(&id);
    answer
}

/// Every rotation, oldest first; the key's making only with `IncludeKeyMaterial`.
pub(super) fn list(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    let id = ask.administered(kms)?;
    let key = kms.key(&id)?;
    let kinds = "ALL_KEY_MATERIAL ROTATIONS_ONLY";
    let included = ask.request.one_of("IncludeKeyMaterial", kinds)?;
    let first = usize::from(included != Some("ALL_KEY_MATERIAL"));
    let names: Vec<String> = (0..key.material.len()).map(|version| format!("{version:06}")).collect();
    let (rows, end) = page(&ask.request, (100, 1000), |after| {
        let rows = names.iter().enumerate().skip(first);
        rows.filter(move |(_, name)| after.as_ref().is_none_or(|after| *name > after))
            .map(|(version, name)| (name.as_str(), version))
    })?;
    let newest = key.material.len() - 1;
    let rows: Vec<Value> = rows
        .iter()
        .map(|version| {
            let Material {
                since, is_on_demand, ..
            } = key.material[*version];
            let state = if *version == newest { "CURRENT" } else { "NON_CURRENT" };
            let mut row = json!({
                "KeyId": key.arn, "KeyMaterialId": key.material_id(*version), "KeyMaterialState": state
            });
            if *version > 0 {
                let kind = if is_on_demand { "ON_DEMAND" } else { "AUTOMATIC" };
                row["RotationDate"] = json!(seconds(since));
                row["RotationType"] = json!(kind);
            }
            row
        })
        .collect();
    Ok(with(json!({ "Rotations": rows }), end))
}
