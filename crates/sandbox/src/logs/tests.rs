use super::*;

fn logs() -> Logs {
    Logs::open(&Place::new("1", "r"), &Clock::default(), &Disk::default()).unwrap()
}

/// A stream of so many lines, the first of them at the time that comes with it.
fn filled(count: usize) -> (Logs, i64) {
    let logs = logs();
    logs.create_group("g").unwrap();
    let name = StreamName {
        log_group_name: "g".to_owned(),
        log_stream_name: "s/1".to_owned(),
    };
    logs.create_stream(&name).unwrap();
    // An hour ago: what is too old is refused.
    let began = logs.now() - 3_600_000;
    let events = (0..count)
        .map(|n| InputEvent {
            timestamp: began + n as i64,
            message: format!("line {n}"),
        })
        .collect();
    logs.put(PutLogEvents {
        log_group_name: "g".to_owned(),
        log_stream_name: "s/1".to_owned(),
        log_events: events,
    })
    .unwrap();
    (logs, began)
}

fn get(logs: &Logs, extra: Value) -> Value {
    let mut request = json!({ "logGroupName": "g", "logStreamName": "s/1" });
    for (key, value) in extra.as_object().unwrap() {
        request[key] = value.clone();
    }
    logs.get_events(&parse(&request).unwrap()).unwrap()
}

fn messages(page: &Value) -> Vec<&str> {
    page["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["message"].as_str().unwrap())
        .collect()
}

#[test]
fn reading_on_from_the_head_ends_with_the_same_token_again() {
    let (logs, _) = filled(5);
    let first = get(&logs, json!({ "startFromHead": true, "limit": 3 }));
    assert_eq!(messages(&first), ["line 0", "line 1", "line 2"]);
    let second = get(&logs, json!({ "nextToken": first["nextForwardToken"], "limit": 3 }));
    assert_eq!(messages(&second), ["line 3", "line 4"]);
    let end = get(&logs, json!({ "nextToken": second["nextForwardToken"] }));
    assert!(messages(&end).is_empty());
    assert_eq!(end["nextForwardToken"], second["nextForwardToken"]);
    logs.append("g", "s/1", "late".to_owned());
    let later = get(&logs, json!({ "nextToken": end["nextForwardToken"] }));
    assert_eq!(messages(&later), ["late"]);
}

#[test]
fn without_a_direction_the_tail_comes_first() {
    let (logs, _) = filled(5);
    let tail = get(&logs, json!({ "limit": 2 }));
    assert_eq!(messages(&tail), ["line 3", "line 4"]);
    let before = get(&logs, json!({ "nextToken": tail["nextBackwardToken"], "limit": 2 }));
    assert_eq!(messages(&before), ["line 1", "line 2"]);
}

#[test]
fn a_page_holds_a_megabyte_at_most_and_one_event_at_least() {
    let logs = logs();
    for _ in 0..6 {
        logs.append("g", "s/1", "x".repeat(250_000));
    }
    let page = get(&logs, json!({ "startFromHead": true }));
    assert_eq!(messages(&page).len(), 4);
}

#[test]
fn filtering_pages_through_streams_by_time() {
    let (logs, began) = filled(4);
    logs.append("g", "s/10", "other".to_owned());
    let mut request = json!({ "logGroupName": "g", "logStreamNamePrefix": "s/", "limit": 3 });
    let first = logs.filter_events(&parse(&request).unwrap()).unwrap();
    assert_eq!(messages(&first).len(), 3);
    request["nextToken"] = first["nextToken"].clone();
    let second = logs.filter_events(&parse(&request).unwrap()).unwrap();
    assert_eq!(messages(&second), ["line 3", "other"]);
    assert!(second.get("nextToken").is_none());
    let since = json!({ "logGroupName": "g", "startTime": began + 2, "endTime": began + 3 });
    let since = logs.filter_events(&parse(&since).unwrap()).unwrap();
    assert_eq!(messages(&since), ["line 2", "line 3"]);
    let matched = json!({ "logGroupName": "g", "filterPattern": "\"line\" -3" });
    let matched = logs.filter_events(&parse(&matched).unwrap()).unwrap();
    assert_eq!(messages(&matched), ["line 0", "line 1", "line 2"]);
}

#[test]
fn streams_are_paged_in_the_order_asked_for() {
    let (logs, _) = filled(1);
    logs.append("g", "s/2", "newest".to_owned());
    let mut request = json!({ "logGroupName": "g", "orderBy": "LastEventTime", "descending": true, "limit": 1 });
    let first = logs.describe_streams(&parse(&request).unwrap()).unwrap();
    assert_eq!(first["logStreams"][0]["logStreamName"], "s/2");
    request["nextToken"] = first["nextToken"].clone();
    let second = logs.describe_streams(&parse(&request).unwrap()).unwrap();
    assert_eq!(second["logStreams"][0]["logStreamName"], "s/1");
    assert!(second.get("nextToken").is_none());
}

#[test]
fn what_is_not_there_is_named() {
    let logs = logs();
    let request = json!({ "logGroupName": "g", "logStreamName": "s" });
    let error = logs.get_events(&parse(&request).unwrap()).unwrap_err();
    assert_eq!(error.code, "ResourceNotFoundException");
    assert_eq!(error.message, "The specified log group does not exist.");
    logs.create_group("g").unwrap();
    let error = logs.get_events(&parse(&request).unwrap()).unwrap_err();
    assert_eq!(error.message, "The specified log stream does not exist.");
}
