//! The tables of conversations: [`ConversationStorage`] for the writer, [`ConversationView`] for readers.

mod append;
pub(in crate::store) mod entries;
mod links;
mod rows;
pub(in crate::store) mod stays;

use std::collections::BTreeSet;

use wardline_proto::{
    ChainHash, ChainLink, ClientMessageId, ConversationId, DeviceId, Digest, EntryNumber, Epoch, UtcMillis,
};

use super::{ReadTx, StoreError, WriteTx};
use crate::domain::conversation::{
    Budget, ClaimedReference, CommitRecord, Conversation, ConversationStorage, ConversationView, Delivery,
    Entry, NewCommit, NewConversation, NewEntry, SendView, Stay, Unfinished,
};
use crate::store::{
    key_package::claims,
    revocation::{holds, list},
};

impl ConversationStorage for WriteTx {
    async fn send_view(
        &mut self,
        conversation: ConversationId,
        device: DeviceId,
        id: ClientMessageId,
    ) -> Result<SendView, StoreError> {
        rows::send_view(self.connection(), conversation, device, id).await
    }

    async fn conversation(&mut self, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
        rows::conversation(self.connection(), id).await
    }

    async fn roster(&mut self, id: ConversationId) -> Result<BTreeSet<DeviceId>, StoreError> {
        stays::roster(self.connection(), id).await
    }

    async fn fence(&mut self, id: ConversationId) -> Result<BTreeSet<DeviceId>, StoreError> {
        stays::fence(self.connection(), id).await
    }

    async fn commit_of(
        &mut self,
        id: ConversationId,
        epoch: Epoch,
    ) -> Result<Option<CommitRecord>, StoreError> {
        entries::commit_of(self.connection(), id, epoch).await
    }

    async fn links(
        &mut self,
        id: ConversationId,
        seen: EntryNumber,
        head: EntryNumber,
    ) -> Result<Vec<ChainLink>, StoreError> {
        links::after(self.connection(), id, seen, head).await
    }

    async fn revocation_number(&mut self) -> Result<u64, StoreError> {
        list::number(self.connection()).await
    }

    async fn is_hold_taken(&mut self, digest: &Digest) -> Result<bool, StoreError> {
        holds::is_taken(self.connection(), digest).await
    }

    async fn is_out(&mut self, device: DeviceId) -> Result<bool, StoreError> {
        list::is_out(self.connection(), device).await
    }

    async fn commits_taken(
        &mut self,
        id: ConversationId,
        device: DeviceId,
        from: UtcMillis,
        to: UtcMillis,
    ) -> Result<Vec<UtcMillis>, StoreError> {
        entries::commits_taken(self.connection(), id, device, from, to).await
    }

    async fn claimed(
        &mut self,
        claimer: DeviceId,
        reference: &[u8],
    ) -> Result<Option<ClaimedReference>, StoreError> {
        claims::unused(self.connection(), claimer, reference).await
    }

    async fn open(&mut self, new: &NewConversation) -> Result<(), StoreError> {
        rows::open(self.connection(), new).await
    }

    async fn append_message(&mut self, entry: &NewEntry, id: ClientMessageId) -> Result<(), StoreError> {
        append::message(self.connection(), entry, id).await
    }

    async fn append_commit(&mut self, commit: &NewCommit) -> Result<(), StoreError> {
        append::commit(self.connection(), commit).await
    }

    async fn owe_renewal(&mut self, id: ConversationId, due: UtcMillis) -> Result<(), StoreError> {
        rows::owe_renewal(self.connection(), id, due).await
    }

    async fn yield_turn(&mut self, id: ConversationId, until: UtcMillis) -> Result<(), StoreError> {
        rows::yield_turn(self.connection(), id, until).await
    }

    async fn stays(&mut self, id: ConversationId, device: DeviceId) -> Result<Vec<Stay>, StoreError> {
        stays::of_device(self.connection(), id, device).await
    }

    async fn acknowledge(
        &mut self,
        id: ConversationId,
        device: DeviceId,
        joined: EntryNumber,
        number: EntryNumber,
    ) -> Result<(), StoreError> {
        stays::acknowledge(self.connection(), id, device, joined, number).await
    }
}

impl ConversationView for ReadTx {
    async fn stays(&mut self, id: ConversationId, device: DeviceId) -> Result<Vec<Stay>, StoreError> {
        stays::of_device(self.connection(), id, device).await
    }

    async fn unfinished(&mut self, device: DeviceId) -> Result<Vec<Unfinished>, StoreError> {
        stays::unfinished(self.connection(), device).await
    }

    async fn chain_at(
        &mut self,
        id: ConversationId,
        number: EntryNumber,
    ) -> Result<Option<ChainHash>, StoreError> {
        entries::chain_at(self.connection(), id, number).await
    }

    async fn entries(
        &mut self,
        id: ConversationId,
        from: EntryNumber,
        to: EntryNumber,
        budget: Budget,
    ) -> Result<Vec<Entry>, StoreError> {
        entries::range(self.connection(), id, from, to, budget).await
    }

    async fn delivery(
        &mut self,
        id: ConversationId,
        number: EntryNumber,
    ) -> Result<Option<Delivery>, StoreError> {
        entries::delivery(self.connection(), id, number).await
    }

    async fn commit_entry(&mut self, id: ConversationId, epoch: Epoch) -> Result<Option<Entry>, StoreError> {
        entries::commit_entry(self.connection(), id, epoch).await
    }
}
