//! `CancelInvitation`: withdraws an invitation that nobody has used.

use tonic::{Request, Status};
use wardline_proto::relay::{CancelInvitationRequest, CancelInvitationResponse};

use crate::domain::organisation as domain;
use crate::service::{authorise, decode, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<CancelInvitationRequest>,
) -> Result<CancelInvitationResponse, Status> {
    let device = authorise::issuer(relay, &request)?.device();
    let id = decode::id("invitation_id", &request.get_ref().invitation_id)?;
    write::for_device(
        relay,
        device,
        "cancel_invitation",
        move |tx, now| Box::pin(async move { domain::cancel(tx, id, device, now).await }),
        |()| (),
    )
    .await?;
    Ok(CancelInvitationResponse {})
}
