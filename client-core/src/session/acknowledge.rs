//! Telling the relay how far this device has read.
//!
//! A relay that came back from an older copy does not know of what was read since, or that this device is in at all. That is its
//! loss: the other conversations are acknowledged as before.

use std::{collections::HashMap, sync::Arc, time::Duration};

use wardline_proto::{
    ConversationId, EntryNumber, Reason, fault,
    relay::{AckRequest, Cursor},
};

use super::{Session, follow::cursors, outbox::until_caught_up, send::passes};
use crate::{
    error::CoreError,
    relay::{Relay, RelayError},
};

/// How long cursors are gathered before they are acknowledged in one call.
const GATHER: Duration = Duration::from_millis(50);
/// How many cursors one call takes.
const CURSORS_MAX: usize = 1_000;

/// Tells the relay how far this device has read, gathered, until the connection fails.
pub(crate) async fn acknowledge(session: &Session, relay: &Arc<dyn Relay>) -> Result<(), CoreError> {
    let mut acked: HashMap<Vec<u8>, u64> = HashMap::new();
    until_caught_up(session).await;
    loop {
        session.moved.notified().await;
        tokio::time::sleep(GATHER).await;
        let moved: Vec<Cursor> = cursors(session)
            .await?
            .into_iter()
            .filter(|cursor| cursor.number > EntryNumber::ZERO.get() && !is_beside(session, cursor))
            .filter(|cursor| acked.get(cursor.conversation_id.as_ref()) != Some(&cursor.number))
            .collect();
        let mut chunks: Vec<Vec<Cursor>> = moved.chunks(CURSORS_MAX).map(<[Cursor]>::to_vec).collect();
        while let Some(mut chunk) = chunks.pop() {
            let said = match relay.ack(AckRequest { cursors: chunk.clone() }).await {
                // One that passes by itself: acknowledged with the next step.
                Err(RelayError::Refused { reason, .. }) if passes(reason) => continue,
                // All or none: which of them it is shows one by one, and that one is not said again before it has moved.
                Err(RelayError::Refused { reason, .. }) if is_not_there(reason) && chunk.len() > 1 => {
                    chunks.push(chunk.split_off(chunk.len() / 2));
                    chunks.push(chunk);
                    continue;
                }
                Err(RelayError::Refused { reason, .. }) if is_not_there(reason) => Ok(()),
                answer => answer.map(|_| ()),
            };
            said?;
            acked.extend(chunk.iter().map(|cursor| (cursor.conversation_id.to_vec(), cursor.number)));
        }
    }
}

/// Refusals that say that the relay has less of a conversation than this device.
fn is_not_there(reason: Reason) -> bool {
    let less = matches!(reason, Reason::NotAMember | Reason::CursorBeyondHead);
    less && !fault::planted("mutant.ack_ends_all")
}

/// Whether the relay's log of a conversation is another than this device's.
fn is_beside(session: &Session, cursor: &Cursor) -> bool {
    ConversationId::try_from(&cursor.conversation_id).is_ok_and(|id| session.beside.has(&id))
}
