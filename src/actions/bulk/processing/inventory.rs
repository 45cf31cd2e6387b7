//! The list from an S3 Inventory of the bucket: a manifest that names files of CSV, gzipped, in no order.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use futures::{StreamExt, TryStreamExt, stream};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::actions::blocking::blocking;
use crate::aws::again::again;
use crate::aws::{Aws, s3};
use crate::domain::audit::AuditRequest;
use crate::domain::bulk::Listed;
use crate::domain::{Fault, FaultKind, ObjectUri};

const ACT: &str = "read the inventory";
const LONGEST_MANIFEST: u64 = 64 << 20;
/// Of one file of an inventory, as it is stored and unpacked.
const LONGEST: u64 = 1 << 30;
const LONGEST_UNPACKED: u64 = 4 << 30;
/// Files that are read at once.
const READS: usize = 4;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    source_bucket: String,
    destination_bucket: String,
    file_format: String,
    file_schema: String,
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    key: String,
}

/// The objects that an inventory lists under a prefix, with their versions where these are audited, in the order in which S3 lists them.
///
/// # Errors
/// When it is none, or of another bucket, or lacks what is needed.
pub(super) async fn listed(aws: &Aws, request: &AuditRequest, manifest: &str) -> Result<Vec<Listed>, Fault> {
    let uri =
        ObjectUri::parse(manifest).ok_or_else(|| refused(manifest, "it is no S3 URI", "give s3://…/manifest.json"))?;
    let bytes = again(|| s3::read_small(aws, &uri.bucket, &uri.key, LONGEST_MANIFEST)).await?;
    let read: Manifest = serde_json::from_slice(&bytes)
        .map_err(|_| refused(manifest, "it is no manifest of an inventory", "give its manifest.json"))?;
    if read.source_bucket != request.bucket {
        let cause = format!("it is of the bucket {}", read.source_bucket);
        return Err(refused(
            manifest,
            &cause,
            "give an inventory of the bucket that is worked on",
        ));
    }
    if read.file_format != "CSV" {
        let cause = format!("its files are {}", read.file_format);
        return Err(refused(manifest, &cause, "configure an inventory of CSV files"));
    }
    let columns = Columns::of(&read.file_schema, request.versions).map_err(|lacks| {
        let remedy = "configure the inventory with it, or let S3 list: leave --inventory out";
        refused(manifest, &format!("it has no column {lacks}"), remedy)
    })?;
    let holder = read
        .destination_bucket
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    let files = stream::iter(read.files).map(|file| {
        let (holder, columns, prefix) = (holder.clone(), columns.clone(), request.prefix.clone());
        async move {
            let bytes = again(|| s3::read_small(aws, &holder, &file.key, LONGEST)).await?;
            let object = s3::uri(&holder, &file.key);
            blocking(move || rows(&bytes, &object, &columns, &prefix)).await
        }
    });
    let mut all: Vec<Listed> = files.buffered(READS).try_concat().await?;
    all.sort_by(|one, other| one.key.cmp(&other.key).then(other.is_latest.cmp(&one.is_latest)));
    Ok(all)
}

fn refused(object: &str, cause: &str, remedy: &str) -> Fault {
    Fault::new(FaultKind::Invalid, ACT, object, cause, remedy)
}

/// Where in a row what stands.
#[derive(Clone)]
struct Columns {
    key: usize,
    size: usize,
    etag: Option<usize>,
    version: Option<usize>,
    latest: Option<usize>,
    marker: Option<usize>,
    with_versions: bool,
}

