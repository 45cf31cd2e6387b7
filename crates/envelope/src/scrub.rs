//! What a computation with secrets leaves on the stack, overwritten.
//!
//! Data keys, round keys and HMAC states live in boxes that are wiped. The code that works on them copies them all the
//! same: into the frames of its calls, and from registers into spill slots. No type can wipe those, so whatever reads a
//! secret runs inside [`scrubbed`].

use std::hint::black_box;

/// How deep the calls go below [`scrubbed`]; without optimisation every step of an iterator is one.
const DEPTH: usize = if cfg!(debug_assertions) { 64 << 10 } else { 4 << 10 };
/// What the frames of `overwrite` and `run` may differ in.
const SLACK: usize = 256;

/// Runs `work`, and overwrites the stack that it used. What it gives must hold no secret but in a box.
#[inline(never)]
pub(super) fn scrubbed<R>(work: impl FnOnce() -> R) -> R {
    let result = below(work);
    overwrite();
    result
}

/// Keeps [`SLACK`] bytes between its caller and `run`.
#[inline(never)]
fn below<R>(work: impl FnOnce() -> R) -> R {
    let slack = black_box([0_u8; SLACK]);
    let result = run(work);
    black_box(&slack);
    result
}

#[inline(never)]
fn run<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[inline(never)]
#[expect(clippy::large_stack_arrays, reason = "the stack is what it overwrites")]
fn overwrite() {
    let mut stack = [0_u8; DEPTH + SLACK];
    black_box(&mut stack);
}
