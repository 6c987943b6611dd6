//! Time as a parameter.
//!
//! Nothing in Wardline's rules reads the machine's clock: the edges hold a [`Clock`] and pass `now` inwards.
//! No flag, variable or file of the product selects [`ManualClock`]; it serves tests and the simulation.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wardline_proto::UtcMillis;

/// Tells the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present instant.
    fn now(&self) -> UtcMillis;

    /// How long the machine has run, what it slept included: nobody sets this, and a closed lid does not stop it.
    fn since_boot(&self) -> Duration;

    /// Since which start of which machine that is: another after each. Where the system does not say, zeros stand for none that is known.
    fn boot(&self) -> [u8; 16];
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> UtcMillis {
        (**self).now()
    }

    fn since_boot(&self) -> Duration {
        (**self).since_boot()
    }

    fn boot(&self) -> [u8; 16] {
        (**self).boot()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// A machine set before 1970 is taken to be at 1970: every certificate is then not yet valid.
    fn now(&self) -> UtcMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UtcMillis::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn since_boot(&self) -> Duration {
        // Elsewhere the clock that nobody sets may stand still while the machine sleeps.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
        let now = rustix::time::clock_gettime(CLOCK);
        Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
    }

    /// Linux draws a UUID at each start.
    fn boot(&self) -> [u8; 16] {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        uuid::Uuid::try_parse(id.trim()).map_or([0; 16], uuid::Uuid::into_bytes)
    }
}

/// A clock that stands still until it is moved. For tests and simulation.
#[derive(Debug, Default)]
pub struct ManualClock {
    now: AtomicU64,
    /// What has passed, whatever it was set to.
    passed: AtomicU64,
    /// Of which machine it is.
    machine: u8,
}

impl ManualClock {
    /// Stands at `now`.
    #[must_use]
    pub const fn new(now: UtcMillis) -> Self {
        Self { now: AtomicU64::new(now.get()), passed: AtomicU64::new(0), machine: 1 }
    }

    /// The same of another machine, or after another start of it.
    #[must_use]
    pub const fn of_another_machine(mut self) -> Self {
        self.machine = 2;
        self
    }

    /// Moves forward by whole seconds; saturates.
    pub fn advance_seconds(&self, seconds: u64) {
        self.advance_millis(seconds.saturating_mul(1_000));
    }

    /// Moves forward by milliseconds; saturates.
    pub fn advance_millis(&self, millis: u64) {
        let step = |now: u64| Some(now.saturating_add(millis));
        // Cannot fail: the step always gives a value.
        let _ = self.now.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step);
        let _ = self.passed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step);
    }

    /// Is set to `now`, forwards or back; no time passes by that.
    pub fn set(&self, now: UtcMillis) {
        self.now.store(now.get(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UtcMillis {
        UtcMillis::new(self.now.load(Ordering::SeqCst))
    }

    fn since_boot(&self) -> Duration {
        Duration::from_millis(self.passed.load(Ordering::SeqCst))
    }

    fn boot(&self) -> [u8; 16] {
        [self.machine; 16]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(UtcMillis::new(5));
        assert_eq!(clock.now(), UtcMillis::new(5));
        clock.advance_seconds(2);
        assert_eq!(clock.now(), UtcMillis::new(2_005));
        clock.set(UtcMillis::new(7));
        assert_eq!(clock.now(), UtcMillis::new(7));
        clock.set(UtcMillis::new(u64::MAX));
        clock.advance_seconds(1);
        assert_eq!(clock.now(), UtcMillis::new(u64::MAX));
    }

    #[test]
    fn the_system_clock_is_past_the_year_2020() {
        assert!(SystemClock.now() > UtcMillis::new(1_577_836_800_000));
    }
}
