//! The members of a request, checked as they are taken out.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::api::ApiError;

/// Bytes of an encryption context's names and values together.
const CONTEXT: usize = 8192;

pub(super) struct Request<'a>(&'a Value);

impl<'a> Request<'a> {
    pub(super) fn new(body: &'a Value) -> Self {
        Self(body)
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.0[name].as_str()
    }

    pub(super) fn required(&self, name: &str) -> Result<&'a str, ApiError> {
        self.text(name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| missing(name))
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.0[name].as_i64()
    }

    pub(super) fn truth(&self, name: &str) -> bool {
        self.0[name].as_bool().unwrap_or(false)
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let texts = self.0[name].as_array().into_iter().flatten();
        texts.filter_map(|text| text.as_str().map(str::to_owned)).collect()
    }

    pub(super) fn value(&self, name: &str) -> &'a Value {
        &self.0[name]
    }

    /// An encryption context: texts, and not endless.
    pub(super) fn context(&self, name: &str) -> Result<BTreeMap<String, String>, ApiError> {
        let context = map(&self.0[name]);
        let is_whole = self.0[name].as_object().map_or(0, serde_json::Map::len) == context.len();
        let size: usize = context.iter().map(|(name, value)| name.len() + value.len()).sum();
        if !is_whole || size > CONTEXT {
            return Err(ApiError::new(
                "ValidationException",
                format!("{name} must hold texts of at most {CONTEXT} bytes together"),
            ));
        }
        Ok(context)
    }

    pub(super) fn bytes(&self, name: &str, most: usize) -> Result<Vec<u8>, ApiError> {
        let text = self.text(name).ok_or_else(|| missing(name))?;
        let bytes = STANDARD
            .decode(text)
            .map_err(|_| ApiError::new("SerializationException", format!("{name} is not base64")))?;
        if bytes.is_empty() || bytes.len() > most {
            let member = member(name);
            return Err(ApiError::new(
                "ValidationException",
                format!(
                    "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must have length between 1 and {most}"
                ),
            ));
        }
        Ok(bytes)
    }
}

pub(super) fn map(value: &Value) -> BTreeMap<String, String> {
    value
        .as_object()
        .map(|object| {
            object
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect()
        })
        .unwrap_or_default()
}

fn missing(name: &str) -> ApiError {
    let member = member(name);
    ApiError::new(
        "ValidationException",
        format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        ),
    )
}

fn member(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().collect::<String>() + letters.as_str()
    })
}
