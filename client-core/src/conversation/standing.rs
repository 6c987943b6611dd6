//! What becomes of a wish by where its conversation stands: closed for this device, broken for a while, or open.

use wardline_proto::{ConversationId, fault::planted};

use super::{
    core::Core,
    plan::{Plan, closed},
    successor::{Succession, succeed},
};
use crate::{
    error::CoreError,
    vault::tables::conversations::{ConversationRow, Standing},
};

/// Makes what goes on from a closed log.
pub(super) async fn go_on(
    core: &mut Core,
    conversation: &ConversationId,
    number: u64,
) -> Result<Plan, CoreError> {
    Ok(match succeed(core, conversation, number).await? {
        Succession::NotYet if planted("mutant.succeed_first") => Plan::Later,
        // It has waited as long as it may for that.
        Succession::Made | Succession::Declined | Succession::NotYet => Plan::Nothing,
    })
}

/// A conversation that can be changed, or what becomes of the wish.
pub(super) fn stands(row: Option<ConversationRow>) -> Result<ConversationRow, Plan> {
    let row = row.ok_or_else(|| Plan::Impossible(closed()))?;
    match row.standing {
        Standing::Active => Ok(row),
        // It is let in again, or moves to where it goes on.
        Standing::OutOfStep if !planted("mutant.broken_is_closed") => Err(Plan::Later),
        Standing::Closed if row.line.successor.is_none() => Err(Plan::Later),
        _ => Err(Plan::Impossible(closed())),
    }
}
