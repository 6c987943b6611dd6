//! Welcomes that came before they can be used: of a conversation this device is in, which only the commit to come takes out
//! and in; and of one that goes on from a log that is not closed here yet.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;
use wardline_proto::{
    fault,
    relay::{Entry, WelcomeDelivery},
};

/// How many are kept of conversations that are not known.
const UNKNOWN_MAX: usize = 16;
/// How many bytes are kept of known ones.
const KNOWN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long a Welcome that waits for the end of a log is not looked at again.
const PAUSE: Duration = Duration::from_secs(10);
/// How long that gets at most.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// After so many looks the pauses grow. By then what names an open log is joined: what waits on cannot be judged before a log ends
/// or a successor is named, and either is told.
const LOOKS_EVEN: u32 = 7;

/// How often a Welcome was looked at, and when it is to be again.
#[derive(Debug)]
struct Looked {
    times: u32,
    next: Instant,
}

impl Looked {
    /// It is looked at now.
    fn look(&mut self, now: Instant) {
        let doubled = self.times.saturating_sub(LOOKS_EVEN - 1).min(8);
        let doubled = if fault::planted("mutant.waits_evenly") { 0 } else { doubled };
        self.times = self.times.saturating_add(1);
        self.next = now + (PAUSE * 2_u32.pow(doubled)).min(PAUSE_MAX);
    }
}

/// What is kept of one stream.
#[derive(Debug, Default)]
pub(crate) struct Early {
    /// Of conversations that this device is in: the newest of each.
    known: HashMap<Bytes, WelcomeDelivery>,
    /// Of others: the newest of all.
    unknown: VecDeque<WelcomeDelivery>,
    /// When those are looked at.
    looked: HashMap<Bytes, Looked>,
    /// Whether one of those had to go.
    pushed_out: bool,
}

impl Early {
    /// Keeps a Welcome. Nobody's takes the place of another conversation's that this device is in, and of the same the newer
    /// counts.
    pub(crate) fn keep(&mut self, welcome: WelcomeDelivery, known: bool) {
        if fault::planted("mutant.early_first") {
            if self.known.len() + self.unknown.len() < UNKNOWN_MAX {
                self.known.insert(welcome.conversation_id.clone(), welcome);
            }
            return;
        }
        if !known {
            self.unknown.retain(|one| one.conversation_id != welcome.conversation_id);
            let first = Looked { times: 0, next: Instant::now() + PAUSE };
            self.looked.entry(welcome.conversation_id.clone()).or_insert(first);
            self.unknown.push_back(welcome);
            if self.unknown.len() > UNKNOWN_MAX {
                self.unknown.pop_front();
                self.pushed_out = true;
            }
            return;
        }
        let newer = self.known.get(&welcome.conversation_id).is_none_or(|had| had.number < welcome.number);
        let bytes: usize = self.known.values().map(|one| one.welcome.len()).sum();
        if newer && bytes + welcome.welcome.len() <= KNOWN_BYTES_MAX {
            self.known.insert(welcome.conversation_id.clone(), welcome);
        }
    }

    /// The Welcome that came with this entry; what came with one before it is of no use any more.
    pub(crate) fn take(&mut self, entry: &Entry) -> Option<WelcomeDelivery> {
        let ahead = self.known.get(&entry.conversation_id)?.number > entry.number;
        let taken = if ahead { None } else { self.known.remove(&entry.conversation_id) };
        taken.filter(|one| one.number == entry.number)
    }

