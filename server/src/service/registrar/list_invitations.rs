//! `ListInvitations`: all invitations of the last 90 days, newest first.

use bytes::Bytes;
use tonic::{Request, Status};
use wardline_proto::relay::{Invitation, InvitationState, ListInvitationsRequest, ListInvitationsResponse};

use crate::domain::organisation::{
    INVITATIONS_MAX, InvitationFate, OrganisationView as _, StoredInvitation, listed_since,
};
use crate::service::authorise;
use crate::state::Relay;
use crate::store::StoreError;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<ListInvitationsRequest>,
) -> Result<ListInvitationsResponse, Status> {
    authorise::issuer(relay, &request)?;
    let since = listed_since(relay.clock.now());
    let read = relay.store.read("list_invitations", move |tx| {
        Box::pin(async move { tx.invitations(since, INVITATIONS_MAX).await })
    });
    let invitations: Vec<StoredInvitation> = read.await.map_err(|error: StoreError| error)?;
    Ok(ListInvitationsResponse { invitations: invitations.into_iter().map(encode).collect() })
}

fn encode(invitation: StoredInvitation) -> Invitation {
    let state = match invitation.fate() {
        InvitationFate::Open => InvitationState::Open,
        InvitationFate::Spent => InvitationState::Spent,
        InvitationFate::Cancelled => InvitationState::Cancelled,
    };
    let device_id = invitation.enrolment.map_or_else(Bytes::new, |enrolment| enrolment.device.to_wire());
    Invitation { record: Some(invitation.record), state: state.into(), device_id }
}
