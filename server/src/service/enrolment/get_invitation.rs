//! `GetInvitation`: the record behind a link, and the organisation it is for.

use tonic::{Request, Status};
use wardline_identity::DateCheck;
use wardline_proto::relay::{GetInvitationRequest, GetInvitationResponse};

use super::read_invitation;
use crate::domain::organisation::OrganisationRefusal;
use crate::service::{decode, greeting};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<GetInvitationRequest>,
) -> Result<GetInvitationResponse, Status> {
    let request = request.into_inner();
    greeting::check(request.greeting.as_ref(), &relay.revocations.policy())?;
    let id = decode::id("invitation_id", &request.invitation_id)?;

    let invitation = read_invitation(relay, id).await?;
    let organisation = relay.organisation.now();
    let record = organisation
        .verify_invitation(&invitation.record, DateCheck::Skip)
        .map_err(|_| OrganisationRefusal::InvitationCancelled)?;
    invitation.look(record.expires_at(), relay.clock.now())?;

    Ok(GetInvitationResponse {
        greeting: Some(greeting::of(relay).await?),
        record: Some(invitation.record),
        organisation: Some(organisation.to_wire()),
    })
}
