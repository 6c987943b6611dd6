//! Holds that have run out: from its end a hold counts as revoked, without a further act, and whether or not a list
//! ever named it (design 4.4.6).
//!
//! Whom a hold names is out anyway, by memory and by its fences. What is done here is for good: a clock that is ahead must not
//! do it, so the job that calls this believes its clock first, and nothing else takes a hold for a revocation on disk.

use wardline_proto::{DeviceId, InvitationId, UtcMillis};

use super::apply::abandon;
use super::{PendingAct, RevocationStorage};
use crate::store::StoreError;

/// What ended with holds that had run out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RanOut {
    /// The devices.
    pub devices: Vec<DeviceId>,
    /// The enrolments that claimed their ids and are refused: whoever waits there is to be told.
    pub refused: Vec<InvitationId>,
}

/// Ends the devices whose hold has run out.
///
/// # Errors
/// Only those of the store.
pub async fn run_out<S: RevocationStorage>(storage: &mut S, now: UtcMillis) -> Result<RanOut, StoreError> {
    let mut ended = RanOut::default();
    for (number, hold) in storage.holds().await? {
        if hold.ends_at() <= now {
            ended.refused.extend(storage.end_device(hold.device, now).await?);
            storage.end_hold(number, now).await?;
            abandon(storage, &hold, now).await?;
            ended.devices.push(hold.device);
        }
    }
    for PendingAct { act: hold, ended: carried_out, .. } in storage.all_held().await? {
        if hold.ends_at() <= now && !carried_out {
            ended.refused.extend(storage.end_device(hold.device, now).await?);
            storage.end_held(hold.device, now).await?;
            abandon(storage, &hold, now).await?;
            ended.devices.push(hold.device);
        }
    }
    Ok(ended)
}
