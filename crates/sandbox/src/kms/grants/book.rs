//! All grants, and the ways to find them: by key, by grantee, by retiring principal, by token, by name.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

use jiff::fmt::serde::timestamp::millisecond;

use crate::api::{place_of, token_of};
use crate::prelude::*;
use crate::shelf::Shelf;
use crate::world::random_hex;

/// So many tokens of one grant are good; each CreateGrant of the same name gives another.
const TOKENS: usize = 10;

/// A grant on a key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) id: String,
    /// ARN.
    pub(super) key: String,
    pub(super) name: Option<String>,
    pub(super) grantee: String,
    pub(super) retiring: Option<String>,
    pub(in super::super) operations: Vec<String>,
    pub(in super::super) constraint: Option<Constraint>,
    #[serde(with = "millisecond::required")]
    pub(super) created: Timestamp,
    /// From when on it is seen without its token.
    #[serde(with = "millisecond::required")]
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
    /// KMS's name for it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Equals(_) => "EncryptionContextEquals",
            Self::Subset(_) => "EncryptionContextSubset",
        }
    }

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
    rows: Shelf<Box<Grant>>,
    index: Index,
}

/// Pairs of what is looked for and a row's name, which begins with the grant's key.
type Pairs = BTreeSet<(Arc<str>, Arc<str>)>;

struct Index {
    grantees: Pairs,
    names: Pairs,
    /// Rows by retiring principal and id.
    retiring: BTreeMap<(String, String), String>,
    counts: HashMap<String, usize>,
}

impl Index {
    fn of(rows: &Shelf<Box<Grant>>) -> Self {
        let names: Vec<Arc<str>> = rows.keys().map(|row| Arc::from(row.as_str())).collect();
        let rows = || rows.values().zip(names.iter().cloned());
        let mut index = Self {
            grantees: rows().map(|(grant, row)| (Arc::from(&*grant.grantee), row)).collect(),
            names: rows()
                .filter_map(|(grant, row)| Some((Arc::from(grant.name.as_deref()?), row)))
                .collect(),
            retiring: BTreeMap::new(),
            counts: HashMap::new(),
        };
        for (grant, row) in rows() {
            index.count(grant, &row);
        }
        index
    }

    fn add(&mut self, grant: &Grant) {
        let row: Arc<str> = grant.row().into();
        self.count(grant, &row);
        if let Some(name) = grant.name.as_deref() {
            self.names.insert((name.into(), Arc::clone(&row)));
        }
        self.grantees.insert((Arc::from(&*grant.grantee), row));
    }

    /// What is no pair.
    fn count(&mut self, grant: &Grant, row: &str) {
        if let Some(retiring) = &grant.retiring {
            let place = (retiring.clone(), grant.id.clone());
            self.retiring.insert(place, row.to_owned());
        }
        match self.counts.get_mut(&grant.key) {
            Some(count) => *count += 1,
            None => drop(self.counts.insert(grant.key.clone(), 1)),
        }
    }

    fn remove(&mut self, grant: &Grant) {
        let row: Arc<str> = grant.row().into();
        if let Some(name) = grant.name.as_deref() {
            self.names.remove(&(name.into(), Arc::clone(&row)));
        }
        if let Some(retiring) = &grant.retiring {
            self.retiring.remove(&(retiring.clone(), grant.id.clone()));
        }
        self.grantees.remove(&(Arc::from(&*grant.grantee), row));
        if let Some(count) = self.counts.get_mut(&grant.key) {
            *count -= 1;
        }
    }
}

impl Grants {
    pub(in super::super) fn open(disk: &Disk) -> Result<Self, DiskError> {
        let rows: Shelf<Box<Grant>> = Shelf::open("grants", disk)?;
        let index = Index::of(&rows);
        Ok(Self { rows, index })
    }

    pub(super) fn insert(&mut self, grant: Grant) {
        self.index.add(&grant);
        self.rows.insert(grant.row(), Box::new(grant));
    }

    pub(super) fn remove(&mut self, key: &str, id: &str) -> Option<Grant> {
        let grant = self.rows.remove(&row(key, id))?;
        self.index.remove(&grant);
        Some(*grant)
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
        self.rows.change(&row, |grant| {
            grant.tokens.push(token.to_owned());
            if grant.tokens.len() > TOKENS {
                grant.tokens.remove(0);
            }
        });
    }

    /// Names a principal that is gone by its id.
    pub(in super::super) fn rename(&mut self, arn: &str, id: &str) {
        let is_named = |grant: &&Grant| grant.grantee == arn || grant.retiring.as_deref() == Some(arn);
        let all = self.rows.values().map(|grant| &**grant);
        let named: Vec<Grant> = all.filter(is_named).cloned().collect();
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
        self.rows.get(&row(key, id)).map(|grant| &**grant)
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
            .map(|(_, grant)| &**grant)
    }

    /// A key's grants to a principal.
    pub(in super::super) fn to<'a>(&'a self, key: &str, grantee: &str) -> impl Iterator<Item = &'a Grant> + use<'a> {
        self.indexed(&self.index.grantees, key, grantee)
    }

    /// A key's grants of a name.
    pub(super) fn named<'a>(&'a self, key: &str, name: &str) -> impl Iterator<Item = &'a Grant> + use<'a> {
        self.indexed(&self.index.names, key, name)
    }

    fn indexed<'a>(&'a self, index: &'a Pairs, key: &str, value: &str) -> impl Iterator<Item = &'a Grant> + use<'a> {
        let (value, first): (Arc<str>, Arc<str>) = (value.into(), row(key, "").into());
        index
            .range((Arc::clone(&value), Arc::clone(&first))..)
            .take_while(move |(at, row)| *at == value && row.starts_with(&*first))
            .filter_map(|(_, row)| self.rows.get(&**row))
            .map(|grant| &**grant)
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
            .map(|grant| &**grant)
    }

    /// The grant of a token.
    pub(super) fn by_token(&self, token: &str) -> Option<&Grant> {
        let text = place_of(token)?;
        let (grant, _) = text.rsplit_once('/')?;
        let grant = self.rows.get(grant)?;
        grant.tokens.iter().any(|known| known == token).then_some(grant)
    }

    /// Whether a token is one of this key's grants.
    pub(in super::super) fn knows_token(&self, key: &str, token: &str) -> bool {
        self.by_token(token).is_some_and(|grant| grant.key == key)
    }
}

/// A new token of a grant: where it is, and what nobody can guess.
pub(super) fn token(key: &str, id: &str) -> String {
    token_of(format!("{}/{}", row(key, id), random_hex::<16>()))
}

fn row(key: &str, id: &str) -> String {
    format!("{key}/{id}")
}
