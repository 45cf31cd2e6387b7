//! The members of a request, checked as they are taken out.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::api::{ApiError, absent, bad_length, broken, camel, is_one_of, map, out_of_bounds, texts};

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
        texts(&self.0[name])
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
        bad_length(bytes.len(), &camel(name), 1..=most).map_err(invalid)?;
        Ok(bytes)
    }

    /// A number, if it is there, within what the service's model allows.
    pub(super) fn bounded(&self, name: &str, bounds: std::ops::RangeInclusive<i64>) -> Result<Option<i64>, ApiError> {
        let number = self.number(name);
        let checked = number.map_or(Ok(()), |number| out_of_bounds(number, &camel(name), bounds));
        checked.map(|()| number).map_err(invalid)
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

pub(super) fn missing(name: &str) -> ApiError {
    invalid(absent(name))
}

pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}
