//! Clocks of a scene: they follow tokio's virtual time, and each leaps when told.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use wardline_identity::Clock;
use wardline_proto::UtcMillis;

/// Certificates begin an hour before they are made.
const BACK_MILLIS_MOST: i64 = -1_800_000;

/// A clock that shows what has passed in virtual time, and by how much it is off.
#[derive(Debug)]
pub(crate) struct SceneClock {
    origin: UtcMillis,
    begun: Instant,
    /// By how much it was set forward with all others.
    ahead_millis: AtomicI64,
    /// By how much it is off.
    off_millis: AtomicI64,
}

impl SceneClock {
    /// Shows `origin` now.
    pub(crate) fn begin(origin: UtcMillis) -> Self {
        Self { origin, begun: Instant::now(), ahead_millis: AtomicI64::new(0), off_millis: AtomicI64::new(0) }
    }

    /// Leaps with all others: that much time has passed.
    pub(crate) fn leap_with_all(&self, seconds: i64) {
        self.ahead_millis.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    /// Leaps alone, forward or back; never to before the organisation was founded.
    pub(crate) fn leap(&self, seconds: i64) {
        let leap = |off: i64| Some((off + seconds * 1_000).max(BACK_MILLIS_MOST));
        // Cannot fail: the leap always gives a value.
        let _ = self.off_millis.fetch_update(Ordering::SeqCst, Ordering::SeqCst, leap);
    }

    /// Shows the right time again.
    pub(crate) fn mend(&self) {
        self.off_millis.store(0, Ordering::SeqCst);
    }
}

impl Clock for SceneClock {
    fn now(&self) -> UtcMillis {
        let passed = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let right = self.origin.get().saturating_add(passed);
        let ahead = self.ahead_millis.load(Ordering::SeqCst) + self.off_millis.load(Ordering::SeqCst);
        UtcMillis::new(right.saturating_add_signed(ahead))
    }

    fn since_boot(&self) -> Duration {
        let leapt = u64::try_from(self.ahead_millis.load(Ordering::SeqCst)).unwrap_or(0);
        self.begun.elapsed() + Duration::from_millis(leapt)
    }

    fn boot(&self) -> [u8; 16] {
        [1; 16]
    }
}
