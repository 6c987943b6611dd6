//! The revocation list: fetched, taken in, and shown to a relay that does not have it.
//!
//! A list is judged by its issuer's signature, whoever brings it. It is in the vault before it is in memory, and in memory
//! before anything else is done; one that does not go on from the list at hand changes nothing.

use std::sync::Arc;

use wardline_identity::{Adoption, DateCheck, RevocationAct, RevocationList};
use wardline_proto::relay::{GetRevocationListRequest, SignedStatement};

use super::Session;
use crate::{conversation::Core, error::CoreError, relay::Relay, vault::tables::revocation};

/// Fetches the relay's newest list with the acts that this device does not have, and takes it in.
///
/// # Errors
/// [`CoreError::Revocation`] for a list that does not go on from the one at hand; as for every call.
pub(crate) async fn fetch(session: &Session, relay: &Arc<dyn Relay>) -> Result<Adoption, CoreError> {
    let have = session.core().await.revocations.acts();
    let mut acts = Vec::new();
    loop {
        let known = have.saturating_add(acts.len() as u64);
        let answer = relay.get_revocation_list(GetRevocationListRequest { acts: known }).await?;
        let Some(statement) = answer.list else {
            return match session.core().await.revocations.list() {
                None => Ok(Adoption::Known),
                Some(_) => Err(CoreError::Protocol("has no revocation list any more")),
            };
        };
        let page = answer.acts.iter().map(RevocationAct::read).collect::<Result<Vec<_>, _>>()?;
        let list = verify(&*session.core().await, &statement)?;
        let last = page.is_empty() || known.saturating_add(page.len() as u64) >= list.acts();
        acts.extend(page);
        if last {
            return adopt(session, statement, &acts).await;
        }
    }
}

/// Takes in a list with the acts after those at hand, in the vault first.
///
/// # Errors
/// [`CoreError::Revocation`] for one that no issuer signed, or that does not go on from the list at hand; the vault's.
pub(crate) async fn adopt(
    session: &Session,
    statement: SignedStatement,
    acts: &[RevocationAct],
) -> Result<Adoption, CoreError> {
    let mut core = session.core().await;
    let adoption = take_in(&mut core, &statement, acts).await?;
    drop(core);
    if adoption != Adoption::Known {
        session.wake.notify_one();
        session.stepped(&[]);
    }
    Ok(adoption)
}

/// The same, in a step of the caller's.
async fn take_in(
    core: &mut Core,
    statement: &SignedStatement,
    acts: &[RevocationAct],
) -> Result<Adoption, CoreError> {
    let list = verify(core, statement)?;
    // What is at hand goes on being used until the vault has the new one.
    let mut next = core.revocations.clone();
    let adoption = next.adopt(list.clone(), acts)?;
    if adoption != Adoption::Known {
        let mut tx = core.vault.begin("adopt_revocation_list").await?;
        let new = if adoption == Adoption::Newer { acts } else { &[] };
        revocation::store(&mut tx, &list, new).await?;
        tx.commit().await?;
        core.revocations = next;
    }
    Ok(adoption)
}

/// Checks that an issuer in force signed a list.
fn verify(core: &Core, statement: &SignedStatement) -> Result<RevocationList, CoreError> {
    let now = core.clock.now();
    Ok(core.device.organisation.verify_revocation_list(statement, DateCheck::At(now))?)
}
