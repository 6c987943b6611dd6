//! An issuer's list on its way into force: signed, stored, published, and merged with whoever came first.
//!
//! What is signed is in the vault before it leaves, and is published again until the relay has confirmed it or another list has
//! come first; then what is still to be done is signed again, on top of that one. So no act is lost, whoever else signs
//! at the same time and wherever this process is killed.

use std::{sync::Arc, time::Duration};

use wardline_identity::{
    ACTS_MAX, DateCheck, Entropy, RevocationAct, RevocationAnswer, RevocationError, RevocationKind,
    RevocationReason, RevocationRegister,
};
use wardline_proto::{DeviceId, Digest, Reason, UtcMillis, fault, relay::PublishRevocationListRequest};

use super::{
    Session,
    left_over::{left_over, let_go},
    revocation,
};
use crate::{
    api::{Failure, FailureKind},
    conversation::Core,
    error::CoreError,
    relay::{Relay, RelayError},
    vault::tables::signed_list,
};

/// How often a list is signed again because another came first, before the person is asked to try later.
pub(super) const ATTEMPTS: usize = 40;

/// The longest pause before it is signed again; each is a random part of it, so that two administrators do not meet for ever.
const PAUSE: Duration = Duration::from_millis(400);

/// What is to be done to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub device: DeviceId,
    pub kind: RevocationKind,
    pub reason: RevocationReason,
}

/// Has what is wanted put in force, and whatever was left under way; what the relay answered to the lists that it took.
///
/// What is in force already is not done again. What cannot be done any more, because another administrator did otherwise
/// meanwhile, is left out: the caller looks at where each device stands then. More than one list holds are several, one on
/// top of the other.
pub(crate) async fn put_in_force(
    session: &Session,
    relay: &Arc<dyn Relay>,
    wanted: &[Wanted],
) -> Result<Vec<RevocationAnswer>, CoreError> {
    let _alone = session.issuing.lock().await;
    let (mut answers, mut own_clock) = (Vec::new(), false);
    for _ in 0..ATTEMPTS {
        // 1. What is under way already: it may be in force.
        let left = left_over(session, relay).await?;
        if let Some(request) = &left.request {
            match publish(session, relay, request).await {
                Ok(answer) => answers.extend(answer),
                // Such as signed by a clock that was ahead, this one's or that of who signed the list before: it is signed anew.
                Err(CoreError::Relay(RelayError::Refused { reason, .. })) if never_taken(reason) => {
                    own_clock = true;
                }
                Err(error) => return Err(error),
            }
        }
        revocation::fetch(session, relay).await?;
        // 2. What is left to do, on top of the newest list.
        let before = left.acts.iter().filter(|_| !fault::planted("mutant.loser_forgets"));
        let all: Vec<Wanted> = before.map(wanted_again).chain(wanted.iter().copied()).collect();
        let Some(request) = sign(session, &all, own_clock).await? else { return Ok(answers) };
        fault::crash("crash.list_signed");
        // 3. The relay takes it, or another one came first.
        let taken = match publish(session, relay, &request).await {
            // What was left under way is refused again, and by no clock: whatever else is wanted is done without it.
            Err(error) if for_good(&error) && !left.acts.is_empty() => {
                let_go(session, &left.acts).await?;
                continue;
            }
            taken => taken?,
        };
        if let Some(answer) = taken {
            answers.push(answer);
            if request.acts.len() < ACTS_MAX {
                return Ok(answers);
            }
            continue;
        }
        if fault::planted("mutant.loser_gives_up") {
            return Ok(answers);
        }
        tokio::time::sleep(pause(&*session.entropy)).await;
    }
    Err(Failure::new(
        FailureKind::Unavailable,
        "The list of revoked devices could not be changed yet.",
        "Others change it at the same time, again and again.",
        "Run the command again: what was not done is done then.",
    )
    .into())
}

fn wanted_again(act: &RevocationAct) -> Wanted {
    Wanted { device: act.device, kind: act.kind, reason: act.reason }
}

