//! The members of a request, checked as they are taken out.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::api::{ApiError, absent, bad_length, broken, camel, out_of_bounds};

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
        let size: usize = context.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > CONTEXT {
            let told = format!("{name} must hold texts of at most {CONTEXT} bytes together");
            return Err(invalid(told));
        }
        Ok(context)
    }

    pub(super) fn bytes(&self, name: &str, most: usize) -> Result<Vec<u8>, ApiError> {
        let text = self.text(name).ok_or_else(|| missing(name))?;
        let bytes = STANDARD
            .decode(text)
            .map_err(|_| ApiError::new("SerializationException", format!("{name} is not base64")))?;
        match bad_length(bytes.len(), &camel(name), 1..=most) {
            Some(wrong) => Err(invalid(wrong)),
            None => Ok(bytes),
        }
    }

    /// A number, if it is there, within what the service's model allows.
    pub(super) fn bounded(&self, name: &str, bounds: std::ops::RangeInclusive<i64>) -> Result<Option<i64>, ApiError> {
        let number = self.number(name);
        match number.and_then(|number| out_of_bounds(number, &camel(name), bounds)) {
            Some(wrong) => Err(invalid(wrong)),
            None => Ok(number),
        }
    }

    /// A text, if it is there, of those that the service's model knows.
    pub(super) fn one_of(&self, name: &str, known: &str) -> Result<Option<&'a str>, ApiError> {
        match self.text(name) {
            Some(text) if !is_one_of(text, known) => {
                let rule = format!("satisfy enum value set: [{}]", known.replace(' ', ", "));
                Err(invalid(broken(Some(text), &camel(name), &rule)))
            }
            text => Ok(text),
        }
    }
}

/// Whether a word is one of those of a text.
pub(super) fn is_one_of(word: &str, words: &str) -> bool {
    words.split(' ').any(|known| known == word)
}

pub(super) fn map(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flatten();
    let texts = entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    texts.collect()
}

pub(super) fn missing(name: &str) -> ApiError {
    invalid(absent(name))
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}
