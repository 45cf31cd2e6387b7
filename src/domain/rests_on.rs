//! What a report rests on that was made of what other machines wrote.

use crate::domain::words;

/// What was held against what, before a report of hosts' results was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestsOn {
    /// How many objects of a sample of the results were held against the results, and are so.
    pub sampled: u64,
    /// Why nobody could say whether the plan is the one that its first job was started with; nothing where it was held against it.
    pub unchecked: Option<String>,
}

impl RestsOn {
    /// What could not be checked, in words; then what was.
    pub fn told(&self) -> (Option<String>, String) {
        let unchecked = self.unchecked.as_deref().map(words::not_checked);
        (unchecked, words::rests_on(self.sampled))
    }
}
