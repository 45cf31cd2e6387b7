//! What stands behind an error.

use std::error::Error;

/// The source of this kind.
pub(super) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

/// Every source in a row, leaving out layers that only repeat the one below.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for error in std::iter::successors(Some(error), |&error| error.source()) {
        let text = error.to_string();
        let is_news = !text.is_empty() && !parts.iter().any(|part| part.contains(&text));
        if is_news {
            parts.push(text);
        }
    }
    parts.join(": ")
}
