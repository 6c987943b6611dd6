//! What opening a vault asks of the store.

use std::future::Future;

use wardline_identity::{OprfKey, PublicKey};
use wardline_proto::{DeviceId, PairId, TryId, UtcMillis};

use super::{LastTry, Pair};
use crate::domain::record::RecordStorage;
use crate::store::StoreError;

/// Reads of one consistent view.
pub trait UnlockView: Send {
    /// A pair, if there is one that is not destroyed.
    fn pair(&mut self, id: PairId) -> impl Future<Output = Result<Option<Pair>, StoreError>> + Send;

    /// Whose a pair was that is destroyed: it was tried too often, or its device was revoked.
    fn closed(&mut self, id: PairId) -> impl Future<Output = Result<Option<DeviceId>, StoreError>> + Send;
}

/// Writes of one transaction.
pub trait UnlockStorage: UnlockView + RecordStorage {
    /// The generation that a device's vault was opened with last; 0 before the first.
    fn generation(&mut self, device: DeviceId) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Keeps a new pair of a device with its generation, in place of any that it has made and never opened with.
    fn keep_pair(
        &mut self,
        id: PairId,
        device: DeviceId,
        keys: (&PublicKey, &OprfKey),
        at: (u64, UtcMillis),
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Counts a try.
    fn count_try(
        &mut self,
        id: PairId,
        tries: u32,
        last: &LastTry,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The vault was opened by this try: no try counts any more, its generation is this, and the device's other pairs are destroyed.
    fn open_pair(
        &mut self,
        pair: &Pair,
        by: TryId,
        generation: u64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Destroys a pair that was tried too often; that it was stays known.
    fn close_pair(
        &mut self,
        id: PairId,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
