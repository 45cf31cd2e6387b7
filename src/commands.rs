//! The command line at work: each file performs one command with `actions` and prints its result, as text for
//! people or, with `--json`, one object per line. `program` picks the file and maps a [`Fault`] to the exit status.
//!
//! May import `cli config console perform actions envelope domain sandbox training` and the door type [`crate::aws::Aws`] as an opaque value.

use crate::domain::{Fault, FaultKind};

pub mod decrypt;
pub mod doctor;
pub mod encrypt;
pub mod interrupt;
mod output;
pub mod prove;
pub mod sandbox;
pub mod verify;
pub mod watch;

/// The exit status of a failure: 2 wrong usage, 130 interrupted, 1 everything else.
pub fn exit_status(fault: &Fault) -> u8 {
    match fault.kind {
        FaultKind::Usage => 2,
        FaultKind::Cancelled => 130,
        _ => 1,
    }
}
