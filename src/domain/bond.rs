//! What ties a token to the place where it was found, and what a move of many tokens looks like.
//!
//! Its metadata says where a token was put: a prefix and a name under it, both under the MAC. *In place* means that its
//! key is prefix + name. Elsewhere the key must still end in the name, at the beginning of a part: then it was *moved*.
//! A move is a pair (O, N): the place where a token was put is O + rest, the place where it is found N + rest, and O and
//! N are empty or end in `/`. Every pair that explains a token becomes, without the parts in which O and N end alike, one
//! and the same shortest pair, so one move explains several tokens exactly if their shortest pairs are equal. What was
//! copied over its neighbour has another pair than the neighbours have, or finds them in place; a prefix that was moved
//! as a whole into an empty one has one pair, whatever and however often was uploaded below it.
//!
//! Claims are compared here; that they hold is for the MAC to say, when the token is opened.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ObjectUri;

/// What is proved of the place of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Bond {
    /// It is the object that was put here: key, length and data key are proved.
    Bound,
    /// It was put elsewhere, under the same name.
    Moved {
        /// The place where it was put, as far as it is recorded.
        from: String,
    },
    /// It is a member of an archive, or below a folder, whose bundle lists it under the name that it was made with. Whoever may
    /// write can put such an archive or folder anywhere, so nothing is proved of its place.
    Inside,
    /// Nothing is proved of its name.
    Unbound,
}

impl Bond {
    /// The word that the command line's `--json` uses.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::Moved { .. } => "moved",
            Self::Inside => "inside",
            Self::Unbound => "unbound",
        }
    }

    /// Whether the place is proved.
    pub fn is_bound(&self) -> bool {
        match self {
            Self::Bound => true,
            Self::Moved { .. } | Self::Inside | Self::Unbound => false,
        }
    }

    /// Where it was put, of what was moved.
    pub fn put_at(&self) -> Option<&str> {
        match self {
            Self::Moved { from } => Some(from),
            Self::Bound | Self::Inside | Self::Unbound => None,
        }
    }

    /// What holds of both: the weaker of the two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unbound, _) | (_, Self::Unbound) => Self::Unbound,
            (Self::Inside, _) | (_, Self::Inside) => Self::Inside,
            (moved @ Self::Moved { .. }, _) | (_, moved @ Self::Moved { .. }) => moved,
            (Self::Bound, Self::Bound) => Self::Bound,
        }
    }
}

impl fmt::Display for Bond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bound => f.write_str("bound"),
            Self::Moved { from } => write!(f, "moved: it was put at {from}"),
            Self::Inside => f.write_str("bound inside its archive or folder, of which no place is proved"),
            Self::Unbound => f.write_str("unbound: its name is not proved"),
        }
    }
}

/// Where a token was put, as its metadata says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written<'a> {
    /// The prefix of its upload. Metadata of version 1 has none.
    pub prefix: Option<&'a str>,
    /// Its name under that prefix.
    pub name: &'a str,
}

/// Where a token stands, seen from where it was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// There.
    InPlace,
    /// Elsewhere, under its name.
    Moved(Move),
    /// Under its name, wherever it was put: version 1 does not say.
    Unrecorded,
    /// Under another name.
    Renamed,
}

/// The shortest pair that explains a moved token. It is written as the pair that it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "(String, String)", into = "(String, String)")]
pub struct Move {
    /// O: where its place began.
    pub from: String,
    /// N: where it begins now.
    pub to: String,
}

impl From<(String, String)> for Move {
    fn from((from, to): (String, String)) -> Self {
        Self { from, to }
    }
}

impl From<Move> for (String, String) {
    fn from(moved: Move) -> Self {
        (moved.from, moved.to)
    }
}

impl Written<'_> {
    /// How a token that was put there stands at this key.
    pub fn at(&self, key: &str) -> Standing {
        if self.prefix.is_some() && self.place() == key {
            return Standing::InPlace;
        }
        match (self.prefix, before(key, self.name)) {
            (_, None) => Standing::Renamed,
            (None, Some(_)) => Standing::Unrecorded,
            (Some(prefix), Some(found)) => Standing::Moved(Move::shortest(prefix, found)),
        }
    }

    /// Whether this key ends in the same part: then a declared move may explain it, whatever its upload was.
    pub fn is_alike(&self, key: &str) -> bool {
        let last = |path: &str| path.rsplit('/').next().map(str::to_owned);
        last(self.name) == last(key)
    }

    /// The whole key where it was put, as far as that is recorded.
    pub fn place(&self) -> String {
        format!("{}{}", self.prefix.unwrap_or_default(), self.name)
    }

    /// The same for people.
    pub fn told(&self) -> String {
        match self.prefix {
            Some(_) => self.place(),
            None => format!(
                "{} under a prefix that its metadata, of version 1, does not record",
                self.name
            ),
        }
    }
}