impl Columns {
    /// From the manifest's `fileSchema`; else the name of what is missing.
    fn of(schema: &str, with_versions: bool) -> Result<Self, &'static str> {
        let names: Vec<&str> = schema.split(',').map(str::trim).collect();
        let at = |name: &str| names.iter().position(|known| *known == name);
        let (version, latest, marker) = (at("VersionId"), at("IsLatest"), at("IsDeleteMarker"));
        if with_versions {
            version.ok_or("VersionId")?;
            latest.ok_or("IsLatest")?;
            marker.ok_or("IsDeleteMarker")?;
        }
        Ok(Self {
            key: at("Key").ok_or("Key")?,
            size: at("Size").ok_or("Size")?,
            etag: at("ETag"),
            version,
            latest,
            marker,
            with_versions,
        })
    }

    fn row(&self, cells: &[String]) -> Option<Listed> {
        let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).map(String::as_str);
        let is_marker = cell(self.marker) == Some("true");
        let key = percent_decode_str(&cells.get(self.key)?.replace('+', " "))
            .decode_utf8()
            .ok()?
            .into_owned();
        let size = if is_marker {
            0
        } else {
            cells.get(self.size)?.parse().ok()?
        };
        let boxed = |at: Option<usize>| cell(at).filter(|text| !text.is_empty()).map(Box::from);
        Some(Listed {
            etag: if self.with_versions { None } else { boxed(self.etag) },
            version: if self.with_versions { boxed(self.version) } else { None },
            is_latest: cell(self.latest) != Some("false"),
            is_marker,
            ..Listed::object(key, size)
        })
    }
}

/// The rows of a file that are under the prefix.
fn rows(bytes: &[u8], object: &str, columns: &Columns, prefix: &str) -> Result<Vec<Listed>, Fault> {
    let bad = |cause: &str| refused(object, cause, "wait for the next inventory");
    let mut text = String::new();
    MultiGzDecoder::new(bytes)
        .take(LONGEST_UNPACKED)
        .read_to_string(&mut text)
        .map_err(|error| bad(&error.to_string()))?;
    let mut listed = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let row = cells(line).and_then(|cells| columns.row(&cells));
        let row = row.ok_or_else(|| bad("one of its lines tells nothing of an object"))?;
        let is_wanted = columns.with_versions || (row.is_latest && !row.is_marker);
        if is_wanted && row.key.starts_with(prefix) {
            listed.push(row);
        }
    }
    Ok(listed)
}

/// The cells of a line; a quote in one is written twice. (Keys have no line breaks: they are written as in a URL.)
fn cells(line: &str) -> Option<Vec<String>> {
    let (mut cells, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut signs = line.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' if is_quoted && signs.peek() == Some(&'"') => {
                signs.next();
                cell.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    cells.push(cell);
    (!is_quoted).then_some(cells)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const SCHEMA: &str = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, ETag";

    fn file(text: &str) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn rows_are_read_with_their_keys_as_they_are_and_only_of_the_prefix() {
        let text = "\"b\",\"data/a+b%2C%22c%22\",\"v2\",\"true\",\"false\",\"12\",\"e\"\n\
                    \"b\",\"data/a\",\"v1\",\"false\",\"false\",\"3\",\"e\"\n\
                    \"b\",\"data/z\",\"v3\",\"true\",\"true\",\"\",\"\"\n\
                    \"b\",\"other\",\"v4\",\"true\",\"false\",\"3\",\"e\"\n";
        let current = Columns::of(SCHEMA, false).unwrap();
        let read = rows(&file(text), "o", &current, "data/").unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].key.as_str(), read[0].size), ("data/a b,\"c\"", 12));
        assert_eq!((read[0].etag.as_deref(), read[0].version.as_deref()), (Some("e"), None));
        let all = Columns::of(SCHEMA, true).unwrap();
        let read = rows(&file(text), "o", &all, "data/").unwrap();
        let told: Vec<_> = read
            .iter()
            .map(|row| (row.version.as_deref(), row.is_latest, row.is_marker))
            .collect();
        assert_eq!(
            told,
            [
                (Some("v2"), true, false),
                (Some("v1"), false, false),
                (Some("v3"), true, true)
            ]
        );
    }

    #[test]
    fn what_is_no_inventory_is_refused() {
        assert_eq!(Columns::of("Bucket, Key", false).err(), Some("Size"));
        assert_eq!(Columns::of("Bucket, Key, Size", true).err(), Some("VersionId"));
        let columns = Columns::of("Bucket, Key, Size", false).unwrap();
        for text in ["\"b\",\"k\"\n", "\"b\",\"k\",\"many\"\n", "\"b\",\"k\",\"1\n"] {
            assert!(rows(&file(text), "o", &columns, "").is_err(), "{text}");
        }
        assert!(rows(b"plain", "o", &columns, "").is_err());
    }
}
