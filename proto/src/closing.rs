//! How many people's word closes a log, counted alike by the relay that closes it and by the members who judge that.
//!
//! One false report closes no log of three or more people. And nobody brings back what others have long gone on from: members
//! know only of the last commits who was in before them, so behind that it takes more than half of the people.

/// So many commits behind one at most it is closed by two people's word, while others have followed them.
pub const COMMITS_BACK: u64 = 10;

/// Before so many of the last commits a member keeps who was in: twice as many, for what it has followed and the relay has not
/// heard of yet, and that one itself.
pub const ROSTERS_KEPT: u64 = 2 * COMMITS_BACK + 1;

/// More than half of so many people is never asked for: a relay shows no more than 200 reports.
const HALF_MAX: usize = 100;

/// Whether so many people's word closes a log of so many people, at a commit from which others have gone on far or not.
#[must_use]
pub fn enough(said: usize, people: usize, far_back: bool) -> bool {
    let near = if people > 2 { 2 } else { 1 };
    let half = (people / 2 + 1).min(HALF_MAX);
    said >= if far_back { near.max(half) } else { near }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_is_enough_for_two_people_and_two_for_more() {
        let least = |people| (0..9).find(|said| enough(*said, people, false));
        assert_eq!([0, 1, 2, 3, 4, 500].map(least), [Some(1), Some(1), Some(1), Some(2), Some(2), Some(2)]);
    }

    #[test]
    fn far_back_it_takes_more_than_half_and_never_more_than_is_shown() {
        let least = |people| (0..999).find(|said| enough(*said, people, true));
        assert_eq!([1, 2, 3, 4, 5, 6].map(least), [1, 2, 2, 3, 3, 4].map(Some));
        assert_eq!([198, 500].map(least), [Some(100), Some(100)]);
    }
}
