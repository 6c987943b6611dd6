//! Keeping the list of revoked devices fresh: the first one is made, and every hour the newest is signed again.
//!
//! Clients rely on a list for as long as it says, so an organisation whose registrar stands still for three days stops sending.

use std::sync::Arc;

use wardline_proto::{Reason, UtcMillis, fault, relay::PublishRevocationListRequest};

use super::{
    Session, revocation,
    signed_list::{issuer, publish, put_in_force},
};
use crate::{
    error::CoreError,
    relay::{Relay, RelayError},
    vault::tables::signed_list,
};

/// How old the newest signature may be before it is signed again, in seconds.
const HOUR: u64 = 3_600;

/// Makes the first list, signs the newest again if that is due, and publishes what was left under way; whether it did any of
/// it. The newest is signed again whatever became of what was under way: clients rely on it for three days only.
pub(crate) async fn keep_list(session: &Session, relay: &Arc<dyn Relay>) -> Result<bool, CoreError> {
    issuer(&*session.core().await)?;
    let finished = put_in_force(session, relay, &[]).await.map(|answers| !answers.is_empty());
    let listed = session.core().await.revocations.number() > 0;
    let kept = match listed && !(finished.is_err() && fault::planted("mutant.stuck_is_unkept")) {
        true => sign_again(session, relay).await,
        // What is under way may be a first list with acts: nothing takes its place.
        false if finished.is_err() => Ok(false),
        false => sign_first(session, relay).await,
    };
    Ok(finished? | kept?)
}

/// Makes the first list; whether it is in force.
async fn sign_first(session: &Session, relay: &Arc<dyn Relay>) -> Result<bool, CoreError> {
    let _alone = session.issuing.lock().await;
    let request = {
        let core = session.core().await;
        let (issuer, now) = (issuer(&core)?, session.clock.now());
        let list = core.revocations.sign_next(issuer, &core.device.organisation, &[], now)?;
        let request = PublishRevocationListRequest { list: Some(list), acts: Vec::new() };
        let mut tx = core.vault.begin("sign_first_list").await?;
        signed_list::store(&mut tx, &request).await?;
        tx.commit().await?;
        request
    };
    Ok(publish(session, relay, &request).await?.is_some())
}

/// Signs the newest list again if that is due; whether the relay has taken it.
async fn sign_again(session: &Session, relay: &Arc<dyn Relay>) -> Result<bool, CoreError> {
    let _alone = session.issuing.lock().await;
    let list = {
        let core = session.core().await;
        let (issuer, now) = (issuer(&core)?, session.clock.now());
        let list = core.revocations.list();
        let due = list.is_none_or(|list| now >= list.signed_at().plus_seconds(HOUR));
        // What a struck issuer signed counts for nobody new: it is signed again at once, later than it was.
        let orphaned = list.filter(|list| !core.device.organisation.lists(&list.statement().signer));
        let at = orphaned.map_or(now, |list| now.max(UtcMillis::new(list.signed_at().get() + 1)));
        match due || orphaned.is_some() && !fault::planted("mutant.orphaned_list") {
            true => core.revocations.sign_again(issuer, &core.device.organisation, at),
            false => return Ok(false),
        }
    };
    // The acts are the same, and what the relay answered to them stands: only the time is new.
    match relay.publish_revocation_list(PublishRevocationListRequest { list, acts: Vec::new() }).await {
        Ok(_) => revocation::fetch(session, relay).await.map(|_| true),
        // Somebody else has a newer list: it is taken in the next time.
        Err(RelayError::Refused { reason: Reason::ListConflict, .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
