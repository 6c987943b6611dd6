//! What the rules need of storage. Implemented by the store; runs inside its transactions.

use std::{collections::BTreeSet, future::Future};

use wardline_proto::{
    ChainHash, ChainLink, ClientMessageId, ConversationId, DeviceId, Digest, EntryNumber, Epoch, UtcMillis,
};

use super::{
    Budget, ClaimedReference, CommitRecord, Conversation, Delivery, Entry, NewCommit, NewConversation,
    NewEntry, SendView, Stay, Unfinished,
};
use crate::domain::record::RecordStorage;
use crate::store::StoreError;

/// Reads and writes of one transaction.
pub trait ConversationStorage: RecordStorage {
    /// Everything a send is judged by.
    fn send_view(
        &mut self,
        conversation: ConversationId,
        device: DeviceId,
        id: ClientMessageId,
    ) -> impl Future<Output = Result<SendView, StoreError>> + Send;

    /// The conversation's row.
    fn conversation(
        &mut self,
        id: ConversationId,
    ) -> impl Future<Output = Result<Option<Conversation>, StoreError>> + Send;

    /// Its members.
    fn roster(
        &mut self,
        id: ConversationId,
    ) -> impl Future<Output = Result<BTreeSet<DeviceId>, StoreError>> + Send;

    /// The devices that must leave it.
    fn fence(
        &mut self,
        id: ConversationId,
    ) -> impl Future<Output = Result<BTreeSet<DeviceId>, StoreError>> + Send;

    /// The commit that ended `epoch`.
    fn commit_of(
        &mut self,
        id: ConversationId,
        epoch: Epoch,
    ) -> impl Future<Output = Result<Option<CommitRecord>, StoreError>> + Send;

    /// What the entries after `seen` and up to `head` add to the chain, in order; those that are still there.
    fn links(
        &mut self,
        id: ConversationId,
        seen: EntryNumber,
        head: EntryNumber,
    ) -> impl Future<Output = Result<Vec<ChainLink>, StoreError>> + Send;

    /// Number of the revocation list in force; 0 before the first.
    fn revocation_number(&mut self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Whether a hold with this digest was taken.
    fn is_hold_taken(&mut self, digest: &Digest) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Whether a device is revoked or on hold.
    fn is_out(&mut self, device: DeviceId) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// When `device` committed by the clock as it was, from `from` up to `to`, ascending.
    fn commits_taken(
        &mut self,
        id: ConversationId,
        device: DeviceId,
        from: UtcMillis,
        to: UtcMillis,
    ) -> impl Future<Output = Result<Vec<UtcMillis>, StoreError>> + Send;

    /// The unused claim of `claimer` behind a KeyPackageRef.
    fn claimed(
        &mut self,
        claimer: DeviceId,
        reference: &[u8],
    ) -> impl Future<Output = Result<Option<ClaimedReference>, StoreError>> + Send;

    /// Opens a log with its creator as the only member.
    fn open(&mut self, new: &NewConversation) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Appends a message and counts it for its sender.
    fn append_message(
        &mut self,
        entry: &NewEntry,
        id: ClientMessageId,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Appends a commit: entry, epoch, routing, Welcome and used packages.
    fn append_commit(&mut self, commit: &NewCommit) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Notes from when on the conversation is owed a commit because of its epoch's age.
    fn owe_renewal(
        &mut self,
        id: ConversationId,
        due: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Makes the last winner leave the turn to others until `until`.
    fn yield_turn(
        &mut self,
        id: ConversationId,
        until: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The stays of `device` in the conversation, in order.
    fn stays(
        &mut self,
        id: ConversationId,
        device: DeviceId,
    ) -> impl Future<Output = Result<Vec<Stay>, StoreError>> + Send;

    /// Says that `device` has all up to `number` of the stay that began at `joined`.
    fn acknowledge(
        &mut self,
        id: ConversationId,
        device: DeviceId,
        joined: EntryNumber,
        number: EntryNumber,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Reads of one consistent view.
pub trait ConversationView: Send {
    /// The stays of `device` in the conversation, in order.
    fn stays(
        &mut self,
        id: ConversationId,
        device: DeviceId,
    ) -> impl Future<Output = Result<Vec<Stay>, StoreError>> + Send;

    /// The conversations that `device` has not read to the end of its last stay, each with the last entry it
    /// may see and the last it acknowledged.
    fn unfinished(
        &mut self,
        device: DeviceId,
    ) -> impl Future<Output = Result<Vec<Unfinished>, StoreError>> + Send;

    /// The chain hash with an entry, if the entry is still there.
    fn chain_at(
        &mut self,
        id: ConversationId,
        number: EntryNumber,
    ) -> impl Future<Output = Result<Option<ChainHash>, StoreError>> + Send;

    /// Entries `from..=to` in order, cut off where `budget` is used up; never empty unless there is none.
    fn entries(
        &mut self,
        id: ConversationId,
        from: EntryNumber,
        to: EntryNumber,
        budget: Budget,
    ) -> impl Future<Output = Result<Vec<Entry>, StoreError>> + Send;

    /// The Welcome of the commit with this number, if it is still there.
    fn delivery(
        &mut self,
        id: ConversationId,
        number: EntryNumber,
    ) -> impl Future<Output = Result<Option<Delivery>, StoreError>> + Send;

    /// The commit that ended `epoch`.
    fn commit_entry(
        &mut self,
        id: ConversationId,
        epoch: Epoch,
    ) -> impl Future<Output = Result<Option<Entry>, StoreError>> + Send;
}
