//! What an issuers' list means for conversations: who is in one with a certificate that is no longer good.
//!
//! Such a leaf is nobody's from now on. Nothing is encrypted to it: the conversation is held until a member has put it out, as
//! every member wishes at once. The relay holds its device to be in until then, so that is what leaves.

use wardline_identity::Organisation;
use wardline_proto::{UtcMillis, fault};

use super::{
    core::Core,
    correct::{spread_ms, wish_once},
    hold::Hold,
};
use crate::{
    error::CoreError,
    vault::tables::{
        conversations::{self, Standing},
        declared_rosters::{self, DeclaredRoster},
        intents::Wish,
    },
};

/// Holds every conversation in which somebody is a stranger by the newer list who was none by the one at hand.
pub(crate) async fn strangers_by(core: &mut Core, newer: &Organisation) -> Result<(), CoreError> {
    if fault::planted("mutant.struck_stay_in") {
        return Ok(());
    }
    let mut tx = core.vault.begin("list_conversations").await?;
    let rows = conversations::list(&mut tx).await?;
    tx.commit().await?;
    for mut row in rows.into_iter().filter(|row| row.standing == Standing::Active) {
        if !core.load_group(&row.conversation).await? {
            continue;
        }
        let Some(group) = core.groups.get(&row.conversation) else { continue };
        let (leaves, hold) = (group.roster(), row.held.as_deref().map(Hold::parse));
        let before = Hold::read(hold.as_ref(), &core.device.organisation, &leaves, &leaves);
        let after = Hold::read(hold.as_ref(), newer, &leaves, &leaves);
        if after.strangers == before.strangers {
            continue;
        }
        row.held = Some(Hold::with_strangers(hold, (&after, &leaves)).to_text());
        let now = core.clock.now();
        let mut tx = core.vault.begin("hold_for_struck").await?;
        conversations::store(&mut tx, &row).await?;
        if declared_rosters::load(&mut tx, &row.conversation).await?.is_none() {
            let mut devices: Vec<_> = before.members.iter().map(|one| one.certificate.device()).collect();
            devices.sort_unstable();
            let held_to_be_in = DeclaredRoster { devices, number: row.cursor };
            declared_rosters::store(&mut tx, &row.conversation, Some(&held_to_be_in)).await?;
        }
        let times = (now, UtcMillis::new(now.get() + spread_ms(&core.device)));
        wish_once(&mut tx, &row.conversation, Wish::Correct, &*core.entropy, times).await?;
        tx.commit().await?;
    }
    Ok(())
}
