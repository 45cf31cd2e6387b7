//! How far the hosts of an act on a prefix are: a line of JSON a second in each one's log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::LogLine;
use crate::domain::BulkAct;

/// What every line begins with.
const OURS: &str = "bulk";

/// How far one host is, as a line of its log says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostProgress {
    /// Always `bulk`.
    pub strongroom: String,
    /// What is done.
    pub act: BulkAct,
    /// Which host it is.
    pub host: String,
    /// Shards that are its own.
    pub shards: u64,
    /// Those of them that have a result.
    pub shards_done: u64,
    /// Objects that were done.
    pub objects: u64,
    /// Those of them that could not be.
    pub failed: u64,
    /// Bytes stored of the objects that were done.
    pub bytes: u64,
    /// How long it has been at it.
    pub seconds: f64,
}

impl HostProgress {
    /// Of a host that has these shards, some of them with results, and has done nothing yet.
    pub fn new(act: BulkAct, host: String, (done, shards): (u64, u64)) -> Self {
        Self {
            strongroom: OURS.to_owned(),
            act,
            host,
            shards,
            shards_done: done,
            objects: 0,
            failed: 0,
            bytes: 0,
            seconds: 0.0,
        }
    }

    /// From a line of its log; `None` of every other line.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        if !line.starts_with('{') {
            return None;
        }
        let told: Self = serde_json::from_str(line).ok()?;
        (told.strongroom == OURS && told.seconds >= 0.0).then_some(told)
    }
}

/// How far a job is, host by host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobProgress {
    /// The newest that each told.
    pub hosts: BTreeMap<String, HostProgress>,
}

impl JobProgress {
    /// From lines of its log, each host's in their order; `None` if none of them tells of it.
    pub fn of<'a>(lines: impl IntoIterator<Item = &'a LogLine>) -> Option<Self> {
        let hosts: BTreeMap<_, _> = lines
            .into_iter()
            .filter_map(|line| HostProgress::parse(&line.text))
            .map(|progress| (progress.host.clone(), progress))
            .collect();
        (!hosts.is_empty()).then_some(Self { hosts })
    }

    fn sum(&self, of: impl Fn(&HostProgress) -> u64) -> u64 {
        self.hosts.values().map(of).fold(0, u64::saturating_add)
    }

    /// Shards that are done, and all of them, of the hosts that told.
    pub fn shards(&self) -> (u64, u64) {
        (self.sum(|host| host.shards_done), self.sum(|host| host.shards))
    }

    /// Objects that were looked at.
    pub fn objects(&self) -> u64 {
        self.sum(|host| host.objects)
    }

    /// Objects that failed.
    pub fn failed(&self) -> u64 {
        self.sum(|host| host.failed)
    }

    /// Bytes that were read.
    pub fn bytes(&self) -> u64 {
        self.sum(|host| host.bytes)
    }

    /// Objects and bytes a second of all hosts together.
    pub fn rate(&self) -> (f64, f64) {
        let of_host = |(objects, bytes): (f64, f64), host: &HostProgress| {
            let seconds = host.seconds.max(1.0);
            (
                objects + host.objects as f64 / seconds,
                bytes + host.bytes as f64 / seconds,
            )
        };
        self.hosts.values().fold((0.0, 0.0), of_host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = r#"{"strongroom":"bulk","act":"audit","host":"algo-1","shards":12,"shards_done":3,"objects":3000,"failed":1,"bytes":123456,"seconds":12.5}"#;

    fn line(text: &str) -> LogLine {
        LogLine {
            at: None,
            stream: "job/algo-1-1".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_line_of_progress_is_what_others_read() {
        let progress = HostProgress {
            objects: 3000,
            failed: 1,
            bytes: 123_456,
            seconds: 12.5,
            ..HostProgress::new(BulkAct::Audit, "algo-1".to_owned(), (3, 12))
        };
        assert_eq!(serde_json::to_string(&progress).unwrap(), TOLD);
    }

    #[test]
    fn the_newest_line_of_each_host_counts_and_all_hosts_are_one() {
        let later = TOLD.replace("\"shards_done\":3", "\"shards_done\":4");
        let other = TOLD.replace("algo-1", "algo-2");
        let lines = [line(TOLD), line("something else"), line(&later), line(&other)];
        let progress = JobProgress::of(&lines).unwrap();
        assert_eq!(progress.shards(), (7, 24));
        assert_eq!((progress.objects(), progress.failed()), (6000, 2));
        assert!((progress.rate().0 - 480.0).abs() < 1e-9);
    }

    #[test]
    fn only_whole_lines_of_ours_tell_anything() {
        assert!(HostProgress::parse(TOLD).is_some());
        for other in [
            "",
            "{}",
            "{",
            "epoch=1",
            &TOLD[..40],
            &TOLD.replace("bulk", "bulky"),
            &TOLD.replace("3000", "-1"),
        ] {
            assert_eq!(HostProgress::parse(other), None, "{other}");
        }
        assert_eq!(JobProgress::of(&[line("epoch=1")]), None);
    }
}
