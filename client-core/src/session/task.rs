//! Membership tasks: what the relay asks this device to do for a conversation becomes a wish of its own.
//!
//! A task is asked for two seconds, then of the next member. One whose conversation is busy here is left to that; one that
//! this device wishes for already, for later, is wished for now.

use std::sync::Arc;

use wardline_proto::{
    ConversationId, fault,
    relay::{AskMembersRequest, MembershipTask, ReplacementWaits, ask_members_request::Ground},
};

use super::Session;
use crate::{
    conversation::{self, random},
    error::CoreError,
    relay::Relay,
    vault::tables::{
        intents::{self, Wish},
        pending_commits,
    },
};

/// Takes a task on, if there is a ground and the conversation is free.
pub(crate) async fn take(session: &Session, task: MembershipTask) -> Result<(), CoreError> {
    if fault::planted("member.idle") {
        return Ok(());
    }
    let (Ok(conversation), Some(asked)) = (ConversationId::try_from(&task.conversation_id), task.task) else {
        return Ok(());
    };
    let mut core = session.core().await;
    let Some(wish) = conversation::asked(&mut core, &conversation, asked).await? else { return Ok(()) };
    let now = session.clock.now();
    let request = random(&*session.entropy)?;
    let mut tx = core.vault.begin("take_task").await?;
    let here = intents::open_in(&mut tx, &conversation).await?;
    if let Some(same) = here.iter().find(|open| same(&open.wish, &wish)) {
        intents::hasten(&mut tx, same.intent, now).await?;
    } else {
        // A closed log has nothing else to wait for, and nothing waits for the end of one that is open.
        let succeeds = |wish: &Wish| matches!(wish, Wish::Succeed { .. });
        // What the revocation list asks for comes before all else, which waits for it.
        let first = wish == Wish::RemoveRevoked;
        let due =
            !first && !succeeds(&wish) && here.iter().any(|open| open.is_due(now) && !succeeds(&open.wish));
        if due || !first && pending_commits::find(&mut tx, &conversation).await?.is_some() {
            return Ok(());
        }
        intents::insert(&mut tx, &conversation, &wish, &request, now, now).await?;
    }
    tx.commit().await?;
    drop(core);
    session.wake.notify_one();
    Ok(())
}

/// Whether two wishes want the same.
fn same(open: &Wish, asked: &Wish) -> bool {
    match (open, asked) {
        (Wish::LetGo { user: open, .. }, Wish::LetGo { user: asked, .. }) => open == asked,
        (
            Wish::AddOwnDevice { device: open, .. } | Wish::AddDevice { device: open, .. },
            Wish::AddDevice { device: asked, .. },
        )
        | (Wish::LetBack { device: open, .. }, Wish::LetBack { device: asked, .. }) => open == asked,
        (Wish::Succeed { number: open, .. }, Wish::Succeed { number: asked, .. }) => open == asked,
        (open, asked) => open == asked,
    }
}

/// A person's new device waits for a member to confirm it: kept, and shown.
pub(crate) async fn replacement(session: &Session, waits: ReplacementWaits) -> Result<(), CoreError> {
    if conversation::note_replacement(&*session.core().await, &waits).await? {
        session.stepped(&[]);
    }
    Ok(())
}

/// How many conversations one call asks for.
const ASKED_MAX: usize = 500;

/// Asks the members of some conversations to carry out what a statement permits. Answers whether the relay will: what it
/// does not take, this device does by itself.
pub(crate) async fn ask_members(
    relay: &Arc<dyn Relay>,
    conversations: &[ConversationId],
    ground: &Ground,
) -> bool {
    for chunk in conversations.chunks(ASKED_MAX).filter(|_| !fault::planted("mutant.ask_nobody")) {
        let conversation_ids = chunk.iter().map(|one| one.to_wire()).collect();
        let request = AskMembersRequest { conversation_ids, ground: Some(ground.clone()) };
        if let Err(error) = relay.ask_members(request).await {
            tracing::info!(%error, "the members were not asked");
            return false;
        }
    }
    true
}
