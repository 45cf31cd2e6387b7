//! What a report rests on that was made of what hosts wrote, as every page of one says it.

use super::format::{Line, Tone};
use crate::domain::RestsOn;

/// What could not be checked, then what was; nothing of a report that one machine made.
pub(super) fn rests_on(held: Option<&RestsOn>) -> Vec<Line> {
    let Some((unchecked, sampled)) = held.map(RestsOn::told) else {
        return Vec::new();
    };
    let unchecked = unchecked.map(|why| Line::new(Tone::Warn, why));
    unchecked.into_iter().chain([Line::new(Tone::Dim, sampled)]).collect()
}
