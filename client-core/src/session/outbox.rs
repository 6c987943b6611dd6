//! The outbox: what this device wants of the relay, done in order, again after every interruption.
//!
//! A pass does, until nothing is left: commits under way (sent again: the relay names the winner), conversations
//! that the relay has not heard of, wishes, messages. Everything is in the vault before it is sent, so that a pass
//! can be cut anywhere.

use std::{collections::HashMap, sync::Arc, time::Duration};

use wardline_proto::{
    ConversationId, EntryNumber,
    relay::{AckRequest, CreateConversationRequest, Cursor},
};

use super::{Session, follow::cursors, grant, send};
use crate::{
    error::CoreError,
    relay::{Relay, RelayError},
    vault::tables::{
        conversations::{self, ConversationRow, Standing},
        intents, outbox, pending_commits,
    },
};

/// How often the outbox looks without being woken: for wishes whose time has not come.
const LOOK: Duration = Duration::from_millis(500);
/// How long cursors are gathered before they are acknowledged in one call.
const GATHER: Duration = Duration::from_millis(50);

/// Runs passes whenever there is something to do, until the connection fails.
pub(crate) async fn run(session: &Session, relay: &Arc<dyn Relay>) -> Result<(), CoreError> {
    // Nothing is sent before everything that was in the logs has been taken in.
    let mut link = session.link.subscribe();
    let caught_up = |link: &super::Link| matches!(link, super::Link::Online { caught_up: true, .. });
    if link.wait_for(caught_up).await.is_err() {
        return Ok(());
    }
    loop {
        pass(session, relay).await?;
        // A wish may wait for its time; everything else rings.
        let _ = tokio::time::timeout(LOOK, session.wake.notified()).await;
    }
}

async fn pass(session: &Session, relay: &Arc<dyn Relay>) -> Result<(), CoreError> {
    for row in open_conversations(session).await? {
        let pending = {
            let core = session.core().await;
            let mut tx = core.vault.begin("look_for_commits").await?;
            let pending = pending_commits::find(&mut tx, &row.conversation).await?;
            tx.commit().await?;
            pending
        };
        if row.standing == Standing::Creating {
            create(session, relay, row).await?;
        } else if let Some(pending) = pending {
            grant::submit(session, relay, pending).await?;
        }
    }
    while let Some(wish) = next_wish(session).await? {
        grant::grant(session, relay, &wish).await?;
    }
    let mut skip = Vec::new();
    while let Some(waiting) = next_message(session, &skip).await? {
        let conversation = waiting.conversation;
        match send::send(session, relay, waiting).await? {
            send::Step::Done | send::Step::Again => {}
            send::Step::Wait => skip.push(conversation),
        }
    }
    Ok(())
}

async fn open_conversations(session: &Session) -> Result<Vec<ConversationRow>, CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("list_conversations").await?;
    let mut rows = conversations::list(&mut tx).await?;
    tx.commit().await?;
    rows.retain(|row| matches!(row.standing, Standing::Creating | Standing::Active));
    Ok(rows)
}

/// Tells the relay of a conversation that was made here.
async fn create(session: &Session, relay: &Arc<dyn Relay>, row: ConversationRow) -> Result<(), CoreError> {
    let request = CreateConversationRequest {
        conversation_id: row.conversation.to_wire(),
        cipher_suite: u32::from(row.suite.code()),
    };
    let standing = match relay.create_conversation(request).await {
        Ok(_) => Standing::Active,
        // Tried again in the next pass.
        Err(RelayError::Refused { reason, .. }) if send::passes(reason) => return Ok(()),
        // It will never be: its wishes fail, and nothing else waits for it.
        Err(RelayError::Refused { .. }) => Standing::Stopped,
        Err(error) => return Err(error.into()),
    };
    let core = session.core().await;
    let mut tx = core.vault.begin("created").await?;
    conversations::store(&mut tx, &ConversationRow { standing, ..row }).await?;
    tx.commit().await?;
    drop(core);
    session.stepped(&[]);
    Ok(())
}

async fn next_wish(session: &Session) -> Result<Option<intents::IntentRow>, CoreError> {
    let now = session.clock.now();
    let core = session.core().await;
    let mut tx = core.vault.begin("next_wish").await?;
    let open = intents::open(&mut tx).await?;
    let rows = conversations::list(&mut tx).await?;
    tx.commit().await?;
    // A conversation that the relay has not heard of comes first; its wishes wait.
    let waits = |wish: &intents::IntentRow| {
        rows.iter().any(|row| row.conversation == wish.conversation && row.standing == Standing::Creating)
    };
    Ok(open.into_iter().find(|wish| wish.not_before <= now && !waits(wish)))
}

async fn next_message(
    session: &Session,
    skip: &[ConversationId],
) -> Result<Option<outbox::OutboxRow>, CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("next_message").await?;
    let next = outbox::next(&mut tx, skip).await?;
    tx.commit().await?;
    Ok(next)
}

/// Tells the relay how far this device has read, gathered, until the connection fails.
pub(crate) async fn acknowledge(session: &Session, relay: &Arc<dyn Relay>) -> Result<(), CoreError> {
    let mut acked: HashMap<Vec<u8>, u64> = HashMap::new();
    loop {
        session.moved.notified().await;
        tokio::time::sleep(GATHER).await;
        let moved: Vec<Cursor> = cursors(session)
            .await?
            .into_iter()
            .filter(|cursor| cursor.number > EntryNumber::ZERO.get())
            .filter(|cursor| acked.get(cursor.conversation_id.as_ref()) != Some(&cursor.number))
            .collect();
        for chunk in moved.chunks(1_000) {
            relay.ack(AckRequest { cursors: chunk.to_vec() }).await?;
        }
        acked.extend(moved.into_iter().map(|cursor| (cursor.conversation_id.to_vec(), cursor.number)));
    }
}
