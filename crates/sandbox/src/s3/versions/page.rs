//! Pages of a bucket's versions: of all keys in their order, of a key the newest first.

use std::ops::Bound;

use super::{Version, check_id, key_of, number, row_of_key, rows_end, rows_start};
use crate::api::ApiError;
use crate::s3::list::{self, start, successor};
use crate::s3::store::Bucket;

/// Where a listing begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum After {
    /// At the first key.
    Nothing,
    /// Behind every version of a key.
    Key(String),
    /// Behind one version of a key, which may be gone by now.
    Version(String, String),
    /// Behind every key of a common prefix.
    Prefix(String),
}

/// What to list.
pub(crate) type Query = list::Query<After>;

/// One page: versions and common prefixes together are at most the limit.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Key, version, and whether it is the key's newest.
    pub(crate) contents: Vec<(String, Version, bool)>,
    pub(crate) prefixes: Vec<String>,
    /// Set when there is more.
    pub(crate) next: Option<After>,
}

impl Page {
    fn len(&self) -> usize {
        self.contents.len() + self.prefixes.len()
    }

    /// Takes versions of one key as long as there is room; false if there was not enough.
    fn take(&mut self, key: &str, versions: impl Iterator<Item = (Version, bool)>, limit: usize) -> bool {
        for (version, is_latest) in versions {
            if self.len() == limit {
                return false;
            }
            self.contents.push((key.to_owned(), version, is_latest));
        }
        true
    }

    /// Ends a page that is full behind what it took last.
    fn full(mut self, last_prefix: Option<String>) -> Self {
        let last = self.contents.last();
        let version = last.map(|(key, version, _)| After::Version(key.clone(), version.id().to_owned()));
        self.next = last_prefix.map(After::Prefix).or(version);
        self
    }
}

impl Bucket {
    /// One page of the bucket's versions.
    pub(crate) fn versions(&self, query: &Query) -> Result<Page, ApiError> {
        let mut page = Page::default();
        let prefix = query.prefix.as_str();
        let common = |key: &str| {
            let delimiter = query.delimiter.as_deref()?;
            let at = key[prefix.len()..].find(delimiter)?;
            Some(key[..prefix.len() + at + delimiter.len()].to_owned())
        };
        let after = match &query.after {
            After::Nothing => list::After::Nothing,
            After::Prefix(prefix) => list::After::Prefix(prefix.clone()),
            After::Key(key) => list::After::Key(key.clone()),
            After::Version(key, id) => {
                check_id(id)?;
                if key.starts_with(prefix)
                    && common(key).is_none()
                    && !page.take(key, self.versions_behind(key, id), query.limit)
                {
                    return Ok(page.full(None));
                }
                list::After::Key(key.clone())
            }
        };
        if query.limit == 0 {
            return Ok(page);
        }
        let Some(mut from) = start(prefix, &after) else {
            return Ok(page);
        };
        let mut last_prefix = None;
        while let Some(key) = self.key_from(&from).filter(|key| key.starts_with(prefix)) {
            if let Some(common) = common(&key) {
                if page.len() == query.limit {
                    return Ok(page.full(last_prefix));
                }
                page.prefixes.push(common.clone());
                let Some(beyond) = successor(&common) else {
                    break;
                };
                from = Bound::Included(beyond);
                last_prefix = Some(common);
                continue;
            }
            let taken = page.contents.len();
            let is_whole = page.take(&key, self.versions_of(&key), query.limit);
            if page.contents.len() > taken {
                last_prefix = None;
            }
            if !is_whole {
                return Ok(page.full(last_prefix));
            }
            from = Bound::Excluded(key);
        }
        Ok(page)
    }

    /// The first key there, current or not.
    fn key_from(&self, from: &Bound<String>) -> Option<String> {
        let (objects, rows) = match from {
            Bound::Included(key) => (Bound::Included(key.as_str()), row_of_key(key)),
            Bound::Excluded(key) => (Bound::Excluded(key.as_str()), rows_end(key)),
            Bound::Unbounded => (Bound::Unbounded, String::new()),
        };
        let current = self.objects.range::<str, _>((objects, Bound::Unbounded)).next();
        let older = self.older.range(rows..).next();
        match (current.map(|(key, _)| key), older.map(|(row, _)| key_of(row))) {
            (Some(current), Some(older)) => Some(older.min(current.clone())),
            (current, older) => current.cloned().or(older),
        }
    }

    /// A key's versions, newest first, and whether each is the newest.
    fn versions_of(&self, key: &str) -> impl Iterator<Item = (Version, bool)> {
        let current = self.objects.get(key).map(|object| Version::Object(object.clone()));
        let older = self.older_of(key).map(|(_, version)| version.clone());
        current
            .into_iter()
            .chain(older)
            .enumerate()
            .map(|(at, version)| (version, at == 0))
    }

    /// A key's versions that are older than one of them.
    fn versions_behind(&self, key: &str, id: &str) -> impl Iterator<Item = (Version, bool)> {
        let current = self.objects.get(key);
        let row = self.find_row(key, id);
        let is_gone = row.is_none() && !self.is_current(key, id);
        let behind = match (number(id), row) {
            (_, Some(row)) => row + "g",
            (Some(number), None) if is_gone => format!("{}{number:016x}g", rows_start(key)),
            // A null version that is gone has left no place: all is listed again rather than something missed.
            _ => rows_start(key),
        };
        // What became the current one since is listed too.
        let promoted = current.filter(|object| {
            let own = number(object.version());
            is_gone && own.is_none_or(|own| number(id).is_none_or(|number| own > number))
        });
        let newest = self
            .older_of(key)
            .next()
            .filter(|_| current.is_none())
            .map(|(row, _)| row);
        let older = self.older.range(behind..rows_end(key));
        promoted
            .map(|object| (Version::Object(object.clone()), true))
            .into_iter()
            .chain(older.map(move |(row, version)| (version.clone(), newest == Some(row))))
    }
}
