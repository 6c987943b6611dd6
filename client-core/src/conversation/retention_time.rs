//! The time by which messages end on this device (design 4.6): it goes on by a clock that nobody sets, no relay holds it back, and none moves it
//! more than a day ahead of what an issuer has signed.
//!
//! The machine's own clock has no part in it, but for two things, where the relay's signed time agrees with it: it says when a message came, as far ahead
//! of what issuers have signed as a list of revoked devices lives; and a lead that a relay has given this time by mistake is taken back, to what issuers have
//! signed at most.

use std::time::Duration;

use wardline_identity::Clock;
use wardline_proto::{UtcMillis, fault};

use crate::vault::tables::retention_time::RetentionRow;

/// How far ahead of what issuers have signed a relay's time counts, in milliseconds.
const RELAY_AHEAD_MS: u64 = 24 * 60 * 60 * 1000;

/// Two clocks that are no further apart agree, in milliseconds.
const AGREE_MS: u64 = 5 * 60 * 1000;

/// The time, and what it rests on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetentionTime {
    /// As it was when it was heard or stored last.
    row: RetentionRow,
    /// The newest time that the relay has signed for this process, and how long the machine had run then.
    relay: Option<(UtcMillis, Duration)>,
}

impl RetentionTime {
    /// Goes on from what was stored. Where that was on another machine, or this one was started since, nobody knows how long it was: then it goes on
    /// from there.
    pub(crate) fn load(row: Option<RetentionRow>, clock: &dyn Clock) -> Self {
        let (boot, booted) = (clock.boot(), clock.since_boot());
        let zero = UtcMillis::default();
        let none = RetentionRow { reached: zero, anchored: zero, boot, booted };
        let row = row.unwrap_or(none);
        let same = row.boot == boot && row.booted <= booted;
        let booted = if same { row.booted } else { booted };
        Self { row: RetentionRow { boot, booted, ..row }, relay: None }
    }

    /// The time now.
    pub(crate) fn now(&self, clock: &dyn Clock) -> UtcMillis {
        self.at(clock.since_boot()).reached
    }

    /// As it is to be stored now.
    pub(crate) fn row(&self, clock: &dyn Clock) -> RetentionRow {
        self.at(clock.since_boot())
    }

    fn at(&self, booted: Duration) -> RetentionRow {
        let passed = booted.saturating_sub(self.row.booted);
        let (reached, anchored) = (self.row.reached.after(passed), self.row.anchored.after(passed));
        RetentionRow { reached, anchored, booted, ..self.row }
    }

    /// An issuer has signed this time.
    pub(crate) fn hear_issuer(&mut self, signed: UtcMillis, clock: &dyn Clock) {
        let mut row = self.at(clock.since_boot());
        row.anchored = row.anchored.max(signed);
        row.reached = row.reached.max(row.anchored);
        self.row = row;
    }

    /// The relay has signed this time.
    pub(crate) fn hear_relay(&mut self, signed: UtcMillis, clock: &dyn Clock) {
        let mut row = self.at(clock.since_boot());
        let most = UtcMillis::new(row.anchored.get().saturating_add(RELAY_AHEAD_MS));
        let counts = if fault::planted("mutant.relay_moves_time") { signed } else { signed.min(most) };
        let ahead = row.reached.get().saturating_sub(signed.get()) > AGREE_MS;
        row.reached = if ahead && agree(signed, clock.now()) && !fault::planted("mutant.lead_kept_up") {
            // What was said before was wrong: two say so.
            row.anchored.max(signed)
        } else {
            row.reached.max(counts)
        };
        self.row = row;
        self.relay = Some((signed, row.booted));
    }

    /// The relay's time now, by what it signed last; `None` before it did.
    fn relay_now(&self, clock: &dyn Clock) -> Option<UtcMillis> {
        self.relay.map(|(signed, heard)| signed.after(clock.since_boot().saturating_sub(heard)))
    }

    /// When what comes now came: the time, or the machine's own where the relay's agrees with it and both are later, by `ahead` of what issuers
    /// have signed at most.
    pub(crate) fn received(&self, clock: &dyn Clock, ahead: Duration) -> UtcMillis {
        let row = self.at(clock.since_boot());
        let own = clock.now();
        if !self.relay_now(clock).is_some_and(|relay| agree(relay, own)) {
            return row.reached;
        }
        row.reached.max(own.min(row.anchored.after(ahead)))
    }
}

fn agree(one: UtcMillis, other: UtcMillis) -> bool {
    one.get().abs_diff(other.get()) <= AGREE_MS
}

#[cfg(test)]
mod tests {
    use wardline_identity::ManualClock;
    use wardline_proto::in_place::{arm, disarm};

    use super::*;

    const NOON: UtcMillis = UtcMillis::new(1_800_000_000_000);
    const DAY: u64 = 86_400;
    const LIST: Duration = Duration::from_secs(3 * DAY);

    /// Stored at noon, on a machine whose own clock is wrong.
    fn stored(own: u64) -> (RetentionTime, ManualClock) {
        let clock = ManualClock::new(UtcMillis::new(own));
        let mut time = RetentionTime::load(None, &clock);
        time.hear_issuer(NOON, &clock);
        (time, clock)
    }

