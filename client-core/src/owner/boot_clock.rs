//! The time since the machine was started, what it slept included: nobody sets it, and a closed lid does not stop it.

use std::time::Duration;

/// Since the machine was started.
pub(super) fn since_boot() -> Duration {
    // Elsewhere the clock that nobody sets may stand still while the machine sleeps.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
    let now = rustix::time::clock_gettime(CLOCK);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}
