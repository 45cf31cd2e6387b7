//! What ECR is asked with, and its answers page by page.

use serde::Deserialize;
use serde_json::{Value, json};

use super::invalid;
use crate::api::{ApiError, insert_some, place_of, refuse_if, token_of};

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Request {
    pub(super) registry_id: Option<String>,
    pub(super) repository_name: String,
    pub(super) repository_names: Option<Vec<String>>,
    pub(super) image_tag_mutability: Option<String>,
    pub(super) force: bool,
    pub(super) image_ids: Option<Vec<ImageId>>,
    pub(super) image_manifest: String,
    pub(super) image_manifest_media_type: Option<String>,
    pub(super) image_tag: Option<String>,
    pub(super) image_digest: Option<String>,
    pub(super) layer_digest: String,
    pub(super) filter: Filter,
    pub(super) max_results: Option<usize>,
    pub(super) next_token: Option<String>,
    pub(super) resource_arn: String,
    pub(super) tags: Vec<Label>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Filter {
    pub(super) tag_status: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Label {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
}

#[derive(Debug, Deserialize, Default, Clone)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ImageId {
    pub(super) image_digest: Option<String>,
    pub(super) image_tag: Option<String>,
}

impl Request {
    pub(super) fn parse(body: &Value) -> Result<Self, ApiError> {
        serde_json::from_value(body.clone()).map_err(|error| invalid(&error.to_string()))
    }
}

impl ImageId {
    pub(super) fn new(digest: String, image_tag: Option<String>) -> Self {
        Self {
            image_digest: Some(digest),
            image_tag,
        }
    }

    pub(super) fn json(&self) -> Value {
        let mut id = json!({});
        insert_some(&mut id, "imageDigest", self.image_digest.as_ref());
        insert_some(&mut id, "imageTag", self.image_tag.as_ref());
        id
    }
}

/// One page of `rows`, named by their sorted names.
pub(super) fn paged(list: &str, rows: Vec<(String, Value)>, request: &Request) -> Result<Value, ApiError> {
    let limit = request.max_results.unwrap_or(100);
    let told = "Invalid parameter at 'maxResults' failed to satisfy constraint: 'must be between 1 and 1000'";
    refuse_if(!(1..=1000).contains(&limit), || invalid(told))?;
    let wrong = || invalid("Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid token'");
    let after = request.next_token.as_deref();
    let after = after.map(|token| place_of(token).ok_or_else(wrong)).transpose()?;
    let mut left: Vec<(String, Value)> = rows
        .into_iter()
        .skip_while(|(name, _)| after.as_ref().is_some_and(|after| name <= after))
        .collect();
    let more = left.len() > limit;
    left.truncate(limit);
    let next = left.last().filter(|_| more).map(|(name, _)| token_of(name));
    let rows: Vec<Value> = left.into_iter().map(|(_, row)| row).collect();
    let mut answer = json!({ list: rows });
    insert_some(&mut answer, "nextToken", next);
    Ok(answer)
}
