//! CloudWatch Logs: groups, streams, events in order of time.
//!
//! Training jobs append here as their lines come; clients read pages. A page's token is a position in the
//! stream, and the end is what CloudWatch makes it: the same forward token again.

use std::ops::Range;
use std::sync::Mutex;

use serde::de::DeserializeOwned;

use super::api::{bad_length, broken, refuse_if};
use super::disk::{Locked, lock};
use super::members;
use super::world::random_hex;
use crate::prelude::*;

mod pattern;
mod place;
mod read;
mod rows;

use rows::Rows;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Milliseconds since 1970.
    pub(crate) timestamp: i64,
    pub(crate) message: String,
    pub(crate) ingested: i64,
}

/// A stream of events, in order of time.
#[derive(Debug, Default)]
struct Stream {
    /// What its rows are named by.
    id: String,
    created: i64,
    events: Vec<Event>,
    bytes: u64,
}

impl Stream {
    fn new(created: i64) -> Self {
        Self {
            id: random_hex::<16>(),
            created,
            ..Self::default()
        }
    }

    /// The name of the next event's row, or of an earlier one's.
    fn row(&self, number: usize) -> String {
        format!("{}/{number:012}", self.id)
    }

    fn add(&mut self, event: Event) {
        // Behind the events of the same moment: order of arrival is kept.
        let at = self.events.partition_point(|other| other.timestamp <= event.timestamp);
        self.bytes += event.message.len() as u64 + 26;
        self.events.insert(at, event);
    }
}

#[derive(Debug, Default)]
struct Group {
    created: i64,
    streams: BTreeMap<String, Stream>,
}

/// All log groups of an account in a region.
pub(crate) struct Logs {
    place: Place,
    clock: Clock,
    rows: Rows,
    groups: Mutex<BTreeMap<String, Group>>,
}

impl Logs {
    pub(crate) fn open(place: &Place, clock: &Clock, disk: &Disk) -> Result<Self, DiskError> {
        let rows = Rows::new(place, disk);
        let groups = Mutex::new(rows.load(disk)?);
        Ok(Self {
            place: place.clone(),
            clock: clock.clone(),
            rows,
            groups,
        })
    }

    /// Everything as it is on disk.
    pub(crate) fn restore(&self, disk: &Disk) -> Result<(), DiskError> {
        let fresh = self.rows.load(disk)?;
        let mut groups = self.lock();
        self.rows.renew(disk);
        *groups = fresh;
        Ok(())
    }

    /// Appends one line now, making group and stream where they are missing.
    pub(crate) fn append(&self, group: &str, stream: &str, message: String) {
        let now = self.now();
        let mut groups = self.lock();
        let kept = groups.entry(group.to_owned()).or_insert_with(|| {
            let made = Group {
                created: now,
                streams: BTreeMap::new(),
            };
            self.rows.put_group(group, &made);
            made
        });
        let stream = kept.streams.entry(stream.to_owned()).or_insert_with(|| {
            let made = Stream::new(now);
            self.rows.put_stream(group, stream, &made);
            made
        });
        let event = Event {
            timestamp: now,
            message,
            ingested: now,
        };
        self.rows.put_event(stream, &event);
        stream.add(event);
    }

    /// The ARN of a group.
    fn arn(&self, group: &str) -> String {
        self.place.arn("logs", &format!("log-group:{group}"))
    }

    /// The time as logs have it: whole milliseconds.
    fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    fn lock(&self) -> Locked<'_, BTreeMap<String, Group>> {
        let groups = lock(&self.groups);
        Locked::new(groups, &self.rows.disk())
    }
}

