//! What the sandbox has answered is there: after a kill, on a full disk, beside a damaged file.
//!
//! A world is served by a process of its own, this very program again, so that it can be killed.
//! `STRONGROOM_LONG=1` makes the rounds as many as issue 13 asks for.
#![allow(clippy::unwrap_used, clippy::panic)]

mod client;
mod counters;
mod folder;
mod full;
mod killed;
mod process;

/// `long` rounds where they are asked for, else `short`.
fn rounds(short: usize, long: usize) -> usize {
    let is_long = std::env::var_os("STRONGROOM_LONG").is_some_and(|value| value != "0");
    if is_long { long } else { short }
}
