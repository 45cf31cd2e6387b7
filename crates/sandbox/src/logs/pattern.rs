//! The plain part of CloudWatch's filter patterns: terms, phrases, `?either` and `-without`.

use crate::api::ApiError;

/// What a message must contain.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pattern {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

impl Pattern {
    /// Reads a pattern; an empty one matches everything.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        if text.trim_start().starts_with(['{', '[', '%']) {
            let told = "Invalid filter pattern: the sandbox knows terms only, neither JSON nor columns nor expressions";
            return Err(ApiError::new("InvalidParameterException", told));
        }
        let mut pattern = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let list = match rest.as_bytes()[0] {
                b'?' => &mut pattern.any,
                b'-' => &mut pattern.none,
                _ => &mut pattern.all,
            };
            let body = rest.strip_prefix(['?', '-']).unwrap_or(rest);
            let (term, left) = match body.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(|| {
                    let told = "Invalid filter pattern: unclosed quotation mark";
                    ApiError::new("InvalidParameterException", told)
                })?,
                None => body.split_once(char::is_whitespace).unwrap_or((body, "")),
            };
            if !term.is_empty() {
                list.push(term.to_owned());
            }
            rest = left.trim_start();
        }
        Ok(pattern)
    }

    /// Whether `message` matches; case counts.
    pub(super) fn matches(&self, message: &str) -> bool {
        self.all.iter().all(|term| message.contains(term))
            && !self.none.iter().any(|term| message.contains(term))
            && (self.any.is_empty() || self.any.iter().any(|term| message.contains(term)))
    }
}
