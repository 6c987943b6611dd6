//! Tasks and closed logs as the wire has them.

use bytes::Bytes;
use prost::Message as _;
use tonic::Status;
use wardline_proto::ConversationId;
use wardline_proto::relay::membership_task::Task as Wire;
use wardline_proto::relay::{AddAnew, Closed, MembershipTask, Renew, SignedStatement, Succeed};

use crate::domain::membership::{Closure, MembershipView as _, Task, TaskKind};
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
    let Some((task, reports)) = found else { return Ok(None) };
    let lease_ms = asked.until.get() - now.get();
    Ok(Some(MembershipTask {
        conversation_id: asked.conversation.to_wire(),
        task_id: Bytes::copy_from_slice(asked.task.as_bytes()),
        lease_ms: u32::try_from(lease_ms).unwrap_or(u32::MAX),
        task: Some(encode(&task, &reports)?),
    }))
}

async fn find(tx: &mut ReadTx, asked: Asked) -> Result<Option<(Task, Vec<Bytes>)>, StoreError> {
    let tasks = tx.tasks(asked.conversation).await?;
    let Some(task) = tasks.into_iter().find(|task| task.id() == asked.task) else { return Ok(None) };
    let reports = match task.kind {
        TaskKind::AddAnew { number } => tx.reports(asked.conversation, number).await?,
        TaskKind::Succeed { number } => tx.closing_reports(asked.conversation, number).await?,
        _ => Vec::new(),
    };
    Ok(Some((task, reports)))
}

fn encode(task: &Task, reports: &[Bytes]) -> Result<Wire, Status> {
    Ok(match &task.kind {
        TaskKind::LetGo { ground, .. } => Wire::LetGo(statement(ground)?),
        TaskKind::AddDevice { ground, .. } => Wire::AddDevice(statement(ground)?),
        TaskKind::LetBack { ground, .. } => Wire::LetBack(statement(ground)?),
        TaskKind::AddAnew { .. } => Wire::AddAnew(AddAnew { reports: statements(reports)? }),
        TaskKind::Renew { .. } => Wire::Renew(Renew {}),
        TaskKind::Succeed { number } => {
            Wire::Succeed(Succeed { number: number.get(), reports: statements(reports)? })
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
