//! A successor takes over: what this device said that not everybody could read is said there again, and what waits moves
//! there. In the transaction that joins it, or that learns that the relay has taken the own one.

use std::collections::BTreeSet;

use wardline_identity::StatementLabel;
use wardline_proto::{ConversationId, UtcMillis, fault, relay::Leave};

use super::{again::send_again, core::Core, former::Former, receive::encode, reinstated};
use crate::{
    error::CoreError,
    mls::group,
    vault::{
        Transaction,
        mls_rows::Scope,
        tables::{
            commits,
            conversations::{self, ConversationRow, Standing},
            held_out,
            intents::{self, Outcome, Wish},
            outbox::{self, OutboxKind, OutboxRow},
            pending_commits,
        },
    },
};

/// The old log's row gets its successor, and everything that waits moves. The MLS rows of the old log must be loaded; its
/// group in memory is the caller's to drop.
pub(crate) async fn take_over(
    core: &Core,
    tx: &mut Transaction<'_>,
    old: &ConversationRow,
    successor: &ConversationId,
) -> Result<(), CoreError> {
    // 1. The old log is history: nothing of it is encrypted or opened again.
    let mut old = old.clone();
    old.standing = Standing::Closed;
    old.line.successor = Some(*successor);
    conversations::store(tx, &old).await?;
    group::delete(&core.store, old.conversation)?;
    pending_commits::delete(tx, &old.conversation).await?;

    // 2. What was said first comes first; then what waits.
    if let Some(closed) = old.line.closed {
        let commit = commits::find(tx, &old.conversation, closed.number).await?;
        let former = commit.and_then(|commit| commit.before).as_deref().and_then(Former::parse);
        // Who is not known was not in.
        let present = former.as_ref().map_or_else(
            || BTreeSet::from([String::new()]),
            |former| former.going_on().map(|seat| seat.device.clone()).collect(),
        );
        if let Some(former) = &former {
            reinstated::left_out(core, tx, successor, former).await?;
        }
        let lost = if fault::planted("mutant.again_from_last") { closed.number } else { closed.first };
        send_again(core, tx, (&old, lost), successor, &present).await?;
    }
    move_waiting(core, tx, &old.conversation, successor).await
}

/// What waits for one log waits for another, in its order, and so do the wishes that mean the same there.
async fn move_waiting(
    core: &Core,
    tx: &mut Transaction<'_>,
    from: &ConversationId,
    successor: &ConversationId,
) -> Result<(), CoreError> {
    for row in outbox::list(tx).await? {
        if row.conversation == *from && row.accepted.is_none() {
            outbox::delete(tx, &row.message).await?;
            outbox::insert(tx, &moved(core, row, successor)).await?;
        }
    }
    held_out::move_to(tx, from, successor).await?;
    let moves = |wish: &Wish| {
        matches!(
            wish,
            Wish::Add { .. }
                | Wish::AddOwnDevice { .. }
                | Wish::Remove { .. }
                | Wish::Rename { .. }
                | Wish::Retain { .. }
                | Wish::AddDevice { .. }
                | Wish::LetBack { .. }
                | Wish::AddBack { .. }
        )
    };
    for wish in &intents::open_in(tx, from).await? {
        if moves(&wish.wish) {
            intents::move_to(tx, wish.intent, successor).await?;
        } else {
            intents::end(tx, wish.intent, &Outcome::Done).await?;
        }
    }
    Ok(())
}

/// A message that was never accepted, for the successor: encrypted anew there. That its person leaves is said of the
/// successor, under its id.
fn moved(core: &Core, row: OutboxRow, successor: &ConversationId) -> OutboxRow {
    let body = match row.kind {
        OutboxKind::Text | OutboxKind::Recall => row.body,
        OutboxKind::Leave => leave(core, successor, row.created),
    };
    OutboxRow { conversation: *successor, body, sealed: None, ..row }
}

fn leave(core: &Core, conversation: &ConversationId, said: UtcMillis) -> Vec<u8> {
    let leave = Leave {
        conversation_id: conversation.to_wire(),
        user_id: core.device.user().to_string(),
        left_at: Some(said.into()),
        // Said anew of where it is sent, when it is.
        seen_number: 0,
    };
    encode(&core.voice(conversation).sign(StatementLabel::Leave, &leave))
}

/// The relay has taken a conversation that was made here. A successor takes over.
pub(crate) async fn created(core: &mut Core, conversation: &ConversationId) -> Result<(), CoreError> {
    let outcome = created_step(core, conversation).await;
    if outcome.is_err() {
        core.forget(conversation);
    }
    outcome
}

async fn created_step(core: &mut Core, conversation: &ConversationId) -> Result<(), CoreError> {
    let mut tx = core.vault.begin("look_at_created").await?;
    let row = conversations::load(&mut tx, conversation).await?;
    let Some(mut row) = row.filter(|row| row.standing == Standing::Creating) else { return Ok(()) };
    let old = match row.line.predecessor {
        Some(old) => conversations::load(&mut tx, &old).await?,
        None => None,
    };
    tx.commit().await?;
    if let Some(old) = &old {
        core.store.load(&core.vault, Scope::Conversation(old.conversation)).await?;
    }
    let mut tx = core.vault.begin("created").await?;
    row.standing = Standing::Active;
    conversations::store(&mut tx, &row).await?;
    if let Some(old) = &old {
        take_over(core, &mut tx, old, conversation).await?;
    }
    Core::finish(&core.store, tx).await?;
    if let Some(old) = &old {
        core.groups.remove(&old.conversation);
    }
    Ok(())
}

/// A successor that was made here and is not the one that counts goes without a trace; what waited for it waits for that one,
/// if it is known. Its MLS rows must be loaded; its group in memory is the caller's to drop.
pub(crate) async fn drop_candidate(
    core: &Core,
    tx: &mut Transaction<'_>,
    candidate: &ConversationId,
    successor: Option<&ConversationId>,
) -> Result<(), CoreError> {
    if let Some(successor) = successor {
        move_waiting(core, tx, candidate, successor).await?;
    }
    group::delete(&core.store, *candidate)?;
    conversations::delete(tx, candidate).await?;
    pending_commits::delete(tx, candidate).await?;
    intents::end_where(tx, candidate, &Outcome::Done, |_| true).await?;
    Ok(())
}

/// Another's successor was first: the own one goes.
pub(crate) async fn not_first(core: &mut Core, candidate: &ConversationId) -> Result<(), CoreError> {
    let outcome = not_first_step(core, candidate).await;
    core.forget(candidate);
    outcome
}

async fn not_first_step(core: &Core, candidate: &ConversationId) -> Result<(), CoreError> {
    core.store.load(&core.vault, Scope::Conversation(*candidate)).await?;
    let mut tx = core.vault.begin("not_first").await?;
    drop_candidate(core, &mut tx, candidate, None).await?;
    Core::finish(&core.store, tx).await
}
