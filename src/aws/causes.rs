//! What stands behind an error.

use std::error::Error;

use aws_smithy_types::error::ErrorMetadata;

/// The source of this kind.
pub(super) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

/// Every source in a row, leaving out layers that only repeat the one below; of what AWS said its own words.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for error in std::iter::successors(Some(error), |&error| error.source()) {
        let text = match error.downcast_ref::<ErrorMetadata>().and_then(words) {
            Some(said) => {
                parts.retain(|part| part != "service error" && !part.starts_with("unhandled error"));
                said
            }
            None => error.to_string(),
        };
        let is_news = !text.is_empty() && !parts.iter().any(|part| part.contains(&text));
        if is_news {
            parts.push(text);
        }
    }
    parts.join(": ")
}

/// What AWS said, which the SDK prints as Rust.
fn words(said: &ErrorMetadata) -> Option<String> {
    let message = said.message().filter(|message| !message.is_empty())?;
    Some(match said.code() {
        Some(code) => format!("{message} ({code})"),
        None => message.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_sts::operation::assume_role::AssumeRoleError;

    use super::*;

    #[test]
    fn what_aws_said_is_told_in_its_words() {
        let said = ErrorMetadata::builder()
            .code("AccessDenied")
            .message("User: ann is not authorized")
            .build();
        let told = chain(&AssumeRoleError::generic(said));
        assert_eq!(told, "User: ann is not authorized (AccessDenied)");
    }
}