    #[test]
    fn it_goes_on_by_a_clock_that_nobody_sets() {
        for own in [0, NOON.get(), 4_000_000_000_000] {
            let (time, clock) = stored(own);
            clock.advance_seconds(90);
            assert_eq!(time.now(&clock), NOON.plus_seconds(90));
            clock.set(UtcMillis::new(7));
            assert_eq!(time.now(&clock), NOON.plus_seconds(90), "somebody set the clock");
        }
    }

    #[test]
    fn no_relay_holds_it_back_or_moves_it_more_than_a_day_ahead_of_what_issuers_signed() {
        let (mut time, clock) = stored(NOON.get());
        time.hear_relay(UtcMillis::new(0), &clock);
        assert_eq!(time.now(&clock), NOON);
        time.hear_relay(NOON.plus_seconds(DAY / 2), &clock);
        assert_eq!(time.now(&clock), NOON.plus_seconds(DAY / 2), "the control: within a day");
        for _ in 0..3 {
            time.hear_relay(NOON.plus_seconds(365 * DAY), &clock);
            assert_eq!(time.now(&clock), NOON.plus_seconds(DAY), "said again it counts no further");
        }
        time.hear_issuer(NOON.plus_seconds(300 * DAY), &clock);
        assert_eq!(time.now(&clock), NOON.plus_seconds(300 * DAY), "the control: an issuer's word");
        arm("mutant.relay_moves_time");
        time.hear_relay(NOON.plus_seconds(3_000 * DAY), &clock);
        assert_eq!(time.now(&clock), NOON.plus_seconds(3_000 * DAY), "the guard taken away");
        disarm("mutant.relay_moves_time");
    }

    /// What this time is an hour after a relay that was twenty hours ahead is right again.
    fn after_a_lead(own: UtcMillis) -> UtcMillis {
        let (mut time, clock) = stored(own.get());
        time.hear_relay(NOON.plus_seconds(20 * 3_600), &clock);
        time.hear_relay(NOON, &clock);
        clock.advance_seconds(3_600);
        time.now(&clock)
    }

    #[test]
    fn a_lead_that_a_relay_gave_is_taken_back_where_the_machines_own_clock_says_so_too() {
        let lead = NOON.plus_seconds(20 * 3_600);
        assert_eq!(after_a_lead(NOON), NOON.plus_seconds(3_600), "two say so");
        assert_eq!(after_a_lead(NOON.plus_seconds(DAY)), lead.plus_seconds(3_600), "the relay alone");
        let (mut time, clock) = stored(NOON.get());
        clock.advance_seconds(3_600);
        clock.set(UtcMillis::new(0));
        time.hear_relay(UtcMillis::new(0), &clock);
        assert_eq!(
            time.now(&clock),
            NOON.plus_seconds(3_600),
            "never to before what an issuer has signed, and has passed since"
        );
        arm("mutant.lead_kept_up");
        assert_eq!(after_a_lead(NOON), lead.plus_seconds(3_600), "the guard taken away");
        disarm("mutant.lead_kept_up");
    }

    #[test]
    fn it_never_goes_back_across_a_start_of_the_machine_nor_on_by_what_another_has_run() {
        let (time, clock) = stored(NOON.get());
        clock.advance_seconds(1_000);
        let row = time.row(&clock);
        for run in [0, 500, 90 * DAY] {
            let another = ManualClock::new(UtcMillis::new(0)).of_another_machine();
            another.advance_seconds(run);
            let time = RetentionTime::load(Some(row), &another);
            assert_eq!(time.now(&another), NOON.plus_seconds(1_000));
            another.advance_seconds(5);
            assert_eq!(time.now(&another), NOON.plus_seconds(1_005));
        }
        clock.advance_seconds(500);
        let time = RetentionTime::load(Some(row), &clock);
        assert_eq!(time.now(&clock), NOON.plus_seconds(1_500), "the control: the same one, still running");
    }

    #[test]
    fn the_machines_own_clock_says_when_a_message_came_only_where_the_relays_agrees() {
        let (mut time, clock) = stored(NOON.plus_seconds(2 * DAY).get());
        assert_eq!(time.received(&clock, LIST), NOON, "nobody else says so");
        time.hear_relay(NOON.plus_seconds(20 * DAY), &clock);
        assert_eq!(time.received(&clock, LIST), NOON.plus_seconds(DAY), "the relay says otherwise");
        time.hear_relay(NOON.plus_seconds(2 * DAY + 60), &clock);
        assert_eq!(time.received(&clock, LIST), NOON.plus_seconds(2 * DAY));
        assert_eq!(time.now(&clock), NOON.plus_seconds(DAY), "nothing is deleted by it");
        clock.set(NOON.plus_seconds(365 * DAY));
        time.hear_relay(NOON.plus_seconds(365 * DAY), &clock);
        assert_eq!(time.received(&clock, LIST), NOON.plus_seconds(3 * DAY), "both a year ahead");
    }
}
