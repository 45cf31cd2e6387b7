//! CloudWatch Logs: the log of one job, stream by stream.

use aws_sdk_cloudwatchlogs::operation::get_log_events::builders::GetLogEventsFluentBuilder;
use aws_sdk_cloudwatchlogs::types::OutputLogEvent;

use super::fault::Heard;
use super::{Aws, Paged};
use crate::domain::{Fault, JobKind, LogLine};

/// A host tells its progress every second, among other lines: the newest of it is among so many.
const LAST: i32 = 20;

/// The streams of a job; none before its container has written its first line.
pub(crate) async fn streams(aws: &Aws, job: &str, token: Option<String>) -> Result<Paged<String>, Fault> {
    let (kind, name) = JobKind::split(job);
    // Without the slash `job-1` would also find `job-10`.
    let prefix = format!("{name}/");
    let call = aws
        .logs()
        .describe_log_streams()
        .log_group_name(kind.log_group())
        .log_stream_name_prefix(prefix)
        .set_next_token(token.clone());
    let act = "find the log of";
    let answer = call.send().await.heard(act, job)?;
    let streams = answer.log_streams().iter();
    let names = streams.map(|stream| stream.log_stream_name().map(str::to_owned));
    Paged::new(act, job, names.collect(), token.as_deref(), answer.next_token())
}

/// Lines of a stream from `token` on, or from its start. The end is reached when the token comes back unchanged;
/// asking again with it later answers what was written since.
pub(crate) async fn events(
    aws: &Aws,
    kind: JobKind,
    stream: &str,
    token: Option<String>,
) -> Result<Paged<LogLine>, Fault> {
    let call = read(aws, kind, stream).start_from_head(true).set_next_token(token);
    let answer = call.send().await.heard("read log", stream)?;
    Ok(Paged {
        rows: lines(stream, answer.events()),
        next: answer.next_forward_token().map(str::to_owned),
    })
}

/// The last lines of a stream, in their order.
pub(crate) async fn last(aws: &Aws, kind: JobKind, stream: &str) -> Result<Vec<LogLine>, Fault> {
    let call = read(aws, kind, stream).start_from_head(false).limit(LAST);
    let answer = call.send().await.heard("read log", stream)?;
    Ok(lines(stream, answer.events()))
}

fn read(aws: &Aws, kind: JobKind, stream: &str) -> GetLogEventsFluentBuilder {
    aws.logs()
        .get_log_events()
        .log_group_name(kind.log_group())
        .log_stream_name(stream)
}

fn lines(stream: &str, events: &[OutputLogEvent]) -> Vec<LogLine> {
    let line = |event: &OutputLogEvent| LogLine {
        at: event
            .timestamp()
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()),
        stream: stream.to_owned(),
        text: event.message().unwrap_or_default().to_owned(),
    };
    events.iter().map(line).collect()
}
