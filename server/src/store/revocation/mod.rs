//! Tables of the revocation list, and what it does to others' tables. The rules are the domain's.

mod ended;
pub(in crate::store) mod fences;
pub(in crate::store) mod holds;
pub(in crate::store) mod list;
pub(in crate::store) mod removals;

use bytes::Bytes;
use wardline_identity::{PendingHold, RevocationAct, RevocationList, UserId};
use wardline_proto::{ConversationId, DeviceId, Digest, EntryNumber, InvitationId, UtcMillis};

use super::{ReadTx, StoreError, WriteTx, organisation::renewals};
use crate::domain::revocation::{
    PendingAct, Presence, Removal, RevocationStorage, RevocationView, TakenHold,
};

impl RevocationStorage for WriteTx {
    async fn revocation_list(&mut self) -> Result<Option<RevocationList>, StoreError> {
        list::read(self.connection()).await
    }

    async fn last_act(&mut self, device: DeviceId) -> Result<Option<RevocationAct>, StoreError> {
        if let Some(held) = self.held(device).await? {
            return Ok(Some(held));
        }
        self.listed_act(device).await
    }

    async fn listed_act(&mut self, device: DeviceId) -> Result<Option<RevocationAct>, StoreError> {
        list::last_act(self.connection(), device).await
    }

    async fn held(&mut self, device: DeviceId) -> Result<Option<RevocationAct>, StoreError> {
        holds::of_device(self.connection(), device).await
    }

    async fn held_since(&mut self, device: DeviceId) -> Result<Option<UtcMillis>, StoreError> {
        holds::since(self.connection(), device).await
    }

    async fn held_by_each(&mut self) -> Result<Vec<PendingAct>, StoreError> {
        holds::each(self.connection()).await
    }

    async fn all_held(&mut self) -> Result<Vec<PendingAct>, StoreError> {
        holds::all(self.connection()).await
    }

    async fn standing_holds(&mut self) -> Result<Vec<PendingHold>, StoreError> {
        holds::pending(self.connection()).await
    }

    async fn hold_answer(&mut self, digest: &Digest) -> Result<Option<Bytes>, StoreError> {
        holds::answer(self.connection(), digest).await
    }

    async fn keep_hold(&mut self, taken: &TakenHold<'_>, now: UtcMillis) -> Result<(), StoreError> {
        holds::keep(self.connection(), taken, now).await
    }

    async fn end_held(&mut self, device: DeviceId, now: UtcMillis) -> Result<(), StoreError> {
        holds::end(self.connection(), device, now).await
    }

    async fn held_by(
        &mut self,
        user: &UserId,
        after: UtcMillis,
    ) -> Result<(u64, Option<UtcMillis>), StoreError> {
        holds::by_user(self.connection(), user, after).await
    }

    async fn is_ended(&mut self, device: DeviceId) -> Result<bool, StoreError> {
        list::is_ended(self.connection(), device).await
    }

    async fn keep_revocation_list(&mut self, list: &RevocationList) -> Result<(), StoreError> {
        list::keep(self.connection(), list).await
    }

    async fn keep_act(&mut self, number: u64, act: &RevocationAct) -> Result<(), StoreError> {
        holds::listed(self.connection(), act.device).await?;
        list::keep_act(self.connection(), number, act).await
    }

    async fn revocation_answer(&mut self, list: &RevocationList) -> Result<Option<Bytes>, StoreError> {
        list::answer(self.connection(), list).await
    }

    async fn keep_revocation_answer(
        &mut self,
        list: &RevocationList,
        answer: &Bytes,
    ) -> Result<(), StoreError> {
        list::keep_answer(self.connection(), list, answer).await
    }

    async fn raise_fences(
        &mut self,
        device: DeviceId,
        list_number: u64,
        now: UtcMillis,
    ) -> Result<Vec<ConversationId>, StoreError> {
        fences::raise(self.connection(), device, list_number, now).await
    }

    async fn lower_fences(
        &mut self,
        device: DeviceId,
        now: UtcMillis,
    ) -> Result<Vec<ConversationId>, StoreError> {
        fences::lower(self.connection(), device, now).await
    }

    async fn enclosed(&mut self, device: DeviceId) -> Result<Vec<ConversationId>, StoreError> {
        fences::enclosed(self.connection(), device).await
    }

    async fn holds(&mut self) -> Result<Vec<(u64, RevocationAct)>, StoreError> {
        list::holds(self.connection()).await
    }

    async fn end_hold(&mut self, number: u64, now: UtcMillis) -> Result<(), StoreError> {
        list::end_hold(self.connection(), number, now).await
    }

    async fn keep_confirmation(
        &mut self,
        log: ConversationId,
        number: EntryNumber,
        statement: &Bytes,
    ) -> Result<(), StoreError> {
        removals::keep_confirmation(self.connection(), (log, number), statement).await
    }

    async fn drop_renewal(&mut self, device: DeviceId) -> Result<(), StoreError> {
        renewals::end(self.connection(), device).await
    }

    async fn end_device(
        &mut self,
        device: DeviceId,
        now: UtcMillis,
    ) -> Result<Vec<InvitationId>, StoreError> {
        ended::end(self.connection(), device, now).await
    }
}

impl RevocationView for ReadTx {
    async fn revocation_list(&mut self) -> Result<Option<RevocationList>, StoreError> {
        list::read(self.connection()).await
    }

    async fn acts_after(&mut self, acts: u64, most: usize) -> Result<Vec<RevocationAct>, StoreError> {
        list::acts_after(self.connection(), acts, most).await
    }

    async fn pending_holds(&mut self) -> Result<Vec<PendingHold>, StoreError> {
        holds::pending(self.connection()).await
    }

    async fn removals(&mut self, device: DeviceId) -> Result<Vec<Removal>, StoreError> {
        removals::of_device(self.connection(), device).await
    }

    async fn presence(&mut self, device: DeviceId) -> Result<Presence, StoreError> {
        removals::presence(self.connection(), device).await
    }
}
