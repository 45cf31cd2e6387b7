//! Where the person was: back and forward, as in a browser; and places that are bookmarked.

use std::path::PathBuf;

use super::State;
use crate::app::format::Tone;
use crate::app::pane::Pane;
use crate::app::{Bookmark, Effect, Habit};
use crate::domain::{Named, ObjectUri};

/// How many places are kept in each direction.
const KEPT: usize = 50;

/// Where the person was before, and where they came back from.
#[derive(Debug, Default)]
pub(super) struct History {
    back: Vec<Spot>,
    ahead: Vec<Spot>,
    /// Whether what is on screen was come to by going through it.
    is_travelled: bool,
}

/// A place: a pane with what it shows, and the row of its cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app) struct Spot {
    pane: Pane,
    place: Option<(String, String)>,
    dir: Option<PathBuf>,
    row: Option<String>,
}

impl Spot {
    /// Whether both show the same rows.
    pub(in crate::app) fn is_same_place(&self, other: &Self) -> bool {
        (self.pane, &self.place, &self.dir) == (other.pane, &other.place, &other.dir)
    }
}

impl State {
    /// Where the person is.
    pub(in crate::app) fn spot(&self) -> Spot {
        let is_of = |pane| self.focus == pane;
        Spot {
            pane: self.focus,
            place: self.place.clone().filter(|_| is_of(Pane::Objects)),
            dir: is_of(Pane::Files).then(|| self.dir.clone()),
            row: super::row_id(self),
        }
    }

    /// Something was pressed there: if the person is elsewhere now, it is where they came from.
    pub(in crate::app) fn came_from(&mut self, before: Spot) {
        if std::mem::take(&mut self.history.is_travelled) || self.spot().is_same_place(&before) {
            return;
        }
        self.history.ahead.clear();
        push(&mut self.history.back, before);
    }

    /// Back to where the person was, or forward again.
    pub(in crate::app) fn travel(&mut self, is_back: bool) {
        let from = if is_back {
            &mut self.history.back
        } else {
            &mut self.history.ahead
        };
        let Some(spot) = from.pop() else {
            let words = if is_back {
                "You were nowhere before this."
            } else {
                "There is nothing to go forward to."
            };
            return self.say(Tone::Dim, words);
        };
        let here = self.spot();
        let to = if is_back {
            &mut self.history.ahead
        } else {
            &mut self.history.back
        };
        push(to, here);
        self.history.is_travelled = true;
        self.is_sent = true;
        self.go_to_spot(spot);
    }

    fn go_to_spot(&mut self, spot: Spot) {
        self.focus = spot.pane;
        match spot.pane {
            Pane::Objects if self.place != spot.place => {
                self.place = spot.place;
                self.opened_once = true;
                self.objects.reset();
            }
            Pane::Files => {
                if let Some(dir) = spot.dir.filter(|dir| *dir != self.dir) {
                    self.dir = dir;
                    self.files.reset();
                }
            }
            Pane::Objects | Pane::Keys | Pane::Grants | Pane::Jobs => {}
        }
        if let Some(row) = spot.row {
            match spot.pane {
                Pane::Keys => self.keys.want(&row),
                Pane::Grants => self.grants.want(&row),
                Pane::Objects if self.place.is_none() => self.buckets.want(&row),
                Pane::Objects => self.objects.want(&row),
                Pane::Jobs => self.jobs.want(&row),
                Pane::Files => self.files.want(&row),
            }
        }
    }

    /// What a bookmark of here would open.
    fn named_here(&self) -> Option<Named> {
        match self.focus {
            Pane::Keys | Pane::Grants => self.keys.current().map(|key| Named::Key(key.arn.clone())),
            Pane::Objects => match &self.place {
                Some((bucket, prefix)) => Some(Named::Place(ObjectUri::new(bucket, prefix))),
                None => {
                    let bucket = self.buckets.current()?;
                    Some(Named::Place(ObjectUri::new(&bucket.name, "")))
                }
            },
            Pane::Jobs => self.jobs.current().map(|job| Named::Job(job.id().into_owned())),
            Pane::Files => None,
        }
    }

    /// Sets a bookmark here, or takes it away.
    pub(in crate::app) fn toggle_bookmark(&mut self, effects: &mut Vec<Effect>) {
        let Some(here) = self.named_here() else {
            return self.say(
                Tone::Warn,
                "Keys (1), buckets and prefixes (3), and jobs (4) can be bookmarked.",
            );
        };
        let Some(who) = &self.identity else {
            return self.say(Tone::Warn, "It is not known yet in which account this is.");
        };
        let bookmark = Bookmark {
            account: who.account.clone(),
            what: here.to_string(),
        };
        let is_set = self.settings.habits.bookmarks.contains(&bookmark);
        let (said, habit) = if is_set {
            ("No bookmark any more", Habit::Forgotten(bookmark))
        } else {
            ("Bookmarked", Habit::Bookmarked(bookmark))
        };
        self.say(Tone::Dim, format!("{said}: {here}"));
        self.grow_used_to(habit, effects);
    }

    /// The bookmarks of this account, the newest first.
    pub(in crate::app) fn bookmarks(&self) -> Vec<Named> {
        let account = self.identity.as_ref().map(|who| who.account.as_str());
        let own = self.settings.habits.bookmarks.iter();
        let own = own.filter(|bookmark| Some(bookmark.account.as_str()) == account);
        own.filter_map(|bookmark| Named::parse(&bookmark.what)).collect()
    }
}

fn push(spots: &mut Vec<Spot>, spot: Spot) {
    spots.push(spot);
    if spots.len() > KEPT {
        spots.remove(0);
    }
}
