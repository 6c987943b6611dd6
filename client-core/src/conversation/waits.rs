//! Conversations that say they go on from a log that is still open here. Usually its end is on the way, and nobody sees that they
//! waited. Where it does not come they are shown, and joined as what they are without it: conversations like any other.

use std::collections::BTreeSet;

use bytes::Bytes;
use wardline_proto::{ConversationId, UtcMillis, fault, relay::WelcomeDelivery};

use super::{
    core::Core,
    join::{Patience, join_with},
    receive::Effect,
    receive_commit::shown_name,
};
use crate::{
    api::ConversationSummary,
    error::CoreError,
    mls::JoinView,
    vault::{
        Transaction,
        tables::waiting::{self, WaitingRow},
    },
};

/// How long they wait for the end of that log.
const WAITS_SECONDS: u64 = 60;
/// How long they are shown.
const SHOWN_SECONDS: u64 = 86_400;

/// Looks again at Welcomes that came too early, once all that was in the logs has come. If it is known of which conversations others
/// wait, all else that waited does so no longer, and is forgotten. Answers those that wait on, and what was done.
pub(crate) async fn look_at_early(
    core: &mut Core,
    welcomes: Vec<WelcomeDelivery>,
    others: Option<Vec<Bytes>>,
) -> Result<(Vec<WelcomeDelivery>, Vec<Effect>), CoreError> {
    let (mut wait_on, mut done) = (Vec::new(), Vec::new());
    for welcome in welcomes {
        let effects = join_with(core, &welcome, Patience::Ends).await?;
        if effects.is_empty() {
            wait_on.push(welcome);
        }
        done.extend(effects);
    }
    if let Some(others) = others {
        let wait = wait_on.iter().map(|one| &one.conversation_id).chain(&others);
        let kept: BTreeSet<&[u8]> = wait.map(AsRef::as_ref).collect();
        let mut tx = core.vault.begin("forget_waiting").await?;
        for row in waiting::list(&mut tx).await? {
            if !kept.contains(row.conversation.as_bytes().as_slice()) {
                waiting::delete(&mut tx, &row.conversation).await?;
            }
        }
        tx.commit().await?;
    }
    Ok((wait_on, done))
}

/// Whether a conversation has waited as long as it may.
pub(crate) async fn has_waited(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    now: UtcMillis,
) -> Result<bool, CoreError> {
    let over =
        |row: &WaitingRow| row.conversation == *conversation && row.since.plus_seconds(WAITS_SECONDS) <= now;
    Ok(waiting::list(tx).await?.iter().any(over) && !fault::planted("mutant.hidden_while_open"))
}

/// From now on a conversation is shown as one that waits.
pub(crate) async fn show(tx: &mut Transaction<'_>, view: &JoinView, now: UtcMillis) -> Result<(), CoreError> {
    if fault::planted("mutant.hidden_while_open") {
        return Ok(());
    }
    let name = shown_name(&view.settings.name);
    Ok(waiting::insert(tx, &WaitingRow { conversation: view.conversation, name, since: now }).await?)
}

/// What people see of those that wait. One that has for long is one that this device was let out of again.
pub(crate) async fn summaries(
    tx: &mut Transaction<'_>,
    now: UtcMillis,
) -> Result<Vec<ConversationSummary>, CoreError> {
    let recent = |row: &WaitingRow| row.since.plus_seconds(SHOWN_SECONDS) > now;
    let summary = |row: WaitingRow| ConversationSummary {
        conversation: row.conversation.to_string(),
        name: row.name,
        state: "waiting".to_owned(),
        unread: 0,
        missed: 0,
        last: None,
        held: None,
        fault: None,
    };
    Ok(waiting::list(tx).await?.into_iter().filter(recent).map(summary).collect())
}
