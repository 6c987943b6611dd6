//! `CancelInvitation`: withdraws an invitation that nobody has used.

use tonic::{Request, Status};
use wardline_proto::relay::{CancelInvitationRequest, CancelInvitationResponse};

use crate::domain::organisation as domain;
use crate::service::{authorise, decode};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<CancelInvitationRequest>,
) -> Result<CancelInvitationResponse, Status> {
    authorise::issuer(relay, &request)?;
    let id = decode::id("invitation_id", &request.get_ref().invitation_id)?;
    let now = relay.clock.now();
    let cancelled = relay
        .store
        .write("cancel_invitation", move |tx| Box::pin(async move { domain::cancel(tx, id, now).await }));
    cancelled.await?;
    Ok(CancelInvitationResponse {})
}