    /// When those of conversations that are not known are to be looked at next; `None` if there are none.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        self.unknown.iter().filter_map(|one| self.looked.get(&one.conversation_id)).map(|one| one.next).min()
    }

    /// Takes those of conversations that are not known which are to be looked at by now, the oldest first; and whose wait on.
    pub(crate) fn take_due(&mut self, now: Instant) -> (Vec<WelcomeDelivery>, Vec<Bytes>) {
        let Self { unknown, looked, .. } = self;
        looked.retain(|id, _| unknown.iter().any(|one| one.conversation_id == *id));
        let is_due =
            |one: &WelcomeDelivery| looked.get(&one.conversation_id).is_none_or(|looked| looked.next <= now);
        let (due, rest): (Vec<_>, Vec<_>) = unknown.drain(..).partition(is_due);
        for one in &due {
            if let Some(looked) = looked.get_mut(&one.conversation_id) {
                looked.look(now);
            }
        }
        let waits = rest.iter().map(|one| one.conversation_id.clone()).collect();
        unknown.extend(rest);
        (due, waits)
    }

    /// All that was in the logs has come: those that came with it are looked at now.
    pub(crate) fn look_now(&mut self, now: Instant) {
        self.looked.values_mut().for_each(|one| one.next = now);
    }

    /// Whether one of those was not kept: it comes again over a new stream.
    pub(crate) fn lacks_some(&self) -> bool {
        self.pushed_out && !fault::planted("mutant.early_forgotten")
    }

    /// Those of conversations that are not known, the oldest first.
    pub(crate) fn take_unknown(&mut self) -> Vec<WelcomeDelivery> {
        self.unknown.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use wardline_proto::in_place;

    use super::*;

    fn welcome(conversation: u8, number: u64) -> WelcomeDelivery {
        let conversation_id = vec![conversation; 16].into();
        WelcomeDelivery { conversation_id, number, welcome: vec![0; 9].into(), ..WelcomeDelivery::default() }
    }

    fn entry(conversation: u8, number: u64) -> Entry {
        Entry { conversation_id: vec![conversation; 16].into(), number, ..Entry::default() }
    }

    /// Whether the one that counts is there when its commit comes, after so many that do not.
    fn is_there(junk: u8) -> bool {
        let mut early = Early::default();
        (0..junk).for_each(|one| early.keep(welcome(100 + one, 1), false));
        early.keep(welcome(1, 6), true);
        early.keep(welcome(1, 7), true);
        early.keep(welcome(1, 3), true);
        assert!(early.take(&entry(1, 5)).is_none());
        early.take(&entry(1, 7)).is_some()
    }

    #[test]
    fn welcomes_to_nowhere_take_no_others_place() {
        assert!(is_there(0), "the control");
        assert!(is_there(40));
        in_place::arm("mutant.early_first");
        assert!(!is_there(16), "the guard taken away");
        in_place::disarm("mutant.early_first");
    }

    #[test]
    fn of_those_that_wait_for_the_end_of_a_log_the_newest_are_kept() {
        let mut early = Early::default();
        (0..16).for_each(|one| early.keep(welcome(one, 1), false));
        assert!(early.next_look().is_some() && !early.lacks_some());
        (16..40).for_each(|one| early.keep(welcome(one, 1), false));
        let kept: Vec<u8> = early.take_unknown().iter().map(|one| one.conversation_id[0]).collect();
        assert_eq!(kept, (24..40).collect::<Vec<u8>>());
        assert!(early.lacks_some());
        assert!(early.take_unknown().is_empty());
    }
    /// The seconds at which two Welcomes are looked at that wait on, the second of which came so many seconds after the first.
    fn looks(guard: &'static str, later: u64, until: u64) -> [Vec<u64>; 2] {
        in_place::arm(guard);
        let (start, mut early) = (Instant::now(), Early::default());
        let mut looks = [Vec::new(), Vec::new()];
        early.keep(welcome(0, 1), false);
        early.look_now(start);
        while let Some(at) = early.next_look().filter(|at| (*at - start).as_secs() <= until) {
            let second = (at - start).as_secs();
            if second >= later && looks[1].is_empty() && !early.looked.contains_key(&vec![1; 16][..]) {
                early.keep(welcome(1, 1), false);
                early.looked.get_mut(&vec![1; 16][..]).unwrap().next = at;
            }
            for one in early.take_due(at).0 {
                looks[usize::from(one.conversation_id[0])].push(second);
                early.keep(one, false);
            }
        }
        in_place::disarm(guard);
        looks
    }

    #[test]
    fn what_waits_is_looked_at_every_ten_seconds_for_a_minute_and_then_ever_more_seldom() {
        let [first, second] = looks("", 130, 3_600);
        let even = [0, 10, 20, 30, 40, 50, 60, 70];
        assert_eq!(first[..8], even, "what names an open log is joined after a minute");
        assert_eq!(first[8..13], [90, 130, 210, 370, 670]);
        assert!(first[13..].iter().zip(&first[12..]).all(|(next, last)| next - last == 300), "{first:?}");
        assert_eq!(second[..8], even.map(|second| second + 130), "another one's time is its own");
        let [first, _] = looks("mutant.waits_evenly", 130, 3_600);
        assert_eq!(first.len(), 361, "the guard taken away: as often for ever");
    }
}
