//! All grants, and the ways to find them: by key, by grantee, by retiring principal, by token, by name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sandbox::disk::{Disk, DiskError};
use crate::sandbox::shelf::Shelf;

/// So many tokens of one grant are good; each CreateGrant of the same name gives another.
const TOKENS: usize = 10;

/// A grant on a key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) id: String,
    /// Bare id.
    pub(super) key: String,
    pub(super) name: Option<String>,
    pub(super) grantee: String,
    pub(super) retiring: Option<String>,
    pub(in super::super) operations: Vec<String>,
    pub(in super::super) constraint: Option<Constraint>,
    pub(super) created: Timestamp,
    /// From when on it is seen without its token.
    pub(in super::super) visible: Timestamp,
    /// The last tokens that CreateGrant gave for it; never listed.
    pub(in super::super) tokens: Vec<String>,
}

/// On which encryption contexts a grant holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Constraint {
    Equals(BTreeMap<String, String>),
    Subset(BTreeMap<String, String>),
}

impl Constraint {
    pub(in super::super) fn holds(&self, context: &BTreeMap<String, String>) -> bool {
        match self {
            Self::Equals(expected) => expected == context,
            Self::Subset(expected) => expected.iter().all(|(name, value)| context.get(name) == Some(value)),
        }
    }

    /// Whether every context that `other` lets through is let through here too.
    fn includes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Equals(_), Self::Subset(_)) => false,
            (_, Self::Equals(context) | Self::Subset(context)) => self.holds(context),
        }
    }
}

impl Grant {
    /// Whether a grant of these operations under this constraint reaches no further than this one.
    pub(in super::super) fn covers(&self, operations: &[String], constraint: Option<&Constraint>) -> bool {
        operations.iter().all(|operation| self.operations.contains(operation))
            && match (&self.constraint, constraint) {
                (None, _) => true,
                (Some(own), Some(other)) => own.includes(other),
                (Some(_), None) => false,
            }
    }

    /// The name of its row.
    fn row(&self) -> String {
        row(&self.key, &self.id)
    }
}

/// All grants of a world.
pub(in super::super) struct Grants {
    /// By key and id.
    rows: Shelf<Grant>,
    index: Index,
}

#[derive(Default)]
struct Index {
    /// Rows by key and grantee.
    grantees: BTreeSet<(String, String, String)>,
    /// Rows by retiring principal and id.
    retiring: BTreeMap<(String, String), String>,
    /// Rows by key and name.
    names: BTreeSet<(String, String, String)>,
    tokens: HashMap<String, String>,
    counts: HashMap<String, usize>,
}

impl Index {
    fn add(&mut self, grant: &Grant) {
        let row = grant.row();
        self.grantees
            .insert((grant.key.clone(), grant.grantee.clone(), row.clone()));
        if let Some(name) = &grant.name {
            self.names.insert((grant.key.clone(), name.clone(), row.clone()));
        }
        if let Some(retiring) = &grant.retiring {
            self.retiring.insert((retiring.clone(), grant.id.clone()), row.clone());
        }
        for token in &grant.tokens {
            self.tokens.insert(token.clone(), row.clone());
        }
        *self.counts.entry(grant.key.clone()).or_default() += 1;
    }

    fn remove(&mut self, grant: &Grant) {
        let row = grant.row();
        if let Some(name) = &grant.name {
            self.names.remove(&(grant.key.clone(), name.clone(), row.clone()));
        }
        if let Some(retiring) = &grant.retiring {
            self.retiring.remove(&(retiring.clone(), grant.id.clone()));
        }
        self.grantees.remove(&(grant.key.clone(), grant.grantee.clone(), row));
        for token in &grant.tokens {
            self.tokens.remove(token);
        }
        if let Some(count) = self.counts.get_mut(&grant.key) {
            *count -= 1;
        }
    }
}

impl Grants {
    pub(in super::super) fn open(disk: &Disk) -> Result<Self, DiskError> {
        let rows: Shelf<Grant> = Shelf::open("grants", disk)?;
        let mut index = Index::default();
        for grant in rows.values() {
            index.add(grant);
        }
        Ok(Self { rows, index })
    }

    pub(super) fn insert(&mut self, grant: Grant) {
        self.index.add(&grant);
        self.rows.insert(grant.row(), grant);
    }

    pub(super) fn remove(&mut self, key: &str, id: &str) -> Option<Grant> {
        let grant = self.rows.remove(&row(key, id))?;
        self.index.remove(&grant);
        Some(grant)
    }

