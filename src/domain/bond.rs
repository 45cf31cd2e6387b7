//! What ties a token to the place where it was found.

use std::fmt;

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
    /// Nothing is proved of its name.
    Unbound,
}

impl Bond {
    /// The word that the command line's `--json` uses.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::Moved { .. } => "moved",
            Self::Unbound => "unbound",
        }
    }

    /// Whether the place is proved.
    pub fn is_bound(&self) -> bool {
        match self {
            Self::Bound => true,
            Self::Moved { .. } | Self::Unbound => false,
        }
    }

    /// What holds of both: the weaker of the two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unbound, _) | (_, Self::Unbound) => Self::Unbound,
            (moved @ Self::Moved { .. }, _) | (_, moved @ Self::Moved { .. }) => moved,
            (Self::Bound, Self::Bound) => Self::Bound,
        }
    }

    /// What holds of all; of none at all nothing is proved.
    pub fn of_all(bonds: impl IntoIterator<Item = Self>) -> Self {
        bonds.into_iter().reduce(Self::and).unwrap_or(Self::Unbound)
    }
}

impl fmt::Display for Bond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bound => f.write_str("bound"),
            Self::Moved { from } => write!(f, "moved: it was put at {from}"),
            Self::Unbound => f.write_str("unbound: its name is not proved"),
        }
    }
}
