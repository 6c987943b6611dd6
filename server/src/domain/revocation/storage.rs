//! What revocation asks of the store.

use std::future::Future;

use bytes::Bytes;
use wardline_identity::{RevocationAct, RevocationList};
use wardline_proto::{ConversationId, DeviceId, UtcMillis};

use super::{Presence, Removal};
use crate::domain::membership::MembershipStorage;
use crate::store::StoreError;

/// Reads and writes of one transaction.
pub trait RevocationStorage: MembershipStorage {
    /// The newest list.
    fn revocation_list(&mut self) -> impl Future<Output = Result<Option<RevocationList>, StoreError>> + Send;

    /// What was done last to a device.
    fn last_act(
        &mut self,
        device: DeviceId,
    ) -> impl Future<Output = Result<Option<RevocationAct>, StoreError>> + Send;

    /// Keeps a list in place of the one before.
    fn keep_revocation_list(
        &mut self,
        list: &RevocationList,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps an act under its number.
    fn keep_act(
        &mut self,
        number: u64,
        act: &RevocationAct,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The encoded answer to the list with this number.
    fn revocation_answer(
        &mut self,
        number: u64,
    ) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// Keeps it.
    fn keep_revocation_answer(
        &mut self,
        number: u64,
        answer: &Bytes,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The device must leave every open conversation that it is in; gives all that it is in, ascending.
    fn raise_fences(
        &mut self,
        device: DeviceId,
    ) -> impl Future<Output = Result<Vec<ConversationId>, StoreError>> + Send;

    /// The device may stay where it is; gives the conversations that it need not leave any more.
    fn lower_fences(
        &mut self,
        device: DeviceId,
    ) -> impl Future<Output = Result<Vec<ConversationId>, StoreError>> + Send;

    /// Ends a device for good: its id counts as revoked, its KeyPackages and the Welcomes for nobody but it go, and an
    /// enrolment that claims its id is refused.
    fn end_device(
        &mut self,
        device: DeviceId,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Reads of one consistent view.
pub trait RevocationView: Send {
    /// The newest list.
    fn revocation_list(&mut self) -> impl Future<Output = Result<Option<RevocationList>, StoreError>> + Send;

    /// The acts after so many, in order, at most so many.
    fn acts_after(
        &mut self,
        acts: u64,
        most: usize,
    ) -> impl Future<Output = Result<Vec<RevocationAct>, StoreError>> + Send;

    /// What became of a device, by conversation, ascending: of each the last.
    fn removals(&mut self, device: DeviceId)
    -> impl Future<Output = Result<Vec<Removal>, StoreError>> + Send;

    /// When a device was last there, and in how many conversations it is.
    fn presence(&mut self, device: DeviceId) -> impl Future<Output = Result<Presence, StoreError>> + Send;
}
