//! Ciphertext whose instruction file may follow: it is held until the list has passed where that would stand.

use std::collections::VecDeque;

use crate::domain::audit::wire::SeenRow;
use crate::domain::audit::{Flaw, Kind, Unread};

/// More are not held: of what is let go then nothing is known.
const MOST: usize = 10_000;
const SUFFIX: &str = ".instruction";

/// Its instruction file would come too late.
fn give_up(looked: &mut SeenRow) {
    looked.row.kind = Kind::Unread;
    looked.row.flaws.clear();
    looked.row.unread = Some(Box::new(Unread {
        cause: "instruction file too far on in the list".to_owned(),
        why: "it is no text, and whether an instruction file lies beside it comes too late in the list".to_owned(),
    }));
}

fn instructions(looked: &SeenRow) -> String {
    format!("{}{SUFFIX}", looked.row.key)
}

/// Rows in the order of the list, as many as wait.
#[derive(Default)]
pub(super) struct Held(VecDeque<SeenRow>);

impl Held {
    /// Takes in the next; gives back those that need wait no longer.
    pub(super) fn take(&mut self, looked: SeenRow) -> Vec<SeenRow> {
        if let (Some(version), Some(key)) = (looked.instructs, looked.row.key.strip_suffix(SUFFIX)) {
            let beside = self
                .0
                .iter_mut()
                .filter(|held| held.row.key == key && held.may_be_instructed);
            for held in beside {
                held.may_be_instructed = false;
                held.row.kind = Kind::S3EncryptionClient(version);
                held.row.kms_key.clone_from(&looked.row.kms_key);
                held.row
                    .flaws
                    .retain(|flaw| !matches!(flaw, Flaw::Open | Flaw::KeyUnusable(_)));
            }
        }
        let now = looked.row.key.clone();
        self.0.push_back(looked);
        let mut ready = Vec::new();
        while let Some(first) = self.0.front() {
            let is_awaited = first.may_be_instructed && instructions(first) >= now;
            if is_awaited && self.0.len() <= MOST {
                break;
            }
            let mut first = self.0.pop_front();
            if let Some(first) = first.as_mut().filter(|_| is_awaited) {
                give_up(first);
            }
            ready.extend(first);
        }
        ready
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing more comes.
    pub(super) fn rest(self) -> impl Iterator<Item = SeenRow> {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::AuditRow;

    fn looked(key: &str, may_be_instructed: bool, instructs: Option<u8>) -> SeenRow {
        let mut looked = SeenRow::plain(AuditRow::new(key.to_owned(), 1, Kind::SseS3));
        looked.row.flaws.push(Flaw::Open);
        looked.may_be_instructed = may_be_instructed;
        looked.instructs = instructs;
        looked
    }

    fn run(rows: Vec<SeenRow>) -> Vec<(String, Kind)> {
        let mut held = Held::default();
        let mut out: Vec<SeenRow> = rows.into_iter().flat_map(|row| held.take(row)).collect();
        out.extend(held.rest());
        out.into_iter()
            .map(|looked| (looked.row.key, looked.row.kind))
            .collect()
    }

    #[test]
    fn ciphertext_is_told_by_the_instruction_file_that_follows_wherever_in_the_list() {
        let told = run(vec![
            looked("a", true, None),
            looked("a-b", false, None),
            looked("a-c", true, None),
            looked("a.instruction", false, Some(2)),
            looked("b", true, None),
            looked("c", true, None),
        ]);
        let kinds = [
            Kind::S3EncryptionClient(2),
            Kind::SseS3,
            Kind::SseS3,
            Kind::SseS3,
            Kind::SseS3,
            Kind::SseS3,
        ];
        let keys = ["a", "a-b", "a-c", "a.instruction", "b", "c"];
        let expected: Vec<_> = keys.into_iter().map(str::to_owned).zip(kinds).collect();
        assert_eq!(told, expected, "in the order of the list");
    }

    #[test]
    fn what_has_no_instruction_file_waits_no_longer_than_it_must() {
        let mut held = Held::default();
        assert_eq!(held.take(looked("a.bin", true, None)).len(), 0);
        assert_eq!(held.take(looked("b.bin", true, None)).len(), 1);
        assert_eq!(held.take(looked("b.bin.x", false, None)).len(), 2);
    }
}