/// What stands before a name at the end of a key, if the name begins a part of it.
fn before<'a>(key: &'a str, name: &str) -> Option<&'a str> {
    key.strip_suffix(name)
        .filter(|before| !name.is_empty() && (before.is_empty() || before.ends_with('/')))
}

impl Move {
    fn shortest(from: &str, to: &str) -> Self {
        let (mut from, mut to) = (from, to);
        while let (Some((one, last)), Some((other, same))) = (last_part(from), last_part(to))
            && last == same
        {
            (from, to) = (one, other);
        }
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |prefix: &str| match prefix {
            "" => "the bucket's root".to_owned(),
            prefix => prefix.to_owned(),
        };
        write!(f, "{} to {}", named(&self.from), named(&self.to))
    }
}

/// `a/b/` is `a/` and `b/`.
fn last_part(prefix: &str) -> Option<(&str, &str)> {
    let inner = prefix.strip_suffix('/')?;
    Some(prefix.split_at(inner.rfind('/').map_or(0, |slash| slash + 1)))
}

/// A move that a person declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// The prefix that was moved, as it was given.
    given: String,
    /// The prefix that it became; `None` for one object alone, which says it by its own key.
    to: Option<String>,
}

impl Declared {
    /// From what a person wrote: `PREFIX`, `PREFIX/` or `s3://BUCKET/PREFIX/`.
    pub fn new(given: &str, to: Option<&str>) -> Self {
        Self {
            given: ObjectUri::parse(given).map_or_else(|| given.to_owned(), |uri| uri.key),
            to: to.map(str::to_owned),
        }
    }

    /// The prefix that was moved: empty, or ending in `/`.
    pub fn from(&self) -> String {
        let is_whole = self.given.is_empty() || self.given.ends_with('/');
        if is_whole {
            self.given.clone()
        } else {
            format!("{}/", self.given)
        }
    }

    /// Whether it put a token that was written there to this key. Of version 1 the prefix must be the upload's own.
    pub fn explains(&self, written: &Written<'_>, key: &str) -> bool {
        let from = self.from();
        let rest = match written.prefix {
            Some(_) => written.place().strip_prefix(&from).map(str::to_owned),
            None => Some(written.name.to_owned()),
        };
        match (&self.to, rest) {
            (Some(to), Some(rest)) => !rest.is_empty() && format!("{to}{rest}") == key,
            (None, Some(rest)) => before(key, &rest).is_some(),
            // The whole place of the one object, instead of a prefix.
            (None, None) => self.given == written.place() && before(key, written.name).is_some(),
            (Some(_), None) => false,
        }
    }
}

/// What the tokens of one prefix say together, each noted once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    in_place: Option<String>,
    moved: Option<(String, Move)>,
    otherwise: Option<(String, Move)>,
    /// Neither where it was put nor under its name, or it could not be read: no move explains it.
    unexplained: Option<Contradiction>,
}

/// Why a token was not moved together with the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contradiction {
    /// This one is where it was put.
    InPlace(String),
    /// This one was moved otherwise.
    Otherwise(String, Move),
    /// This one bears another name than it was put under.
    Renamed(String),
    /// This one could not be read.
    Unread(String),
}

impl Survey {
    /// Takes in one more of the prefix.
    pub fn note(&mut self, key: &str, standing: &Standing) {
        match standing {
            Standing::InPlace => {
                self.in_place.get_or_insert_with(|| key.to_owned());
            }
            Standing::Moved(found) => {
                let (_, first) = self.moved.get_or_insert_with(|| (key.to_owned(), found.clone()));
                if first != found {
                    self.otherwise.get_or_insert_with(|| (key.to_owned(), found.clone()));
                }
            }
            Standing::Renamed => {
                self.unexplained
                    .get_or_insert_with(|| Contradiction::Renamed(key.to_owned()));
            }
            // It says nothing of a move.
            Standing::Unrecorded => {}
        }
    }

    /// Takes in one that could not be read: it may contradict any move.
    pub fn note_unread(&mut self, key: &str) {
        self.unexplained
            .get_or_insert_with(|| Contradiction::Unread(key.to_owned()));
    }

    /// Whether one move explains this one and all that were noted.
    ///
    /// # Errors
    /// The first that it does not explain.
    pub fn explained_by(&self, found: &Move) -> Result<(), Contradiction> {
        if let Some(key) = &self.in_place {
            return Err(Contradiction::InPlace(key.clone()));
        }
        let others = self.moved.iter().chain(&self.otherwise);
        if let Some((key, other)) = others.into_iter().find(|(_, other)| other != found) {
            return Err(Contradiction::Otherwise(key.clone(), other.clone()));
        }
        self.unexplained.clone().map_or(Ok(()), Err)
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InPlace(key) => write!(f, "{key} is where it was put"),
            Self::Otherwise(key, found) => write!(f, "{key} was moved otherwise, from {found}"),
            Self::Renamed(key) => write!(f, "{key} bears another name than it was put under"),
            Self::Unread(key) => write!(f, "where {key} was put could not be read"),
        }
    }
}

#[cfg(test)]
mod tests;
