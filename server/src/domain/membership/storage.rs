//! What the rules need stored. Implemented by the store; runs inside its transactions.

use std::{collections::BTreeSet, future::Future};

use wardline_identity::UserId;
use wardline_proto::{ConversationId, DeviceId, Digest, EntryNumber, UtcMillis};

use super::{Circle, Closure, Report, Task, TaskKind, WaitingReplacement};
use crate::{
    domain::conversation::{CommitRecord, ConversationStorage},
    domain::revocation::ClosedBy,
    store::StoreError,
};

/// Reads and writes of one transaction.
pub trait MembershipStorage: ConversationStorage {
    /// The conversation as far as its tasks need it.
    fn circle(
        &mut self,
        id: ConversationId,
    ) -> impl Future<Output = Result<Option<Circle>, StoreError>> + Send;

    /// Where and how the log was closed.
    fn closure(
        &mut self,
        id: ConversationId,
    ) -> impl Future<Output = Result<Option<Closure>, StoreError>> + Send;

    /// The commit with this number, if it is one.
    fn commit_at(
        &mut self,
        id: ConversationId,
        number: EntryNumber,
    ) -> impl Future<Output = Result<Option<CommitRecord>, StoreError>> + Send;

    /// When the device was let in that had said it cannot follow, by the clock as it was, from `from` up to `to`, ascending.
    fn let_in(
        &mut self,
        id: ConversationId,
        device: DeviceId,
        from: UtcMillis,
        to: UtcMillis,
    ) -> impl Future<Output = Result<Vec<UtcMillis>, StoreError>> + Send;

    /// The device's report.
    fn report_of(
        &mut self,
        id: ConversationId,
        device: DeviceId,
    ) -> impl Future<Output = Result<Option<Report>, StoreError>> + Send;

    /// Keeps a report, in place of the device's last.
    fn keep_report(
        &mut self,
        id: ConversationId,
        report: &Report,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// These devices came in anew: their reports go, and that they had said so is noted with their stays.
    fn answer_reports(
        &mut self,
        id: ConversationId,
        devices: &[DeviceId],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Drops the reports of these devices.
    fn drop_reports(
        &mut self,
        id: ConversationId,
        devices: &[DeviceId],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether anybody cannot follow this commit.
    fn is_reported(
        &mut self,
        id: ConversationId,
        number: EntryNumber,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// What the conversation is owed.
    fn tasks(&mut self, id: ConversationId) -> impl Future<Output = Result<Vec<Task>, StoreError>> + Send;

    /// Keeps a task; one that is there gets the newer ground.
    fn keep_task(&mut self, task: &Task) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends a task.
    fn drop_task(
        &mut self,
        id: ConversationId,
        kind: &TaskKind,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Has the devices that wait to be let into one conversation wait for another.
    fn move_tasks(
        &mut self,
        from: ConversationId,
        to: ConversationId,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Closes the log at this commit, if it is open; of the reports those about it stay.
    fn close(
        &mut self,
        id: ConversationId,
        number: EntryNumber,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Closes a log from which nothing goes on, if it is open, and ends what is owed about the devices in its fence.
    fn abandon(
        &mut self,
        id: ConversationId,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The devices in the fence of a closed log were left out of its successor, by the successor's first commit.
    fn left_out(
        &mut self,
        id: ConversationId,
        successor: ConversationId,
        now: UtcMillis,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The removals that a commit closed in its own log; `None` if it closed none.
    fn closed_by(
        &mut self,
        log: ConversationId,
        number: EntryNumber,
    ) -> impl Future<Output = Result<Option<ClosedBy>, StoreError>> + Send;

    /// Makes one conversation the successor of another, closed one.
    fn set_successor(
        &mut self,
        id: ConversationId,
        successor: ConversationId,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whose device it is, if this certificate is its own and it is neither revoked nor on hold.
    fn certified(
        &mut self,
        device: DeviceId,
        certificate: &Digest,
    ) -> impl Future<Output = Result<Option<UserId>, StoreError>> + Send;

    /// Whose device it is, if it was ever used.
    fn owner(&mut self, device: DeviceId) -> impl Future<Output = Result<Option<UserId>, StoreError>> + Send;

    /// The person's devices in the conversation.
    fn devices_of(
        &mut self,
        id: ConversationId,
        user: &UserId,
    ) -> impl Future<Output = Result<Vec<DeviceId>, StoreError>> + Send;

    /// Sets right which replacements wait in the conversation, after its members changed.
    fn settle_replacements(
        &mut self,
        id: ConversationId,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Reads of one consistent view.
pub trait MembershipView: Send {
    /// The conversation as far as its tasks need it.
    fn circle(
        &mut self,
        id: ConversationId,
    ) -> impl Future<Output = Result<Option<Circle>, StoreError>> + Send;

    /// What a conversation is owed.
    fn tasks(&mut self, id: ConversationId) -> impl Future<Output = Result<Vec<Task>, StoreError>> + Send;

    /// The removals that a commit closed in its own log; `None` if it closed none.
    fn closed_by(
        &mut self,
        log: ConversationId,
        number: EntryNumber,
    ) -> impl Future<Output = Result<Option<ClosedBy>, StoreError>> + Send;

    /// The devices that must leave it.
    fn fence(
        &mut self,
        id: ConversationId,
    ) -> impl Future<Output = Result<BTreeSet<DeviceId>, StoreError>> + Send;

    /// The encoded reports about this commit, at most [`REPORTS_MAX`](super::REPORTS_MAX).
    fn reports(
        &mut self,
        id: ConversationId,
        number: EntryNumber,
    ) -> impl Future<Output = Result<Vec<bytes::Bytes>, StoreError>> + Send;

    /// The encoded reports that close a log at this commit: about it, then about earlier ones; at most
    /// [`REPORTS_MAX`](super::REPORTS_MAX).
    fn closing_reports(
        &mut self,
        id: ConversationId,
        number: EntryNumber,
    ) -> impl Future<Output = Result<Vec<bytes::Bytes>, StoreError>> + Send;

    /// The closed log, as a member is told of it; `None` for one that is in the successor.
    fn closure_for(
        &mut self,
        id: ConversationId,
        device: DeviceId,
    ) -> impl Future<Output = Result<Option<Closure>, StoreError>> + Send;

    /// The replacements that a member may confirm.
    fn waiting_replacements(
        &mut self,
        device: DeviceId,
    ) -> impl Future<Output = Result<Vec<WaitingReplacement>, StoreError>> + Send;

    /// The conversations that are owed anything.
    fn owed(&mut self) -> impl Future<Output = Result<Vec<ConversationId>, StoreError>> + Send;
}
