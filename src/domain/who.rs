//! Who can use a KMS key, and who did: principals by operations from key policy, IAM policies and grants, beside what
//! CloudTrail's event history tells of the key.
//!
//! Pure: what was read comes in, and what could not be read stays said.

mod access;
mod page;
mod uses;

pub use access::{Access, Cell, Evidence, Own, OwnAnswer, Row, SHOWN, Says, Standing, operations};
pub use page::{csv, document, page};
pub use uses::{Answer, Extent, KeyUse, UseRow, UsedBy, UserKind, Uses};

/// Days that the event history goes back.
pub const HISTORY_DAYS: i64 = 90;
/// What is to be known of it wherever it is shown.
pub const HISTORY_NOTE: &str = "CloudTrail shows calls some minutes late, of the last 90 days, in the key's own Region";

/// What was found out of one key.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WhoReport {
    /// Who can; none while it is asked.
    pub access: Option<Access>,
    /// Who did.
    pub uses: Uses,
}

impl WhoReport {
    /// Whether what was used then is something that its user can do now; a proof's dry run used nothing.
    pub fn standing(&self, row: &UseRow) -> Standing {
        if row.is_proof() {
            return Standing::Inside("it is an access proof's dry run, which does nothing".to_owned());
        }
        match &self.access {
            Some(access) => access.standing(&row.by, &row.operation),
            None => Standing::Unknown("who can use the key is not known".to_owned()),
        }
    }

    /// Rows of who did: outsiders first, then what nobody can say, then refused calls, the newest first.
    pub fn order(&self) -> Vec<(Standing, &UseRow)> {
        let mut rows: Vec<(Standing, &UseRow)> = self.uses.rows().map(|row| (self.standing(row), row)).collect();
        let rank = |standing: &Standing, row: &UseRow| match (standing, row.answer.refusal()) {
            (Standing::Outside, None) => 0,
            (Standing::Unknown(_), None) => 1,
            (_, Some(_)) => 2,
            (Standing::Inside(_), None) => 3,
        };
        rows.sort_by_key(|(standing, row)| (rank(standing, row), std::cmp::Reverse(row.last)));
        rows
    }

    /// Rows that somebody outside the chain has made, refused calls left out.
    pub fn outside(&self) -> usize {
        self.count(|standing| *standing == Standing::Outside)
    }

    /// The same of those that nobody can say.
    pub fn unknown(&self) -> usize {
        self.count(|standing| matches!(standing, Standing::Unknown(_)))
    }

    fn count(&self, is_meant: impl Fn(&Standing) -> bool) -> usize {
        let done = self.uses.rows().filter(|row| row.answer.refusal().is_none());
        done.filter(|row| is_meant(&self.standing(row))).count()
    }

    /// What of who did could not be checked, in sentences; nothing if all of it was.
    pub fn unchecked(&self) -> Vec<String> {
        let mut told = self.uses.lacking();
        let unknown = self
            .uses
            .rows()
            .filter(|row| row.answer.refusal().is_none())
            .filter_map(|row| match self.standing(row) {
                Standing::Unknown(why) => Some(format!("{} of {}: {why}", row.operation, row.by.name)),
                Standing::Inside(_) | Standing::Outside => None,
            });
        told.extend(unknown);
        told.dedup();
        told
    }

    /// What of who can was not read or not looked at, in sentences: others may be able to, too.
    pub fn unread(&self) -> &[String] {
        self.access.as_ref().map_or(&[], |access| &access.unread)
    }
}

#[cfg(test)]
mod tests;
