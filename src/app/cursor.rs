//! A cursor on a list.

/// The row so many rows further, but never past the first or the last.
pub(super) fn stepped(row: usize, by: isize, rows: usize) -> usize {
    row.saturating_add_signed(by).min(rows.saturating_sub(1))
}
