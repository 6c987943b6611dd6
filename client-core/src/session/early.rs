//! Welcomes that came before they can be used: of a conversation this device is in, which only the commit to come takes out
//! and in; and of one that goes on from a log that is not closed here yet.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use wardline_proto::{
    fault,
    relay::{Entry, WelcomeDelivery},
};

/// How many are kept of conversations that are not known.
const UNKNOWN_MAX: usize = 16;
/// How many bytes are kept of known ones.
const KNOWN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What is kept of one stream.
#[derive(Debug, Default)]
pub(crate) struct Early {
    /// Of conversations that this device is in: the newest of each.
    known: HashMap<Bytes, WelcomeDelivery>,
    /// Of others: the newest of all.
    unknown: VecDeque<WelcomeDelivery>,
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

    /// Whether there are some of conversations that are not known.
    pub(crate) fn has_unknown(&self) -> bool {
        !self.unknown.is_empty()
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
        assert!(early.has_unknown() && !early.lacks_some());
        (16..40).for_each(|one| early.keep(welcome(one, 1), false));
        let kept: Vec<u8> = early.take_unknown().iter().map(|one| one.conversation_id[0]).collect();
        assert_eq!(kept, (24..40).collect::<Vec<u8>>());
        assert!(early.lacks_some());
        assert!(early.take_unknown().is_empty());
    }
}