    /// The grants of a key that is gone.
    pub(in super::super) fn remove_key(&mut self, key: &str) {
        let ids: Vec<String> = self.of(key, None).map(|grant| grant.id.clone()).collect();
        for id in ids {
            self.remove(key, &id);
        }
        self.index.counts.remove(key);
    }

    /// Another token for a grant.
    pub(super) fn add_token(&mut self, key: &str, id: &str, token: &str) {
        let row = row(key, id);
        let forgotten = self.rows.change(&row, |grant| {
            grant.tokens.push(token.to_owned());
            (grant.tokens.len() > TOKENS).then(|| grant.tokens.remove(0))
        });
        if let Some(Some(old)) = forgotten {
            self.index.tokens.remove(&old);
        }
        self.index.tokens.insert(token.to_owned(), row);
    }

    /// Names a principal that is gone by its id.
    pub(in super::super) fn rename(&mut self, arn: &str, id: &str) {
        let is_named = |grant: &&Grant| grant.grantee == arn || grant.retiring.as_deref() == Some(arn);
        let named: Vec<Grant> = self.rows.values().filter(is_named).cloned().collect();
        for mut grant in named {
            self.remove(&grant.key, &grant.id);
            if grant.grantee == arn {
                id.clone_into(&mut grant.grantee);
            }
            if grant.retiring.as_deref() == Some(arn) {
                grant.retiring = Some(id.to_owned());
            }
            self.insert(grant);
        }
    }

    pub(super) fn get(&self, key: &str, id: &str) -> Option<&Grant> {
        self.rows.get(&row(key, id))
    }

    pub(super) fn count(&self, key: &str) -> usize {
        self.index.counts.get(key).copied().unwrap_or_default()
    }

    /// A key's grants, in the order of their ids, from behind one of them.
    pub(super) fn of<'a>(&'a self, key: &str, after: Option<&str>) -> impl Iterator<Item = &'a Grant> + use<'a> {
        let prefix = row(key, "");
        let from = match after {
            Some(id) => Bound::Excluded(row(key, id)),
            None => Bound::Included(prefix.clone()),
        };
        self.rows
            .range((from, Bound::Unbounded))
            .take_while(move |(row, _)| row.starts_with(&prefix))
            .map(|(_, grant)| grant)
    }

    /// A key's grants to a principal.
    pub(in super::super) fn to<'a>(&'a self, key: &str, grantee: &str) -> impl Iterator<Item = &'a Grant> + use<'a> {
        self.indexed(&self.index.grantees, key, grantee)
    }

    /// A key's grants of a name.
    pub(super) fn named<'a>(&'a self, key: &str, name: &str) -> impl Iterator<Item = &'a Grant> + use<'a> {
        self.indexed(&self.index.names, key, name)
    }

    fn indexed<'a>(
        &'a self,
        index: &'a BTreeSet<(String, String, String)>,
        key: &str,
        value: &str,
    ) -> impl Iterator<Item = &'a Grant> + use<'a> {
        let (key, value) = (key.to_owned(), value.to_owned());
        index
            .range((key.clone(), value.clone(), String::new())..)
            .take_while(move |(of, at, _)| *of == key && *at == value)
            .filter_map(|(_, _, row)| self.rows.get(row))
    }

    /// What a principal may retire, in the order of ids, from behind one of them.
    pub(super) fn retirable<'a>(
        &'a self,
        principal: &str,
        after: Option<String>,
    ) -> impl Iterator<Item = &'a Grant> + use<'a> {
        let from = match after {
            Some(id) => Bound::Excluded((principal.to_owned(), id)),
            None => Bound::Included((principal.to_owned(), String::new())),
        };
        let principal = principal.to_owned();
        self.index
            .retiring
            .range((from, Bound::Unbounded))
            .take_while(move |((of, _), _)| *of == principal)
            .filter_map(|(_, row)| self.rows.get(row))
    }

    /// The grant of a token.
    pub(super) fn by_token(&self, token: &str) -> Option<&Grant> {
        self.rows.get(self.index.tokens.get(token)?)
    }

    /// Whether a token is one of this key's grants.
    pub(in super::super) fn knows_token(&self, key: &str, token: &str) -> bool {
        self.by_token(token).is_some_and(|grant| grant.key == key)
    }
}

fn row(key: &str, id: &str) -> String {
    format!("{key}/{id}")
}
