//! Reading logs page by page.

use serde::Deserialize;
use serde_json::{Value, json};

use super::pattern::Pattern;
use super::place::{Place, Position, backward, fitting, forward, window};
use super::{Event, Group, Logs, Stream, invalid, no_group, no_stream};
use crate::api::{ApiError, broken, insert_some, out_of_bounds, place_of, token_of};

/// Events in a page, or in a batch.
pub(super) const MOST_EVENTS: usize = 10_000;
/// Bytes in a page, or in a batch, at 26 more than its message an event.
pub(super) const LARGEST_PAGE: usize = 1_048_576;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(super) struct DescribeGroups {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    limit: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DescribeStreams {
    #[serde(flatten)]
    pub(super) of: Named,
    log_stream_name_prefix: Option<String>,
    order_by: Option<String>,
    descending: bool,
    limit: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GetEvents {
    #[serde(flatten)]
    pub(super) of: Named,
    pub(super) log_stream_name: String,
    start_time: Option<i64>,
    end_time: Option<i64>,
    limit: Option<i64>,
    next_token: Option<String>,
    start_from_head: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FilterEvents {
    #[serde(flatten)]
    pub(super) of: Named,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    filter_pattern: Option<String>,
    limit: Option<i64>,
    next_token: Option<String>,
}

/// Groups are named by name, or by name or ARN as identifier.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Named {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
}

impl Named {
    pub(super) fn group<'a>(&'a self, logs: &Logs) -> Result<&'a str, ApiError> {
        match (self.log_group_name.as_deref(), self.log_group_identifier.as_deref()) {
            (Some(name), None) => Ok(name),
            // The ARN that ends in `:*`, for one.
            (None, Some(identifier))
                if !identifier
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_#+=/:,.@-".contains(c)) =>
            {
                let rule = "satisfy regular expression pattern: [\\w#+=/:,.@-]*";
                Err(invalid(broken(None, "logGroupIdentifier", rule)))
            }
            (None, Some(arn)) if arn.starts_with("arn:") => arn.strip_prefix(&logs.arn("")).ok_or_else(no_group),
            (None, Some(name)) => Ok(name),
            (Some(_), Some(_)) => Err(ApiError::new(
                "ValidationException",
                "LogGroup name and LogGroup ARN are mutually exclusive parameters.",
            )),
            (None, None) => Err(invalid("Either logGroupName or logGroupIdentifier must be given.")),
        }
    }
}

impl Logs {
    pub(super) fn describe_groups(&self, request: &DescribeGroups) -> Result<Value, ApiError> {
        let limit = page_limit(request.limit, 50)?;
        if request.log_group_name_prefix.is_some() && request.log_group_name_pattern.is_some() {
            let told = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.";
            return Err(invalid(told));
        }
        let after = request.next_token.as_deref().map(name_of).transpose()?;
        let groups = self.lock();
        let mut found = groups.iter().filter(|(name, _)| {
            request
                .log_group_name_prefix
                .as_ref()
                .is_none_or(|prefix| name.starts_with(prefix))
                && request
                    .log_group_name_pattern
                    .as_ref()
                    .is_none_or(|part| name.to_lowercase().contains(&part.to_lowercase()))
                && after.as_ref().is_none_or(|after| *name > after)
        });
        let page: Vec<_> = found.by_ref().take(limit).collect();
        let more = found.next().is_some();
        let rows: Vec<Value> = page
            .iter()
            .map(|(name, group)| {
                json!({
                    "logGroupName": name,
                    "creationTime": group.created,
                    "metricFilterCount": 0,
                    "arn": format!("{}:*", self.arn(name)),
                    "logGroupArn": self.arn(name),
                    "storedBytes": group.streams.values().map(|stream| stream.bytes).sum::<u64>(),
                    "logGroupClass": "STANDARD",
                    "deletionProtectionEnabled": false,
                })
            })
            .collect();
        let next = page.last().filter(|_| more).map(|(name, _)| token_of(name));
        Ok(with_token(json!({ "logGroups": rows }), next))
    }

    pub(super) fn describe_streams(&self, request: &DescribeStreams) -> Result<Value, ApiError> {
        let limit = page_limit(request.limit, 50)?;
        let by_time = match request.order_by.as_deref() {
            None | Some("LogStreamName") => false,
            Some("LastEventTime") if request.log_stream_name_prefix.is_some() => {
                return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
            }
            Some("LastEventTime") => true,
            Some(_) => return Err(invalid("orderBy must be LogStreamName or LastEventTime")),
        };
        let group_name = request.of.group(self)?;
        let groups = self.lock();
        let group = groups.get(group_name).ok_or_else(no_group)?;
        let prefix = request.log_stream_name_prefix.as_deref().unwrap_or_default();
        let mut streams: Vec<(&String, &Stream)> = group
            .streams
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .collect();
        if by_time {
            streams.sort_by_key(|(name, stream)| (stream.events.last().map(|event| event.timestamp), *name));
        }
        if request.descending {
            streams.reverse();
        }
        let from = match &request.next_token {
            None => 0,
            Some(token) => {
                let last = name_of(token)?;
                streams
                    .iter()
                    .position(|(name, _)| **name == last)
                    .map_or(0, |at| at + 1)
            }
        };
        let page: Vec<_> = streams.iter().skip(from).take(limit).collect();
        let more = from + page.len() < streams.len();
        let rows: Vec<Value> = page
            .iter()
            .map(|(name, stream)| stream_row(&self.arn(group_name), name, stream))
            .collect();
        let next = page.last().filter(|_| more).map(|(name, _)| token_of(name));
        Ok(with_token(json!({ "logStreams": rows }), next))
    }

