//! The details beside the list: whether they are shown, of what, and whether the cursor rests there. Only then more is asked
//! for than the rows have.

use jiff::Timestamp;

use super::State;
use super::overlay::{Overlay, PaletteRow, Subject};
use crate::app::job_log::Log;
use crate::app::pane::Pane;
use crate::app::{Effect, ThemeName, Topic};
use crate::domain::{Fault, KeptVersions, ObjectRow};

/// From this many columns on they are shown unless the person says otherwise.
const WIDE: u16 = 160;
/// So many seconds begin while a cursor rests: at least one whole.
const REST: i64 = 2;

/// Where the cursor is, and since when.
#[derive(Debug, Default)]
pub(super) struct Resting {
    subject: Option<Subject>,
    since: Timestamp,
    is_at_rest: bool,
}

/// What is kept under the key of an object, or why that cannot be listed.
#[derive(Debug, Clone)]
pub(in crate::app) struct Kept {
    /// Bucket and key.
    pub(in crate::app) of: (String, String),
    /// The object's ETag as it was listed then: another has another history.
    pub(in crate::app) etag: Option<String>,
    /// The versions.
    pub(in crate::app) versions: Result<KeptVersions, Fault>,
}

impl State {
    /// What is known of the versions of an object of the place shown.
    pub(in crate::app) fn versions(&self, row: &ObjectRow) -> Option<&Result<KeptVersions, Fault>> {
        let (bucket, _) = self.place.as_ref()?;
        let kept = self.kept_versions.as_ref()?;
        let is_it = kept.of.0 == *bucket && kept.of.1 == row.key() && kept.etag.as_deref() == row.etag();
        is_it.then_some(&kept.versions)
    }

    /// What there is to know of the versions of an object was told, or refused.
    pub(in crate::app) fn versions_read(&mut self, of: (String, String), versions: Result<KeptVersions, Fault>) {
        let is_here = self.place.as_ref().is_some_and(|(bucket, _)| *bucket == of.0);
        let row = self.objects.current().filter(|row| is_here && row.key() == of.1);
        let etag = row.and_then(ObjectRow::etag).map(str::to_owned);
        self.kept_versions = Some(Kept { of, etag, versions });
    }

    /// Whether the details stand beside the list.
    pub fn is_aside(&self) -> bool {
        self.settings.arrangement.aside.unwrap_or(self.size.0 >= WIDE)
    }

    pub(in crate::app) fn toggle_aside(&mut self, effects: &mut Vec<Effect>) {
        self.settings.arrangement.aside = Some(!self.is_aside());
        effects.push(Effect::Arrange(self.settings.arrangement));
    }

    /// The colours to draw in: those that the palette has its cursor on, else what was chosen.
    pub fn theme(&self) -> ThemeName {
        if let Some(Overlay::Palette(palette)) = self.overlays.last()
            && let Some((PaletteRow::Theme(theme), _)) = palette.matches.get(palette.cursor)
        {
            return *theme;
        }
        self.settings.arrangement.theme.unwrap_or(self.settings.theme)
    }

    /// Takes other colours, in later sessions too.
    pub(in crate::app) fn dress(&mut self, theme: ThemeName, effects: &mut Vec<Effect>) {
        self.settings.arrangement.theme = Some(theme);
        effects.push(Effect::Arrange(self.settings.arrangement));
    }

    /// Moves the borders between the panes by so many hundredths, where there are any.
    pub(in crate::app) fn move_borders(&mut self, by: (i16, i16), effects: &mut Vec<Effect>) {
        let moved = self.settings.arrangement.moved(by);
        if self.regions().panes.len() > 1 && moved != self.settings.arrangement {
            self.settings.arrangement = moved;
            effects.push(Effect::Arrange(moved));
        }
    }

    /// What the cursor is on.
    pub(in crate::app) fn subject(&self) -> Option<Subject> {
        match self.focus {
            Pane::Keys => self.keys.current().map(|key| Subject::Key(key.arn.clone())),
            Pane::Grants => self.grants.current().map(|grant| Subject::Grant(grant.id.clone())),
            Pane::Jobs => self.jobs.current().map(|job| Subject::Job(job.id().into_owned())),
            Pane::Files => self.files.current().map(|file| Subject::File(file.path.clone())),
            Pane::Objects => {
                let row = self.place.as_ref().and(self.objects.current());
                let object = row.filter(|row| matches!(row, ObjectRow::Object { .. }));
                object.map(|row| Subject::Object(row.key().to_owned()))
            }
        }
    }

    /// Whether a second matters: the cursor has just come to where it is.
    pub(super) fn is_coming_to_rest(&self) -> bool {
        self.resting.subject.is_some() && !self.resting.is_at_rest
    }

    pub(super) fn rest(&mut self) {
        let is_seen = self.is_aside() && self.overlays.is_empty();
        let subject = self.subject().filter(|_| is_seen);
        if subject != self.resting.subject {
            self.resting = Resting {
                subject,
                since: self.now,
                is_at_rest: false,
            };
        } else if self.now.as_second() - self.resting.since.as_second() >= REST {
            self.resting.is_at_rest = true;
        }
        // A log that is asked for again begins anew.
        if let Some(Topic::Log(name)) = self.looked_into()
            && !self.is_log_watched(&name)
        {
            self.job_log = Log::new(&name);
        }
    }

    /// What is asked for because the cursor rests.
    pub(super) fn looked_into(&self) -> Option<Topic> {
        match self.resting.subject.as_ref().filter(|_| self.resting.is_at_rest)? {
            Subject::Key(arn) => {
                let is_known = self.policy.as_ref().is_some_and(|(of, _)| of == arn);
                (!is_known && arn.contains(":key/")).then(|| Topic::KeyPolicy(arn.clone()))
            }
            Subject::Job(name) => {
                let log = Some(&self.job_log).filter(|log| log.job == *name);
                let is_refused = log.is_some_and(|log| log.trouble.is_some());
                let is_known = log.is_some_and(|log| log.is_known);
                let is_wanted = !is_refused && (!is_known || self.is_log_watched(name));
                is_wanted.then(|| Topic::Log(name.clone()))
            }
            Subject::Object(key) => {
                let row = self.objects.current().filter(|row| row.key() == *key)?;
                self.versions_of(row)
            }
            Subject::Grant(_) | Subject::File(_) => None,
        }
    }

    /// The question for the versions of an object, if it was not answered.
    pub(super) fn versions_of(&self, row: &ObjectRow) -> Option<Topic> {
        let (bucket, _) = self.place.as_ref()?;
        let topic = || Topic::Versions {
            bucket: bucket.clone(),
            key: row.key().to_owned(),
        };
        self.versions(row).is_none().then(topic)
    }

    /// Whether what comes of the job's log is all of it from where the kept one ends.
    pub(in crate::app) fn is_log_watched(&self, name: &str) -> bool {
        self.job_log.job == name && self.watched.contains(&Topic::Log(name.to_owned()))
    }
}
