//! What proofs are made of (RFC 6962 §2.1.1, §2.1.2), as ranges of entries; and a range as complete subtrees.

use std::ops::Range;

/// The complete subtree over the entries from `place · 2^level` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subtree {
    /// It has 2^level entries.
    pub level: u32,
    /// Its place among those of its level.
    pub place: u64,
}

/// `PATH(number, D[0:size])`: the neighbours from the leaf up. Empty if the record has no such entry.
#[must_use]
pub fn inclusion(number: u64, size: u64) -> Vec<Range<u64>> {
    let (mut path, mut within) = (Vec::new(), 0..size);
    if number >= size {
        return path;
    }
    while within.end - within.start > 1 {
        let middle = within.start + split(within.end - within.start);
        if number < middle {
            path.push(middle..within.end);
            within.end = middle;
        } else {
            path.push(within.start..middle);
            within.start = middle;
        }
    }
    path.reverse();
    path
}

/// `PROOF(older, D[0:newer])`. Empty unless there were fewer entries, but some.
#[must_use]
pub fn consistency(older: u64, newer: u64) -> Vec<Range<u64>> {
    let (mut proof, mut within) = (Vec::new(), 0..newer);
    if older == 0 || older >= newer {
        return proof;
    }
    // Whether what is left is the whole older record, whose root the reader has.
    let mut whole = true;
    while within.end != older {
        let middle = within.start + split(within.end - within.start);
        if older <= middle {
            proof.push(middle..within.end);
            within.end = middle;
        } else {
            proof.push(within.start..middle);
            within.start = middle;
            whole = false;
        }
    }
    if !whole {
        proof.push(within);
    }
    proof.reverse();
    proof
}

/// The complete subtrees of a range, the largest first. It begins where a subtree of its size may begin.
pub(super) fn complete(range: Range<u64>) -> Vec<Subtree> {
    let (mut start, mut subtrees) = (range.start, Vec::new());
    while start < range.end {
        let level = (range.end - start).ilog2();
        subtrees.push(Subtree { level, place: start >> level });
        start += 1 << level;
    }
    subtrees
}

/// The largest power of two that is smaller.
fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proofs_of_the_seven_entries_in_rfc_6962_are_those() {
        // §2.1.3: the paths of d0, d3, d4 and d6, and the proofs from 3, 4 and 6.
        assert_eq!(inclusion(0, 7), [1..2, 2..4, 4..7]);
        assert_eq!(inclusion(3, 7), [2..3, 0..2, 4..7]);
        assert_eq!(inclusion(4, 7), [5..6, 6..7, 0..4]);
        assert_eq!(inclusion(6, 7), [4..6, 0..4]);
        assert_eq!(consistency(3, 7), [2..3, 3..4, 0..2, 4..7]);
        assert!(matches!(consistency(4, 7).as_slice(), [whole] if *whole == (4..7)));
        assert_eq!(consistency(6, 7), [4..6, 6..7, 0..4]);
    }

    #[test]
    fn there_is_nothing_to_prove_of_what_is_not_there() {
        assert!(inclusion(7, 7).is_empty() && inclusion(0, 0).is_empty() && inclusion(0, 1).is_empty());
        assert!(consistency(0, 7).is_empty() && consistency(7, 7).is_empty() && consistency(8, 7).is_empty());
    }

    #[test]
    fn a_range_is_its_complete_subtrees_the_largest_first() {
        let whole = complete(0..7);
        let of = |level, place| Subtree { level, place };
        assert_eq!(whole, [of(2, 0), of(1, 2), of(0, 6)]);
        assert_eq!(complete(4..7), [of(1, 2), of(0, 6)]);
        assert_eq!(complete(0..0), []);
    }
}
