//! The file that says what came of a shard: written whole by whichever host did it, and read by whoever makes the report.
//!
//! A heading, the KMS keys, then a line an object in the order of the shard; of one that was gone, `null`. It says which shard it
//! is of by its SHA-256, and names every object of it: a result of anything else is refused.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::LINES;
use crate::actions::bucket_refusal;
use crate::actions::faults::usage;
use crate::aws::again::again;
use crate::aws::{Aws, s3};
use crate::domain::audit::wire::{Keys, SeenRow, read_row, write_row};
use crate::domain::bulk::{BulkAct, BulkFolder, Listed, VERSION};
use crate::domain::rewrap::RewrapRow;
use crate::domain::seal::{Fate, SealRow, SealSpec};
use crate::domain::{Fault, FaultKind};
use crate::envelope::binding;

/// More than any shard or result of [`SHARD`](crate::domain::bulk::SHARD) objects is long, whose keys have a kilobyte at most.
pub(super) const LONGEST: u64 = 64 << 20;
/// What was gone.
const GONE: &str = "null";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Heading {
    strongroom: String,
    version: u32,
    act: BulkAct,
    id: String,
    shard: String,
    sha256: String,
    objects: usize,
}

const MARK: &str = "bulk-result";

/// A shard as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shard {
    /// The name of its file.
    pub(super) file: String,
    pub(super) sha256: String,
    pub(super) listed: Vec<Listed>,
}

impl Shard {
    /// Of its file.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn read(file: &str, bytes: &[u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(bytes).ok();
        let listed = text.and_then(|text| {
            let lines = text.lines().map(serde_json::from_str);
            lines.collect::<Result<Vec<Listed>, _>>().ok()
        });
        let remedy = "start the act anew";
        let listed = listed.ok_or_else(|| Fault::new(FaultKind::Invalid, "read", file, "it is no shard", remedy))?;
        Ok(Self {
            file: file.to_owned(),
            sha256: binding::digest(bytes),
            listed,
        })
    }
}

/// The lines of a shard's file.
pub(super) fn shard_text(listed: &[Listed]) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    for one in listed {
        serde_json::to_writer(&mut text, one).map_err(|error| never(&error))?;
        text.push(b'\n');
    }
    Ok(text)
}

/// The lines of a result's file.
pub(super) fn write(folder: &BulkFolder, shard: &Shard, seen: &[Option<SeenRow>]) -> Result<Vec<u8>, Fault> {
    let mut keys = Keys::default();
    let rows = lines_of(seen, |seen| write_row(seen, &mut keys))?;
    let keys = keys.write().map_err(|error| never(&error))?;
    whole(folder, BulkAct::Audit, shard, keys, rows)
}

/// What became of an object that was changed, as a line of its own.
pub(super) trait ChangedRow: Serialize + DeserializeOwned {
    /// Whether an object may have been gone when it was its turn.
    const MAY_BE_GONE: bool;

    /// Whether it is of this object.
    fn is_of(&self, listed: &Listed) -> bool;
}

impl ChangedRow for SealRow {
    const MAY_BE_GONE: bool = true;

    fn is_of(&self, listed: &Listed) -> bool {
        self.key == listed.key && self.size == listed.size
    }
}

impl ChangedRow for RewrapRow {
    /// Of what was looked at before something is told in any case.
    const MAY_BE_GONE: bool = false;

    fn is_of(&self, listed: &Listed) -> bool {
        self.key == listed.key && self.size == listed.size
    }
}

/// The same of what was changed; with what a person should know.
pub(super) fn write_changed<R: ChangedRow>(
    folder: &BulkFolder,
    act: BulkAct,
    shard: &Shard,
    (warnings, rows): (&[String], &[Option<R>]),
) -> Result<Vec<u8>, Fault> {
    let rows = lines_of(rows, serde_json::to_string)?;
    let warnings = serde_json::to_string(warnings).map_err(|error| never(&error))?;
    whole(folder, act, shard, warnings, rows)
}

fn lines_of<T>(
    rows: &[Option<T>],
    mut write: impl FnMut(&T) -> serde_json::Result<String>,
) -> Result<Vec<String>, Fault> {
    let rows = rows
        .iter()
        .map(|row| row.as_ref().map_or_else(|| Ok(GONE.to_owned()), &mut write));
    rows.collect::<Result<Vec<_>, _>>().map_err(|error| never(&error))
}

