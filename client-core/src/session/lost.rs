//! Putting devices on hold by this device's own signature: another one of the same person, or, for a responder, anybody's but an
//! administrator's or a registrar's. No issuer has to be awake.

use std::sync::Arc;

use wardline_identity::{
    DateCheck, HELD_MAX, HeldDevice, HoldAnswer, HoldStatement, RevocationReason, UserId,
};
use wardline_proto::{
    Reason, UtcMillis, fault,
    relay::{HoldDevicesRequest, PendingHold, SignedStatement},
};

use super::{
    Session, holds,
    inventory::{self, Listed},
    revocation,
};
use crate::{
    api::{ActedDevice, Acts, Failure, FailureKind, rfc3339},
    conversation::Core,
    error::CoreError,
    relay::{Relay, RelayError},
};

/// Whose devices are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Among {
    /// This person's own.
    Own,
    /// Everybody's that a responder is shown.
    All,
}

/// Puts the devices that these texts name on hold; answers when they are.
pub(crate) async fn put_on_hold(
    session: &Session,
    relay: &Arc<dyn Relay>,
    (texts, among): (&[String], Among),
    reason: RevocationReason,
) -> Result<Acts, CoreError> {
    // 1. Whom.
    let own: Option<UserId> = match among {
        Among::Own => Some(session.core().await.device.user().clone()),
        Among::All => None,
    };
    let all = inventory::devices(session, relay, own.as_ref()).await?;
    let mut chosen: Vec<&Listed> = Vec::with_capacity(texts.len());
    for text in texts {
        chosen.push(inventory::named(&all, text).map_err(|error| named_otherwise(error, among))?);
    }
    chosen.sort_by_key(|one| one.device());
    chosen.dedup_by_key(|one| one.device());
    if chosen.len() > HELD_MAX {
        return Err(too_many().into());
    }
    // 2. What this device says, and what the relay answers.
    let (statement, wire) = {
        let core = session.core().await;
        refuse_this(&core, &chosen)?;
        sign(&core, &chosen, reason, session.clock.now())
    };
    let request = HoldDevicesRequest { statement: Some(statement.clone()) };
    let response = relay.hold_devices(request).await.map_err(|error| refused(error, among))?;
    let answer = {
        let (core, now) = (session.core().await, session.clock.now());
        HoldAnswer::verify(&core.device.organisation, &statement, &response, DateCheck::At(now))
            .map_err(|_| CoreError::Protocol("did not sign that the devices are on hold"))?
    };
    // 3. From here on this device goes by it, if the relay has kept it: where somebody's was first, or this device's own whose answer
    //    was lost, members take the device out by that one.
    let counts = answer.devices().iter().any(|held| held.since == answer.in_force_at());
    if counts || fault::planted("mutant.own_hold_only") {
        holds::adopt(session, &[wire]).await?;
    } else {
        revocation::fetch(session, relay).await?;
    }
    let core = session.core().await;
    let devices: Vec<ActedDevice> = chosen
        .iter()
        .zip(answer.devices())
        .map(|(one, held)| acted(one, held, answer.in_force_at(), reason))
        .collect();
    Ok(Acts {
        change: "held".to_owned(),
        list: core.revocations.number(),
        in_force: Some(rfc3339(answer.in_force_at())),
        devices,
    })
}

/// Later than whatever a list has done to them: it is not taken for one of before.
fn sign(
    core: &Core,
    chosen: &[&Listed],
    reason: RevocationReason,
    now: UtcMillis,
) -> (SignedStatement, PendingHold) {
    let listed = chosen.iter().filter_map(|one| core.revocations.listed_act(&one.device()));
    let after = listed.map(|act| UtcMillis::new(act.at.get().saturating_add(1)));
    let said = HoldStatement {
        organisation: core.device.organisation.id().clone(),
        devices: chosen.iter().map(|one| one.device()).collect(),
        reason,
        signed_at: after.fold(now, UtcMillis::max),
    };
    let statement = said.sign(&core.device.key, &core.device.certificate);
    let wire = PendingHold {
        statement: Some(statement.clone()),
        signer_certificate: core.device.certificate.der().to_vec().into(),
        device_certificates: chosen.iter().map(|one| one.certificate.der().to_vec().into()).collect(),
    };
    (statement, wire)
}

fn acted(one: &Listed, held: &HeldDevice, instant: UtcMillis, reason: RevocationReason) -> ActedDevice {
    let already = held.since != instant;
    ActedDevice {
        device: one.device().to_string(),
        user: one.certificate.user().to_string(),
        name: one.certificate.device_name().to_string(),
        state: held.kind.as_str().to_owned(),
        reason: (!already).then(|| reason.to_string()),
        since: Some(rfc3339(held.since)),
        in_force: (!already).then(|| rfc3339(instant)),
        conversations: (!already).then_some(held.conversations.len()),
        already,
    }
}

/// Nobody loses the device in their hand.
fn refuse_this(core: &Core, chosen: &[&Listed]) -> Result<(), CoreError> {
    if !chosen.iter().any(|one| one.device() == core.device.id()) {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Refused,
        "This is the device that you are using.",
        "A device does not put itself on hold.",
        "Run it on another device of yours, or ask your administrator: wardline admin device hold DEVICE.",
    )
    .into())
}

fn too_many() -> Failure {
    Failure::new(
        FailureKind::Input,
        "These are too many devices for once.",
        format!("At most {HELD_MAX} are put on hold together."),
        "Give them in several commands.",
    )
}

/// The same failure, with the command that lists what may be named here.
fn named_otherwise(error: CoreError, among: Among) -> CoreError {
    match error {
        CoreError::Failure(failure) => {
            let help = match among {
                Among::Own => "List yours: wardline device list.",
                Among::All => "List a person's: wardline responder devices USER.",
            };
            Failure { now: help.to_owned(), ..failure }.into()
        }
        other => other,
    }
}

/// Why the relay does not take it, for whom it was meant.
fn refused(error: RelayError, among: Among) -> CoreError {
    match (&error, among) {
        (RelayError::Refused { reason: Reason::HoldRefused, .. }, Among::Own) => Failure::new(
            FailureKind::Refused,
            "The device cannot be put on hold by you.",
            "It is not one of your own, or it was reinstated at this very moment.",
            "List yours: wardline device list. For others' devices ask your administrator.",
        )
        .into(),
        (RelayError::Refused { reason: Reason::HoldRefused, .. }, Among::All) => Failure::new(
            FailureKind::Refused,
            "You may not put that device on hold.",
            "Responders may, whom an administrator has named, and nobody an administrator's or a registrar's device.",
            "Ask an administrator: wardline admin responder add USER, or wardline admin device hold DEVICE.",
        )
        .into(),
        _ => error.into(),
    }
}
