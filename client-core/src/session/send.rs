//! Sending one queued message: encrypt, send, note the answer.

use std::{sync::Arc, time::Duration};

use wardline_proto::{EntryNumber, Reason, UtcMillis, relay::SendRequest};

use super::Session;
use crate::{
    api::Failure,
    conversation::{self, Sealed},
    error::CoreError,
    relay::{Relay, RelayError},
    vault::tables::outbox::{self, OutboxRow},
};

/// Whether to go on with this conversation's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The message is dealt with.
    Done,
    /// The log has moved on since: try at once.
    Again,
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
) -> Result<Step, CoreError> {
    // 1. Encrypt: the ratchet has advanced on disk before anything leaves.
    let sealed = match conversation::seal(&mut *session.core().await, &waiting).await {
        // What MLS refuses now it refuses for ever: the message goes back, and nothing waits behind it.
        Err(CoreError::Mls(error)) => Sealed::Refused(Failure::from(CoreError::Mls(error)).to_string()),
        sealed => sealed?,
    };
    let ciphertext = match sealed {
        Sealed::Ready { ciphertext } => ciphertext,
        Sealed::Wait => return Ok(Step::Wait),
        Sealed::Refused(why) => return refuse(session, &waiting, &why).await,
    };

    // 2. Send.
    let request = SendRequest {
        conversation_id: waiting.conversation.to_wire(),
        client_message_id: waiting.message.to_wire(),
        message: ciphertext.into(),
    };
    let mut progress = session.progress();
    let answer = relay.send(request).await;

    // 3. Note the answer.
    match answer {
        Ok(answer) => {
            let core = session.core().await;
            let mut tx = core.vault.begin("accepted").await?;
            let stamp = answer.stamp.as_ref().map_or(session.clock.now(), UtcMillis::from);
            let place = (EntryNumber::new(answer.number), stamp);
            outbox::accept(&mut tx, &waiting.message, place).await?;
            tx.commit().await?;
            drop(core);
            session.stepped(&[]);
            Ok(Step::Done)
        }
        // The epoch has moved on: the log shows it, then the message is encrypted again.
        Err(RelayError::Refused { reason: Reason::EpochConflict | Reason::RevocationPending, .. }) => {
            let moved = tokio::time::timeout(Duration::from_millis(500), progress.changed()).await;
            Ok(if moved.is_ok() { Step::Again } else { Step::Wait })
        }
        Err(RelayError::Refused { reason, retry_after: Some(pause), .. }) if passes(reason) => {
            tokio::time::sleep(pause).await;
            Ok(Step::Wait)
        }
        Err(error @ RelayError::Refused { .. }) => {
            refuse(session, &waiting, &Failure::from(error).to_string()).await
        }
        Err(error) => Err(error.into()),
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
    )
}

/// Returns a message to its author.
async fn refuse(session: &Session, waiting: &OutboxRow, why: &str) -> Result<Step, CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("refuse_message").await?;
    outbox::refuse(&mut tx, &waiting.message, why).await?;
    tx.commit().await?;
    drop(core);
    session.stepped(&[]);
    Ok(Step::Done)
}
