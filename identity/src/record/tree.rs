//! The tree's hashes (RFC 6962 §2.1), and a tree that grows without keeping its leaves.

use sha2::{Digest as _, Sha256};
use wardline_proto::Digest;

/// The hash of an entry, by the bytes it is stored as: SHA-256(0x00 ‖ entry).
#[must_use]
pub fn record_leaf(entry: &[u8]) -> Digest {
    let mut hash = Sha256::new();
    hash.update([0x00]);
    hash.update(entry);
    Digest::from_bytes(hash.finalize().into())
}

/// The hash of two neighbours: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn record_node(left: &Digest, right: &Digest) -> Digest {
    let mut hash = Sha256::new();
    hash.update([0x01]);
    hash.update(left.as_bytes());
    hash.update(right.as_bytes());
    Digest::from_bytes(hash.finalize().into())
}

/// The root of entries that are given one after the other. It keeps the complete subtrees only, one for each bit of its size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordTree {
    size: u64,
    /// The complete subtrees, the largest first.
    complete: Vec<Digest>,
}

impl RecordTree {
    /// The empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, complete: Vec::new() }
    }

    /// As it was: its size, and its complete subtrees, the largest first. `None` if there are not as many as that size has.
    #[must_use]
    pub fn restore(size: u64, complete: Vec<Digest>) -> Option<Self> {
        (usize::try_from(size.count_ones()) == Ok(complete.len())).then_some(Self { size, complete })
    }

    /// Adds an entry. Gives the hashes of the subtrees that it completes, the leaf first: of 1, 2, 4 … entries.
    pub fn push(&mut self, entry: &[u8]) -> Vec<Digest> {
        let mut hash = record_leaf(entry);
        let mut completed = vec![hash];
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.complete.pop() else { break };
            hash = record_node(&left, &hash);
            completed.push(hash);
        }
        self.complete.push(hash);
        self.size = self.size.saturating_add(1);
        completed
    }

    /// How many entries it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Its root; of the empty tree, SHA-256 of nothing.
    #[must_use]
    pub fn root(&self) -> Digest {
        let smaller_first = self.complete.iter().rev().copied();
        smaller_first.reduce(|right, left| record_node(&left, &right)).unwrap_or_else(|| Digest::of(b""))
    }
}
