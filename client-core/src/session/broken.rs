//! What the outbox says to the relay of conversations that broke: that this device cannot follow, and the successor that was
//! made here.

use std::sync::Arc;

use wardline_proto::{
    Reason, fault,
    relay::{CreateConversationRequest, Predecessor, ReportOutOfStepRequest},
};

use super::{Session, outbox::Passing, send::passes};
use crate::{
    conversation,
    error::CoreError,
    relay::{Relay, RelayError},
    vault::tables::conversations::{self, ConversationRow, Standing},
};

/// Says, once a connection and key, that this device cannot follow; the relay knows it by its number.
pub(crate) async fn report(
    session: &Session,
    relay: &Arc<dyn Relay>,
    row: &ConversationRow,
    passing: &mut Passing,
) -> Result<(), CoreError> {
    let (number, statement) = {
        let core = session.core().await;
        let Some((number, statement)) = conversation::report(&core, &row.conversation).await? else {
            return Ok(());
        };
        let mut chance = [0];
        session.entropy.fill(&mut chance)?;
        let keys = (core.device.voices().count(), chance[0]);
        let Some(turn) = passing.report(row.conversation, number, keys) else {
            return Ok(());
        };
        (number, conversation::report_by(&core, statement, turn))
    };
    match relay.report_out_of_step(ReportOutOfStepRequest { statement: Some(statement) }).await {
        Ok(_) => {
            fault::crash("crash.report_answered");
            Ok(())
        }
        Err(RelayError::Refused { reason, retry_after, .. }) if passes(reason) => {
            passing.report_later(row.conversation, retry_after);
            Ok(())
        }
        // It sent other bytes than it has: it is asked for them once more, over a new connection.
        Err(RelayError::Refused { reason: Reason::EntryMismatch, .. }) => {
            if conversation::look_again(&mut *session.core().await, &row.conversation, number).await? {
                return Err(CoreError::Protocol("has another entry than the one it sent"));
            }
            Ok(())
        }
        // Out by now, as the log says; or never let in to what it reports.
        Err(RelayError::Refused { reason: Reason::NotAMember, .. }) => {
            conversation::not_in(&mut *session.core().await, &row.conversation).await
        }
        // Closed: the log says so.
        Err(RelayError::Refused { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Tells the relay of a conversation that was made here. Of the successors of one log it takes the first: any other goes
/// without a trace.
pub(crate) async fn create(
    session: &Session,
    relay: &Arc<dyn Relay>,
    row: ConversationRow,
    passing: &mut Passing,
) -> Result<(), CoreError> {
    let request = CreateConversationRequest {
        conversation_id: row.conversation.to_wire(),
        cipher_suite: u32::from(row.suite.code()),
        predecessor: predecessor(session, &row).await?,
    };
    let answer = relay.create_conversation(request).await;
    if answer.is_ok() {
        fault::crash("crash.create_answered");
    }
    match answer {
        Ok(_) => conversation::created(&mut *session.core().await, &row.conversation).await?,
        Err(RelayError::Refused { reason, retry_after, .. }) if passes(reason) => {
            passing.rest(row.conversation, retry_after);
            return Ok(());
        }
        Err(RelayError::Refused { .. }) if row.line.predecessor.is_some() => {
            conversation::not_first(&mut *session.core().await, &row.conversation).await?;
        }
        // It will never be: its wishes fail, and nothing else waits for it.
        Err(RelayError::Refused { .. }) => {
            let core = session.core().await;
            let mut tx = core.vault.begin("never_created").await?;
            conversations::store(&mut tx, &ConversationRow { standing: Standing::Stopped, ..row }).await?;
            tx.commit().await?;
        }
        Err(error) => return Err(error.into()),
    }
    session.stepped(&[]);
    session.wake.notify_one();
    Ok(())
}

/// The closed log that a conversation goes on from, as the relay is told.
async fn predecessor(session: &Session, row: &ConversationRow) -> Result<Option<Predecessor>, CoreError> {
    let Some(old) = row.line.predecessor else { return Ok(None) };
    let core = session.core().await;
    let mut tx = core.vault.begin("look_for_predecessor").await?;
    let old = conversations::load(&mut tx, &old).await?;
    tx.commit().await?;
    Ok(old.and_then(|old| {
        let number = old.line.closed?.number.get();
        Some(Predecessor { conversation_id: old.conversation.to_wire(), number })
    }))
}
