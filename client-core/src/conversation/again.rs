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
    recall::Target,
};
use crate::{
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            commits,
            conversations::ConversationRow,
            messages::{self, MessageKind, MessageRow},
            outbox::{self, OutboxKind, OutboxRow},
        },
    },
};

/// How many messages are sent again at most: the newest.
const AGAIN_MAX: u32 = 1_000;

/// Queues this device's unexpired texts and recalls of a log after an entry, to be sent to that log or its successor. What was first said
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
    let (now, left_at) = (core.clock.now(), core.retention_now());
    let own = core.device.id();
    let all_since = all_in_since(tx, from, present).await?;
    // The logs before this one only if nobody came since it began.
    let first = from.joined.max(EntryNumber::new(1));
    let mut rows: Vec<MessageRow> = Vec::new();
    for log in line(tx, from).await? {
        // That a message is taken back tells nobody what it said: also who came since hears it, and whoever missed it.
        let (texts_after, recalls_after) = match log.line.closed {
            _ if log.conversation == from.conversation => (Some(after.max(all_since)), after),
            Some(closed) => ((all_since <= first).then_some(closed.first), closed.first),
            None => continue,
        };
        let recalls_after =
            if fault::planted("mutant.recalls_bounded") { texts_after } else { Some(recalls_after) };
        for (kind, after) in [(MessageKind::Text, texts_after), (MessageKind::Recall, recalls_after)] {
            let Some(after) = after else { continue };
            let place = (&log.conversation, &own);
            rows.extend(messages::said_by(tx, kind, place, (after, left_at), AGAIN_MAX).await?);
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let waiting = outbox::list(tx).await?;
    for said in rows {
        let (Some(id), Some(what)) = (said.message, said_in(&said)) else { continue };
        let queued = waiting.iter().any(|row| row.id() == id && row.accepted.is_none());
        if !queued {
            let fresh = ClientMessageId::from_bytes(random(&*core.entropy)?);
            outbox::insert(tx, &row((fresh, id), (&said, what), to, (now, left_at))).await?;
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

/// What a row said: a text, or that a message is taken back.
fn said_in(row: &MessageRow) -> Option<(OutboxKind, Vec<u8>)> {
    match row.kind {
        MessageKind::Recall => Some((OutboxKind::Recall, Target::of_row(row)?.0.to_bytes())),
        _ => Some((OutboxKind::Text, row.body.clone().into_bytes())),
    }
}

/// What is left of a message's life goes with it: it lives no longer for having been sent twice.
fn row(
    (fresh, id): (ClientMessageId, ClientMessageId),
    (text, (kind, body)): (&MessageRow, (OutboxKind, Vec<u8>)),
    to: &ConversationId,
    (now, left_at): (UtcMillis, UtcMillis),
) -> OutboxRow {
    let left = text.expires.map_or(0, |expires| expires.seconds().saturating_sub(left_at.seconds()));
    OutboxRow {
        message: fresh,
        inner: (!fault::planted("mutant.again_as_new")).then_some(id),
        conversation: *to,
        kind,
        body,
        created: now,
        life_seconds: u32::try_from(left).unwrap_or(u32::MAX).max(LIFE_SECONDS_MIN),
        expires: text.expires.filter(|_| !fault::planted("mutant.lives_longer")),
        sealed: None,
        accepted: None,
        refusal: None,
    }
}
