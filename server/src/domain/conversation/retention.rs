//! When a body goes (design 4.6).

/// The instant from which a message is gone. The relay received it at its stamp, so it needs no minimum of the two.
pub use wardline_proto::expiry as expires_at;

/// How long commits, Welcomes and the records of client message ids are kept at most: 90 days.
pub const COMMIT_KEPT_SECONDS: u64 = 90 * 86_400;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wardline_proto::UtcMillis;

    use super::*;

    /// 2026-11-21T19:18:28.123Z.
    const NOW: UtcMillis = UtcMillis::new(1_795_288_708_123);

    #[test]
    fn a_short_life_ends_at_a_whole_minute() {
        // 19:18:28.123 + 300 s = 19:23:28.123 → 19:23:00.
        assert_eq!(expires_at(NOW, 300), UtcMillis::new(1_795_288_980_000));
        assert_eq!(expires_at(NOW, 86_400).get() % 60_000, 0);
        assert_ne!(expires_at(NOW, 86_400).get() % 3_600_000, 0);
    }

    #[test]
    fn a_longer_life_ends_at_a_whole_hour_and_a_long_one_at_midnight() {
        assert_eq!(expires_at(NOW, 86_401).get() % 3_600_000, 0);
        assert_eq!(expires_at(NOW, 2_592_000).get() % 3_600_000, 0);
        assert_ne!(expires_at(NOW, 2_592_000).get() % 86_400_000, 0);
        assert_eq!(expires_at(NOW, 2_592_001).get() % 86_400_000, 0);
        assert_eq!(expires_at(NOW, 31_536_000).get() % 86_400_000, 0);
    }

    #[test]
    fn an_instant_on_the_boundary_stays() {
        assert_eq!(expires_at(UtcMillis::new(60_000), 300), UtcMillis::new(360_000));
    }

    proptest! {
        #[test]
        fn rounding_never_lengthens_a_life_and_never_takes_a_whole_step(
            stamp in 0_u64..4_000_000_000_000,
            life in 300_u32..=31_536_000,
        ) {
            let end = stamp + u64::from(life) * 1000;
            let p = expires_at(UtcMillis::new(stamp), life).get();
            prop_assert!(p <= end && end - p < 86_400_000);
            if life <= 86_400 { prop_assert!(end - p < 60_000) }
        }
    }
}
