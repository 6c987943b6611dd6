//! The record: every act of administrators, registrars and the relay, in an append-only Merkle tree (design 4.7, P8).
//!
//! An entry is appended in the transaction of its act, so that there is no act without one and no entry without its act. What
//! a proof is made of is said here; the store keeps the hashes of all complete subtrees.

mod ranges;
mod storage;

use std::ops::Range;

use wardline_identity::{RecordAct, RecordEntry, record_node};
use wardline_proto::{Digest, UtcMillis};

pub use ranges::{Subtree, consistency, inclusion};
pub use storage::{RecordStorage, RecordView, StoredEntry};

use crate::store::StoreError;

/// The most entries in one page.
pub const PAGE_ENTRIES_MAX: usize = 500;

/// The most bytes of entries in one page, in bytes.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// The most entries in one request for proofs.
pub const PROOFS_MAX: usize = 100;

/// Puts an act on the record.
///
/// # Errors
/// Only those of the store.
pub async fn record<S: RecordStorage>(
    storage: &mut S,
    at: UtcMillis,
    act: RecordAct,
) -> Result<(), StoreError> {
    storage.append_entry(&RecordEntry { at, act }).await
}

/// The root of the record when it had so many entries.
///
/// # Errors
/// Only those of the store.
pub async fn root<V: RecordView>(view: &mut V, size: u64) -> Result<Digest, StoreError> {
    if size == 0 {
        return Ok(Digest::of(b""));
    }
    hash_of(view, 0..size).await
}

/// The hashes of these ranges: a proof.
///
/// # Errors
/// Only those of the store.
pub async fn hashes<V: RecordView>(view: &mut V, ranges: Vec<Range<u64>>) -> Result<Vec<Digest>, StoreError> {
    let mut proof = Vec::with_capacity(ranges.len());
    for range in ranges {
        proof.push(hash_of(view, range).await?);
    }
    Ok(proof)
}

/// The hash of the subtree over a range, of its complete subtrees: the smallest two first.
async fn hash_of<V: RecordView>(view: &mut V, range: Range<u64>) -> Result<Digest, StoreError> {
    let mut hash: Option<Digest> = None;
    for subtree in ranges::complete(range).into_iter().rev() {
        let left = view.record_hash(subtree).await?;
        hash = Some(hash.map_or(left, |right| record_node(&left, &right)));
    }
    Ok(hash.unwrap_or_else(|| Digest::of(b"")))
}