/// Answers one call.
pub(crate) fn call(world: &Arc<World>, caller: &Caller, operation: &str, body: &Value) -> Result<Value, ApiError> {
    members::check("logs", operation, body)?;
    let logs = &world.at(&caller.place).logs;
    let allow = |group: &str, stream: &str| {
        let base = logs.arn(group);
        let resource = match operation {
            "GetLogEvents" | "PutLogEvents" => format!("{base}:log-stream:{stream}"),
            "DescribeLogStreams" | "FilterLogEvents" | "CreateLogStream" | "DeleteLogStream" => {
                format!("{base}:log-stream:{stream}")
            }
            _ => base,
        };
        world.authorize(caller, &format!("logs:{operation}"), &resource, &BTreeMap::new())
    };
    match operation {
        "CreateLogGroup" => {
            let request: GroupName = parse(body)?;
            allow(&request.log_group_name, "")?;
            logs.create_group(&request.log_group_name)
        }
        "DeleteLogGroup" => {
            let request: GroupName = parse(body)?;
            allow(&request.log_group_name, "")?;
            logs.delete_group(&request.log_group_name)
        }
        "CreateLogStream" => {
            let request: StreamName = parse(body)?;
            allow(&request.log_group_name, &request.log_stream_name)?;
            logs.create_stream(&request)
        }
        "DeleteLogStream" => {
            let request: StreamName = parse(body)?;
            allow(&request.log_group_name, &request.log_stream_name)?;
            logs.delete_stream(&request)
        }
        "PutLogEvents" => {
            let request: PutLogEvents = parse(body)?;
            allow(&request.log_group_name, &request.log_stream_name)?;
            logs.put(request)
        }
        "DescribeLogGroups" => {
            allow("", "")?;
            logs.describe_groups(&parse(body)?)
        }
        "DescribeLogStreams" => {
            let request: read::DescribeStreams = parse(body)?;
            allow(request.of.group(logs)?, "")?;
            logs.describe_streams(&request)
        }
        "GetLogEvents" => {
            let request: read::GetEvents = parse(body)?;
            allow(request.of.group(logs)?, &request.log_stream_name)?;
            logs.get_events(&request)
        }
        "FilterLogEvents" => {
            let request: read::FilterEvents = parse(body)?;
            allow(request.of.group(logs)?, "")?;
            logs.filter_events(&request)
        }
        _ => Err(ApiError::unserved("logs", operation)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupName {
    log_group_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StreamName {
    log_group_name: String,
    log_stream_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the wire")]
struct PutLogEvents {
    log_group_name: String,
    log_stream_name: String,
    log_events: Vec<InputEvent>,
}

#[derive(Deserialize)]
struct InputEvent {
    timestamp: i64,
    message: String,
}

/// How long ago an event may have been, and how far ahead, in milliseconds.
const OLDEST: i64 = 14 * 24 * 3_600_000;
const NEWEST: i64 = 2 * 3_600_000;

/// Where the events begin that are neither too old nor too new, and where they end.
fn timely(events: &[InputEvent], now: i64) -> Range<usize> {
    let from = events.partition_point(|event| event.timestamp < now.saturating_sub(OLDEST));
    from..events.partition_point(|event| event.timestamp <= now + NEWEST)
}

/// What is wrong with the name of a group or a stream.
fn check_name(name: &str, member: &str, pattern: &str, is_right: impl Fn(char) -> bool) -> Result<(), ApiError> {
    let told = "Invalid LogGroup or LogStream, both must have length less than or equal to 512.";
    refuse_if(name.len() > 512, || invalid(told))?;
    bad_length(name.len(), member, 1..=512).map_err(invalid)?;
    if name.chars().all(is_right) {
        return Ok(());
    }
    let rule = format!("satisfy regular expression pattern: {pattern}");
    Err(invalid(broken(Some(name), member, &rule)))
}

impl Logs {
    fn create_group(&self, name: &str) -> Result<Value, ApiError> {
        check_name(name, "logGroupName", "[\\.\\-_/#A-Za-z0-9]+", |c| {
            c.is_ascii_alphanumeric() || ".-_/#".contains(c)
        })?;
        let mut groups = self.lock();
        refuse_if(groups.contains_key(name), || exists("log group"))?;
        let group = Group {
            created: self.now(),
            streams: BTreeMap::new(),
        };
        self.rows.put_group(name, &group);
        groups.insert(name.to_owned(), group);
        Ok(json!({}))
    }

    fn delete_group(&self, name: &str) -> Result<Value, ApiError> {
        let mut groups = self.lock();
        let group = groups.remove(name).ok_or_else(no_group)?;
        self.rows.remove(name, &group);
        Ok(json!({}))
    }

    fn create_stream(&self, request: &StreamName) -> Result<Value, ApiError> {
        let name = &request.log_stream_name;
        check_name(name, "logStreamName", "[^:*]*", |c| !":*".contains(c))?;
        let mut groups = self.lock();
        let group = groups.get_mut(&request.log_group_name).ok_or_else(no_group)?;
        refuse_if(group.streams.contains_key(name), || exists("log stream"))?;
        let stream = Stream::new(self.now());
        self.rows.put_stream(&request.log_group_name, name, &stream);
        group.streams.insert(name.clone(), stream);
        Ok(json!({}))
    }

    fn delete_stream(&self, request: &StreamName) -> Result<Value, ApiError> {
        let mut groups = self.lock();
        let group = groups.get_mut(&request.log_group_name).ok_or_else(no_group)?;
        let name = &request.log_stream_name;
        let stream = group.streams.remove(name).ok_or_else(no_stream)?;
        self.rows.remove_stream(&request.log_group_name, name, &stream);
        Ok(json!({}))
    }

    fn put(&self, request: PutLogEvents) -> Result<Value, ApiError> {
        let events = &request.log_events;
        bad_length(events.len(), "logEvents", 1..=read::MOST_EVENTS).map_err(invalid)?;
        if events.windows(2).any(|pair| pair[0].timestamp > pair[1].timestamp) {
            let told = "Log events in a single PutLogEvents request must be in chronological order.";
            return Err(invalid(told));
        }
        let size: usize = events.iter().map(|event| event.message.len() + 26).sum();
        if size > read::LARGEST_PAGE {
            return Err(invalid("Upload too large: the maximum batch size is 1,048,576 bytes"));
        }
        let mut groups = self.lock();
        let group = groups.get_mut(&request.log_group_name).ok_or_else(no_group)?;
        let stream = group.streams.get_mut(&request.log_stream_name).ok_or_else(no_stream)?;
        let ingested = self.now();
        let timely = timely(&request.log_events, ingested);
        let all = request.log_events.len();
        for event in request.log_events.into_iter().skip(timely.start).take(timely.len()) {
            let event = Event {
                timestamp: event.timestamp,
                message: event.message,
                ingested,
            };
            self.rows.put_event(stream, &event);
            stream.add(event);
        }
        let mut answer = json!({ "nextSequenceToken": format!("{:056}", stream.events.len()) });
        if timely.start > 0 {
            answer["rejectedLogEventsInfo"]["tooOldLogEventEndIndex"] = json!(timely.start);
        }
        if timely.end < all {
            answer["rejectedLogEventsInfo"]["tooNewLogEventStartIndex"] = json!(timely.end);
        }
        Ok(answer)
    }
}

/// Reads a request's body into its shape.
fn parse<T: DeserializeOwned>(body: &Value) -> Result<T, ApiError> {
    serde_json::from_value(body.clone()).map_err(|error| invalid(error.to_string()))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message)
}

fn exists(what: &str) -> ApiError {
    let told = format!("The specified {what} already exists");
    ApiError::new("ResourceAlreadyExistsException", told)
}

fn no_group() -> ApiError {
    ApiError::new("ResourceNotFoundException", "The specified log group does not exist.")
}

fn no_stream() -> ApiError {
    ApiError::new("ResourceNotFoundException", "The specified log stream does not exist.")
}

#[cfg(test)]
mod tests;
