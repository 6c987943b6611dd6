//! What revocation asks of the store.

use std::future::Future;

use bytes::Bytes;
use wardline_identity::{PendingHold, RevocationAct, RevocationList, UserId};
use wardline_proto::{ConversationId, DeviceId, Digest, EntryNumber, InvitationId, UtcMillis};

use super::{PendingAct, Presence, Removal, TakenHold};
use crate::domain::membership::MembershipStorage;
use crate::store::StoreError;

/// Reads and writes of one transaction.
pub trait RevocationStorage: MembershipStorage {
    /// The newest list.
    fn revocation_list(&mut self) -> impl Future<Output = Result<Option<RevocationList>, StoreError>> + Send;

    /// What was done last to a device: by a hold that no list names yet, or by a list.
    fn last_act(
        &mut self,
        device: DeviceId,
    ) -> impl Future<Output = Result<Option<RevocationAct>, StoreError>> + Send;

    /// What a list has done last to a device.
    fn listed_act(
        &mut self,
        device: DeviceId,
    ) -> impl Future<Output = Result<Option<RevocationAct>, StoreError>> + Send;

    /// The hold that keeps a device out and that no list names yet: of several the one with the latest date.
    fn held(
        &mut self,
        device: DeviceId,
    ) -> impl Future<Output = Result<Option<RevocationAct>, StoreError>> + Send;

    /// Since when a device is out by such holds: when the first of them was taken.
    fn held_since(
        &mut self,
        device: DeviceId,
    ) -> impl Future<Output = Result<Option<UtcMillis>, StoreError>> + Send;

    /// What each such hold comes to, by device, in the order in which they were taken.
    fn held_by_each(&mut self) -> impl Future<Output = Result<Vec<PendingAct>, StoreError>> + Send;

    /// Of these for each device the one that counts: that with the latest date.
    fn all_held(&mut self) -> impl Future<Output = Result<Vec<PendingAct>, StoreError>> + Send;

    /// The holds by which some device is out that no list names, in the order in which they were taken.
    fn standing_holds(&mut self) -> impl Future<Output = Result<Vec<PendingHold>, StoreError>> + Send;

    /// The encoded answer to the statement with this digest.
    fn hold_answer(
        &mut self,
        digest: &Digest,
    ) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// Keeps a hold with its answer, and whom it keeps out.
    fn keep_hold(
        &mut self,
        taken: &TakenHold<'_>,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The hold of a device that no list names has run out.
    fn end_held(
        &mut self,
        device: DeviceId,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// How many devices of others a user has put on hold after some time, and when the first.
    fn held_by(
        &mut self,
        user: &UserId,
        after: UtcMillis,
    ) -> impl Future<Output = Result<(u64, Option<UtcMillis>), StoreError>> + Send;

    /// Whether a device is revoked, or its hold was carried out for good.
    fn is_ended(&mut self, device: DeviceId) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Keeps a list in place of the one before.
    fn keep_revocation_list(
        &mut self,
        list: &RevocationList,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps an act under its number; a hold of the device before it is over, and none is pending any more.
    fn keep_act(
        &mut self,
        number: u64,
        act: &RevocationAct,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The encoded answer to this list: to the one with its number and chain, whenever it was signed.
    fn revocation_answer(
        &mut self,
        list: &RevocationList,
    ) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// Keeps it.
    fn keep_revocation_answer(
        &mut self,
        list: &RevocationList,
        answer: &Bytes,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// By the list with this number the device must leave every conversation that it is in, and each is owed that; in one that
    /// is closed and has nothing yet that goes on from it, it is to be left out. Gives all that it must leave, or has left by a
    /// hold that this list takes up, ascending.
    fn raise_fences(
        &mut self,
        device: DeviceId,
        list_number: u64,
        now: UtcMillis,
    ) -> impl Future<Output = Result<Vec<ConversationId>, StoreError>> + Send;

    /// The device may stay where it is; gives the conversations that it need not leave any more.
    fn lower_fences(
        &mut self,
        device: DeviceId,
        now: UtcMillis,
    ) -> impl Future<Output = Result<Vec<ConversationId>, StoreError>> + Send;

    /// The conversations that the device must leave, and in which nobody may stay.
    fn enclosed(
        &mut self,
        device: DeviceId,
    ) -> impl Future<Output = Result<Vec<ConversationId>, StoreError>> + Send;

    /// The holds that no later act has ended and that were not carried out for good, with their numbers.
    fn holds(&mut self) -> impl Future<Output = Result<Vec<(u64, RevocationAct)>, StoreError>> + Send;

    /// The hold with this number is over.
    fn end_hold(
        &mut self,
        number: u64,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps a second member's word with each removal that this commit closed, unless there is one.
    fn keep_confirmation(
        &mut self,
        log: ConversationId,
        number: EntryNumber,
        statement: &Bytes,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The device waits for no certificate any more.
    fn drop_renewal(&mut self, device: DeviceId) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends a device for good: its id counts as revoked, its KeyPackages and the Welcomes for nobody but it go, and enrolments
    /// that claim its id are refused: gives them.
    fn end_device(
        &mut self,
        device: DeviceId,
        now: UtcMillis,
    ) -> impl Future<Output = Result<Vec<InvitationId>, StoreError>> + Send;
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

    /// The holds that no list names yet, in the order in which they were taken.
    fn pending_holds(&mut self) -> impl Future<Output = Result<Vec<PendingHold>, StoreError>> + Send;

    /// What became of a device, by conversation, ascending: of each the last.
    fn removals(&mut self, device: DeviceId)
    -> impl Future<Output = Result<Vec<Removal>, StoreError>> + Send;

    /// When a device was last there, and in how many conversations it is.
    fn presence(&mut self, device: DeviceId) -> impl Future<Output = Result<Presence, StoreError>> + Send;
}