    pub(super) fn get_events(&self, request: &GetEvents) -> Result<Value, ApiError> {
        let limit = event_limit(request.limit)?;
        let groups = self.lock();
        let group = groups.get(request.of.group(self)?).ok_or_else(no_group)?;
        let stream = group.streams.get(&request.log_stream_name).ok_or_else(no_stream)?;
        let window = window(&stream.events, request.start_time, request.end_time);
        let page = match request.next_token.as_deref().map(Position::parse).transpose()? {
            Some(Position::Forward(at)) => forward(&stream.events, at, &window, limit),
            Some(Position::Backward(at)) => backward(&stream.events, at, &window, limit),
            None if request.start_from_head => forward(&stream.events, window.start, &window, limit),
            None => backward(&stream.events, window.end, &window, limit),
        };
        let events: Vec<Value> = stream.events[page.clone()]
            .iter()
            .map(|event| {
                json!({
                    "timestamp": event.timestamp,
                    "message": event.message,
                    "ingestionTime": event.ingested,
                })
            })
            .collect();
        Ok(json!({
            "events": events,
            "nextForwardToken": Position::Forward(page.end).token(),
            "nextBackwardToken": Position::Backward(page.start).token(),
        }))
    }

    pub(super) fn filter_events(&self, request: &FilterEvents) -> Result<Value, ApiError> {
        if request.log_stream_names.is_some() && request.log_stream_name_prefix.is_some() {
            return Err(invalid("logStreamNames and logStreamNamePrefix cannot both be given"));
        }
        let limit = event_limit(request.limit)?;
        let pattern = Pattern::parse(request.filter_pattern.as_deref().unwrap_or_default())?;
        let after = request.next_token.as_deref().map(Place::parse).transpose()?;
        let groups = self.lock();
        let group = groups.get(request.of.group(self)?).ok_or_else(no_group)?;
        let mut found: Vec<(Place, &Event)> = Vec::new();
        for (name, stream) in chosen(group, request)? {
            // FilterLogEvents includes its end, GetLogEvents does not.
            let end = request.end_time.map(|end| end.saturating_add(1));
            let range = window(&stream.events, request.start_time, end);
            for (index, event) in stream.events[range.clone()].iter().enumerate() {
                let place = Place {
                    timestamp: event.timestamp,
                    stream: name.clone(),
                    index: range.start + index,
                };
                if after.as_ref().is_none_or(|after| place > *after) && pattern.matches(&event.message) {
                    found.push((place, event));
                }
            }
        }
        found.sort_by(|left, right| left.0.cmp(&right.0));
        let taken = fitting(found.iter().map(|(_, event)| *event), limit);
        let rows: Vec<Value> = found[..taken]
            .iter()
            .map(|(place, event)| {
                json!({
                    "logStreamName": place.stream,
                    "timestamp": event.timestamp,
                    "message": event.message,
                    "ingestionTime": event.ingested,
                    "eventId": format!("{:020}{:036}", event.timestamp, place.index),
                })
            })
            .collect();
        let next = (taken < found.len()).then(|| found[taken - 1].0.token());
        Ok(with_token(json!({ "events": rows, "searchedLogStreams": [] }), next))
    }
}

fn chosen<'a>(group: &'a Group, request: &FilterEvents) -> Result<Vec<(&'a String, &'a Stream)>, ApiError> {
    match (&request.log_stream_names, &request.log_stream_name_prefix) {
        (Some(names), _) => names
            .iter()
            .map(|name| group.streams.get_key_value(name).ok_or_else(no_stream))
            .collect(),
        (None, prefix) => {
            let prefix = prefix.as_deref().unwrap_or_default();
            Ok(group
                .streams
                .iter()
                .filter(|(name, _)| name.starts_with(prefix))
                .collect())
        }
    }
}

fn stream_row(group_arn: &str, name: &str, stream: &Stream) -> Value {
    let mut row = json!({
        "logStreamName": name,
        "creationTime": stream.created,
        "arn": format!("{group_arn}:log-stream:{name}"),
        "storedBytes": 0,
    });
    if let (Some(first), Some(last)) = (stream.events.first(), stream.events.last()) {
        row["firstEventTimestamp"] = json!(first.timestamp);
        row["lastEventTimestamp"] = json!(last.timestamp);
        row["lastIngestionTime"] = json!(last.ingested);
        row["uploadSequenceToken"] = json!(format!("{:056}", stream.events.len()));
    }
    row
}

fn page_limit(limit: Option<i64>, most: usize) -> Result<usize, ApiError> {
    let Some(limit) = limit else { return Ok(most) };
    out_of_bounds(limit, "limit", 1..=most as i64).map_err(invalid)?;
    Ok(limit as usize)
}

fn event_limit(limit: Option<i64>) -> Result<usize, ApiError> {
    page_limit(limit, MOST_EVENTS)
}

pub(super) fn name_of(token: &str) -> Result<String, ApiError> {
    place_of(token).ok_or_else(bad_token)
}

pub(super) fn bad_token() -> ApiError {
    invalid("The specified nextToken is invalid.")
}

fn with_token(mut answer: Value, token: Option<String>) -> Value {
    insert_some(&mut answer, "nextToken", token);
    answer
}
