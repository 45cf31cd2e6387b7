//! Rows that something was done to: they are asked about at once, wherever the cursor is. What was written or removed is
//! listed or taken off before its list is walked again.

use std::collections::BTreeSet;

use super::Topic;
use super::pane::Pane;
use super::state::State;
use crate::domain::{AliasChange, Grant, GrantSpec, KmsKey, ObjectRow};

/// So many objects of one upload are asked about by name; the rest comes with the list.
const MOST: usize = 64;

/// These objects were written.
pub(super) fn objects_written(state: &mut State, uris: &[String]) {
    let Some((bucket, prefix)) = state.place.clone() else {
        return;
    };
    let root = format!("s3://{bucket}/");
    let keys = uris.iter().filter_map(|uri| uri.strip_prefix(&root));
    let mut folders = BTreeSet::new();
    let mut objects = Vec::new();
    for key in keys {
        match key.strip_prefix(&prefix).map(|name| name.split_once('/')) {
            Some(Some((folder, _))) => {
                folders.insert(format!("{prefix}{folder}/"));
            }
            Some(None) => objects.push(key.to_owned()),
            None => {}
        }
    }
    for prefix in folders {
        state.objects.merge(ObjectRow::Prefix { prefix });
    }
    for key in objects.into_iter().take(MOST) {
        let bucket = bucket.clone();
        state.ask_once.insert(Topic::Object { bucket, key });
    }
}

/// An object was looked at.
pub(super) fn object_read(state: &mut State, bucket: &str, row: ObjectRow) {
    let is_here = |(open, prefix): &(String, String)| {
        let name = row.key().strip_prefix(prefix.as_str());
        open == bucket && name.is_some_and(|name| !name.contains('/'))
    };
    if state.place.as_ref().is_some_and(is_here) {
        state.all_seen.listed(bucket, std::slice::from_ref(&row));
        state.objects.merge(row);
    }
}

/// These objects are gone.
pub(super) fn objects_gone<'a>(state: &mut State, bucket: &str, keys: impl IntoIterator<Item = &'a String>) {
    let keys: BTreeSet<String> = keys.into_iter().cloned().collect();
    state.all_seen.gone(bucket, |key| keys.contains(key));
    if state.place.as_ref().is_some_and(|(open, _)| open == bucket) {
        state.objects.remove(&keys);
    }
}

/// A key was created.
pub(super) fn key_created(state: &mut State, arn: &str, alias: Option<&str>) {
    state.keys.merge(KmsKey {
        id: super::format::last_part(arn).to_owned(),
        arn: arn.to_owned(),
        aliases: alias.map(str::to_owned).into_iter().collect(),
        detail: None,
    });
    state.ask_once.insert(Topic::Key(arn.to_owned()));
}

/// A grant was created: to this principal, for of a session it is its role's.
pub(super) fn grant_created(state: &mut State, id: &str, grantee: &str, spec: &GrantSpec) {
    if state.grants_of.as_ref() == Some(&spec.key_arn) {
        state.grants.merge(Grant {
            id: id.to_owned(),
            key_arn: spec.key_arn.clone(),
            name: spec.name.clone(),
            grantee: grantee.to_owned(),
            retiring: spec.retiring.clone(),
            operations: spec.operations.clone(),
            constraint: spec.constraint.clone(),
            created: Some(state.now),
        });
    }
}

/// The person wants to know anew what is on screen.
pub(super) fn ask_visible(state: &mut State) {
    let keys = state.keys.visible().map(|(key, ..)| Topic::Key(key.arn.clone()));
    let jobs = state.jobs.visible().map(|(job, ..)| Topic::Job(job.id().into_owned()));
    let objects = state.place.iter().flat_map(|(bucket, _)| {
        let rows = state.objects.visible().filter_map(|(row, ..)| match row {
            ObjectRow::Object { key, .. } => Some(key.clone()),
            ObjectRow::Prefix { .. } => None,
        });
        rows.map(|key| Topic::Object {
            bucket: bucket.clone(),
            key,
        })
    });
    let rows: Vec<Topic> = match state.focus {
        Pane::Keys => keys.collect(),
        Pane::Jobs => jobs.collect(),
        Pane::Objects => objects.collect(),
        Pane::Grants | Pane::Files => Vec::new(),
    };
    state.ask_once.extend(rows);
}

/// An alias points elsewhere now.
pub(super) fn alias_changed(state: &mut State, alias: &String, change: &AliasChange) {
    let mut keys = state.keys.rows().iter();
    if let Some(arn) = keys.find(|key| key.aliases.contains(alias)).map(|key| key.arn.clone()) {
        state.keys.amend(&arn, |key| key.aliases.retain(|known| known != alias));
    }
    match change {
        AliasChange::Added(arn) | AliasChange::Moved(arn) => state.keys.amend(arn, |key| {
            key.aliases.push(alias.clone());
            key.aliases.sort();
        }),
        AliasChange::Deleted => {}
    }
}
