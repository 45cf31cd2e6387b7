//! What is kept of a person's ways over sessions: which actions are used, and places to come back to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How many bookmarks are kept.
const BOOKMARKS: usize = 100;
/// How many actions are counted: more than there are.
const COUNTED: usize = 200;

/// What is kept of a person's ways.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Habits {
    /// How often an action was asked for, by its label.
    pub used: BTreeMap<String, u32>,
    /// Places to come back to, the newest first.
    pub bookmarks: Vec<Bookmark>,
}

/// A place to come back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bookmark {
    /// The account that it is in.
    pub account: String,
    /// What it is, as it would be opened by its name.
    pub what: String,
}

/// A change of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Habit {
    /// The action of this label was asked for.
    Used(&'static str),
    /// A bookmark was set.
    Bookmarked(Bookmark),
    /// A bookmark was taken away.
    Forgotten(Bookmark),
}

impl Habits {
    /// As they are with this change.
    pub fn note(&mut self, habit: &Habit) {
        match habit {
            Habit::Used(label) => {
                let count = self.used.entry((*label).to_owned()).or_default();
                *count = count.saturating_add(1);
            }
            Habit::Bookmarked(bookmark) => {
                self.bookmarks.retain(|other| other != bookmark);
                self.bookmarks.insert(0, bookmark.clone());
            }
            Habit::Forgotten(bookmark) => self.bookmarks.retain(|other| other != bookmark),
        }
        self.bound();
    }

    /// No more than is kept, whatever a file says.
    pub fn bound(&mut self) {
        self.bookmarks.truncate(BOOKMARKS);
        while self.used.len() > COUNTED {
            self.used.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_bookmarks_are_kept_than_a_list_is_read_of_and_each_once() {
        let bookmark = |number: usize| Bookmark {
            account: "1".to_owned(),
            what: format!("s3://bucket/{number}/"),
        };
        let mut habits = Habits::default();
        for number in (0..2 * BOOKMARKS).chain([150]) {
            habits.note(&Habit::Bookmarked(bookmark(number)));
        }
        assert_eq!(habits.bookmarks.len(), BOOKMARKS);
        assert_eq!(habits.bookmarks[..2], [bookmark(150), bookmark(199)]);
        habits.note(&Habit::Forgotten(bookmark(150)));
        assert_eq!(habits.bookmarks[0], bookmark(199));
    }
}
