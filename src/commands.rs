//! The command line at work: each file does one command, with `actions` or as a request by `perform`, and prints its result,
//! as text for people or, with `--json`, one object per line. `program` picks the file and maps a [`Fault`] to the exit
//! status.
//!
//! [`crate::aws::Aws`] is an opaque value here.

use crate::domain::{Fault, FaultKind};

pub mod audit;
pub mod bulk;
pub mod decrypt;
pub mod doctor;
pub mod encrypt;
pub mod encrypt_objects;
pub mod interrupt;
pub mod login;
mod output;
pub mod person;
pub mod prove;
pub mod rewrap;
pub mod rotate;
pub mod sandbox;
mod seal;
pub mod start;
pub mod verify;
pub mod watch;
pub mod who;

/// The exit status of a failure: 2 wrong usage, 130 interrupted, 1 everything else.
pub fn exit_status(fault: &Fault) -> u8 {
    match fault.kind {
        FaultKind::Usage => 2,
        FaultKind::Cancelled => 130,
        _ => 1,
    }
}
