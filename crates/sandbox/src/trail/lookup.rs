//! `LookupEvents`.

use sha2::{Digest, Sha256};

use super::record::{Record, decoded};
use crate::api::is_one_of;
use crate::members;
use crate::prelude::*;

const ATTRIBUTES: &str = "EventId EventName ReadOnly Username ResourceType ResourceName EventSource AccessKeyId";
/// Characters of an attribute's value.
const LONGEST: usize = 2000;
/// Events of a page.
const PAGE: i64 = 50;

/// Answers one call.
pub(crate) fn call(world: &Arc<World>, caller: &Caller, operation: &str, body: &Value) -> Result<Value, ApiError> {
    if operation != "LookupEvents" {
        return Err(ApiError::unserved("cloudtrail", operation));
    }
    members::check("cloudtrail", operation, body)?;
    world.authorize(caller, "cloudtrail:LookupEvents", "*", &BTreeMap::new())?;
    if world.trail.is_too_often(&caller.place) {
        return Err(ApiError::new("ThrottlingException", "Rate exceeded"));
    }
    let asked = Asked::parse(body)?;
    Ok(asked.page(world.trail.newest(asked.before), &caller.place))
}

/// What is looked for.
struct Asked<'a> {
    attribute: Option<(&'a str, &'a str)>,
    /// Milliseconds since 1970, both included.
    from: i64,
    until: i64,
    most: usize,
    /// The number of the event that the last page ended with.
    before: u64,
    /// Tells what else was asked: a token goes on with that alone.
    digest: String,
}

impl<'a> Asked<'a> {
    fn parse(body: &'a Value) -> Result<Self, ApiError> {
        let attribute = attribute(&body["LookupAttributes"])?;
        let time = |member: &str| body[member].as_f64().map(|seconds| (seconds * 1000.0) as i64);
        let (start, end) = (time("StartTime"), time("EndTime"));
        if start.zip(end).is_some_and(|(start, end)| start > end) {
            let told = "Start time must be before or equal to end time.";
            return Err(ApiError::new("InvalidTimeRangeException", told));
        }
        let most = body["MaxResults"].as_i64().unwrap_or(PAGE);
        if !(1..=PAGE).contains(&most) {
            let told = format!("Max results must be between 1 and {PAGE}.");
            return Err(ApiError::new("InvalidMaxResultsException", told));
        }
        let digest = Sha256::digest(format!("{attribute:?} {start:?} {end:?}"));
        let digest = hex::encode(&digest[..8]);
        let before = match body["NextToken"].as_str() {
            None => u64::MAX,
            Some(token) => number(token, &digest).ok_or_else(|| {
                let told = "The token is invalid, or was given for another request.";
                ApiError::new("InvalidNextTokenException", told)
            })?,
        };
        Ok(Self {
            attribute,
            from: start.unwrap_or(i64::MIN),
            // A whole second is over when its last millisecond is.
            until: end.map_or(i64::MAX, |end| end.saturating_add(999)),
            most: most as usize,
            before,
            digest,
        })
    }

    /// As many as a page has, and where the next begins if there is any more.
    fn page(&self, events: Vec<(u64, Arc<[u8]>)>, place: &Place) -> Value {
        let found = events.iter().filter_map(|(number, bytes)| {
            let record = decoded(bytes)?;
            self.finds(&record, place).then_some((*number, record))
        });
        let mut page: Vec<(u64, Record)> = found.take(self.most + 1).collect();
        let is_more = page.len() > self.most;
        page.truncate(self.most);
        let entries: Vec<Value> = page.iter().map(|(_, record)| record.entry()).collect();
        let mut answer = json!({ "Events": entries });
        if let Some((number, _)) = page.last().filter(|_| is_more) {
            answer["NextToken"] = format!("{number:016x}{}", self.digest).into();
        }
        answer
    }

    fn finds(&self, record: &Record, place: &Place) -> bool {
        record.account == place.account
            && record.region == place.region
            && (self.from..=self.until).contains(&record.at)
            && self.attribute.is_none_or(|(key, value)| has(record, key, value))
    }
}

fn has(record: &Record, key: &str, value: &str) -> bool {
    match key {
        "EventId" => record.id == value,
        "EventName" => record.name == value,
        "ReadOnly" => record.is_read_only().to_string() == value,
        "Username" => record.user_name() == Some(value),
        "ResourceType" => record.types().any(|kind| kind == value),
        "ResourceName" => record.resources.iter().any(|arn| arn == value),
        "EventSource" => record.source() == value,
        _ => record.access_key_id.as_deref() == Some(value),
    }
}

/// The one attribute that is looked for.
fn attribute(list: &Value) -> Result<Option<(&str, &str)>, ApiError> {
    let wrong = |message: String| ApiError::new("InvalidLookupAttributesException", message);
    let mut list = list.as_array().into_iter().flatten();
    let Some(attribute) = list.next() else { return Ok(None) };
    if list.next().is_some() {
        return Err(wrong("Only one lookup attribute can be specified.".to_owned()));
    }
    let text = |member: &str| attribute[member].as_str().unwrap_or_default();
    let (key, value) = (text("AttributeKey"), text("AttributeValue"));
    if !is_one_of(key, ATTRIBUTES) {
        return Err(wrong(format!("Invalid attribute key: {key}.")));
    }
    if value.is_empty() || value.chars().count() > LONGEST {
        let told = format!("The value of {key} must have 1 to {LONGEST} characters.");
        return Err(wrong(told));
    }
    Ok(Some((key, value)))
}

fn number(token: &str, digest: &str) -> Option<u64> {
    let number = token.strip_suffix(digest).filter(|number| number.len() == 16)?;
    u64::from_str_radix(number, 16).ok()
}
