//! Whether the clock may be deleted by (design 4.6): what is deleted too early is gone for good.
//!
//! The clock is compared with the last pass that went through and with how long the relay has run since, by a
//! clock that nobody sets. A jump of more than an hour beyond both holds the sweep; across a restart, where only
//! the stored time of the last pass is known, one of more than 30 days does. It goes on when the clock is back,
//! or when an issuer has signed a time near it: certificates carry one.

use std::time::Duration;

use wardline_proto::UtcMillis;

/// What a clock is held against.
#[derive(Debug, Clone)]
pub struct ClockGuard {
    last: Option<Pass>,
    held: bool,
    /// How far the clock may have gone on while the relay was off.
    downtime: Duration,
}

/// A pass that went through.
#[derive(Debug, Clone, Copy)]
struct Pass {
    /// By the clock.
    at: UtcMillis,
    /// How long the relay had run; absent for a pass of the run before.
    running: Option<Duration>,
}

/// Whether to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Go,
    /// Yes, again.
    GoOn,
    /// No: the clock is so far ahead of what it can be. Said once.
    Hold {
        /// How far.
        ahead: Duration,
    },
    /// No, still.
    HoldOn,
}

impl ClockGuard {
    /// With the stored time of the last pass; `None` for a relay that never made one.
    #[must_use]
    pub fn since(last: Option<UtcMillis>) -> Self {
        Self::tolerating(last, DOWNTIME_TOLERATED)
    }

    /// The same for what is gone everywhere when it is deleted: across a restart, too, only an hour is believed without an issuer.
    #[must_use]
    pub fn strict(last: Option<UtcMillis>) -> Self {
        Self::tolerating(last, JUMP_TOLERATED)
    }

    fn tolerating(last: Option<UtcMillis>, downtime: Duration) -> Self {
        Self { last: last.map(|at| Pass { at, running: None }), held: false, downtime }
    }

    /// Judges the clock when the relay has run for `running`. `signed` is the newest time that an issuer signed.
    #[must_use]
    pub fn judge(&mut self, now: UtcMillis, running: Duration, signed: Option<UtcMillis>) -> Verdict {
        let latest = self.last.map_or(now, |last| last.latest_after(running, self.downtime));
        let ahead = Duration::from_millis(now.get().saturating_sub(latest.get()));
        let credible = ahead.is_zero() || signed.is_some_and(|signed| is_near(signed, now));
        match (credible, std::mem::replace(&mut self.held, !credible)) {
            (true, false) => Verdict::Go,
            (true, true) => Verdict::GoOn,
            (false, false) => Verdict::Hold { ahead },
            (false, true) => Verdict::HoldOn,
        }
    }

    /// A pass went through.
    pub fn passed(&mut self, at: UtcMillis, running: Duration) {
        self.last = Some(Pass { at, running: Some(running) });
    }
}

impl Pass {
    /// The latest that it can be when the relay has run for `running`.
    fn latest_after(self, running: Duration, downtime: Duration) -> UtcMillis {
        let tolerated = match self.running {
            Some(then) => running.saturating_sub(then) + JUMP_TOLERATED,
            None => running + downtime,
        };
        let millis = u64::try_from(tolerated.as_millis()).unwrap_or(u64::MAX);
        UtcMillis::new(self.at.get().saturating_add(millis))
    }
}

fn is_near(signed: UtcMillis, now: UtcMillis) -> bool {
    Duration::from_millis(signed.get().abs_diff(now.get())) <= SIGNED_NEAR
}

/// While the relay runs.
const JUMP_TOLERATED: Duration = Duration::from_secs(60 * 60);

/// Between two runs of the relay: nobody knows how long it was off.
const DOWNTIME_TOLERATED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Certificates are backdated by an hour.
const SIGNED_NEAR: Duration = Duration::from_secs(2 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: UtcMillis = UtcMillis::new(1_800_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn after(seconds: u64) -> UtcMillis {
        NOON.plus_seconds(seconds)
    }

    #[test]
    fn a_clock_that_runs_as_the_relay_does_is_believed_however_long() {
        let mut guard = ClockGuard::since(None);
        for minute in 0..10_000 {
            let (now, running) = (after(minute * 60), MINUTE * u32::try_from(minute).unwrap());
            assert_eq!(guard.judge(now, running, None), Verdict::Go);
            guard.passed(now, running);
        }
    }

    #[test]
    fn a_jump_of_more_than_an_hour_is_said_once_and_held_until_the_clock_is_back() {
        let mut guard = ClockGuard::since(None);
        guard.passed(NOON, MINUTE);
        assert_eq!(guard.judge(after(60 + 3_600), 2 * MINUTE, None), Verdict::Go, "the control: an hour");
        let jumped = guard.judge(after(60 + 3_601), 2 * MINUTE, None);
        assert_eq!(jumped, Verdict::Hold { ahead: Duration::from_secs(1) });
        assert_eq!(guard.judge(after(86_400), 3 * MINUTE, None), Verdict::HoldOn);
        assert_eq!(guard.judge(after(180), 4 * MINUTE, None), Verdict::GoOn);
        assert_eq!(guard.judge(after(240), 5 * MINUTE, None), Verdict::Go);
    }

    #[test]
    fn a_restart_is_given_thirty_days_and_no_more() {
        let days = |days: u64| after(days * 86_400);
        assert_eq!(ClockGuard::since(Some(NOON)).judge(days(30), MINUTE, None), Verdict::Go);
        let mut guard = ClockGuard::since(Some(NOON));
        assert!(matches!(guard.judge(days(31), MINUTE, None), Verdict::Hold { .. }));
        assert_eq!(ClockGuard::strict(Some(NOON)).judge(after(3_600), MINUTE, None), Verdict::Go);
        assert!(matches!(
            ClockGuard::strict(Some(NOON)).judge(after(7_200), MINUTE, None),
            Verdict::Hold { .. }
        ));
        assert_eq!(
            ClockGuard::since(None).judge(days(31), MINUTE, None),
            Verdict::Go,
            "a relay's first pass"
        );
    }

    #[test]
    fn a_time_that_an_issuer_signed_near_it_lets_it_go_on() {
        let year = after(365 * 86_400);
        let mut guard = ClockGuard::since(Some(NOON));
        assert!(matches!(guard.judge(year, MINUTE, Some(NOON)), Verdict::Hold { .. }), "long ago");
        let backdated = UtcMillis::new(year.get() - 3_600_000);
        assert_eq!(guard.judge(year, MINUTE, Some(backdated)), Verdict::GoOn);
    }

    #[test]
    fn a_clock_that_was_set_back_deletes_less_and_is_believed() {
        let mut guard = ClockGuard::since(None);
        guard.passed(NOON, MINUTE);
        let back = UtcMillis::new(NOON.get() - 86_400_000);
        assert_eq!(guard.judge(back, 2 * MINUTE, None), Verdict::Go);
    }
}
