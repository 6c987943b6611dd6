//! Keeping the list of revoked devices fresh: the first one is made, and every hour the newest is signed again.
//!
//! Clients rely on a list for as long as it says, so an organisation whose registrar stands still for three days stops sending.

use std::sync::Arc;

use wardline_proto::relay::PublishRevocationListRequest;

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
/// it.
pub(crate) async fn keep_list(session: &Session, relay: &Arc<dyn Relay>) -> Result<bool, CoreError> {
    issuer(&*session.core().await)?;
    let finished = !put_in_force(session, relay, &[]).await?.is_empty();
    let _alone = session.issuing.lock().await;
    let (statement, first) = {
        let core = session.core().await;
        let (issuer, now) = (issuer(&core)?, session.clock.now());
        match core.revocations.list() {
            Some(list) if now < list.signed_at().plus_seconds(HOUR) => return Ok(finished),
            Some(_) => (core.revocations.sign_again(issuer, &core.device.organisation, now), false),
            None => (Some(core.revocations.sign_next(issuer, &core.device.organisation, &[], now)?), true),
        }
    };
    let request = PublishRevocationListRequest { list: statement, acts: Vec::new() };
    if first {
        let core = session.core().await;
        let mut tx = core.vault.begin("sign_first_list").await?;
        signed_list::store(&mut tx, &request).await?;
        tx.commit().await?;
        drop(core);
        return Ok(publish(session, relay, &request).await?.is_some() || finished);
    }
    // The acts are the same, and what the relay answered to them stands: only the time is new.
    match relay.publish_revocation_list(request.clone()).await {
        Ok(_) => {
            revocation::fetch(session, relay).await?;
            Ok(true)
        }
        // Somebody else has a newer list: it is taken in the next time.
        Err(RelayError::Refused { reason: wardline_proto::Reason::ListConflict, .. }) => Ok(finished),
        Err(error) => Err(error.into()),
    }
}
