//! Sending again what others could not read: after devices were added anew, and in a successor. The message travels under a
//! fresh id and keeps its first one inside, so that everybody is shown it once.

use wardline_proto::{ClientMessageId, ConversationId, EntryNumber, LIFE_SECONDS_MIN, UtcMillis, fault};

use super::{
    core::{Core, random},
    line::line,
};
use crate::{
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            conversations::ConversationRow,
            messages::{self, MessageRow},
            outbox::{self, OutboxKind, OutboxRow},
        },
    },
};

/// How many messages are sent again at most: the newest.
const AGAIN_MAX: u32 = 1_000;

/// Queues this device's unexpired texts of a log after an entry, to be sent to that log or its successor. What was first said
/// in logs before it, after the place where each was closed, goes with them: it was sent again here.
pub(crate) async fn send_again(
    core: &Core,
    tx: &mut Transaction<'_>,
    (from, after): (&ConversationRow, EntryNumber),
    to: &ConversationId,
) -> Result<(), CoreError> {
    if fault::planted("mutant.never_again") {
        return Ok(());
    }
    let now = core.clock.now();
    let own = core.device.id();
    let mut texts: Vec<MessageRow> = Vec::new();
    for log in line(tx, from).await? {
        let after = match log.line.closed {
            _ if log.conversation == from.conversation => after,
            Some(closed) => closed.number,
            None => continue,
        };
        texts.extend(messages::texts_of(tx, &log.conversation, &own, (after, now), AGAIN_MAX).await?);
    }
    if texts.is_empty() {
        return Ok(());
    }
    let waiting = outbox::list(tx).await?;
    for text in texts {
        let Some(id) = text.message else { continue };
        let queued = waiting.iter().any(|row| row.id() == id && row.accepted.is_none());
        if !queued {
            let fresh = ClientMessageId::from_bytes(random(&*core.entropy)?);
            outbox::insert(tx, &row((fresh, id), &text, to, now)).await?;
        }
    }
    Ok(())
}

/// What is left of a message's life goes with it: it lives no longer for having been sent twice.
fn row(
    (fresh, id): (ClientMessageId, ClientMessageId),
    text: &MessageRow,
    to: &ConversationId,
    now: UtcMillis,
) -> OutboxRow {
    let left = text.expires.map_or(0, |expires| expires.seconds().saturating_sub(now.seconds()));
    OutboxRow {
        message: fresh,
        inner: (!fault::planted("mutant.again_as_new")).then_some(id),
        conversation: *to,
        kind: OutboxKind::Text,
        body: text.body.clone().into_bytes(),
        created: now,
        life_seconds: u32::try_from(left).unwrap_or(u32::MAX).max(LIFE_SECONDS_MIN),
        sealed: None,
        accepted: None,
        refusal: None,
    }
}
