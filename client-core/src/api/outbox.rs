//! The outbox as people see it.

use std::collections::HashMap;

use super::{Answer, Failure, FailureKind, Outbox, OutboxMessage, rfc3339};
use crate::{
    conversation,
    error::CoreError,
    session::Session,
    vault::tables::{conversations, outbox},
};

/// Lists what waits or was returned.
pub(super) async fn list(session: &Session) -> Result<Answer, CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("list_outbox").await?;
    let rows = outbox::list(&mut tx).await?;
    let shown: HashMap<_, _> = conversations::list(&mut tx)
        .await?
        .into_iter()
        .map(|row| (row.conversation, row.line.first))
        .collect();
    tx.commit().await?;
    let outbox = rows
        .into_iter()
        .map(|row| OutboxMessage {
            message: row.message.to_string(),
            conversation: shown.get(&row.conversation).unwrap_or(&row.conversation).to_string(),
            state: match (&row.refusal, row.accepted) {
                (Some(_), _) => "refused",
                (None, Some(_)) => "sent",
                (None, None) => "queued",
            }
            .to_owned(),
            time: rfc3339(row.created),
            why: row.refusal,
        })
        .collect();
    Ok(Answer::Outbox(Outbox { outbox }))
}

/// Tries a returned message again, or gives up one that the relay does not have.
pub(super) async fn change(session: &Session, prefix: &str, again: bool) -> Result<Answer, CoreError> {
    {
        let core = session.core().await;
        let mut tx = core.vault.begin("change_outbox").await?;
        let rows = outbox::list(&mut tx).await?;
        let prefix = prefix.to_ascii_lowercase();
        let matching: Vec<_> = rows
            .iter()
            .filter(|row| prefix.len() >= 4 && row.message.to_string().starts_with(&prefix))
            .filter(|row| row.accepted.is_none())
            .collect();
        let [row] = matching.as_slice() else {
            return Err(Failure::new(
                FailureKind::Unknown,
                format!("“{prefix}” names {} waiting messages, not one.", matching.len()),
                "",
                "List them: wardline outbox list.",
            )
            .into());
        };
        if again {
            outbox::retry(&mut tx, &row.message, session.clock.now()).await?;
        } else {
            outbox::delete(&mut tx, &row.message).await?;
        }
        tx.commit().await?;
    }
    session.wake.notify_one();
    list(session).await
}

/// How many messages wait to be sent.
pub(super) async fn queued(core: &conversation::Core) -> Result<usize, CoreError> {
    let mut tx = core.vault.begin("count_outbox").await?;
    let rows = outbox::list(&mut tx).await?;
    tx.commit().await?;
    Ok(rows.iter().filter(|row| row.accepted.is_none() && row.refusal.is_none()).count())
}
