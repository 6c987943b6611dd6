//! The `wardline` binary.
//!
//! Its memory is wiped when it is freed: what a message or a key was in for a moment is not left lying about.

use std::alloc::System;

use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> std::process::ExitCode {
    wardline_cli::main()
}
