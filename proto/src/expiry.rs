//! When a message has passed its retention, computed alike by relay and members (design 4.6).
//!
//! expires = stamp + life, rounded **down** to a whole minute (life ≤ 1 day), hour (≤ 30 days) or day, UTC. Rounding
//! puts messages that go together under one period secret, and never lengthens a life.

use crate::UtcMillis;

/// One minute, hour and day in milliseconds.
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The shortest life a message may have, in seconds.
pub const LIFE_SECONDS_MIN: u32 = 300;

/// The longest life a message may have, in seconds: 365 days.
pub const LIFE_SECONDS_MAX: u32 = 31_536_000;

/// The instant from which on nothing opens a message accepted at `stamp` with this life.
#[must_use]
pub fn expiry(stamp: UtcMillis, life_seconds: u32) -> UtcMillis {
    let life = u64::from(life_seconds) * 1000;
    round_down(UtcMillis::new(stamp.get().saturating_add(life)), life)
}

/// The end of a life of so many milliseconds, as periods end.
pub(crate) fn round_down(end: UtcMillis, life_millis: u64) -> UtcMillis {
    let step = match life_millis {
        0..=DAY => MINUTE,
        life if life <= 30 * DAY => HOUR,
        _ => DAY,
    };
    UtcMillis::new(end.get() - end.get() % step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_rounded_down_to_its_period() {
        let stamp = UtcMillis::new(10 * DAY + 5 * HOUR + 7 * MINUTE + 30_500);
        assert_eq!(expiry(stamp, 300).get(), 10 * DAY + 5 * HOUR + 12 * MINUTE);
        assert_eq!(expiry(stamp, 86_400).get(), 11 * DAY + 5 * HOUR + 7 * MINUTE);
        assert_eq!(expiry(stamp, 86_401).get(), 11 * DAY + 5 * HOUR);
        assert_eq!(expiry(stamp, 30 * 86_400).get(), 40 * DAY + 5 * HOUR);
        assert_eq!(expiry(stamp, 30 * 86_400 + 1).get(), 40 * DAY);
    }

    #[test]
    fn rounding_never_lengthens_a_life() {
        for life in [300, 3_600, 86_400, 86_401, 2_592_000, LIFE_SECONDS_MAX] {
            for stamp in [0, 1, 59_999, DAY - 1, u64::MAX / 2] {
                let end = expiry(UtcMillis::new(stamp), life).get();
                assert!(end <= stamp + u64::from(life) * 1000);
            }
        }
    }
}
