//! Time as a parameter.
//!
//! Nothing in Wardline's rules reads the machine's clock: the edges hold a [`Clock`] and pass `now` inwards.
//! No flag, variable or file of the product selects [`ManualClock`]; it serves tests and the simulation.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use wardline_proto::UtcMillis;

/// Tells the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present instant.
    fn now(&self) -> UtcMillis;
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> UtcMillis {
        (**self).now()
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
}

/// A clock that stands still until it is moved. For tests and simulation.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// Stands at `now`.
    #[must_use]
    pub const fn new(now: UtcMillis) -> Self {
        Self(AtomicU64::new(now.get()))
    }

    /// Moves forward by whole seconds; saturates.
    pub fn advance_seconds(&self, seconds: u64) {
        self.advance_millis(seconds.saturating_mul(1_000));
    }

    /// Moves forward by milliseconds; saturates.
    pub fn advance_millis(&self, millis: u64) {
        let step = |now: u64| Some(now.saturating_add(millis));
        // Cannot fail: the step always gives a value.
        let _ = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step);
    }

    /// Moves to `now`, forwards or back.
    pub fn set(&self, now: UtcMillis) {
        self.0.store(now.get(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UtcMillis {
        UtcMillis::new(self.0.load(Ordering::SeqCst))
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
