//! What strongroom itself writes below `.strongroom/`, beside encrypted data keys: known by its name and its first bytes. What has
//! such a name and begins otherwise is somebody else's, and as it is.
//!
//! ```text
//! .strongroom/manifests/JOB.json, …/JOB/1.json   which tokens a job is given, and under which data keys
//!             program/SHA-256/strongroom         strongroom, for images without it
//!             bulk/…                             acts on a prefix: see `bulk_folder`
//! ```

use super::bring;
use super::bulk_folder::{Beginning, BulkFolder, below};
use super::format::{DATA_KEY_SUFFIX, may_be_data_key};

const DATA_KEYS: &str = ".strongroom/data-keys/";
const MANIFESTS: &str = ".strongroom/manifests/";
const MANIFEST: &str = r#"{"version":"#;
const PROGRAM: &[u8] = b"\x7fELF";
/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// Lists and results, no data.
    Record,
    /// The program.
    Program,
}

/// Whether its mark, its place or its name calls an object an encrypted data key. What it is its bytes tell.
pub fn is_called_data_key(key: &str, metadata: &[(String, String)]) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    metadata.iter().any(|(name, _)| name == "strongroom-key-object")
        || below(key, DATA_KEYS).is_some_and(|name| !name.is_empty())
        || name == "dont_look"
        || name.ends_with(DATA_KEY_SUFFIX)
}

/// Where the manifest of a job is.
pub fn manifest(job: &str) -> String {
    format!("{MANIFESTS}{job}.json")
}

/// Where a part of it is.
pub fn manifest_part(job: &str, number: usize) -> String {
    format!("{MANIFESTS}{job}/{number}.json")
}

/// Which of it an object is that has this key and begins so.
pub fn own(key: &str, first: &[u8]) -> Option<Own> {
    let is_record = match BulkFolder::beginning(key) {
        Some(Beginning::Json(text)) => begins(first, text),
        Some(Beginning::DataKey) => may_be_data_key(first),
        None => is_manifest(key) && begins(first, MANIFEST),
    };
    if is_record {
        return Some(Own::Record);
    }
    (is_program(key) && first.starts_with(PROGRAM)).then_some(Own::Program)
}

fn is_manifest(key: &str) -> bool {
    let is_job = |name: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !name.is_empty() && name.chars().all(inner)
    };
    let Some(document) = below(key, MANIFESTS).and_then(|name| name.strip_suffix(".json")) else {
        return false;
    };
    match document.split_once('/') {
        None => is_job(document),
        Some((job, part)) => is_job(job) && !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()),
    }
}

fn is_program(key: &str) -> bool {
    let digest = below(key, bring::FOLDER).and_then(|rest| rest.strip_suffix(bring::FILE)?.strip_suffix('/'));
    digest.is_some_and(|digest| digest.len() == DIGITS && digest.chars().all(|c| c.is_ascii_hexdigit()))
}

/// Whether it begins with this text, white space left out.
fn begins(first: &[u8], text: &str) -> bool {
    let mut letters = first.iter().filter(|byte| !byte.is_ascii_whitespace());
    text.bytes().all(|letter| letters.next() == Some(&letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::bulk_folder::{BulkFolder, shard_file};

    #[test]
    #[expect(clippy::type_complexity, reason = "a table")]
    fn a_data_key_is_called_one_by_its_mark_its_place_or_its_name() {
        let mark = [("strongroom-key-object".to_owned(), "1".to_owned())];
        let table: [(&str, &[(String, String)], bool); 8] = [
            ("a", &mark, true),
            (".strongroom/data-keys/x", &[], true),
            ("p/.strongroom/data-keys/x", &[], true),
            ("p/dont_look", &[], true),
            ("p/x.csv.datakey", &[], true),
            (".strongroom/data-keys/", &[], false),
            ("p.strongroom/data-keys/x", &[], false),
            ("p/dont_look/x", &[], false),
        ];
        for (key, metadata, is_called) in table {
            assert_eq!(is_called_data_key(key, metadata), is_called, "{key}");
        }
    }

    #[test]
    fn all_that_strongroom_writes_is_its_own_by_its_name_and_its_first_bytes_and_nothing_else() {
        let folder = BulkFolder::new("b", "team/", "audit-1");
        let digest = "0f".repeat(32);
        let of_shards = |folder: String| folder + &shard_file(1);
        let program = format!("team/.strongroom/program/{digest}/strongroom");
        let table: [(String, &[u8], Own); 9] = [
            (folder.plan(), b"{\n  \"version\": 2,", Own::Record),
            (of_shards(folder.shards()), b"{\"key\":\"a\",\"size\":1}\n", Own::Record),
            (
                of_shards(folder.results()),
                b"{\"strongroom\":\"bulk-result\",\"version\":2",
                Own::Record,
            ),
            (of_shards(folder.data_keys()), b"{\"kms_key_id\":\"arn:", Own::Record),
            (folder.missing("audit-1-2"), b"[{\"prefix\":\"s3://b/", Own::Record),
            (
                ".strongroom/bulk/rewrap-0f/0f".to_owned(),
                b"\x01\x02\x03\x00x",
                Own::Record,
            ),
            (manifest("job-1"), b"{\"version\":2,\"data_keys\":[", Own::Record),
            (
                manifest_part("job-1", 12),
                b"{\"version\":2,\"data_keys\":[",
                Own::Record,
            ),
            (program, b"\x7fELF\x02\x01\x01", Own::Program),
        ];
        for (key, first, is) in &table {
            assert_eq!(own(key, first), Some(*is), "{key}");
            // The name alone says nothing, and neither does the beginning.
            for other in [&b"id,name\n1,Ada\n"[..], b"{\"id\":1}", b""] {
                assert_eq!(own(key, other), None, "{key}");
            }
            let elsewhere = key.replace(".strongroom/", "strongroom/");
            assert_eq!(own(&elsewhere, first), None, "{elsewhere}");
            assert_eq!(own(&format!("{key}/more"), first), None, "{key}");
        }
        let document = b"{\"version\":2,\"data_keys\":[";
        for key in [
            ".strongroom/manifests/customers of 2026.json",
            ".strongroom/manifests/job/of/1.json",
            ".strongroom/manifests/.json",
            ".strongroom/notes.json",
            "a.strongroom/manifests/job-1.json",
        ] {
            assert_eq!(own(key, document), None, "{key}");
        }
        assert_eq!(own(".strongroom/program/0f/strongroom", b"\x7fELF"), None);
    }
}
