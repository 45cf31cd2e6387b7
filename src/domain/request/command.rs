//! The command line that does what a request does: of the AWS CLI, or strongroom's own where AWS has no such act.

use std::collections::BTreeMap;
use std::path::Path;

use crate::domain::spec::WORKFLOW;
use crate::printable;

/// Where a command is to work: what the session was started with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// `--profile`.
    pub profile: Option<String>,
    /// `--region`.
    pub region: Option<String>,
    /// `--endpoint-url`.
    pub endpoint: Option<String>,
    /// The same for single services, as the AWS CLI calls them.
    pub elsewhere: BTreeMap<String, String>,
    /// The account, where it is known.
    pub account: Option<String>,
}

/// One command line, word by word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine(Vec<String>);

impl CommandLine {
    /// `aws`, and these words, separated by spaces.
    pub fn aws(words: &str) -> Self {
        Self(vec!["aws".to_owned()]).words(words.split(' '))
    }

    /// `strongroom`, and this word.
    pub fn strongroom(command: &str) -> Self {
        Self(vec!["strongroom".to_owned(), command.to_owned()])
    }

    /// With further words.
    #[must_use]
    pub fn words(mut self, words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.extend(words.into_iter().map(Into::into));
        self
    }

    /// With an option and its value.
    #[must_use]
    pub fn with(self, option: &str, value: impl Into<String>) -> Self {
        self.words([option.to_owned(), value.into()])
    }

    /// With an option and its value, if there is one.
    pub(super) fn optional(self, option: &str, value: Option<&String>) -> Self {
        match value {
            Some(value) => self.with(option, value),
            None => self,
        }
    }

    /// With an option that has no value, if it is given.
    pub(super) fn flag(self, option: &str, is_given: bool) -> Self {
        self.words(is_given.then_some(option))
    }

    /// With an encryption context as the AWS CLI takes it, unless it is empty.
    pub(super) fn json(self, option: &str, context: &BTreeMap<String, String>) -> Self {
        let json = (!context.is_empty()).then(|| serde_json::json!(context).to_string());
        self.optional(option, json.as_ref())
    }

    /// With an encryption context as strongroom takes it.
    pub(super) fn context(self, context: &BTreeMap<String, String>) -> Self {
        let pairs = context.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.fold(self, |line, pair| line.with("--context", pair))
    }

    /// The service that the AWS CLI asks; `None` of strongroom's own commands, which ask several.
    fn service(&self) -> Option<&str> {
        match self.0.as_slice() {
            [aws, service, ..] if aws == "aws" => Some(if service == "s3api" { "s3" } else { service }),
            _ => None,
        }
    }

    /// As a POSIX shell reads it, for this session.
    pub fn shell(&self, session: &Session) -> String {
        let line = self.clone().optional("--profile", session.profile.as_ref());
        let line = line.optional("--region", session.region.as_ref());
        let endpoint = session
            .endpoint
            .as_ref()
            .or_else(|| session.elsewhere.get(self.service()?));
        let line = line.optional("--endpoint-url", endpoint);
        let words: Vec<String> = line
            .0
            .iter()
            .map(|word| printable::shell_word(word.as_bytes()))
            .collect();
        words.join(" ")
    }
}

/// The walk's own tag, by which clean-up finds it.
pub(super) fn workflow_tag() -> String {
    format!("Key={},Value={}", WORKFLOW.0, WORKFLOW.1)
}

/// A path as one word that is not taken for an option.
pub(super) fn path(path: &Path) -> String {
    let text = path.to_string_lossy().into_owned();
    if text.starts_with('-') {
        format!("./{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests;
