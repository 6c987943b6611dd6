//! Revoking, holding and reinstating devices: whom it is about, what stands against it, and what came of it.

use std::{collections::BTreeMap, sync::Arc};

use wardline_identity::{RevocationAnswer, RevocationKind, RevocationReason, Standing, UserId};
use wardline_proto::{DeviceId, UtcMillis};

use super::{
    Session,
    inventory::{self, Listed},
    signed_list::{Wanted, issuer, put_in_force},
};
use crate::{
    api::{ActedDevice, Acts, Failure, FailureKind, rfc3339},
    conversation::Core,
    error::CoreError,
    relay::Relay,
};

/// What an administrator wants.
pub(crate) struct Order {
    pub kind: RevocationKind,
    pub reason: RevocationReason,
    pub whom: Whom,
    /// Also if it is the own device, or the last one that may do this.
    pub even_own: bool,
}

/// Whom it is about.
pub(crate) enum Whom {
    /// Devices, each by its id or the first digits of it.
    Devices(Vec<String>),
    /// All devices of a person that it can be done to.
    User(UserId),
}

/// Carries an order out; answers when it is in force.
pub(crate) async fn revoke(
    session: &Session,
    relay: &Arc<dyn Relay>,
    order: Order,
) -> Result<Acts, CoreError> {
    issuer(&*session.core().await)?;
    // 1. Whom, by the newest list and with what was left under way.
    let finished = put_in_force(session, relay, &[]).await?;
    let all = inventory::devices(session, relay, None).await?;
    let chosen = {
        let core = session.core().await;
        let chosen = chosen(&core, &all, &order, session.clock.now())?;
        refuse_what_cannot_be(&core, &chosen, order.kind, session.clock.now())?;
        if order.kind != RevocationKind::Reinstated && !order.even_own {
            refuse_own(&core, &all, &chosen, session.clock.now())?;
        }
        chosen
    };
    let already: Vec<bool> = {
        let (core, now) = (session.core().await, session.clock.now());
        chosen.iter().map(|one| is_in_force(&core, one.device(), order.kind, now)).collect()
    };
    // 2. In force.
    let (kind, reason) = (order.kind, order.reason);
    let wanted: Vec<Wanted> =
        chosen.iter().map(|one| Wanted { device: one.device(), kind, reason }).collect();
    let answers = put_in_force(session, relay, &wanted).await?;
    // 3. What came of it, by the list that is in force now.
    let answers: Vec<&RevocationAnswer> = finished.iter().chain(&answers).collect();
    let core = session.core().await;
    let now = session.clock.now();
    let mut devices = Vec::with_capacity(chosen.len());
    for (one, already) in chosen.iter().zip(already) {
        if !is_in_force(&core, one.device(), kind, now) {
            return Err(otherwise(one).into());
        }
        devices.push(acted(&core, one, already, &answers, now));
    }
    let in_force = answers.iter().rev().find(|answer| names_any(answer, &chosen));
    Ok(Acts {
        change: kind.as_str().to_owned(),
        list: core.revocations.number(),
        in_force: in_force.map(|answer| rfc3339(answer.in_force_at())),
        devices,
    })
}

/// The devices that an order is about, each once.
fn chosen<'a>(
    core: &Core,
    all: &'a [Listed],
    order: &Order,
    now: UtcMillis,
) -> Result<Vec<&'a Listed>, CoreError> {
    let chosen: BTreeMap<DeviceId, &Listed> = match &order.whom {
        Whom::Devices(texts) => {
            let found = texts.iter().map(|text| inventory::named(all, text));
            found.map(|one| one.map(|one| (one.device(), one))).collect::<Result<_, _>>()?
        }
        Whom::User(user) => {
            let theirs: Vec<&Listed> = all.iter().filter(|one| one.certificate.user() == user).collect();
            if theirs.is_empty() {
                return Err(nobodys(user).into());
            }
            let open = |one: &&&Listed| {
                let standing = core.revocations.standing(&one.device(), now);
                match order.kind {
                    RevocationKind::Reinstated => matches!(standing, Standing::Held { .. }),
                    _ => !matches!(standing, Standing::Revoked { .. }),
                }
            };
            let open: BTreeMap<_, _> = theirs.iter().filter(open).map(|one| (one.device(), *one)).collect();
            if open.is_empty() && order.kind == RevocationKind::Reinstated {
                return Err(nothing_held(user).into());
            }
            // Nothing is left to do: what is in force is answered.
            if open.is_empty() { theirs.into_iter().map(|one| (one.device(), one)).collect() } else { open }
        }
    };
    Ok(chosen.into_values().collect())
}

