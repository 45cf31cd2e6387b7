//! Acts on everything under a prefix beyond one machine: a list in shards, hosts that each do some of them, results by shard,
//! and one report. What stands in S3 is described here and in [`super::bulk_folder`]; each part of it is written once.
//!
//! Who may write there could write something else. So the plan names the SHA-256 of every shard and of every file of the map, and
//! the arguments of a job that of the plan: a host does nothing that is not in the plan that its job was started with.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

mod order;
mod plan;

pub use order::BulkOrder;
pub use plan::{BulkPlan, RewrapPlan};

use super::JobSettings;
pub use super::bulk_folder::{BulkFolder, is_id, job_name, shard_file, shard_number};
use super::flags::{is_no, is_yes, yes};
use super::worded::worded;

/// Objects of one shard: what a host that dies loses at most.
pub const SHARD: usize = 1000;
/// Shards for each host, where objects are few.
pub const SHARDS_A_HOST: usize = 4;
/// The version of all that is written there.
pub const VERSION: u32 = 2;

worded! {
    /// What is done to each object.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum BulkAct: "The word that commands use." {
        /// Say what it is.
        Audit = "audit",
        /// Seal tokens anew under new data keys.
        Rotate = "rotate",
        /// Seal plain objects.
        Encrypt = "encrypt",
        /// Have tokens name their data keys as they are wrapped under another KMS key.
        Rewrap = "rewrap",
    }
}

impl BulkAct {
    /// Every act.
    pub const ALL: [Self; 4] = [Self::Audit, Self::Rotate, Self::Encrypt, Self::Rewrap];

    /// From that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.as_str() == word)
    }
}

/// One that was listed, as a line of a shard says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Its whole key.
    pub key: String,
    /// Bytes stored; none of a delete marker.
    pub size: u64,
    /// As it was listed, without quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<Box<str>>,
    /// Its version, where versions are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Box<str>>,
    /// Whether it is the object that is there now.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub is_latest: bool,
    /// Whether it is the mark that a key was deleted.
    #[serde(default, skip_serializing_if = "is_no")]
    pub is_marker: bool,
    /// The number of its data key in the map of a re-wrap, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_key: Option<usize>,
}

impl Listed {
    /// The object that is there now, of which no more was told.
    pub fn object(key: String, size: u64) -> Self {
        Self {
            key,
            size,
            etag: None,
            version: None,
            is_latest: true,
            is_marker: false,
            data_key: None,
        }
    }
}

/// What carries an act out beyond one machine.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Engine {
    /// The execution role's ARN.
    pub role_arn: String,
    /// The image's URI.
    pub image: String,
    /// `ml.m5.large`, …
    pub instance_type: String,
    /// How many instances.
    pub instances: i32,
    /// Volume in GB.
    pub volume_gb: i32,
    /// Longest run in seconds.
    pub max_runtime: i32,
    /// What a company's rules want of a job; the program that is brought is there too.
    pub settings: JobSettings,
}

impl Engine {
    /// The program that is brought to an image without any.
    pub fn program(&self) -> Option<&PathBuf> {
        self.settings.program.as_ref()
    }
}

/// A processing job that does shards.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkJob {
    /// Its name.
    pub name: String,
    /// What carries it out.
    pub engine: Engine,
    /// What is done.
    pub act: BulkAct,
    /// Where everything is.
    pub folder: BulkFolder,
    /// SHA-256 of the plan, in hexadecimal: its hosts heed no other.
    pub plan: String,
    /// The key of what names its shards; all shards if none.
    pub missing: Option<String>,
    /// On whose terms the bucket is asked.
    pub owner: Option<String>,
    /// Whether whoever asks pays.
    pub requester_pays: bool,
}

impl BulkJob {
    /// The command of its containers.
    pub const COMMAND: &str = "bulk-worker";

    /// The tag that says which act it is of.
    pub const TAG: &str = "strongroom:bulk";

    /// The words that follow.
    pub fn arguments(&self) -> Vec<String> {
        let mut words = vec![
            "--act".to_owned(),
            self.act.as_str().to_owned(),
            "--from".to_owned(),
            self.folder.uri(),
            "--plan".to_owned(),
            self.plan.clone(),
        ];
        if let Some(owner) = &self.owner {
            words.extend(["--expected-owner".to_owned(), owner.clone()]);
        }
        if self.requester_pays {
            words.push("--requester-pays".to_owned());
        }
        words
    }

    /// The act that a job of such words does, where, and the SHA-256 of its plan, if they name one; `None` if it is none of ours.
    pub fn of_arguments(words: &[String]) -> Option<(BulkAct, BulkFolder, Option<String>)> {
        let after = |name: &str| {
            let at = words.iter().position(|word| word == name)?;
            words.get(at + 1)
        };
        let act = BulkAct::parse(after("--act")?)?;
        let folder = BulkFolder::read(after("--from")?).ok()?;
        Some((act, folder, after("--plan").cloned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_a_job_are_read_as_they_were_written() {
        let folder = BulkFolder::new("b", "team/", "audit-1");
        assert_eq!(folder.uri(), "s3://b/team/.strongroom/bulk/audit-1/");
        assert_eq!(BulkFolder::read(&folder.uri()).unwrap(), folder);
        assert_eq!(folder.id(), "audit-1");
        for other in [
            "s3://b/",
            "s3://b/.strongroom/bulk/",
            "s3://b/.strongroom/bulk/a b/",
            "b/x",
            "s3://b/data/x/",
        ] {
            assert!(BulkFolder::read(other).is_err(), "{other}");
        }
        let job = BulkJob {
            name: job_name("audit-1", 2),
            engine: Engine::default(),
            act: BulkAct::Audit,
            folder: folder.clone(),
            plan: "0a".repeat(32),
            missing: None,
            owner: Some("111122223333".to_owned()),
            requester_pays: true,
        };
        assert_eq!(job.name, "audit-1-2");
        let read = BulkJob::of_arguments(&job.arguments());
        assert_eq!(read, Some((BulkAct::Audit, folder, Some("0a".repeat(32)))));
        assert_eq!(BulkJob::of_arguments(&["--act".to_owned(), "train".to_owned()]), None);
    }

    #[test]
    fn a_listed_object_takes_no_more_words_than_it_needs() {
        let listed = Listed::object("a".to_owned(), 1);
        let line = serde_json::to_string(&listed).unwrap();
        assert_eq!(line, r#"{"key":"a","size":1}"#);
        assert_eq!(serde_json::from_str::<Listed>(&line).unwrap(), listed);
    }
}
