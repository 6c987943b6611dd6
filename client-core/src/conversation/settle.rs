//! Giving a commit up: only after the relay has refused it for good in the epoch it was made for.

use wardline_proto::ConversationId;

use super::core::Core;
use crate::{
    api::Failure,
    error::CoreError,
    vault::tables::{
        intents::{self, Outcome},
        pending_commits,
    },
};

/// How long a wish is tried again whose commit does not fit the roster that the relay has, in milliseconds: somebody declared
/// it falsely, and the others put it right.
const PUT_RIGHT_MS: u64 = 20_000;

/// Clears the commit under way and ends its wish as failed; `patient`: not one that is young.
///
/// Never called because an answer is missing: such a commit may have won its epoch, and is sent again instead.
pub(crate) async fn abandon(
    core: &mut Core,
    conversation: ConversationId,
    (failure, patient): (&Failure, bool),
) -> Result<(), CoreError> {
    let outcome = abandon_step(core, conversation, failure, patient).await;
    if outcome.is_err() {
        core.forget(&conversation);
    }
    outcome
}

/// Clears the commit under way that the relay has not taken, and leaves its wish as it is: it is planned anew, by who must not be in
/// by now.
pub(crate) async fn withdraw(core: &mut Core, conversation: ConversationId) -> Result<(), CoreError> {
    let outcome = withdraw_step(core, conversation).await;
    if outcome.is_err() {
        core.forget(&conversation);
    }
    outcome
}

async fn withdraw_step(core: &mut Core, conversation: ConversationId) -> Result<(), CoreError> {
    let open = core.load_group(&conversation).await?;
    let mut tx = core.vault.begin("withdraw").await?;
    if let (true, Some(group)) = (open, core.groups.get_mut(&conversation)) {
        group.clear_pending(&core.store)?;
    }
    pending_commits::delete(&mut tx, &conversation).await?;
    Core::finish(&core.store, tx).await
}

async fn abandon_step(
    core: &mut Core,
    conversation: ConversationId,
    failure: &Failure,
    patient: bool,
) -> Result<(), CoreError> {
    let now = core.clock.now();
    let open = core.load_group(&conversation).await?;
    let mut tx = core.vault.begin("abandon").await?;
    if let Some(pending) = pending_commits::find(&mut tx, &conversation).await? {
        if let (true, Some(group)) = (open, core.groups.get_mut(&conversation)) {
            group.clear_pending(&core.store)?;
        }
        pending_commits::delete(&mut tx, &conversation).await?;
        let wish = intents::find(&mut tx, pending.intent).await?;
        let young = wish.is_some_and(|wish| now.get() < wish.created.get().saturating_add(PUT_RIGHT_MS));
        if !(patient && young) {
            let outcome = Outcome::Failed(failure.clone());
            intents::end(&mut tx, pending.intent, &outcome).await?;
        }
    }
    Core::finish(&core.store, tx).await
}