/// Whether a device stands as it is wanted to, or is out for longer.
fn is_in_force(core: &Core, device: DeviceId, kind: RevocationKind, now: UtcMillis) -> bool {
    let standing = core.revocations.standing(&device, now);
    match kind {
        RevocationKind::Revoked => {
            let for_good = core.revocations.last_act(&device).map(|act| act.kind);
            for_good == Some(RevocationKind::Revoked)
        }
        RevocationKind::Held => standing.is_out(),
        RevocationKind::Reinstated => !standing.is_out(),
    }
}

/// Only what is on hold can be reinstated; what was reinstated just now is, once more.
fn refuse_what_cannot_be(
    core: &Core,
    chosen: &[&Listed],
    kind: RevocationKind,
    now: UtcMillis,
) -> Result<(), CoreError> {
    if kind != RevocationKind::Reinstated {
        return Ok(());
    }
    for one in chosen {
        let device = one.device();
        let (what, why, help) = match core.revocations.standing(&device, now) {
            Standing::Held { .. } => continue,
            Standing::InForce if core.revocations.last_act(&device).is_some() => continue,
            Standing::InForce => ("is not on hold.", "There is nothing to reinstate.".to_owned(), ""),
            Standing::Revoked { since, reason } => (
                "was revoked for good.",
                format!("Since {} ({reason}); a hold counts as that after seven days.", rfc3339(since)),
                "Invite the person anew: wardline admin invite USER --replaces DEVICE.",
            ),
        };
        let what = format!("{} {what}", described(one));
        return Err(Failure::new(FailureKind::Refused, what, why, help).into());
    }
    Ok(())
}

/// Nobody locks themselves out by a slip: neither this device, nor the last one that can invite and revoke.
fn refuse_own(core: &Core, all: &[Listed], chosen: &[&Listed], now: UtcMillis) -> Result<(), CoreError> {
    let goes = |one: &Listed| chosen.iter().any(|chosen| chosen.device() == one.device());
    let refused = |one: &Listed, why: &str| {
        Failure::new(
            FailureKind::Refused,
            format!("{} stays as it is.", described(one)),
            why,
            "If that is what you want: the same command with --even-own.",
        )
    };
    if let Some(own) = chosen.iter().find(|one| one.device() == core.device.id()) {
        return Err(refused(own, "It is the device that you are using: it could do nothing more.").into());
    }
    let issues = |one: &&Listed| {
        let in_force = !core.revocations.standing(&one.device(), now).is_out();
        one.certificate.role().may_issue() && in_force && one.certificate.check_dates(now).is_ok()
    };
    let last = all.iter().filter(issues).find(|one| goes(one));
    match last {
        Some(last) if !all.iter().filter(issues).any(|one| !goes(one)) => {
            Err(refused(last, "It is the last device that can invite, certify and revoke.").into())
        }
        _ => Ok(()),
    }
}

fn acted(
    core: &Core,
    one: &Listed,
    already: bool,
    answers: &[&RevocationAnswer],
    now: UtcMillis,
) -> ActedDevice {
    let device = one.device();
    let act = core.revocations.last_act(&device);
    let named = answers.iter().rev().find_map(|answer| {
        let named = answer.devices().iter().rev().find(|named| named.device == device)?;
        Some((answer.in_force_at(), named.conversations.len()))
    });
    ActedDevice {
        device: device.to_string(),
        user: one.certificate.user().to_string(),
        name: one.certificate.device_name().to_string(),
        state: crate::api::standing_word(&core.revocations.standing(&device, now)).to_owned(),
        reason: act.map(|act| act.reason.to_string()),
        since: act.map(|act| rfc3339(act.at)),
        in_force: named.map(|(instant, _)| rfc3339(instant)),
        conversations: named.map(|(_, conversations)| conversations),
        already,
    }
}

fn names_any(answer: &RevocationAnswer, chosen: &[&Listed]) -> bool {
    answer.devices().iter().any(|named| chosen.iter().any(|one| one.device() == named.device))
}

fn described(one: &Listed) -> String {
    let (user, name) = (one.certificate.user(), one.certificate.device_name());
    format!("{user}'s “{name}” ({:.8})", one.device().to_string())
}

fn nobodys(user: &UserId) -> Failure {
    Failure::new(
        FailureKind::Unknown,
        format!("{user} has no device."),
        "Nobody of that name has enrolled one.",
        "List them: wardline admin device list.",
    )
}

fn nothing_held(user: &UserId) -> Failure {
    Failure::new(
        FailureKind::Refused,
        format!("No device of {user} is on hold."),
        "Only a hold can be undone, for seven days; what is revoked stays so.",
        "Look: wardline admin device list --user USER.",
    )
}

fn otherwise(one: &Listed) -> Failure {
    Failure::new(
        FailureKind::Refused,
        format!("{} was changed by somebody else at the same time.", described(one)),
        "Another administrator's order came first and stands against this one.",
        "Look at it: wardline admin device status DEVICE.",
    )
}
