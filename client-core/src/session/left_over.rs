//! What an earlier order left under way: what of it is still to be done, and what is let go.
//!
//! To finish a revocation late errs on the safe side; a hold that was ended since, or a reinstatement, does not. That stands only against the hold that it was decided
//! about, and for a short while.

use std::sync::Arc;

use wardline_identity::{RevocationAct, RevocationKind, RevocationRegister};
use wardline_proto::{UtcMillis, fault, relay::PublishRevocationListRequest};

use super::{Session, revocation};
use crate::{error::CoreError, relay::Relay, vault::tables::signed_list};

/// How long a reinstatement that did not come through is finished by itself, in seconds.
const REINSTATES_WITHIN: u64 = 600;

/// What is under way.
#[derive(Default)]
pub(super) struct LeftOver {
    /// As it was signed, unless something of it was let go.
    pub request: Option<PublishRevocationListRequest>,
    /// What is still to be done.
    pub acts: Vec<RevocationAct>,
}

/// Looks at what is under way by the newest list, and lets go what does not stand any more.
pub(super) async fn left_over(session: &Session, relay: &Arc<dyn Relay>) -> Result<LeftOver, CoreError> {
    let request = {
        let core = session.core().await;
        let mut tx = core.vault.begin("look_for_signed_list").await?;
        let request = signed_list::load(&mut tx).await?;
        tx.commit().await?;
        request
    };
    let Some(request) = request else { return Ok(LeftOver::default()) };
    let acts: Vec<RevocationAct> =
        request.acts.iter().filter_map(|act| RevocationAct::read(act).ok()).collect();
    if acts.iter().all(|act| act.kind == RevocationKind::Revoked) {
        return Ok(LeftOver { request: Some(request), acts });
    }
    revocation::fetch(session, relay).await?;
    let now = session.clock.now();
    let core = session.core().await;
    let (stand, gone): (Vec<_>, Vec<_>) =
        acts.into_iter().partition(|act| still_stands(&core.revocations, act, now));
    drop(core);
    say_let_go(&gone);
    Ok(LeftOver { request: gone.is_empty().then_some(request), acts: stand })
}

/// Whether an act that was signed may still be put in force.
fn still_stands(register: &RevocationRegister, act: &RevocationAct, now: UtcMillis) -> bool {
    match act.kind {
        RevocationKind::Revoked => return true,
        // Nor is it one that was ended since: many are only what a device had said, which a registrar takes up by itself.
        RevocationKind::Held => {
            let listed = register.listed_act(&act.device);
            let ended = |last: &RevocationAct| last.kind == RevocationKind::Reinstated && last.at >= act.at;
            return !listed.is_some_and(ended) || fault::planted("mutant.holds_late");
        }
        RevocationKind::Reinstated if fault::planted("mutant.reinstates_late") => return true,
        RevocationKind::Reinstated => {}
    }
    let last = register.last_act(&act.device);
    // The answer to it was lost.
    let in_force = last == Some(act);
    let same_hold = last.is_some_and(|last| last.kind == RevocationKind::Held && last.at <= act.at);
    in_force || same_hold && now <= act.at.plus_seconds(REINSTATES_WITHIN)
}

/// The relay will never take what is under way: it is let go, and nothing else waits for it.
pub(super) async fn let_go(session: &Session, acts: &[RevocationAct]) -> Result<(), CoreError> {
    say_let_go(acts);
    let core = session.core().await;
    let mut tx = core.vault.begin("let_go_of_signed_list").await?;
    signed_list::delete(&mut tx).await?;
    Ok(tx.commit().await?)
}

fn say_let_go(acts: &[RevocationAct]) {
    for act in acts {
        tracing::warn!(
            device = %act.device,
            order = act.kind.as_str(),
            "an earlier order was not carried out and is let go: give it again if it is still wanted"
        );
    }
}

#[cfg(test)]
mod tests {
    use wardline_identity::{Clock as _, RevocationReason};
    use wardline_proto::{DeviceId, Digest, in_place};

    use super::*;
    use crate::conversation::broken_test::{house::House, lists::Lists};

    /// A reinstatement is signed against a hold, and looked at so many seconds later, when these acts have followed.
    async fn stands(guard: &'static str, seconds: u64, since: &[RevocationKind]) -> bool {
        let house = House::found();
        let (mut phone, mut lists) = (house.phone("doctor-a").await, Lists::none(&house));
        let device = DeviceId::from_bytes([7; 16]);
        lists.act(&house, RevocationKind::Held, &[device]);
        house.clock.advance_seconds(60);
        let (kind, reason, at) = (RevocationKind::Reinstated, RevocationReason::Found, house.clock.now());
        let act = RevocationAct { device, kind, reason, at, issuer: Digest::of(b"an issuer") };
        for kind in since {
            house.clock.advance_seconds(1);
            lists.act(&house, *kind, &[device]);
        }
        house.clock.advance_seconds(seconds);
        lists.reaches(&mut phone).await;
        in_place::arm(guard);
        let stands = still_stands(&phone.core.revocations, &act, house.clock.now());
        in_place::disarm(guard);
        stands
    }

    #[tokio::test]
    async fn a_reinstatement_is_finished_by_itself_only_soon_and_against_the_hold_that_it_was_signed_for() {
        use RevocationKind::{Held, Reinstated, Revoked};
        assert!(stands("", 500, &[]).await, "the control");
        for (seconds, since) in [(601, &[][..]), (5, &[Reinstated, Held]), (5, &[Revoked])] {
            assert!(!stands("", seconds, since).await, "{seconds} {since:?}");
            assert!(stands("mutant.reinstates_late", seconds, since).await, "the guard taken away");
        }
    }

    /// A hold is signed, and looked at when these acts have followed it.
    async fn hold_stands(guard: &'static str, since: &[RevocationKind]) -> bool {
        let house = House::found();
        let (mut phone, mut lists) = (house.phone("doctor-a").await, Lists::none(&house));
        let device = DeviceId::from_bytes([7; 16]);
        let (reason, at) = (RevocationReason::Lost, house.clock.now());
        let issuer = Digest::of(b"an issuer");
        let act = RevocationAct { device, kind: RevocationKind::Held, reason, at, issuer };
        lists.revoke(&house, &[]);
        for kind in since {
            house.clock.advance_seconds(1);
            lists.act(&house, *kind, &[device]);
        }
        lists.reaches(&mut phone).await;
        in_place::arm(guard);
        let stands = still_stands(&phone.core.revocations, &act, house.clock.now());
        in_place::disarm(guard);
        stands
    }

    #[tokio::test]
    async fn a_hold_that_was_ended_since_is_not_put_in_force_late() {
        use RevocationKind::{Held, Reinstated};
        assert!(hold_stands("", &[]).await && hold_stands("", &[Held]).await, "the control");
        assert!(!hold_stands("", &[Held, Reinstated]).await);
        assert!(hold_stands("mutant.holds_late", &[Held, Reinstated]).await, "the guard taken away");
    }
}
