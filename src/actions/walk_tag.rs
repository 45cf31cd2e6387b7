//! What the walk makes bears a tag, so that clean-up finds it and nothing else.

use std::collections::BTreeMap;

pub(super) use crate::domain::spec::WORKFLOW as TAG;

/// The tag's name.
pub(super) const NAME: &str = TAG.0;
/// Its value.
pub(super) const VALUE: &str = TAG.1;

/// These tags and the walk's own.
pub(super) fn tagged(tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut tags = tags.clone();
    tags.entry(NAME.to_owned()).or_insert_with(|| VALUE.to_owned());
    tags
}
