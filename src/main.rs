//! The program is the library's [`strongroom::run`].

use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

/// Wipes what is freed: libraries that carry a data key or a plaintext to us free their buffers as they are.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    strongroom::run(std::env::args_os().collect())
}
