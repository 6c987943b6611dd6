//! From where to where a device was in a log, and what follows from that for a commit of it.
//!
//! One rule says who was in the epoch before a commit, and all ask it: a device that the commit itself took out and in was,
//! though its last stay begins there. What a declaration says of a device is its author's word; what a device has
//! acknowledged is its own.

use wardline_proto::{EntryNumber, fault};

use crate::domain::conversation::Stay;

/// One stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The entry that let it in; 0 for the creator.
    pub joined: EntryNumber,
    /// The entry that let it out.
    pub departed: Option<EntryNumber>,
    /// The last entry it said it has; the one before `joined` if it said nothing.
    pub acked: EntryNumber,
}

/// The stays of a device, ascending: the last, those in which a commit is reported, and one whose end it has not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spans(Vec<Span>);

impl Span {
    fn is_before(&self, number: EntryNumber) -> bool {
        let began = self.joined < number || self.joined == EntryNumber::ZERO;
        began && self.departed.is_none_or(|departed| departed >= number)
    }
}

impl Spans {
    /// These, ascending.
    #[must_use]
    pub const fn new(spans: Vec<Span>) -> Self {
        Self(spans)
    }

    /// The last one.
    #[must_use]
    pub fn last(&self) -> Option<&Span> {
        self.0.last()
    }

    /// The stay in the epoch that this commit ended.
    fn before(&self, number: EntryNumber) -> Option<&Span> {
        if fault::planted("mutant.last_stay_only") {
            return self.last().filter(|span| span.joined < number || span.joined == EntryNumber::ZERO);
        }
        self.0.iter().find(|span| span.is_before(number))
    }

    /// Whether the device was in the epoch that this commit ended.
    #[must_use]
    pub fn was_before(&self, number: EntryNumber) -> bool {
        self.before(number).is_some()
    }

    /// Whether it never went out before this commit, by its own word: it is in again and has not acknowledged that it was out.
    /// Whoever puts everybody out and lets them in again by something that does not open has made nothing of them.
    #[must_use]
    pub fn never_went(&self, number: EntryNumber) -> bool {
        let earlier = self.0.split_last().map_or(&[][..], |(_, earlier)| earlier);
        let said = earlier.iter().rfind(|span| span.acked >= span.joined);
        let stays_on =
            |span: &Span| span.joined < number && span.departed.is_some_and(|departed| span.acked < departed);
        said.is_some_and(stays_on) && !fault::planted("mutant.last_stay_only")
    }

    /// Whether this commit let it in.
    #[must_use]
    pub fn came_with(&self, number: EntryNumber) -> bool {
        self.0.iter().any(|span| span.joined == number)
    }

    /// Whether it was in before this commit and has all that was there.
    #[must_use]
    pub fn had_all_before(&self, number: EntryNumber) -> bool {
        self.before(number).is_some_and(|span| span.acked.next() >= number)
    }

    /// Whether it has said that it has this entry. Where a stay begins is not its word.
    #[must_use]
    pub fn followed(&self, number: EntryNumber) -> bool {
        self.0.iter().any(|span| span.acked >= span.joined && span.acked >= number)
    }

    /// Whether it was in before this commit and was put out by it, or later without having followed it.
    #[must_use]
    pub fn was_put_out(&self, number: EntryNumber) -> bool {
        let departed = self.last().and_then(|span| span.departed);
        let by_it = departed
            .is_some_and(|departed| departed == number || departed > number && !self.followed(number));
        by_it && self.was_before(number)
    }
}

impl From<&[Stay]> for Spans {
    fn from(stays: &[Stay]) -> Self {
        let span = |stay: &Stay| Span { joined: stay.joined, departed: stay.departed, acked: stay.acked };
        Self(stays.iter().map(span).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(list: &[(u64, u64, u64)]) -> Spans {
        let entry = EntryNumber::new;
        let span = |(joined, departed, acked): &(u64, u64, u64)| Span {
            joined: entry(*joined),
            departed: (*departed > 0).then(|| entry(*departed)),
            acked: entry(*acked),
        };
        Spans::new(list.iter().map(span).collect())
    }

    /// The commits up to 12 that the device was in before.
    fn before(list: &[(u64, u64, u64)]) -> Vec<u64> {
        let spans = spans(list);
        (1..=12).filter(|number| spans.was_before(EntryNumber::new(*number))).collect()
    }

    #[test]
    fn a_device_was_in_before_the_commits_of_its_stays_but_the_one_that_let_it_in() {
        assert_eq!(before(&[(0, 3, 0)]), [1, 2, 3], "its creator, until it went out");
        assert_eq!(before(&[(9, 0, 0)]), [10, 11, 12]);
        assert_eq!(before(&[(1, 4, 1), (4, 6, 3), (9, 10, 8)]), [2, 3, 4, 5, 6, 10], "out and in with 4");
        assert_eq!(before(&[]), [] as [u64; 0]);
    }

    #[test]
    fn where_a_stay_begins_is_not_what_a_device_said() {
        let followed = |list: &[(u64, u64, u64)], number| spans(list).followed(EntryNumber::new(number));
        assert!(!followed(&[(1, 9, 1), (9, 0, 8)], 4), "taken out and in: its word ends at 1");
        assert!(followed(&[(1, 9, 4), (9, 0, 8)], 4));
        assert!(followed(&[(1, 9, 1), (9, 0, 9)], 4), "it came in anew by 9, and said so");
    }

    #[test]
    fn who_has_not_acknowledged_that_it_was_out_never_went() {
        let never_went = |list: &[(u64, u64, u64)]| spans(list).never_went(EntryNumber::new(9));
        assert!(never_went(&[(1, 4, 2), (4, 6, 3), (9, 0, 8)]));
        assert!(!never_went(&[(1, 4, 4), (9, 0, 8)]), "it said so");
        assert!(!never_went(&[(1, 4, 2)]), "it is out");
        assert!(!never_went(&[(9, 0, 8)]), "it never was in before");
    }
}
