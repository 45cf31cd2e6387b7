//! Rows on their way out, and what is kept of them: of one machine's own look, or of what several have written.

use super::data_keys::{Named, name_of};
use super::held::Held;
use crate::domain::Fault;
use crate::domain::audit::wire::SeenRow;
use crate::domain::audit::{AuditRow, AuditSummary, Ended, Kind};

/// Key objects that are kept until all tokens were seen.
const KEY_OBJECTS: usize = 100_000;

/// Where a row goes.
pub(in crate::actions) type Tell<'a> = &'a mut (dyn FnMut(AuditRow) -> Result<(), Fault> + Send);

/// In the order of the list; key objects, of which only then it is known whether a token names them, at the end.
pub(super) struct Rows<'a> {
    bucket: String,
    /// Whether the list is of all of the bucket.
    is_bucket: bool,
    pub(super) summary: AuditSummary,
    held: Held,
    named: Named,
    key_objects: Vec<AuditRow>,
    /// Whether something was seen that may need a key object without naming it.
    has_others: bool,
    tell: Tell<'a>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(bucket: &str, prefix: &str, summary: AuditSummary, tell: Tell<'a>) -> Self {
        Self {
            bucket: bucket.to_owned(),
            is_bucket: prefix.is_empty(),
            summary,
            held: Held::default(),
            named: Named::default(),
            key_objects: Vec::new(),
            has_others: false,
            tell,
        }
    }

    /// The next of the list; that it is gone, if it is.
    pub(super) fn take(&mut self, seen: Option<SeenRow>) -> Result<(), Fault> {
        let Some(seen) = seen else {
            self.summary.vanished += 1;
            return Ok(());
        };
        if let Some(uri) = &seen.row.data_key_object {
            self.named.note(name_of(&self.bucket, uri));
        }
        for ready in self.held.take(seen) {
            self.add(ready)?;
        }
        Ok(())
    }

    fn add(&mut self, seen: SeenRow) -> Result<(), Fault> {
        let SeenRow { mut row, standing, .. } = seen;
        self.has_others |= matches!(
            row.kind,
            Kind::Fernet | Kind::Archive | Kind::ArchiveOfTokens | Kind::Unread | Kind::SseC
        ) || row.kind.is_token() && row.data_key_object.is_none();
        if row.kind == Kind::KeyObject {
            if self.key_objects.len() < KEY_OBJECTS {
                self.key_objects.push(row);
                return Ok(());
            }
            row.key_use = Some(self.named.use_of(&row.key, false));
        }
        self.summary.note(&row, standing.as_ref());
        (self.tell)(row)
    }

    /// Whether nothing was seen.
    pub(super) fn is_nothing(&self) -> bool {
        self.summary.all.objects == 0 && self.key_objects.is_empty() && self.held.is_empty()
    }

    /// Nothing more comes: what all are together.
    pub(super) fn close(mut self, ended: Ended) -> Result<AuditSummary, Fault> {
        for seen in std::mem::take(&mut self.held).rest() {
            self.add(seen)?;
        }
        // An older version may name what no object does.
        let is_all = self.is_bucket && self.summary.has_versions && ended == Ended::Whole && !self.has_others;
        for mut row in std::mem::take(&mut self.key_objects) {
            row.key_use = Some(self.named.use_of(&row.key, is_all));
            self.summary.note(&row, None);
            (self.tell)(row)?;
        }
        self.summary.close(ended);
        Ok(self.summary)
    }
}
