//! Whose turn it is: one device after the other, each for a lease, then a rest that grows, so that what nobody can do is
//! not asked for ever every two seconds.

use std::{collections::BTreeSet, time::Duration};

use wardline_proto::{DeviceId, UtcMillis};

use super::{LEASE, REST_MAX, ROUND_MAX};

/// What a running relay remembers of asking for one task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Turn {
    /// Who is asked now, and until when.
    lease: Option<(DeviceId, UtcMillis)>,
    /// Who was asked in this round.
    asked: BTreeSet<DeviceId>,
    /// How many rounds are over.
    rounds: u32,
    /// Until when those who were asked are left alone.
    rests_until: Option<UtcMillis>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask this device; its turn ends then.
    Ask(DeviceId, UtcMillis),
    /// Nothing before then.
    Wait(UtcMillis),
    /// Nothing before somebody comes.
    Sleep,
}

impl Turn {
    /// Goes on at `now`, with these who can be asked, the best first.
    pub fn step(&mut self, able: &[DeviceId], now: UtcMillis) -> Step {
        // 1. Somebody has the turn, and is there.
        if let Some((device, until)) = self.lease {
            if is_ahead(until, now, LEASE) && able.contains(&device) {
                return Step::Wait(until);
            }
            self.lease = None;
        }
        // 2. A rest is over.
        if self.rests_until.is_some_and(|until| !is_ahead(until, now, REST_MAX)) {
            self.rests_until = None;
            self.asked.clear();
        }
        // 3. The next who was not asked; one who has come meanwhile also while the others rest.
        let next = able.iter().find(|device| !self.asked.contains(*device));
        let full = self.asked.len() >= ROUND_MAX && self.rests_until.is_none();
        if let Some(device) = next
            && !full
        {
            let until = plus(now, LEASE);
            self.asked.insert(*device);
            self.lease = Some((*device, until));
            return Step::Ask(*device, until);
        }
        // 4. Nobody, or all of them in vain.
        if let Some(until) = self.rests_until {
            return Step::Wait(until);
        }
        if self.asked.is_empty() {
            return Step::Sleep;
        }
        let rest = LEASE.saturating_mul(1 << self.rounds.min(16)).min(REST_MAX);
        let until = plus(now, rest);
        self.rounds = self.rounds.saturating_add(1);
        self.rests_until = Some(until);
        Step::Wait(until)
    }

    /// Who has the turn.
    #[must_use]
    pub fn asked_now(&self) -> Option<DeviceId> {
        self.lease.map(|(device, _)| device)
    }

    /// The device is as if it had not been asked.
    pub fn forget(&mut self, device: DeviceId) {
        self.asked.remove(&device);
        self.lease = self.lease.filter(|(asked, _)| *asked != device);
    }

    /// Something has changed that makes it worth while to ask everybody again.
    pub fn begin_anew(&mut self) {
        (self.rounds, self.rests_until) = (0, None);
        self.asked.clear();
    }
}

/// Whether `until` is still to come. A clock that was set back must not make a short wait into a long one.
fn is_ahead(until: UtcMillis, now: UtcMillis, at_most: Duration) -> bool {
    now < until && until <= plus(now, at_most)
}

/// An instant and a span later.
pub(super) fn plus(instant: UtcMillis, span: Duration) -> UtcMillis {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    UtcMillis::new(instant.get().saturating_add(millis))
}
