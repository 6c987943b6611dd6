//! Sending one queued message: encrypt, send, note the answer.

use std::sync::Arc;

use wardline_proto::{ConversationId, EntryNumber, Reason, UtcMillis, fault, relay::SendRequest};

use super::{Session, outbox::Passing, revocation};
use crate::{
    api::Failure,
    conversation::{self, Sealed, random},
    error::CoreError,
    relay::{Relay, RelayError},
    vault::tables::{
        conversations,
        intents::{self, Wish},
        outbox::{self, OutboxKind, OutboxRow},
    },
};

/// Whether to go on with this conversation's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The message is dealt with.
    Done,
    /// It has to wait for the log.
    Wait,
}

/// Sends one message.
///
/// # Errors
/// The connection's: the message keeps its ciphertext and is sent again, byte for byte, over the next one.
pub(crate) async fn send(
    session: &Session,
    relay: &Arc<dyn Relay>,
    waiting: OutboxRow,
    passing: &mut Passing,
) -> Result<Step, CoreError> {
    let conversation = waiting.conversation;
    // Looked at before it is encrypted: an entry that comes in between and ends the epoch must count as news, or a
    // message of the old epoch would wait for a log that has nothing more to say.
    let cursor = cursor(session, &conversation).await?;
    fault::crash("crash.send_queued");
    // 1. Encrypt: the ratchet has advanced on disk before anything leaves.
    let sealed = match conversation::seal(&mut *session.core().await, &waiting).await {
        // What MLS refuses now it refuses for ever: the message goes back, and nothing waits behind it.
        Err(CoreError::Mls(error)) => Sealed::Refused(Failure::from(CoreError::Mls(error)).to_string()),
        sealed => sealed?,
    };
    let ciphertext = match sealed {
        Sealed::Ready { ciphertext } => ciphertext,
        Sealed::Wait => return Ok(Step::Wait),
        Sealed::Elsewhere => return Ok(Step::Done),
        Sealed::Refused(why) => return refuse(session, &waiting, &why).await,
    };
    fault::crash("crash.send_sealed");
    if fault::planted("mutant.drop_outbox_row") {
        drop_row(session, &waiting).await?;
    }

    // 2. Send.
    let request = SendRequest {
        conversation_id: waiting.conversation.to_wire(),
        client_message_id: waiting.message.to_wire(),
        message: ciphertext.into(),
    };
    let answer = relay.send(request).await;

    // 3. Note the answer.
    match answer {
        Ok(answer) => {
            fault::crash("crash.send_answered");
            let core = session.core().await;
            let mut tx = core.vault.begin("accepted").await?;
            let stamp = answer.stamp.as_ref().map_or(session.clock.now(), UtcMillis::from);
            let place = (EntryNumber::new(answer.number), stamp);
            outbox::accept(&mut tx, (&conversation, &waiting.message), place).await?;
            tx.commit().await?;
            drop(core);
            fault::crash("crash.send_noted");
            session.stepped(&[]);
            Ok(Step::Done)
        }
        // Somebody must leave first. Who knows of nobody waits for the log: it shows that they are out.
        Err(RelayError::Refused { reason: Reason::RevocationPending, .. }) => {
            if !revocation::pending(session, relay, &conversation).await? {
                passing.wait_for_log(conversation, cursor);
            }
            Ok(Step::Wait)
        }
        // The log has moved on: it shows how, then the message is encrypted again, or goes where the conversation goes on, or
        // comes back to its author. Who is out by one commit's word alone may be in again by the next.
        Err(RelayError::Refused { reason, .. }) if log_decides(reason) => {
            let late = fault::planted("mutant.late_cursor");
            let cursor = if late { self::cursor(session, &conversation).await? } else { cursor };
            passing.wait_for_log(conversation, cursor);
            Ok(Step::Wait)
        }
        // The policy is another by now: it is encrypted anew by that one, or goes back to its author.
        Err(error @ RelayError::Refused { reason: Reason::PolicyRefused, .. })
            if !fault::planted("mutant.policy_refused_for_good") =>
        {
            not_permitted(session, relay, &waiting, error).await
        }
        // This device has sent all it may in this epoch: a commit ends it, and the message goes out in the next.
        Err(RelayError::Refused { reason: Reason::EpochFull, .. }) => {
            wish_for_new_epoch(session, &conversation).await?;
            Ok(Step::Wait)
        }
        Err(RelayError::Refused { reason, retry_after, .. }) if passes(reason) => {
            passing.rest(conversation, retry_after);
            Ok(Step::Wait)
        }
        Err(error @ RelayError::Refused { .. }) => {
            refuse(session, &waiting, &Failure::from(error).to_string()).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Refusals whose cause stands in the log, or in how it ended.
fn log_decides(reason: Reason) -> bool {
    match reason {
        Reason::EpochConflict => true,
        Reason::NotAMember | Reason::ConversationClosed => !fault::planted("mutant.refused_at_once"),
        _ => false,
    }
}

/// Refusals that pass by themselves.
pub(crate) fn passes(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::LimitReached
            | Reason::StorageFull
            | Reason::StorageUnavailable
            | Reason::ShuttingDown
            | Reason::CommitRate
            | Reason::YieldTurn
            | Reason::Internal
    )
}

/// The policy is another than this device knows: the message is encrypted anew by that one, or goes back to its author.
async fn not_permitted(
    session: &Session,
    relay: &Arc<dyn Relay>,
    waiting: &OutboxRow,
    error: RelayError,
) -> Result<Step, CoreError> {
    // A list that is not accepted changes nothing, and ends no connection.
    if fault::planted("mutant.policy_fetch_ends") {
        revocation::fetch(session, relay).await?;
    }
    revocation::catch_up(session, relay).await?;
    match is_beyond(session, waiting).await? {
        true => Ok(Step::Wait),
        false => refuse(session, waiting, &Failure::from(error).to_string()).await,
    }
}

/// Whether a message, as it was encrypted, is more than the policy at hand permits: then it is not sent so again.
async fn is_beyond(session: &Session, waiting: &OutboxRow) -> Result<bool, CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("look_for_sealed").await?;
    let now = outbox::find(&mut tx, &waiting.message).await?;
    tx.commit().await?;
    let policy = core.revocations.policy();
    let beyond = |row: OutboxRow| {
        policy.permits_life(row.life_seconds).is_err()
            || row.kind == OutboxKind::Text && policy.permits_text(row.body.len()).is_err()
    };
    Ok(now.is_some_and(beyond))
}

/// The last entry this device has taken in.
async fn cursor(session: &Session, conversation: &ConversationId) -> Result<EntryNumber, CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("look_for_cursor").await?;
    let row = conversations::load(&mut tx, conversation).await?;
    tx.commit().await?;
    Ok(row.map_or(EntryNumber::ZERO, |row| row.cursor))
}

/// Wishes for a new epoch, unless that is wished for already.
async fn wish_for_new_epoch(session: &Session, conversation: &ConversationId) -> Result<(), CoreError> {
    let request = random(&*session.entropy)?;
    let now = session.clock.now();
    let core = session.core().await;
    let mut tx = core.vault.begin("wish_for_new_epoch").await?;
    if !intents::open_in(&mut tx, conversation).await?.iter().any(|wish| wish.wish == Wish::Renew) {
        intents::insert(&mut tx, conversation, &Wish::Renew, &request, now, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Returns a message to its author.
async fn refuse(session: &Session, waiting: &OutboxRow, why: &str) -> Result<Step, CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("refuse_message").await?;
    outbox::refuse(&mut tx, (&waiting.conversation, &waiting.message), why).await?;
    tx.commit().await?;
    drop(core);
    session.stepped(&[]);
    Ok(Step::Done)
}

/// A fault of tests: a row that goes before the relay has answered.
async fn drop_row(session: &Session, waiting: &OutboxRow) -> Result<(), CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("drop_row").await?;
    outbox::delete(&mut tx, &waiting.message).await?;
    Ok(tx.commit().await?)
}
