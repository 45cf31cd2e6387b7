//! A person's ways, kept over sessions: read anew before every change, for other sessions go on too.

use std::path::Path;

use super::{LONGEST, keep, read_file};
use crate::app::{Habit, Habits};
use crate::printable::is_clean;

const FILE: &str = "habits.json";

/// What is kept; nothing if it cannot be read.
pub(super) fn read(state_dir: &Path) -> Habits {
    let kept = read_file(&state_dir.join(FILE), LONGEST).ok();
    let kept: Option<Habits> = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut habits = kept.unwrap_or_default();
    habits.used.retain(|label, _| is_clean(label));
    habits
        .bookmarks
        .retain(|bookmark| is_clean(&bookmark.account) && is_clean(&bookmark.what));
    habits.bound();
    habits
}

/// Keeps a change. A failure costs some keys more later, so it is not an error.
pub(super) fn note(state_dir: &Path, habit: &Habit) {
    let mut habits = read(state_dir);
    habits.note(habit);
    if let Err(error) = keep(state_dir, FILE, &habits) {
        tracing::warn!(%error, "could not keep what is used and bookmarked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Bookmark;

    #[test]
    fn what_is_used_and_bookmarked_is_found_in_the_next_session() {
        let folder = tempfile::tempdir().unwrap();
        let bookmark = Bookmark {
            account: "111122223333".to_owned(),
            what: "s3://bucket/prefix/".to_owned(),
        };
        note(folder.path(), &Habit::Used("tags"));
        note(folder.path(), &Habit::Used("tags"));
        note(folder.path(), &Habit::Bookmarked(bookmark.clone()));
        let kept = read(folder.path());
        assert_eq!(kept.used.get("tags"), Some(&2));
        assert_eq!(kept.bookmarks, std::slice::from_ref(&bookmark));
        note(folder.path(), &Habit::Forgotten(bookmark));
        assert!(read(folder.path()).bookmarks.is_empty());
    }

    #[test]
    fn a_file_that_is_none_of_ours_harms_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let hostile = "{\"bookmarks\": [{\"account\": \"1\", \"what\": \"s3://a\\u001b[2J\"}]}";
        for text in ["", "[]", "{\"used\": 1}", "\u{0}", hostile] {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            assert_eq!(read(folder.path()), Habits::default(), "{text}");
        }
    }
}