/// `second` is what all rows share.
fn whole(
    folder: &BulkFolder,
    act: BulkAct,
    shard: &Shard,
    second: String,
    rows: Vec<String>,
) -> Result<Vec<u8>, Fault> {
    let heading = Heading {
        strongroom: MARK.to_owned(),
        version: VERSION,
        act,
        id: folder.id().to_owned(),
        shard: shard.file.clone(),
        sha256: shard.sha256.clone(),
        objects: rows.len(),
    };
    let heading = serde_json::to_string(&heading).map_err(|error| never(&error))?;
    let lines = [heading, second].into_iter().chain(rows);
    Ok(lines.map(|line| line + "\n").collect::<String>().into_bytes())
}

pub(super) fn never(error: &serde_json::Error) -> Fault {
    Fault::new(
        FaultKind::Other,
        "write",
        "a shard",
        error.to_string(),
        "please report this",
    )
}

/// Writes the result of a shard. Another host's, or an earlier job's, is as good: it is left.
pub(super) async fn put(aws: &Aws, folder: &BulkFolder, shard: &Shard, text: Vec<u8>) -> Result<(), Fault> {
    let key = format!("{}{}", folder.results(), shard.file);
    let put = again(|| s3::write_new(aws, &folder.bucket, &key, text.clone(), LINES));
    match put.await {
        Ok(()) => Ok(()),
        Err(fault) if fault.kind == FaultKind::Conflict => Ok(()),
        Err(fault) => Err(bucket_refusal::of_write(aws, fault, false).await),
    }
}

/// What came of each object of `shard`.
///
/// # Errors
/// When it is not the whole result of this very shard.
pub(super) fn read(folder: &BulkFolder, shard: &Shard, bytes: &[u8]) -> Result<Vec<Option<SeenRow>>, Fault> {
    let is_its = |row: &SeenRow, listed: &Listed| {
        let is_it = row.row.key == listed.key && row.row.version == listed.version;
        // What is there now may be another by the time that it is looked at; a version never is.
        let is_so_long = listed.version.is_none() || row.row.size == listed.size;
        is_it && is_so_long && row.row.key_use.is_none()
    };
    let of = (folder, BulkAct::Audit, shard);
    let read = read_as(of, bytes, |line| Keys::read(line).ok(), read_row, is_its);
    read.map(|(_, seen)| seen)
}

/// The same of what was changed; what a person should know comes first.
///
/// # Errors
/// When it is not the whole result of this very shard.
pub(super) fn read_changed<R: ChangedRow>(
    folder: &BulkFolder,
    act: BulkAct,
    shard: &Shard,
    bytes: &[u8],
) -> Result<(Vec<String>, Vec<Option<R>>), Fault> {
    let warnings = |line: &str| serde_json::from_str(line).ok();
    let row = |line: &str, _: &Vec<String>| serde_json::from_str(line).ok();
    let (warnings, rows) = read_as((folder, act, shard), bytes, warnings, row, R::is_of)?;
    if !R::MAY_BE_GONE && rows.iter().any(Option::is_none) {
        return Err(refused(folder, shard, "one of its lines tells nothing of an object"));
    }
    Ok((warnings, rows))
}

/// What came of sealing, each token where it is to be.
///
/// # Errors
/// As [`read_changed`]; when it tells of tokens elsewhere.
pub(super) fn read_sealed(
    folder: &BulkFolder,
    spec: &SealSpec,
    act: BulkAct,
    shard: &Shard,
    bytes: &[u8],
) -> Result<(Vec<String>, Vec<Option<SealRow>>), Fault> {
    let (warnings, rows) = read_changed::<SealRow>(folder, act, shard, bytes)?;
    let is_its = |row: &SealRow| match &row.fate {
        Fate::Sealed(sealed) => sealed.at == spec.token_of(&row.key),
        Fate::PassedOver(_) | Fate::Failed(_) => true,
    };
    if rows.iter().flatten().all(is_its) {
        return Ok((warnings, rows));
    }
    Err(refused(folder, shard, "it tells of other tokens than are to be made"))
}

