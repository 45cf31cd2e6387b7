//! Tags of keys.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::{Value, json};

use super::authorize::Act;
use super::request::invalid;
use super::{Ask, Kms, page, with};
use crate::api::{ApiError, broken, refuse_if};

/// Tags of a key.
const MOST: usize = 50;

pub(super) fn add(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let tags = parse(ask.request.value("Tags"))?;
    let key = kms.find_strictly(&ask.caller.place, ask.request.required("KeyId")?)?;
    let mut act = Act::new("kms:TagResource").tagging(tags.keys());
    for (name, value) in &tags {
        act = act.saying(&format!("aws:RequestTag/{name}"), value);
    }
    ask.authorize(kms, key, &act)?;
    key.not_pending()?;
    let (id, mut all) = (key.arn.clone(), key.tags.clone());
    all.extend(tags);
    refuse_if(all.len() > MOST, || ApiError::new("TagException", "Too many tags"))?;
    kms.change(&id, |key| key.tags = all);
    Ok(json!({}))
}

pub(super) fn remove(ask: &Ask, kms: &mut Kms) -> Result<Value, ApiError> {
    let names = ask.request.list("TagKeys");
    super::keys::change(ask, kms, |key| key.tags.retain(|name, _| !names.contains(name)))
}

pub(super) fn list(ask: &Ask, kms: &Kms) -> Result<Value, ApiError> {
    let id = ask.administered(kms)?;
    let key = kms.key(&id)?;
    let (rows, end) = page(&ask.request, (50, 50), |after| {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = key.tags.range((from, Bound::Unbounded));
        rows.map(|(name, value)| (name.as_str(), (name, value)))
    })?;
    Ok(with(json!({ "Tags": shown(rows) }), end))
}

/// Tags as answers list them.
pub(super) fn shown<'a>(tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> Value {
    let row = |(name, value)| json!({ "TagKey": name, "TagValue": value });
    tags.into_iter().map(row).collect()
}

/// A request's tags, each of which AWS would take.
pub(super) fn parse(value: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    let refused = |message: &str| ApiError::new("TagException", message);
    let mut tags = BTreeMap::new();
    for (tag, number) in value.as_array().into_iter().flatten().zip(1..) {
        let (Some(name), Some(value)) = (tag["TagKey"].as_str(), tag["TagValue"].as_str()) else {
            return Err(refused("a tag needs a TagKey and a TagValue"));
        };
        for (text, member, least, most) in [(name, "tagKey", 1, 128), (value, "tagValue", 0, 256)] {
            let bound = match text.chars().count() {
                length if length < least => format!("greater than or equal to {least}"),
                length if length > most => format!("less than or equal to {most}"),
                _ => continue,
            };
            let member = format!("tags.{number}.member.{member}");
            return Err(invalid(broken(Some(text), &member, &format!("have length {bound}"))));
        }
        if name.to_lowercase().starts_with("aws:") {
            return Err(refused("Tags beginning with aws: are reserved"));
        }
        if tags.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(refused("Duplicate tag keys"));
        }
    }
    refuse_if(tags.len() > MOST, || refused("Too many tags"))?;
    Ok(tags)
}