/// Signs the next list with what is not done yet, and stores it; `None` if nothing is left, which is noted too.
async fn sign(
    session: &Session,
    wanted: &[Wanted],
    own_clock: bool,
) -> Result<Option<PublishRevocationListRequest>, CoreError> {
    let core = session.core().await;
    let now = session.clock.now();
    let at = if own_clock { now } else { core.revocations.next_at(now) };
    let signer = (*issuer(&core)?.certificate().fingerprint(), at);
    let acts = left_to_do(&core.revocations, signer, wanted);
    let mut tx = core.vault.begin("sign_revocation_list").await?;
    if acts.is_empty() {
        signed_list::delete(&mut tx).await?;
        tx.commit().await?;
        return Ok(None);
    }
    let issuer = issuer(&core)?;
    let statement = core.revocations.sign_next(issuer, &core.device.organisation, &acts, at)?;
    let acts = acts.iter().map(RevocationAct::to_wire).collect();
    let request = PublishRevocationListRequest { list: Some(statement), acts };
    signed_list::store(&mut tx, &request).await?;
    tx.commit().await?;
    Ok(Some(request))
}

/// The acts that are not in force and can be; as many as one list holds. What was left under way comes first and fits, so what
/// is on disk is never cut off.
fn left_to_do(
    register: &RevocationRegister,
    (issuer, at): (Digest, UtcMillis),
    wanted: &[Wanted],
) -> Vec<RevocationAct> {
    // What devices have signed comes first: a list that leaves it out is not taken.
    let pending = register.taken_up(issuer).filter(|_| !fault::planted("mutant.holds_left_out"));
    let mut acts: Vec<RevocationAct> = pending.take(ACTS_MAX).collect();
    for Wanted { device, kind, reason } in wanted.iter().copied() {
        if acts.len() == ACTS_MAX && !fault::planted("mutant.order_in_one_list") {
            break;
        }
        let before = acts.iter().rev().find(|act| act.device == device);
        let before = before.or_else(|| register.listed_act(&device));
        // In order, also where the clock of who signed before was ahead: so no hold of before counts again.
        let at = before.map_or(at, |before| at.max(before.at));
        let act = RevocationAct { device, kind, reason, at, issuer };
        if !is_done(before, kind) && act.may_follow(before) {
            acts.push(act);
        }
    }
    acts
}

/// Whether what was done last to a device is what is wanted, or more.
pub(crate) fn is_done(before: Option<&RevocationAct>, wanted: RevocationKind) -> bool {
    use RevocationKind::{Held, Reinstated, Revoked};
    match (before.map(|act| act.kind), wanted) {
        (last, Reinstated) => matches!(last, None | Some(Reinstated)),
        (last, Held) => matches!(last, Some(Held | Revoked)),
        (last, Revoked) => last == Some(Revoked),
    }
}

