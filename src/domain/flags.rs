//! What serde is told of flags that are left out where they say nothing new.

/// What a flag is that is left out only if it is set.
pub(super) fn yes() -> bool {
    true
}

/// Whether such a flag is left out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
pub(super) fn is_yes(value: &bool) -> bool {
    *value
}

/// Whether a flag is left out that says something only if it is set.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
pub(super) fn is_no(value: &bool) -> bool {
    !*value
}
