//! Looking through all conversations for who must go by the newest revocation list, and by the holds that are pending beside it.
//!
//! Which list that was done by is in the vault: a device that was killed in between does it again.

use wardline_proto::fault;

use super::Session;
use crate::{
    conversation::{Hold, revoked},
    error::CoreError,
    vault::tables::{
        conversations::{self, Standing},
        revocation,
    },
};

/// Looks through all conversations by a list by which they were not looked through yet; by one that was only signed again,
/// through those that wait for a list.
pub(crate) async fn look_through(session: &Session) -> Result<(), CoreError> {
    let (number, newer, holds, rows) = {
        let core = session.core().await;
        let (number, known) = (core.revocations.number(), core.list);
        let newer = known.looked < number || known.held;
        if !newer && !known.refreshed || fault::planted("mutant.look_at_none") {
            return Ok(());
        }
        let mut tx = core.vault.begin("list_conversations").await?;
        let rows = conversations::list(&mut tx).await?;
        tx.commit().await?;
        (number, newer, core.revocations.holds().len(), rows)
    };
    for row in rows.iter().filter(|row| row.standing == Standing::Active) {
        let waits = row.held.as_deref().is_some_and(|held| Hold::parse(held).waits_for_list());
        if newer || waits {
            let mut core = session.core().await;
            let soon = revoked::by_itself(&core);
            revoked::look_in(&mut core, &row.conversation, soon).await?;
        }
    }
    let mut core = session.core().await;
    core.list.held = core.revocations.holds().len() > holds;
    if newer {
        let mut tx = core.vault.begin("looked_through").await?;
        revocation::look(&mut tx, number).await?;
        tx.commit().await?;
        core.list.looked = number;
    }
    // One that came meanwhile is looked at the next time.
    core.list.refreshed = core.revocations.number() != number;
    Ok(())
}
