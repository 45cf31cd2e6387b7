//! The folder of an act on a prefix beyond one machine, and what is written there.
//!
//! ```text
//! .strongroom/bulk/ID/plan.json           written last: the list is whole
//!                     shards/0001.jsonl   what is to be done, a line an object
//!                     results/0001.jsonl  what came of it, written by whichever host did it
//!                     missing/JOB.json    of a job that does not do all shards, those that had no result
//!                     data-keys/0001.jsonl  of a re-wrap, each data key as it was wrapped and as it is now
//! ```

use super::{Fault, ObjectUri};

/// Below the prefix of key objects.
const FOLDER: &str = ".strongroom/bulk/";

/// Where everything of one act is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkFolder {
    /// The bucket.
    pub bucket: String,
    /// Every key of it begins so; it ends in `/`.
    pub prefix: String,
}

impl BulkFolder {
    /// Of the act of this id; `below` is the prefix of the bucket's key objects.
    pub fn new(bucket: &str, below: &str, id: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            prefix: format!("{below}{FOLDER}{id}/"),
        }
    }

    /// Of its URI.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(uri: &str) -> Result<Self, Fault> {
        let folder = ObjectUri::parse(uri).map(|uri| Self {
            bucket: uri.bucket,
            prefix: uri.key,
        });
        folder
            .filter(|folder| {
                let before = folder.prefix.strip_suffix(&format!("{}/", folder.id()));
                is_id(folder.id()) && before.is_some_and(|before| before.ends_with(FOLDER))
            })
            .ok_or_else(|| {
                let cause = "it is no folder of an act on a prefix";
                Fault::usage("read", uri, cause, "give s3://BUCKET/.strongroom/bulk/ID/")
            })
    }

    /// The act's id.
    pub fn id(&self) -> &str {
        let inner = self.prefix.strip_suffix('/').unwrap_or(&self.prefix);
        inner.rsplit('/').next().unwrap_or_default()
    }

    /// `s3://…/ID/`.
    pub fn uri(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.prefix)
    }

    /// Where the plan is.
    pub fn plan(&self) -> String {
        format!("{}plan.json", self.prefix)
    }

    /// Where the shards are.
    pub fn shards(&self) -> String {
        format!("{}shards/", self.prefix)
    }

    /// Where the results are.
    pub fn results(&self) -> String {
        format!("{}results/", self.prefix)
    }

    /// Where the map of a re-wrap is.
    pub fn data_keys(&self) -> String {
        format!("{}data-keys/", self.prefix)
    }

    /// What names the shards that a job does, if not all.
    pub fn missing(&self, job: &str) -> String {
        format!("{}missing/{job}.json", self.prefix)
    }

    /// What an object of this key begins with that is of an act on a prefix by its name, or of what a re-wrap by one machine notes
    /// of its data keys: `rewrap-…/DIGEST`.
    pub fn beginning(key: &str) -> Option<Beginning> {
        let words: Vec<&str> = below(key, FOLDER)?.split('/').collect();
        match words.as_slice() {
            [id, "plan.json"] if is_id(id) => Some(Beginning::Json(r#"{"version":"#)),
            [id, folder, file] if is_id(id) && shard_number(file).is_some() => match *folder {
                "shards" => Some(Beginning::Json(r#"{"key":""#)),
                "results" => Some(Beginning::Json(r#"{"strongroom":"bulk-result","#)),
                "data-keys" => Some(Beginning::Json(r#"{"kms_key_id":""#)),
                _ => None,
            },
            [id, "missing", file] if is_id(id) && file.strip_suffix(".json").is_some_and(is_id) => {
                Some(Beginning::Json(r#"[{"prefix":"s3://"#))
            }
            [id, digest] => {
                let is_digest = !digest.is_empty() && digest.chars().all(|c| c.is_ascii_hexdigit());
                (id.starts_with("rewrap-") && is_digest).then_some(Beginning::DataKey)
            }
            _ => None,
        }
    }
}

/// What something of an act begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// This, white space left out.
    Json(&'static str),
    /// An encrypted data key: no text.
    DataKey,
}

/// What stands in a key behind this folder of strongroom's, at the bucket's root or below a prefix.
pub(super) fn below<'a>(key: &'a str, folder: &str) -> Option<&'a str> {
    let at = key.rfind(folder)?;
    let is_folder = at == 0 || key.as_bytes().get(at - 1) == Some(&b'/');
    is_folder.then(|| &key[at + folder.len()..])
}

/// The file of a shard, and of its result.
pub fn shard_file(number: usize) -> String {
    format!("{number:04}.jsonl")
}

/// The number of the shard whose file is called so.
pub fn shard_number(file: &str) -> Option<usize> {
    let number = file.strip_suffix(".jsonl")?.parse().ok()?;
    (number > 0 && shard_file(number) == file).then_some(number)
}

/// Whether an act may be called so: it becomes part of keys and names.
pub fn is_id(id: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=50).contains(&id.len()) && id.chars().all(inner) && !id.starts_with('-') && !id.ends_with('-')
}

/// The name of the `nth` job of an act, counted from 1.
pub fn job_name(id: &str, nth: usize) -> String {
    match nth {
        0 | 1 => id.to_owned(),
        later => format!("{id}-{later}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_an_act_writes_is_its_record_by_its_name_and_nothing_beside_it() {
        let folder = BulkFolder::new("b", "team/", "rewrap-20260101-120000-0abc");
        let numbered = [folder.shards(), folder.results(), folder.data_keys()];
        let numbered = numbered.map(|folder| folder + &shard_file(1));
        let more = [folder.plan(), folder.missing(&job_name(folder.id(), 2))];
        let journal = ".strongroom/bulk/rewrap-0123456789abcdef/00ff".to_owned();
        for key in numbered.into_iter().chain(more).chain([journal]) {
            assert!(BulkFolder::beginning(&key).is_some(), "{key}");
        }
        for key in [
            "notes.strongroom/bulk/audit-1/plan.json",
            ".strongroom/bulk/audit-1/customers.csv",
            ".strongroom/bulk/audit-1/shards/customers.csv",
            ".strongroom/bulk/audit-1/data-keys/1.jsonl",
            ".strongroom/bulk/audit-1/data-keys/0001.jsonl/more",
            ".strongroom/bulk/audit-1/missing/a b.json",
            ".strongroom/bulk//plan.json",
            ".strongroom/bulk/plan.json",
        ] {
            assert_eq!(BulkFolder::beginning(key), None, "{key}");
        }
        assert_eq!(
            (shard_number("0012.jsonl"), shard_number("10000.jsonl")),
            (Some(12), Some(10_000))
        );
        assert_eq!((shard_number("0000.jsonl"), shard_number("+012.jsonl")), (None, None));
    }
}
