//! CloudWatch Logs: the log of one training job, stream by stream.

use super::fault::Heard;
use super::{Aws, Paged};
use crate::domain::{Fault, LogLine};

const GROUP: &str = "/aws/sagemaker/TrainingJobs";

/// The streams of a job; none before its container has written its first line.
pub(crate) async fn streams(aws: &Aws, job: &str, token: Option<String>) -> Result<Paged<String>, Fault> {
    // Without the slash `job-1` would also find `job-10`.
    let prefix = format!("{job}/");
    let call = aws
        .logs()
        .describe_log_streams()
        .log_group_name(GROUP)
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
pub(crate) async fn events(aws: &Aws, stream: &str, token: Option<String>) -> Result<Paged<LogLine>, Fault> {
    let call = aws
        .logs()
        .get_log_events()
        .log_group_name(GROUP)
        .log_stream_name(stream)
        .start_from_head(true)
        .set_next_token(token);
    let answer = call.send().await.heard("read log", stream)?;
    let rows = answer.events().iter().map(|event| LogLine {
        at: event
            .timestamp()
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()),
        stream: stream.to_owned(),
        text: event.message().unwrap_or_default().to_owned(),
    });
    Ok(Paged {
        rows: rows.collect(),
        next: answer.next_forward_token().map(str::to_owned),
    })
}