/// Publishes a list and takes it in; `None` if another came first, or a hold that has to be in it.
pub(super) async fn publish(
    session: &Session,
    relay: &Arc<dyn Relay>,
    request: &PublishRevocationListRequest,
) -> Result<Option<RevocationAnswer>, CoreError> {
    let response = match relay.publish_revocation_list(request.clone()).await {
        Ok(response) => response,
        Err(RelayError::Refused { reason: Reason::ListConflict | Reason::HoldsPending, .. }) => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    fault::crash("crash.list_answered");
    let acts = request.acts.iter().map(RevocationAct::read).collect::<Result<Vec<_>, _>>()?;
    let statement = request.list.clone().unwrap_or_default();
    let answer = {
        let core = session.core().await;
        let (organisation, now) = (&core.device.organisation, DateCheck::At(session.clock.now()));
        let list = organisation.verify_revocation_list(&statement, DateCheck::Skip)?;
        RevocationAnswer::verify(organisation, &list, &acts, &response, now)
            .map_err(|_| CoreError::Protocol("did not sign that the list is in force"))?
    };
    match revocation::adopt(session, statement, &acts).await {
        // Here it may have come by the stream before, and a newer one after it.
        Ok(_) | Err(CoreError::Revocation(RevocationError::Older { .. })) => {}
        Err(error) => return Err(error),
    }
    let core = session.core().await;
    let mut tx = core.vault.begin("list_in_force").await?;
    signed_list::delete(&mut tx).await?;
    tx.commit().await?;
    Ok(Some(answer))
}

/// Refusals of a list that stand however often it is published.
fn never_taken(reason: Reason) -> bool {
    matches!(reason, Reason::FieldInvalid | Reason::StatementInvalid)
}

/// Whether it is refused for what it says, and not for when it says so.
fn for_good(error: &CoreError) -> bool {
    let refused = |reason| reason == Reason::StatementInvalid && !fault::planted("mutant.refused_act_blocks");
    matches!(error, CoreError::Relay(RelayError::Refused { reason, .. }) if refused(*reason))
}

pub(super) fn pause(entropy: &dyn Entropy) -> Duration {
    let random = entropy.array::<1>().map_or(255, |[byte]| byte);
    PAUSE * u32::from(random) / 255
}

/// This device's issuer.
pub(super) fn issuer(core: &Core) -> Result<&wardline_identity::IssuerAuthority, CoreError> {
    core.device.issuing().ok_or_else(|| {
        Failure::new(
            FailureKind::Refused,
            "This device cannot revoke, hold or reinstate.",
            "It holds no issuer, or its issuer was struck.",
            "Do it on an administrator's device.",
        )
        .into()
    })
}

#[cfg(test)]
mod tests {
    use wardline_identity::Clock as _;
    use wardline_proto::in_place::{arm, disarm};

    use super::*;
    use crate::{
        conversation::broken_test::{held::says, house::House, lists::Lists},
        session::holds::take_in,
    };

    /// How many acts each list has that carries out an order about so many devices.
    async fn lists(devices: u32) -> Vec<usize> {
        let house = House::found();
        let (mut phone, mut lists) = (house.phone("doctor-a").await, Lists::none(&house));
        let (kind, reason) = (RevocationKind::Revoked, RevocationReason::Lost);
        let wanted = |number: u32| {
            let device = DeviceId::from_bytes((u128::from(number) + 1).to_be_bytes());
            Wanted { device, kind, reason }
        };
        let wanted: Vec<Wanted> = (0..devices).map(wanted).collect();
        let mut each = Vec::new();
        loop {
            let signer = (Digest::of(b"an issuer"), house.clock.now());
            let acts = left_to_do(&phone.core.revocations, signer, &wanted);
            if acts.is_empty() {
                return each;
            }
            each.push(acts.len());
            lists.revoke(&house, &acts.iter().map(|act| act.device).collect::<Vec<_>>());
            lists.reaches(&mut phone).await;
        }
    }

    #[tokio::test]
    async fn an_order_about_more_than_one_list_holds_is_carried_out_by_several() {
        assert_eq!(lists(2_300).await, [1_000, 1_000, 300]);
        assert_eq!(lists(3).await, [3]);
        arm("mutant.order_in_one_list");
        let one = lists(1_200).await;
        disarm("mutant.order_in_one_list");
        assert_eq!(one, [1_200], "the guard taken away: no relay takes it");
    }

    /// What an issuer signs who wants this device reinstated, while it is on hold by a statement, with a clock that is an hour behind:
    /// kinds and times after the statement's.
    async fn taken_up(guard: &'static str) -> Vec<(RevocationKind, u64)> {
        let house = House::found();
        let mut office = house.administrator("office").await;
        let (lost, other) = (house.phone("doctor-a").await, house.phone("doctor-a").await);
        let said_at = house.clock.now();
        take_in(&mut office.core, &says(&house, &other, &lost, said_at)).await.unwrap();
        let behind = UtcMillis::new(said_at.get() - 3_600_000);
        let (device, reason) = (lost.core.device.id(), RevocationReason::Found);
        let wanted = [Wanted { device, kind: RevocationKind::Reinstated, reason }];
        arm(guard);
        let acts = left_to_do(&office.core.revocations, (Digest::of(b"an issuer"), behind), &wanted);
        disarm(guard);
        acts.iter().map(|act| (act.kind, act.at.get() - said_at.get())).collect()
    }

    #[tokio::test]
    async fn what_devices_have_put_on_hold_comes_first_and_in_the_order_of_its_time() {
        use RevocationKind::{Held, Reinstated};
        assert_eq!(taken_up("").await, [(Held, 0), (Reinstated, 0)]);
        assert!(taken_up("mutant.holds_left_out").await.is_empty(), "the guard taken away");
    }
}
