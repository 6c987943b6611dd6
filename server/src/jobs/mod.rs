//! Work that no request asks for. Each job is one pass, `run_once(now)`: who calls it, and when, is not its
//! business, and a pass that is cut off is finished by the next.

pub mod asking;
pub mod clock_guard;
pub mod sweep;
