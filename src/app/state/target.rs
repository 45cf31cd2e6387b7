//! What an action is done to: what the cursor was on when it was asked for. It is named, not pointed at, so that no row that
//! comes, goes or moves meanwhile takes its place.

use std::path::PathBuf;

use super::State;
use crate::app::pane::Pane;
use crate::domain::{Grant, Job, KmsKey, ObjectRow, ObjectUri};

/// What an action is done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The pane with the cursor.
    pub(in crate::app) pane: Pane,
    /// The selected key (ARN).
    pub(in crate::app) key: Option<String>,
    /// The selected grant (id).
    grant: Option<String>,
    /// The bucket under the cursor, while none is open.
    pub(in crate::app) bucket: Option<String>,
    /// The open bucket and prefix.
    pub(in crate::app) place: Option<(String, String)>,
    /// The selected row of the open bucket (key).
    object: Option<String>,
    /// The selected job (name).
    job: Option<String>,
    /// The folder shown.
    pub(in crate::app) dir: PathBuf,
}

impl Target {
    /// What the cursors are on now.
    pub(in crate::app) fn of(state: &State) -> Self {
        let bucket = state.buckets.current().map(|bucket| bucket.name.clone());
        Self {
            pane: state.focus,
            key: state.key().map(|key| key.arn.clone()),
            grant: state.grants.current().map(|grant| grant.id.clone()),
            bucket: bucket.filter(|_| state.focus == Pane::Objects && state.place.is_none()),
            place: state.place.clone(),
            object: state
                .place
                .as_ref()
                .and(state.objects.current())
                .map(|row| row.key().to_owned()),
            job: state.jobs.current().map(|job| job.id().into_owned()),
            dir: state.dir.clone(),
        }
    }

    /// The key, if it is still listed.
    pub(in crate::app) fn listed_key<'a>(&self, state: &'a State) -> Option<&'a KmsKey> {
        state.keys.get(self.key.as_ref()?)
    }

    pub(in crate::app) fn grant<'a>(&self, state: &'a State) -> Option<&'a Grant> {
        state.grants.get(self.grant.as_ref()?)
    }

    /// The bucket under the cursor, if it is still listed.
    pub(in crate::app) fn bucket(&self, state: &State) -> Option<&String> {
        self.bucket.as_ref().filter(|name| state.buckets.get(name).is_some())
    }

    /// The object, if it is one, and still listed.
    pub(in crate::app) fn object<'a>(&self, state: &'a State) -> Option<&'a ObjectRow> {
        self.object_row(state)
            .filter(|row| matches!(row, ObjectRow::Object { .. }))
    }

    /// The object or the prefix, if it is still listed.
    pub(in crate::app) fn object_row<'a>(&self, state: &'a State) -> Option<&'a ObjectRow> {
        let key = self.object.as_ref().filter(|_| state.place == self.place)?;
        state.objects.get(key)
    }

    pub(in crate::app) fn job<'a>(&self, state: &'a State) -> Option<&'a Job> {
        state.jobs.get(self.job.as_ref()?)
    }

    /// Bucket and key of the model that the job has written.
    pub(in crate::app) fn model(&self, state: &State) -> Option<(String, String)> {
        model_of(self.job(state)?)
    }

    /// Bucket and key of the object; of a job those of its model.
    pub(in crate::app) fn place_of_object(&self, state: &State) -> (String, String) {
        if self.pane == Pane::Jobs
            && let Some(model) = self.model(state)
        {
            return model;
        }
        match (&self.place, &self.object) {
            (Some((bucket, _)), Some(key)) => (bucket.clone(), key.clone()),
            _ => Default::default(),
        }
    }

    /// What the key is called, if it is still listed.
    pub(in crate::app) fn key_name<'a>(&self, state: &'a State) -> &'a str {
        self.listed_key(state).map(KmsKey::name).unwrap_or_default()
    }

    /// The key, named as it was.
    pub(in crate::app) fn named_key(&self) -> Result<String, String> {
        self.key.clone().ok_or_else(|| "No key is selected (1)".to_owned())
    }
}

/// Bucket and key of the model that a job has written.
pub(in crate::app) fn model_of(job: &Job) -> Option<(String, String)> {
    let detail = job.detail.as_ref()?;
    let model = ObjectUri::parse_object(detail.model.as_deref()?)?;
    Some((model.bucket, model.key))
}
