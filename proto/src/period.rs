//! Periods: what goes at one instant goes under one key (design 4.6).

use crate::{UtcMillis, expiry::round_down};

/// What is over at one instant, a whole minute; messages that end together share its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(u32);

/// One minute in milliseconds.
const MINUTE: u64 = 60_000;

impl Period {
    /// The period that ends at `end`; `None` if that is no whole minute, or in the year 10136 or later.
    #[must_use]
    pub fn ending(end: UtcMillis) -> Option<Self> {
        let minutes = u32::try_from(end.get() / MINUTE).ok()?;
        (end.get().is_multiple_of(MINUTE)).then_some(Self(minutes))
    }

    /// The period of a message that is to be gone at `end` and came at `since`: it ends then, or before.
    #[must_use]
    pub fn of(since: UtcMillis, end: UtcMillis) -> Self {
        let life = end.get().saturating_sub(since.get());
        Self(u32::try_from(round_down(end, life).get() / MINUTE).unwrap_or(u32::MAX))
    }

    /// The period of this many minutes since 1970.
    #[must_use]
    pub const fn from_minutes(minutes: u32) -> Self {
        Self(minutes)
    }

    /// Its end, in minutes since 1970.
    #[must_use]
    pub const fn minutes(self) -> u32 {
        self.0
    }

    /// The instant at which it is over.
    #[must_use]
    pub fn end(self) -> UtcMillis {
        UtcMillis::new(u64::from(self.0) * MINUTE)
    }

    /// Whether it is over at `now`.
    #[must_use]
    pub fn is_over(self, now: UtcMillis) -> bool {
        self.end() <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_ends_at_a_whole_minute_and_is_over_from_then_on() {
        assert_eq!(Period::ending(UtcMillis::new(61_000)), None);
        let period = Period::ending(UtcMillis::new(120_000)).unwrap();
        assert_eq!((period.minutes(), period.end()), (2, UtcMillis::new(120_000)));
        assert!(!period.is_over(UtcMillis::new(119_999)) && period.is_over(UtcMillis::new(120_000)));
    }

    #[test]
    fn an_end_that_somebody_chose_is_rounded_down_by_the_life_that_is_left() {
        let (now, odd) = (UtcMillis::new(0), UtcMillis::new(40 * 86_400_000 + 3_661_001));
        assert_eq!(Period::of(now, odd).end().get(), 40 * 86_400_000);
        let soon = UtcMillis::new(odd.get() - 3_700_000);
        assert_eq!(Period::of(soon, odd).end().get(), 40 * 86_400_000 + 3_660_000);
    }
}
