//! What reading a token told: four answers, of which only one says that it is intact.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::{Bond, Fault, ObjectFormat};

/// What came of looking at one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// A token that was read to its end and held.
    Intact {
        /// Whether it has strongroom's metadata.
        format: ObjectFormat,
        /// What it proved.
        verified: Verified,
    },
    /// A token that was looked at and fails: changed, cut off, or not the one that its metadata and its name mean.
    NotIntact {
        /// What it says it is.
        format: ObjectFormat,
        /// Why.
        why: Fault,
    },
    /// Not a token: nothing to be intact.
    NoToken {
        /// What it is.
        format: ObjectFormat,
        /// What it is and what opens it, in words.
        why: Fault,
    },
    /// It could not be read, or its data key could not be had: nothing is known of it.
    NotChecked {
        /// What it says it is, if even that could be told.
        format: Option<ObjectFormat>,
        /// Why.
        why: Fault,
    },
}

impl Reading {
    /// What it is, or says it is.
    pub fn format(&self) -> Option<ObjectFormat> {
        match self {
            Self::Intact { format, .. } | Self::NotIntact { format, .. } | Self::NoToken { format, .. } => {
                Some(*format)
            }
            Self::NotChecked { format, .. } => *format,
        }
    }

    /// What the token proved, if it is intact.
    pub fn verified(&self) -> Option<&Verified> {
        match self {
            Self::Intact { verified, .. } => Some(verified),
            Self::NotIntact { .. } | Self::NoToken { .. } | Self::NotChecked { .. } => None,
        }
    }

    /// Whether the token is intact; nothing where there is no token, or nobody could look.
    pub fn is_intact(&self) -> Option<bool> {
        match self {
            Self::Intact { .. } => Some(true),
            Self::NotIntact { .. } => Some(false),
            Self::NoToken { .. } | Self::NotChecked { .. } => None,
        }
    }

    /// Whether it could be looked at.
    pub fn is_checked(&self) -> bool {
        match self {
            Self::Intact { .. } | Self::NotIntact { .. } | Self::NoToken { .. } => true,
            Self::NotChecked { .. } => false,
        }
    }

    /// Why it is no intact token.
    pub fn why(&self) -> Option<&Fault> {
        match self {
            Self::Intact { .. } => None,
            Self::NotIntact { why, .. } | Self::NoToken { why, .. } | Self::NotChecked { why, .. } => Some(why),
        }
    }
}

/// What a token proved that was read here to its end and held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// What is proved of its place.
    pub bond: Bond,
    /// When it says it was made; nothing if the calendar does not know the time.
    pub created: Option<Timestamp>,
    /// Whether that was in the future when it was read. It opens all the same: whoever made it had D, and a wrong clock.
    pub is_ahead: bool,
}

/// How far another computer's clock may be ahead, as readers of the specification allow.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

impl Verified {
    /// What was read `now`.
    pub fn new(bond: Bond, created: Option<Timestamp>, now: Timestamp) -> Self {
        let latest = now.checked_add(SKEW).unwrap_or(Timestamp::MAX);
        Self {
            bond,
            created,
            is_ahead: created.is_none_or(|created| created > latest),
        }
    }

    /// What holds of all: the weakest bond and the latest time; of none at all nothing.
    pub fn of_all(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        let least = |one: Self, other: Self| Self {
            bond: one.bond.and(other.bond),
            created: one.created.zip(other.created).map(|(one, other)| one.max(other)),
            is_ahead: one.is_ahead || other.is_ahead,
        };
        all.into_iter().reduce(least)
    }
}

/// What is proved of its place, and what is odd about its time.
impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bond)?;
        match (self.is_ahead, self.created) {
            (false, _) => Ok(()),
            (true, Some(created)) => write!(f, "; made in the future, it says: {created}"),
            (true, None) => f.write_str("; made at a time that no calendar has, it says"),
        }
    }
}

/// Of an archive of several hosts, a file that more than one of them left: SageMaker keeps one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contested {
    /// Its path in the archive.
    pub name: String,
    /// The host whose file is there.
    pub kept: String,
    /// Those whose files of the same name are lost.
    pub lost: Vec<String>,
}

impl fmt::Display for Contested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kept, lost) = (&self.kept, self.lost.join(", "));
        write!(
            f,
            "it is the file of {kept}; that of {lost} had the same name and is lost, for SageMaker kept one of them"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_the_future_is_told_and_a_minute_of_skew_is_not() {
        let now = Timestamp::UNIX_EPOCH;
        let at = |seconds| Verified::new(Bond::Bound, Timestamp::from_second(seconds).ok(), now).to_string();
        assert_eq!(at(60), "bound");
        assert_eq!(at(61), "bound; made in the future, it says: 1970-01-01T00:01:01Z");
        let beyond = Verified::new(Bond::Bound, None, now);
        assert_eq!(
            beyond.to_string(),
            "bound; made at a time that no calendar has, it says"
        );
        let both = Verified::of_all([Verified::new(Bond::Unbound, Some(now), now), beyond]).map(|all| all.is_ahead);
        assert_eq!((both, Verified::of_all([])), (Some(true), None));
    }
}
