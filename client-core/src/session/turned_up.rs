//! A device of this person's that turned up again: where it stands, on whose word, and who can end its hold.
//!
//! No device of the person can: what ends a hold for the person ends it for a thief too, who has the phone and whatever else lay
//! beside it. So this asks and tells, and changes nothing (decision 11).

use std::sync::Arc;

use wardline_identity::{DateCheck, Standing};
use wardline_proto::{DeviceId, UtcMillis};

use super::{
    Session,
    inventory::{self, Listed},
    revocation,
};
use crate::{
    api::{Failure, FoundDevice, rfc3339, standing_word},
    conversation::Core,
    error::CoreError,
    relay::Relay,
};

/// So many devices are named to whoever named none.
const NAMED_MAX: usize = 10;

/// Says how one of the own devices stands, and what is to be done.
pub(crate) async fn turned_up(
    session: &Session,
    relay: &Arc<dyn Relay>,
    text: &str,
) -> Result<FoundDevice, CoreError> {
    // What was done to it a moment ago counts.
    revocation::catch_up(session, relay).await?;
    let user = session.core().await.device.user().clone();
    let own = inventory::devices(session, relay, Some(&user)).await?;
    let (core, now) = (session.core().await, session.clock.now());
    let one = inventory::named(&own, text).map_err(|error| match error {
        CoreError::Failure(failure) => Failure { now: those_out(&core, &own, now), ..failure }.into(),
        other => other,
    })?;
    Ok(told(&core, one, now))
}

/// Which ones can be meant: no other command lists a person's devices that are out.
fn those_out(core: &Core, own: &[Listed], now: UtcMillis) -> String {
    let out = own.iter().filter(|one| core.revocations.standing(&one.device(), now).is_out());
    let each = out.map(|one| format!("{:.8} “{}”", one.device().to_string(), one.certificate.device_name()));
    let each: Vec<String> = each.take(NAMED_MAX).collect();
    if each.is_empty() {
        "None of yours is out.".to_owned()
    } else {
        format!("Yours that are out: {}.", each.join(", "))
    }
}

fn told(core: &Core, one: &Listed, now: UtcMillis) -> FoundDevice {
    let device = one.device();
    let standing = core.revocations.standing(&device, now);
    let (since, until, reason) = match standing {
        Standing::InForce => (None, None, None),
        Standing::Held { since, until, reason } => (Some(since), Some(until), Some(reason)),
        Standing::Revoked { since, reason } => (Some(since), None, Some(reason)),
    };
    let (by, listed) = if standing.is_out() { by_whom(core, &device) } else { (None, false) };
    let ask = match standing {
        Standing::InForce => None,
        Standing::Held { .. } => Some(format!("wardline admin device reinstate {device} --reason found")),
        Standing::Revoked { .. } => {
            Some(format!("wardline admin invite {} --replaces {device}", one.certificate.user()))
        }
    };
    FoundDevice {
        device: device.to_string(),
        user: one.certificate.user().to_string(),
        name: one.certificate.device_name().to_string(),
        state: standing_word(&standing).to_owned(),
        by,
        listed,
        since: since.map(rfc3339),
        reason: reason.map(|reason| reason.to_string()),
        until: until.map(rfc3339),
        ask,
    }
}

/// Who signed that a device is out, and whether that is an issuer's list: which takes up what other devices have signed before.
fn by_whom(core: &Core, device: &DeviceId) -> (Option<String>, bool) {
    let organisation = &core.device.organisation;
    if let Some(hold) = core.revocations.hold_of(device) {
        let signer = organisation.verify_device(&hold.to_wire().signer_certificate, DateCheck::Skip);
        // Its issuer may have been struck since: then nobody vouches for a name.
        let by = signer.map(|signer| format!("{}'s “{}”", signer.user(), signer.device_name()));
        return (by.ok(), false);
    }
    let Some(act) = core.revocations.last_act(device) else { return (None, false) };
    (organisation.issuer_of(&act.issuer).map(|issuer| issuer.label().to_string()), true)
}
