//! Tasks and closed logs as the wire has them.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message as _;
use tonic::Status;
use wardline_proto::relay::membership_task::Task as Wire;
use wardline_proto::relay::{
    AddAnew, Closed, ConfirmRemoval, MembershipTask, RemoveRevoked, Renew, SignedStatement, Succeed,
};
use wardline_proto::{ConversationId, DeviceId};

use crate::domain::membership::{Closure, MembershipView as _, Task, TaskKind};
use crate::domain::revocation::{ClosedBy, RevocationView as _};
use crate::live::Asked;
use crate::service::status;
use crate::state::Relay;
use crate::store::{ReadTx, StoreError};

/// What the device was asked for; `None` if it is done by now, or its time is over.
pub(super) async fn read(relay: &Relay, asked: Asked) -> Result<Option<MembershipTask>, Status> {
    let now = relay.clock.now();
    if now >= asked.until {
        return Ok(None);
    }
    let found = relay.store.read("read_task", move |tx| Box::pin(find(tx, asked))).await?;
    let Some((task, beside)) = found else { return Ok(None) };
    let lease_ms = asked.until.get() - now.get();
    Ok(Some(MembershipTask {
        conversation_id: asked.conversation.to_wire(),
        task_id: Bytes::copy_from_slice(asked.task.as_bytes()),
        lease_ms: u32::try_from(lease_ms).unwrap_or(u32::MAX),
        task: Some(encode(&task, &beside)?),
    }))
}

/// What a task is told with.
#[derive(Default)]
struct Beside {
    reports: Vec<Bytes>,
    fence: BTreeSet<DeviceId>,
    /// The list that names all in the fence.
    list_number: u64,
    /// What the commit to confirm has closed.
    closed: Option<ClosedBy>,
}

async fn find(tx: &mut ReadTx, asked: Asked) -> Result<Option<(Task, Beside)>, StoreError> {
    let tasks = tx.tasks(asked.conversation).await?;
    let Some(task) = tasks.into_iter().find(|task| task.id() == asked.task) else { return Ok(None) };
    let mut beside = Beside::default();
    match task.kind {
        TaskKind::AddAnew { number } => beside.reports = tx.reports(asked.conversation, number).await?,
        TaskKind::Succeed { number } => {
            beside.reports = tx.closing_reports(asked.conversation, number).await?;
        }
        TaskKind::Remove => {
            beside.fence = tx.fence(asked.conversation).await?;
            beside.list_number = tx.revocation_list().await?.map_or(0, |list| list.number());
        }
        TaskKind::Confirm { number, .. } => {
            beside.closed = tx.closed_by(asked.conversation, number).await?;
            // Nothing to confirm: its rows are gone.
            if beside.closed.is_none() {
                return Ok(None);
            }
        }
        TaskKind::LetGo { .. }
        | TaskKind::AddDevice { .. }
        | TaskKind::LetBack { .. }
        | TaskKind::Renew { .. } => {}
    }
    Ok(Some((task, beside)))
}

fn encode(task: &Task, beside: &Beside) -> Result<Wire, Status> {
    let reports = &beside.reports;
    Ok(match &task.kind {
        TaskKind::LetGo { ground, .. } => Wire::LetGo(statement(ground)?),
        TaskKind::AddDevice { ground, .. } => Wire::AddDevice(statement(ground)?),
        TaskKind::LetBack { ground, .. } => Wire::LetBack(statement(ground)?),
        TaskKind::AddAnew { .. } => Wire::AddAnew(AddAnew { reports: statements(reports)? }),
        TaskKind::Renew { .. } => Wire::Renew(Renew {}),
        TaskKind::Succeed { number } => {
            Wire::Succeed(Succeed { number: number.get(), reports: statements(reports)? })
        }
        TaskKind::Remove => Wire::RemoveRevoked(RemoveRevoked {
            device_ids: beside.fence.iter().map(|device| device.to_wire()).collect(),
            list_number: beside.list_number,
        }),
        TaskKind::Confirm { number, .. } => {
            let closed = beside.closed.as_ref();
            let commit = closed.map(|closed| &closed.commit);
            let devices = closed.into_iter().flat_map(|closed| &closed.devices);
            Wire::ConfirmRemoval(ConfirmRemoval {
                number: number.get(),
                epoch: commit.map(|commit| commit.epoch.get()).unwrap_or_default(),
                commit_sha256: commit.map(|commit| commit.sha256.to_wire()).unwrap_or_default(),
                device_ids: devices.map(|device| device.to_wire()).collect(),
            })
        }
    })
}

/// A closed log.
pub(super) fn closed(conversation: ConversationId, closure: Closure) -> Result<Closed, Status> {
    Ok(Closed {
        conversation_id: conversation.to_wire(),
        number: closure.number.get(),
        head: closure.head.get(),
        reports: statements(&closure.reports)?,
        successor_id: closure.successor.map(ConversationId::to_wire).unwrap_or_default(),
    })
}

fn statements(encoded: &[Bytes]) -> Result<Vec<SignedStatement>, Status> {
    encoded.iter().map(statement).collect()
}

/// It was encoded by this relay: an undecodable one is a defect, or a damaged database.
pub(super) fn statement(encoded: &Bytes) -> Result<SignedStatement, Status> {
    SignedStatement::decode(encoded.clone()).map_err(|error| status::internal(&error))
}
