//! The tables of membership: [`MembershipStorage`] for the writer, [`MembershipView`] for readers.

mod circle;
mod closure;
mod due;
pub(in crate::store) mod replacements;
mod reports;
mod tasks;

use std::collections::BTreeSet;

use bytes::Bytes;
use wardline_identity::UserId;
use wardline_proto::{ConversationId, DeviceId, Digest, EntryNumber, UtcMillis};

use super::{ReadTx, StoreError, WriteTx};
use crate::domain::{
    conversation::CommitRecord,
    membership::{
        Circle, Closure, MembershipStorage, MembershipView, Report, Task, TaskKind, WaitingReplacement,
    },
    revocation::ClosedBy,
};
use crate::store::{
    conversation::{entries, stays},
    organisation::devices,
    revocation::{list, removals},
};

impl MembershipStorage for WriteTx {
    async fn circle(&mut self, id: ConversationId) -> Result<Option<Circle>, StoreError> {
        circle::read(self.connection(), id).await
    }

    async fn closure(&mut self, id: ConversationId) -> Result<Option<Closure>, StoreError> {
        closure::read(self.connection(), id).await
    }

    async fn commit_at(
        &mut self,
        id: ConversationId,
        number: EntryNumber,
    ) -> Result<Option<CommitRecord>, StoreError> {
        entries::commit_at(self.connection(), id, number).await
    }

    async fn let_in(
        &mut self,
        id: ConversationId,
        device: DeviceId,
        from: UtcMillis,
        to: UtcMillis,
    ) -> Result<Vec<UtcMillis>, StoreError> {
        circle::let_in(self.connection(), id, device, from, to).await
    }

    async fn report_of(
        &mut self,
        id: ConversationId,
        device: DeviceId,
    ) -> Result<Option<Report>, StoreError> {
        reports::of_device(self.connection(), id, device).await
    }

    async fn keep_report(&mut self, id: ConversationId, report: &Report) -> Result<(), StoreError> {
        reports::keep(self.connection(), id, report).await
    }

    async fn answer_reports(&mut self, id: ConversationId, devices: &[DeviceId]) -> Result<(), StoreError> {
        reports::answer(self.connection(), id, devices).await
    }

    async fn drop_reports(&mut self, id: ConversationId, devices: &[DeviceId]) -> Result<(), StoreError> {
        reports::drop_of(self.connection(), id, devices).await
    }

    async fn is_reported(&mut self, id: ConversationId, number: EntryNumber) -> Result<bool, StoreError> {
        reports::is_reported(self.connection(), id, number).await
    }

    async fn tasks(&mut self, id: ConversationId) -> Result<Vec<Task>, StoreError> {
        tasks::of_conversation(self.connection(), id).await
    }

    async fn keep_task(&mut self, task: &Task) -> Result<(), StoreError> {
        tasks::keep(self.connection(), task).await
    }

    async fn drop_task(&mut self, id: ConversationId, kind: &TaskKind) -> Result<(), StoreError> {
        tasks::end(self.connection(), id, kind).await
    }

    async fn move_tasks(&mut self, from: ConversationId, to: ConversationId) -> Result<(), StoreError> {
        tasks::move_those_who_wait(self.connection(), from, to).await
    }

    async fn close(
        &mut self,
        id: ConversationId,
        number: EntryNumber,
        now: UtcMillis,
    ) -> Result<(), StoreError> {
        closure::close(self.connection(), id, number, now).await
    }

    async fn abandon(&mut self, id: ConversationId, now: UtcMillis) -> Result<(), StoreError> {
        closure::abandon(self.connection(), id, now).await
    }

    async fn left_out(
        &mut self,
        id: ConversationId,
        successor: ConversationId,
        now: UtcMillis,
    ) -> Result<(), StoreError> {
        closure::left_out(self.connection(), id, successor, now).await
    }

    async fn closed_by(
        &mut self,
        log: ConversationId,
        number: EntryNumber,
    ) -> Result<Option<ClosedBy>, StoreError> {
        removals::by_commit(self.connection(), log, number).await
    }

    async fn set_successor(
        &mut self,
        id: ConversationId,
        successor: ConversationId,
    ) -> Result<(), StoreError> {
        closure::set_successor(self.connection(), id, successor).await
    }

    async fn certified(
        &mut self,
        device: DeviceId,
        certificate: &Digest,
    ) -> Result<Option<UserId>, StoreError> {
        if list::is_out(self.connection(), device).await? {
            return Ok(None);
        }
        devices::certified(self.connection(), device, certificate).await
    }

    async fn owner(&mut self, device: DeviceId) -> Result<Option<UserId>, StoreError> {
        Ok(devices::owner(self.connection(), device).await?.map(|owner| owner.user))
    }

    async fn devices_of(&mut self, id: ConversationId, user: &UserId) -> Result<Vec<DeviceId>, StoreError> {
        circle::devices_of(self.connection(), id, user).await
    }

    async fn settle_replacements(&mut self, id: ConversationId) -> Result<(), StoreError> {
        replacements::settle(self.connection(), id).await
    }
}

impl MembershipView for ReadTx {
    async fn circle(&mut self, id: ConversationId) -> Result<Option<Circle>, StoreError> {
        circle::read(self.connection(), id).await
    }

    async fn tasks(&mut self, id: ConversationId) -> Result<Vec<Task>, StoreError> {
        tasks::of_conversation(self.connection(), id).await
    }

    async fn closed_by(
        &mut self,
        log: ConversationId,
        number: EntryNumber,
    ) -> Result<Option<ClosedBy>, StoreError> {
        removals::by_commit(self.connection(), log, number).await
    }

    async fn fence(&mut self, id: ConversationId) -> Result<BTreeSet<DeviceId>, StoreError> {
        stays::fence(self.connection(), id).await
    }

    async fn reports(&mut self, id: ConversationId, number: EntryNumber) -> Result<Vec<Bytes>, StoreError> {
        reports::statements(self.connection(), id, (number, number)).await
    }

    async fn closing_reports(
        &mut self,
        id: ConversationId,
        number: EntryNumber,
    ) -> Result<Vec<Bytes>, StoreError> {
        reports::statements(self.connection(), id, (EntryNumber::ZERO, number)).await
    }

    async fn closure_for(
        &mut self,
        id: ConversationId,
        device: DeviceId,
    ) -> Result<Option<Closure>, StoreError> {
        closure::read_for(self.connection(), id, device).await
    }

    async fn waiting_replacements(
        &mut self,
        device: DeviceId,
    ) -> Result<Vec<WaitingReplacement>, StoreError> {
        replacements::waiting_for(self.connection(), device).await
    }

    async fn owed(&mut self) -> Result<Vec<ConversationId>, StoreError> {
        due::owed(self.connection()).await
    }
}

#[cfg(test)]
impl WriteTx {
    /// A device of a user with a certificate of this digest, without any enrolment.
    pub(crate) async fn enrol_for_tests(
        &mut self,
        device: DeviceId,
        user: &UserId,
        certificate: &Digest,
    ) -> Result<(), StoreError> {
        devices::insert_for_tests(self.connection(), device, user, certificate).await
    }

    /// A device that must leave.
    pub(crate) async fn fence_for_tests(
        &mut self,
        id: ConversationId,
        device: DeviceId,
    ) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO fences (conversation, device) VALUES (?1, ?2)")
            .bind(id.as_bytes().as_slice())
            .bind(device.as_bytes().as_slice())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
