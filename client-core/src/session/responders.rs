//! Who may put others' devices on hold: the newest list of revoked devices names them, and an issuer signs the next one to change
//! that.

use std::sync::Arc;

use wardline_identity::{RESPONDERS_MAX, RevocationAct, UserId};
use wardline_proto::relay::PublishRevocationListRequest;

use super::{
    Session, ask_people, revocation,
    signed_list::{ATTEMPTS, issuer, pause, publish, put_in_force},
};
use crate::{
    api::{Failure, FailureKind, Responders},
    conversation::{Core, nobody},
    error::CoreError,
    relay::Relay,
    vault::tables::signed_list,
};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Add,
    Remove,
}

/// Has the list name a user, or name them no more; answers when it does.
pub(crate) async fn change_responders(
    session: &Session,
    relay: &Arc<dyn Relay>,
    (user, change): (&UserId, Change),
) -> Result<Responders, CoreError> {
    issuer(&*session.core().await)?;
    if change == Change::Add && ask_people(relay, std::slice::from_ref(user)).await?.is_empty() {
        return Err(nobody(user.as_str()).into());
    }
    let mut changed = false;
    for _ in 0..ATTEMPTS {
        // What was left under way comes first.
        put_in_force(session, relay, &[]).await?;
        let alone = session.issuing.lock().await;
        revocation::fetch(session, relay).await?;
        let Some(request) = sign(session, (user, change)).await? else {
            return Ok(named(&*session.core().await, changed));
        };
        // The relay takes it, or another came first: what is in force then is looked at again.
        changed |= publish(session, relay, &request).await?.is_some();
        drop(alone);
        if !changed {
            tokio::time::sleep(pause(&*session.entropy)).await;
        }
    }
    Err(Failure::new(
        FailureKind::Unavailable,
        "The list of revoked devices could not be changed yet.",
        "Others change it at the same time, again and again.",
        "Run the command again.",
    )
    .into())
}

/// Whom the list at hand names.
pub(crate) async fn list_responders(
    session: &Session,
    relay: &Arc<dyn Relay>,
) -> Result<Responders, CoreError> {
    revocation::fetch(session, relay).await?;
    Ok(named(&*session.core().await, false))
}

fn named(core: &Core, changed: bool) -> Responders {
    Responders {
        responders: core.revocations.responders().iter().map(ToString::to_string).collect(),
        list: core.revocations.number(),
        changed,
    }
}

/// Signs the next list, and stores it; `None` if the newest says so already.
async fn sign(
    session: &Session,
    (user, change): (&UserId, Change),
) -> Result<Option<PublishRevocationListRequest>, CoreError> {
    let core = session.core().await;
    let before = core.revocations.responders();
    let mut responders: Vec<UserId> = before.iter().filter(|one| *one != user).cloned().collect();
    if change == Change::Add {
        responders.push(user.clone());
        responders.sort_unstable();
    }
    if responders == before {
        return Ok(None);
    }
    if responders.len() > RESPONDERS_MAX {
        return Err(too_many().into());
    }
    let (issuer, at) = (issuer(&core)?, core.revocations.next_at(session.clock.now()));
    let acts: Vec<RevocationAct> = core.revocations.taken_up(*issuer.certificate().fingerprint()).collect();
    let next = (acts.as_slice(), responders.as_slice());
    let list = core.revocations.sign_next_with(issuer, &core.device.organisation, next, at)?;
    let acts = acts.iter().map(RevocationAct::to_wire).collect();
    let request = PublishRevocationListRequest { list: Some(list), acts };
    let mut tx = core.vault.begin("sign_responders").await?;
    signed_list::store(&mut tx, &request).await?;
    tx.commit().await?;
    Ok(Some(request))
}

fn too_many() -> Failure {
    Failure::new(
        FailureKind::Refused,
        "There are as many responders as there can be.",
        format!("A list names {RESPONDERS_MAX} at most."),
        "Remove one first: wardline admin responder remove USER.",
    )
}
