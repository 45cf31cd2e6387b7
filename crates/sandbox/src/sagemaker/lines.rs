//! What a job's hosts say: lines become events of their log streams, and values of the job's metrics.

use std::os::fd::AsFd;
use std::sync::Mutex;

use rustix::io::ioctl_fionread;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;

use super::super::disk::lock;
use super::request::Containers;
use super::seconds;
use crate::prelude::*;

/// A log event's largest message.
const LONGEST_LINE: usize = 256 * 1024;
/// What is read at once.
const BUFFER: usize = 8 << 10;

/// A metric's last value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Metric {
    name: String,
    value: f64,
    at: Timestamp,
}

impl Metric {
    pub(super) fn json(&self) -> Value {
        json!({ "MetricName": self.name, "Value": self.value, "Timestamp": seconds(self.at) })
    }
}

/// The metrics of a job, whichever host said them.
#[derive(Default)]
pub(super) struct Metrics(Mutex<Vec<Metric>>);

impl Metrics {
    pub(super) fn last(&self) -> Vec<Metric> {
        lock(&self.0).clone()
    }

    fn put(&self, metric: Metric) {
        let mut metrics = lock(&self.0);
        match metrics.iter_mut().find(|known| known.name == metric.name) {
            Some(known) => *known = metric,
            None => metrics.push(metric),
        }
    }
}

/// Where one host's lines go.
pub(super) struct Log {
    world: Arc<World>,
    place: Place,
    containers: Arc<Containers>,
    /// None if the role may not write logs.
    stream: Option<String>,
    metrics: Arc<Metrics>,
}

impl Log {
    pub(super) fn new(
        world: &Arc<World>,
        role: &Caller,
        containers: &Arc<Containers>,
        host: &str,
        metrics: &Arc<Metrics>,
    ) -> Self {
        let stream = format!("{}/{host}-{}", containers.name, world.now().as_second());
        let rest = format!("log-group:{}:log-stream:{stream}", containers.kind.log_group());
        let resource = role.place.arn("logs", &rest);
        let nothing = std::collections::BTreeMap::new();
        let may = |action: &&str| world.authorize(role, action, &resource, &nothing).is_ok();
        Self {
            world: Arc::clone(world),
            place: role.place.clone(),
            containers: Arc::clone(containers),
            stream: ["logs:CreateLogStream", "logs:PutLogEvents"]
                .iter()
                .all(may)
                .then_some(stream),
            metrics: Arc::clone(metrics),
        }
    }

    fn line(&self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end_matches('\r');
        if text.is_empty() {
            return;
        }
        self.measure(text);
        if let Some(stream) = &self.stream {
            self.world
                .at(&self.place)
                .logs
                .append(self.containers.kind.log_group(), stream, text.to_owned());
        }
    }

    fn measure(&self, line: &str) {
        for (name, regex) in &self.containers.metrics {
            let value = regex
                .captures(line)
                .and_then(|found| found.get(1))
                .and_then(|found| found.as_str().parse::<f64>().ok())
                .filter(|value| value.is_finite());
            if let Some(value) = value {
                self.metrics.put(Metric {
                    name: name.clone(),
                    value,
                    at: self.world.now(),
                });
            }
        }
    }
}

/// Lines become events as they come, until the pipe ends. Once its host is `over`, what is in it is taken, and nobody waits for
/// more: a descendant that left the group may hold it open.
pub(super) async fn read(mut pipe: impl AsyncRead + AsFd + Unpin, log: Arc<Log>, over: CancellationToken) {
    let mut lines = Lines { log, line: Vec::new() };
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = tokio::select! {
            biased;
            () = over.cancelled() => break,
            read = pipe.read(&mut buffer) => read,
        };
        match read {
            Ok(0) | Err(_) => return lines.end(),
            Ok(count) => lines.take(&buffer[..count]),
        }
    }
    // The runtime may not have heard of it yet.
    let mut left = ioctl_fionread(&pipe).unwrap_or_default();
    while left > 0 {
        match rustix::io::read(&pipe, &mut *buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => {
                lines.take(&buffer[..count]);
                left = left.saturating_sub(count as u64);
            }
        }
    }
    lines.end();
}

/// What has come of a pipe.
struct Lines {
    log: Arc<Log>,
    /// The beginning of the next.
    line: Vec<u8>,
}

impl Lines {
    /// What is longer than an event may be becomes several.
    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = LONGEST_LINE - self.line.len();
            let end = bytes.iter().take(room).position(|byte| *byte == b'\n');
            let taken = end.unwrap_or_else(|| bytes.len().min(room));
            self.line.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken + usize::from(end.is_some())..];
            if end.is_some() || self.line.len() == LONGEST_LINE {
                self.log.line(&self.line);
                self.line.clear();
            }
        }
    }

    fn end(&self) {
        self.log.line(&self.line);
    }
}

#[cfg(test)]
mod tests;
