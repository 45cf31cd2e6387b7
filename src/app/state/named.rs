//! What a person opens by its name, whether or not a list holds it: without the right to list, a name is all there is.
//!
//! What is named in the configuration, and what was opened, stays in its list whatever the list says.

use super::State;
use crate::app::format::last_part;
use crate::app::table::{Listing as _, Row as _};
use crate::app::{Pane, Topic};
use crate::domain::{Arn, BucketRow, Fault, FaultKind, Job, JobStatus, KmsKey, Named, ObjectUri};

impl State {
    /// Lists everything that the session begins with by name.
    pub(super) fn list_named(&mut self) {
        for named in self.settings.context.named.clone() {
            self.list(&named);
        }
    }

    /// Lists it, for good; what it is is asked when its row is near the screen, as of every row.
    fn list(&mut self, named: &Named) {
        match named {
            Named::Key(reference) if self.keys.rows().iter().any(|key| key.is_meant(reference)) => {}
            Named::Key(reference) => {
                let resource = Arn::parse(reference).map_or(reference.as_str(), |arn| arn.resource);
                let alias = resource.starts_with("alias/").then(|| resource.to_owned());
                self.keys.pin(KmsKey {
                    id: last_part(reference).to_owned(),
                    arn: reference.clone(),
                    aliases: alias.into_iter().collect(),
                    detail: None,
                });
            }
            Named::Place(uri) => self.buckets.pin(BucketRow {
                name: uri.bucket.clone(),
                created: None,
            }),
            Named::Job(id) => self.jobs.pin(Job::named(id, JobStatus::Other(String::new()))),
        }
    }

    /// Goes to it.
    pub(in crate::app) fn open(&mut self, named: &Named) {
        if let Err(fault) = named.check() {
            return self.complain(fault);
        }
        let before = self.keys.current().map(|key| key.arn.clone());
        self.is_sent = true;
        self.list(named);
        match named {
            Named::Key(reference) => {
                self.key_before = before;
                self.focus = Pane::Keys;
                self.keys.set_filter("");
                let mut keys = self.keys.rows().iter();
                let Some(arn) = keys.find(|key| key.is_meant(reference)).map(|key| key.arn.clone()) else {
                    return;
                };
                self.keys.want(&arn);
                self.keys.touch();
                self.ask_opened(Topic::Key(arn));
            }
            Named::Job(name) => {
                self.focus = Pane::Jobs;
                self.jobs.set_filter("");
                self.jobs.want(name);
                self.jobs.touch();
                self.ask_opened(Topic::Job(name.clone()));
            }
            Named::Place(ObjectUri { bucket, key }) => {
                self.focus = Pane::Objects;
                self.opened_once = true;
                let (prefix, name) = key.split_at(key.rfind('/').map_or(0, |slash| slash + 1));
                self.place = Some((bucket.clone(), prefix.to_owned()));
                self.objects.reset();
                if !name.is_empty() {
                    self.objects.want(key);
                    let (bucket, key) = (bucket.clone(), key.clone());
                    self.ask_opened(Topic::Object { bucket, key });
                }
            }
        }
    }

    fn ask_opened(&mut self, topic: Topic) {
        if let Topic::Key(id) | Topic::Job(id) | Topic::Object { key: id, .. } = &topic {
            self.refused.remove(id);
        }
        self.opened.insert(topic.clone());
        self.ask_once.insert(topic);
    }

    /// KMS has told what a reference means.
    pub(in crate::app) fn key_read(&mut self, asked: &str, key: KmsKey) {
        let mut rows = self.keys.rows().iter();
        let Some(named) = rows.find(|row| row.arn == asked && row.arn != key.arn) else {
            self.keys.amend(asked, |row| row.detail = key.detail);
            return;
        };
        // The row was the reference's; it is the key's from now on.
        let aliases = named.aliases.clone();
        let is_chosen = self.keys.current().is_some_and(|row| row.arn == asked);
        let arn = key.arn.clone();
        let detail = key.detail.clone();
        self.keys.pin(KmsKey { aliases, ..key });
        self.keys.amend(&arn, |row| row.detail = detail);
        self.keys.remove(&[asked.to_owned()].into());
        if is_chosen {
            self.keys.want(&arn);
            self.keys.touch();
        }
    }

    /// What was opened by its name cannot be looked at. Where there is nothing of this name, its row goes.
    pub(in crate::app) fn not_opened(&mut self, topic: &Topic, fault: &Fault) {
        if fault.is_unheard() || !self.opened.remove(topic) {
            return;
        }
        if fault.kind == FaultKind::NotFound {
            match topic {
                Topic::Key(id) => {
                    self.keys.remove(&[id.clone()].into());
                    // What is encrypted under stays what it was.
                    if let Some(before) = self.key_before.take() {
                        self.keys.want(&before);
                    }
                }
                Topic::Job(name) => self.jobs.remove(&[name.clone()].into()),
                // Somebody may have left out the slash at the end.
                Topic::Object { key, .. } => {
                    let prefix = format!("{key}/");
                    if self.objects.rows().iter().any(|row| row.id() == prefix) {
                        return self.objects.want(&prefix);
                    }
                }
                _ => {}
            }
        }
        self.complain(fault.clone());
    }
}