fn read_as<S, R>(
    (folder, act, shard): (&BulkFolder, BulkAct, &Shard),
    bytes: &[u8],
    second: impl Fn(&str) -> Option<S>,
    row: impl Fn(&str, &S) -> Option<R>,
    is_its: impl Fn(&R, &Listed) -> bool,
) -> Result<(S, Vec<Option<R>>), Fault> {
    let refused = |cause: &str| refused(folder, shard, cause);
    let text = std::str::from_utf8(bytes).map_err(|_| refused("it is no text"))?;
    let mut lines = text.lines();
    let heading: Option<Heading> = lines.next().and_then(|line| serde_json::from_str(line).ok());
    let heading = heading.filter(|heading| heading.strongroom == MARK);
    let heading = heading.ok_or_else(|| refused("it is no result of a shard"))?;
    if heading.version != VERSION {
        return Err(usage(
            "read",
            folder.uri(),
            "its results were written by another version of strongroom",
            "open it with that version",
        ));
    }
    if heading.id != folder.id() || heading.shard != shard.file || heading.sha256 != shard.sha256 {
        return Err(refused("it is the result of another shard"));
    }
    if heading.act != act {
        return Err(refused("it is the result of another act"));
    }
    let second = lines.next().and_then(second);
    let second = second.ok_or_else(|| refused("it is no result of a shard"))?;
    let mut rows = Vec::with_capacity(shard.listed.len());
    for listed in &shard.listed {
        let line = lines.next().ok_or_else(|| refused("it breaks off"))?;
        if line == GONE {
            rows.push(None);
            continue;
        }
        let row = row(line, &second).ok_or_else(|| refused("one of its lines tells nothing of an object"))?;
        if !is_its(&row, listed) {
            return Err(refused("it tells of other objects than its shard"));
        }
        rows.push(Some(row));
    }
    if lines.next().is_some() || heading.objects != shard.listed.len() {
        return Err(refused("it tells of more objects than its shard"));
    }
    Ok((second, rows))
}

fn refused(folder: &BulkFolder, shard: &Shard, cause: &str) -> Fault {
    let object = s3::uri(&folder.bucket, &format!("{}{}", folder.results(), shard.file));
    let remedy = "find out who wrote it, delete it, and go on with the act: only what is missing is done again";
    Fault::new(FaultKind::Integrity, "read", object, cause, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{AuditRow, Kind};

    fn shard() -> Shard {
        let text = "{\"key\":\"a\",\"size\":1}\n{\"key\":\"b\",\"size\":2}\n{\"key\":\"c\",\"size\":3}\n";
        let shard = Shard::read("0001.jsonl", text.as_bytes()).unwrap();
        assert_eq!(shard_text(&shard.listed).unwrap(), text.as_bytes());
        shard
    }

    fn seen() -> Vec<Option<SeenRow>> {
        let row = |key: &str| Some(SeenRow::plain(AuditRow::new(key.to_owned(), 1, Kind::Plain)));
        vec![row("a"), None, row("c")]
    }

    #[test]
    fn a_result_is_read_as_it_was_written() {
        let folder = BulkFolder::new("b", "", "audit-1");
        let text = write(&folder, &shard(), &seen()).unwrap();
        assert_eq!(read(&folder, &shard(), &text).unwrap(), seen());
    }

    #[test]
    fn a_result_that_gives_a_version_another_size_is_refused() {
        let folder = BulkFolder::new("b", "", "audit-1");
        let shard = Shard::read("0001.jsonl", b"{\"key\":\"a\",\"size\":1,\"version\":\"v\"}\n").unwrap();
        let row = |size| {
            let row = AuditRow::new("a".to_owned(), size, Kind::Plain);
            let version = Some("v".into());
            vec![Some(SeenRow::plain(AuditRow { version, ..row }))]
        };
        let text = |size| write(&folder, &shard, &row(size)).unwrap();
        assert_eq!(read(&folder, &shard, &text(1)).unwrap(), row(1));
        let fault = read(&folder, &shard, &text(2)).unwrap_err();
        assert!(fault.cause.contains("other objects"), "{fault}");
    }

    #[test]
    fn what_is_not_the_whole_result_of_the_shard_is_refused() {
        let folder = BulkFolder::new("b", "", "audit-1");
        let text = String::from_utf8(write(&folder, &shard(), &seen()).unwrap()).unwrap();
        let cut: String = text.lines().take(4).map(|line| format!("{line}\n")).collect();
        let other = Shard {
            sha256: "0".repeat(64),
            ..shard()
        };
        for (text, shard, cause) in [
            (cut, shard(), "breaks off"),
            (text.clone() + "null\n", shard(), "more objects"),
            (text.replace("\"key\":\"c\"", "\"key\":\"d\""), shard(), "other objects"),
            (
                text.replace("\"plain\"", "\"unheard\""),
                shard(),
                "nothing of an object",
            ),
            (text.clone(), other, "another shard"),
            (text.replace("audit-1", "audit-2"), shard(), "another shard"),
            (String::new(), shard(), "no result"),
        ] {
            let fault = read(&folder, &shard, text.as_bytes()).unwrap_err();
            assert!(fault.cause.contains(cause), "{cause}: {fault}");
        }
    }
}
