//! CloudWatch Logs: the log of one job, stream by stream.

use aws_sdk_cloudwatchlogs::operation::get_log_events::builders::GetLogEventsFluentBuilder;
use aws_sdk_cloudwatchlogs::types::OutputLogEvent;

use super::fault::Heard;
use super::{Aws, List, Paged};
use crate::domain::{Fault, JobKind, LogLine};

/// A host tells its progress every second, among other lines: the newest of it is among so many.
const LAST: i32 = 20;

/// The streams of a job; none before its container has written its first line.
pub(crate) fn streams<'a>(aws: &'a Aws, job: &'a str) -> List<'a, String> {
    let (kind, name) = JobKind::split(job);
    let call = move |token| {
        aws.logs()
            .describe_log_streams()
            .log_group_name(kind.log_group())
            // Without the slash `job-1` would also find `job-10`.
            .log_stream_name_prefix(format!("{name}/"))
            .set_next_token(token)
            .send()
    };
    List::of("find the log of", job, call, |answer| {
        let streams = answer.log_streams().iter();
        let names = streams.map(|stream| stream.log_stream_name().map(str::to_owned));
        Paged::new(names.collect(), answer.next_token())
    })
}

/// Lines of a stream to its present end. From where its last page led to, what was written since comes later.
pub(crate) fn events<'a>(aws: &'a Aws, kind: JobKind, stream: &'a str) -> List<'a, LogLine> {
    let act = "read log";
    List::new(act, stream, move |token: Option<String>| {
        let call = read(aws, kind, stream).start_from_head(true);
        let call = call.set_next_token(token.clone());
        async move {
            let answer = call.send().await.heard(act, stream)?;
            // At the end the token comes back unchanged.
            let next = answer.next_forward_token.filter(|next| token.as_ref() != Some(next));
            Ok(Paged {
                rows: lines(stream, answer.events.as_deref().unwrap_or_default()),
                next,
            })
        }
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
