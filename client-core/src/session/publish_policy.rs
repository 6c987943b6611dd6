//! Another policy: an issuer signs the next list of revoked devices with it, on top of the policy that it was made from.

use std::sync::Arc;

use wardline_identity::{Forbidden, Policy, RevocationAct, Rules};
use wardline_proto::{fault, relay::PublishRevocationListRequest};

use super::{
    Session, revocation,
    signed_list::{ATTEMPTS, issuer, pause, publish, put_in_force},
};
use crate::{
    api::{Failure, FailureKind},
    conversation::{Core, policy, software},
    error::CoreError,
    relay::{Relay, RelayError},
    vault::tables::signed_list,
};

/// The policy in force, the number of the list that it is part of, and whether it was put in force now.
pub(crate) type InForce = (Policy, u64, bool);

/// Has a policy with these rules put in force in place of the one with this number; answers when it is. Who else changes the
/// list meanwhile loses nothing; who else has changed the policy is not overruled.
pub(crate) async fn publish_policy(
    session: &Session,
    relay: &Arc<dyn Relay>,
    (instead_of, rules): (u64, &Rules),
) -> Result<InForce, CoreError> {
    check(rules)?;
    issuer(&*session.core().await)?;
    for _ in 0..ATTEMPTS {
        // What was left under way comes first.
        put_in_force(session, relay, &[]).await?;
        let alone = session.issuing.lock().await;
        revocation::fetch(session, relay).await?;
        let Some(request) = sign(session, (instead_of, rules)).await? else {
            return Ok(in_force(&*session.core().await, false));
        };
        fault::crash("crash.list_signed");
        // The relay takes it, or another list came first: what is in force then is looked at again.
        match publish(session, relay, &request).await {
            Ok(Some(_)) => return Ok(in_force(&*session.core().await, true)),
            Ok(None) => {}
            Err(CoreError::Relay(error @ RelayError::Unavailable { .. })) => {
                return Err(signed(&error).into());
            }
            Err(error) => return Err(error),
        }
        drop(alone);
        tokio::time::sleep(pause(&*session.entropy)).await;
    }
    Err(Failure::new(
        FailureKind::Unavailable,
        "The policy could not be changed yet.",
        "Others change the list that it is part of at the same time, again and again.",
        "Run the command again.",
    )
    .into())
}

/// The policy of the relay's newest list.
pub(crate) async fn show_policy(session: &Session, relay: &Arc<dyn Relay>) -> Result<InForce, CoreError> {
    revocation::fetch(session, relay).await?;
    Ok(in_force(&*session.core().await, false))
}

fn in_force(core: &Core, changed: bool) -> InForce {
    (policy(core).clone(), core.revocations.number(), changed)
}

/// Refuses rules that are none, and those that would shut out whoever signs them.
fn check(rules: &Rules) -> Result<(), Failure> {
    if fault::planted("mutant.policy_unchecked") {
        return Ok(());
    }
    rules.check().map_err(|error| {
        let how = "Correct it: wardline admin policy show prints one that is right.";
        Failure::new(FailureKind::Input, "This policy cannot be signed.", format!("{error}."), how)
    })?;
    let policy = Policy { number: 0, rules: rules.clone() };
    if let Err(Forbidden::Software(minimum)) = policy.permits_software(software()) {
        return Err(Failure::new(
            FailureKind::Refused,
            "This policy would shut out this device.",
            format!("It asks for {minimum} or newer, and this is {}.", software()),
            "Update Wardline here first.",
        ));
    }
    Ok(())
}

/// Signs the next list, and stores it; `None` if the policy says so already.
async fn sign(
    session: &Session,
    (instead_of, rules): (u64, &Rules),
) -> Result<Option<PublishRevocationListRequest>, CoreError> {
    let core = session.core().await;
    let before = policy(&core);
    if before.rules == *rules {
        return Ok(None);
    }
    if before.number != instead_of && !fault::planted("mutant.policy_overruled") {
        return Err(changed_meanwhile(instead_of, before.number).into());
    }
    let next = Policy { number: before.number.saturating_add(1), rules: rules.clone() };
    let (issuer, at) = (issuer(&core)?, core.revocations.next_at(session.clock.now()));
    let acts: Vec<RevocationAct> = core.revocations.taken_up(*issuer.certificate().fingerprint()).collect();
    let list = core.revocations.sign_next_policy(issuer, &core.device.organisation, (&acts, &next), at)?;
    let acts = acts.iter().map(RevocationAct::to_wire).collect();
    let request = PublishRevocationListRequest { list: Some(list), acts };
    let mut tx = core.vault.begin("sign_policy").await?;
    signed_list::store(&mut tx, &request).await?;
    tx.commit().await?;
    Ok(Some(request))
}

/// It is signed and kept, and the connection is gone.
fn signed(error: &RelayError) -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        "The policy is signed, and the relay has not said that it is in force.",
        format!("{error}."),
        "It comes into force by itself with the next change of the list. Look, once the relay is back: wardline admin policy show.",
    )
}

fn changed_meanwhile(instead_of: u64, number: u64) -> Failure {
    Failure::new(
        FailureKind::Refused,
        "The policy was not changed.",
        format!(
            "It was made from policy {instead_of}, and policy {number} is in force: somebody has changed it meanwhile."
        ),
        "Look at it and make your change again: wardline admin policy edit.",
    )
}
