//! A relay that has a lower revocation list than this device is shown the newer one: it is signed, whoever brings it (design 4.2).

use std::sync::Arc;

use wardline_identity::{ACTS_MAX, RevocationAct, RevocationList};
use wardline_proto::{
    Reason, fault,
    relay::{GetRevocationListRequest, PublishRevocationListRequest},
};

use super::{Session, revocation::catch_up};
use crate::{
    error::CoreError,
    relay::{Relay, RelayError},
    vault::tables::revocation,
};

/// The relay has a lower list than this device, as after a restore: it is told of the own.
pub(super) async fn show_list(session: &Session, relay: &Arc<dyn Relay>) -> Result<(), CoreError> {
    if fault::planted("mutant.list_kept") {
        return Ok(());
    }
    let acts = session.core().await.revocations.acts();
    let theirs = relay.get_revocation_list(GetRevocationListRequest { acts }).await?.list;
    let theirs = theirs.and_then(|list| RevocationList::stored(list).ok());
    let request = {
        let core = session.core().await;
        let Some(list) = core.revocations.list() else { return Ok(()) };
        let mut tx = core.vault.begin("look_for_acts").await?;
        let acts = revocation::acts_after(&mut tx, theirs.map_or(0, |list| list.acts())).await?;
        tx.commit().await?;
        let acts: Vec<_> = acts.iter().map(RevocationAct::to_wire).collect();
        PublishRevocationListRequest { list: Some(list.statement().clone()), acts }
    };
    if request.acts.len() > ACTS_MAX {
        tracing::warn!(
            acts = request.acts.len(),
            "the relay lacks more of the revocation list than it takes at once"
        );
        return Ok(());
    }
    match relay.publish_revocation_list(request).await {
        Ok(_) => Ok(()),
        // Somebody else was first.
        Err(RelayError::Refused { reason: Reason::ListConflict, .. }) => catch_up(session, relay).await,
        Err(error @ RelayError::Refused { .. }) => {
            tracing::warn!(%error, "the relay did not take the revocation list");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
