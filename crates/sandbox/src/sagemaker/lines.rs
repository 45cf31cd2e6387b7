//! What a job's hosts say: lines become events of their log streams, and values of the job's metrics.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use super::super::identity::{Caller, Place};
use super::super::world::World;
use super::request::Containers;
use super::seconds;

/// A log event's largest message.
const LONGEST_LINE: usize = 256 * 1024;

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
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, metric: Metric) {
        let mut metrics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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

/// Lines become events as they come; what is longer than an event may be becomes several.
pub(super) async fn read(pipe: impl AsyncRead + Unpin, log: Arc<Log>) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(buffer) = pipe.fill_buf().await {
        if buffer.is_empty() {
            break;
        }
        let room = LONGEST_LINE - line.len();
        let end = buffer.iter().take(room).position(|byte| *byte == b'\n');
        let taken = end.unwrap_or_else(|| buffer.len().min(room));
        line.extend_from_slice(&buffer[..taken]);
        let is_over = end.is_some() || line.len() == LONGEST_LINE;
        pipe.consume(taken + usize::from(end.is_some()));
        if is_over {
            log.line(&line);
            line.clear();
        }
    }
    log.line(&line);
}
