//! Holds that other devices have signed: fetched beside the revocation list, judged, kept, and acted on like a list (design 4.4.6).
//!
//! The relay hands them out and invents none: each comes with all that proves it, and one that does not verify changes nothing.

use std::sync::Arc;

use bytes::Bytes;
use wardline_identity::{HOLD_SECONDS, HoldError, PendingHold};
use wardline_proto::{
    DeviceId, fault,
    relay::{self as pb, Entry, removal_ground::Ground},
};

use super::{Session, revocation};
use crate::{
    api::Event,
    conversation::{Core, declared},
    error::CoreError,
    relay::Relay,
    vault::tables::holds,
};

/// Takes in the holds that the relay gave; what is new is in the vault first.
pub(super) async fn adopt(session: &Session, given: &[pb::PendingHold]) -> Result<(), CoreError> {
    let mut some = false;
    for wire in given {
        let mut core = session.core().await;
        match take_in(&mut core, wire).await {
            Ok(new) => some |= new,
            Err(CoreError::Hold(HoldError::Over)) => {}
            Err(CoreError::Hold(error)) => tracing::warn!(%error, "a hold that the relay gave was refused"),
            Err(error) => return Err(error),
        }
    }
    if some {
        session.tell(Event::HoldsPending);
        session.wake.notify_one();
        session.stepped(&[]);
    }
    Ok(())
}

/// The same, of one, as a step of this device's state; whether it was new.
pub(crate) async fn take_in(core: &mut Core, wire: &pb::PendingHold) -> Result<bool, CoreError> {
    let organisation = &core.device.organisation;
    let hold = match fault::planted("mutant.hold_unchecked") {
        true => PendingHold::stored(wire.clone())?,
        false => PendingHold::verify(organisation, &core.revocations, wire)?,
    };
    // Within its seven days a list takes it up, or no list is relied on any more: one that comes later was kept back.
    let over = hold.said().signed_at.plus_seconds(HOLD_SECONDS) <= core.clock.now();
    if over && !fault::planted("mutant.old_hold") {
        return Err(HoldError::Over.into());
    }
    if !core.revocations.may_hold(&hold)? {
        return Ok(false);
    }
    let mut tx = core.vault.begin("keep_hold").await?;
    holds::insert(&mut tx, &hold).await?;
    tx.commit().await?;
    fault::crash("crash.hold_kept");
    core.list.held = true;
    Ok(core.revocations.hold(hold)?)
}

/// Forgets what a list has taken up, once that is in force here.
pub(super) async fn forget_listed(core: &mut Core, before: usize) -> Result<(), CoreError> {
    if core.revocations.holds().len() == before {
        return Ok(());
    }
    let mut tx = core.vault.begin("forget_holds").await?;
    holds::replace(&mut tx, core.revocations.holds()).await?;
    Ok(tx.commit().await?)
}

/// Whether other holds are pending at the relay than here, by what it says.
pub(super) async fn differ(session: &Session, said: &Bytes) -> bool {
    !said.is_empty()
        && *said != session.core().await.revocations.holds_digest()
        && !fault::planted("mutant.holds_unheard")
}

/// The relay says that holds are pending.
pub(super) async fn heard(session: &Session, relay: &Arc<dyn Relay>, said: &Bytes) -> Result<(), CoreError> {
    if differ(session, said).await {
        revocation::catch_up(session, relay).await?;
    }
    Ok(())
}

/// Whether somebody is removed by a hold that is not here: it is fetched before the commit is taken in.
pub(super) fn names_unknown(core: &Core, entry: &Entry) -> bool {
    let Some(data) = declared(&entry.message) else { return false };
    let by_hold = data.leaves.iter().zip(&data.grounds);
    let mut by_hold = by_hold.filter(|(_, ground)| matches!(ground.ground, Some(Ground::Hold(_))));
    by_hold.any(|(leaf, _)| is_unknown(core, leaf))
}

/// Whether nothing was ever done to a device, as far as this one knows.
pub(super) fn is_unknown(core: &Core, device: &Bytes) -> bool {
    DeviceId::try_from(device).is_ok_and(|device| core.revocations.last_act(&device).is_none())
}
