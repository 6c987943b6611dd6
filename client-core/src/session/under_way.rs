//! A commit that is under way when a list comes: by the newest list it may not be sent any more.

use std::sync::Arc;

use wardline_proto::relay::GetWinnerRequest;

use super::Session;
use crate::{
    conversation::{self, revoked},
    error::CoreError,
    relay::{Relay, RelayError},
    vault::tables::pending_commits::PendingCommit,
};

/// What becomes of a commit under way, by the list at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnderWay {
    /// It is sent.
    Goes,
    /// It was taken back, and is made anew.
    TakenBack,
    /// It is not sent now: it is looked at again.
    Waits,
}

/// Whether a commit under way leaves or brings in somebody who must not be in by now: it is not sent. Where the relay has not taken
/// it before, it is made anew; where it has, the log shows that.
pub(crate) async fn under_way(
    session: &Session,
    relay: &Arc<dyn Relay>,
    pending: &PendingCommit,
) -> Result<UnderWay, CoreError> {
    let conversation = pending.conversation;
    {
        let mut core = session.core().await;
        if revoked::outlived(&core).is_none()
            && !revoked::outdated(&mut core, &conversation, &pending.commit).await?
        {
            return Ok(UnderWay::Goes);
        }
        if revoked::outlived(&core).is_some() || revoked::is_itself_out(&core) {
            return Ok(UnderWay::Waits);
        }
    }
    let request = GetWinnerRequest { conversation_id: conversation.to_wire(), epoch: pending.epoch.get() };
    match relay.get_winner(request).await {
        Ok(answer) if answer.winner.is_none() => {}
        Ok(_) | Err(RelayError::Refused { .. }) => return Ok(UnderWay::Waits),
        Err(error) => return Err(error.into()),
    }
    let now = session.clock.now();
    let mut core = session.core().await;
    conversation::withdraw(&mut core, conversation).await?;
    revoked::look_in(&mut core, &conversation, now).await?;
    Ok(UnderWay::TakenBack)
}
