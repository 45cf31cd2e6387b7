//! Everything that is tested from outside, in one binary.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "it/cli.rs"]
mod cli;
#[path = "it/layering.rs"]
mod layering;
#[path = "it/place.rs"]
mod place;
#[path = "it/pty.rs"]
mod pty;
#[path = "it/story.rs"]
mod story;
#[path = "it/worker.rs"]
mod worker;
