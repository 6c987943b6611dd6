//! What the record asks of the store.

use std::future::Future;

use bytes::Bytes;
use wardline_identity::RecordEntry;
use wardline_proto::{DeviceId, Digest};

use super::Subtree;
use crate::store::StoreError;

/// Writes of one transaction.
pub trait RecordStorage: Send {
    /// Appends an entry, with the hashes of the subtrees that it completes.
    fn append_entry(&mut self, entry: &RecordEntry) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// An entry and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// From 0.
    pub number: u64,
    /// As it is stored.
    pub entry: Bytes,
}

/// Reads of one consistent view.
pub trait RecordView: Send {
    /// How many entries there are.
    fn record_size(&mut self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// The hash of a complete subtree.
    fn record_hash(&mut self, subtree: Subtree) -> impl Future<Output = Result<Digest, StoreError>> + Send;

    /// The entries from this number on, ascending, at most so many, and no more bytes than so many unless it is one; only those
    /// that name the device, if one is given.
    fn record_entries(
        &mut self,
        from: u64,
        device: Option<DeviceId>,
        most: usize,
        bytes: usize,
    ) -> impl Future<Output = Result<Vec<StoredEntry>, StoreError>> + Send;
}
