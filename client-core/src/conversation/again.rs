//! Sending again what others could not read: after devices were added anew, and in a successor. The message travels under a
//! fresh id and keeps its first one inside, so that everybody is shown it once.
//!
//! Nobody is sent what was said before they came (P4): only what was said while everybody was in who is in now goes again,
//! as far as this device still knows who was in when. Who missed more is shown that.

use std::collections::BTreeSet;

use wardline_proto::{ClientMessageId, ConversationId, EntryNumber, LIFE_SECONDS_MIN, UtcMillis, fault};

use super::{
    core::{Core, random},
    former::Former,
    line::line,
};
use crate::{
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            commits,
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
    present: &BTreeSet<String>,
) -> Result<(), CoreError> {
    if fault::planted("mutant.never_again") {
        return Ok(());
    }
    let now = core.clock.now();
    let own = core.device.id();
    let all_since = all_in_since(tx, from, present).await?;
    // The logs before this one only if nobody came since it began.
    let first = from.joined.max(EntryNumber::new(1));
    let mut texts: Vec<MessageRow> = Vec::new();
    for log in line(tx, from).await? {
        let after = match log.line.closed {
            _ if log.conversation == from.conversation => after.max(all_since),
            Some(closed) if all_since <= first => closed.first,
            _ => continue,
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

/// The entry since which all of these devices have been in, as far as this device knows who was in when.
async fn all_in_since(
    tx: &mut Transaction<'_>,
    log: &ConversationRow,
    present: &BTreeSet<String>,
) -> Result<EntryNumber, CoreError> {
    // A closed log ended with the commit that closed it: who was in before it was in until the end.
    let last = log.line.closed.map_or(log.cursor, |closed| closed.number);
    let known = commits::newest(tx, &log.conversation, last).await?;
    let mut since = last;
    for (at, commit) in known.iter().enumerate() {
        let before = commit.before.as_deref().and_then(Former::parse);
        let were_in = |before: &Former| {
            let devices = before.devices();
            present.iter().all(|device| devices.contains(device.as_str()))
        };
        if !before.is_some_and(|before| were_in(&before)) {
            break;
        }
        since = known.get(at + 1).map_or(log.joined, |commit| commit.number);
    }
    Ok(since)
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
        expires: text.expires.filter(|_| !fault::planted("mutant.lives_longer")),
        sealed: None,
        accepted: None,
        refusal: None,
    }
}
