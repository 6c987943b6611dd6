//! `ListEnrolments`: what waits for an issuer; holds the answer back while nothing does, if asked to.

use tonic::{Request, Status};
use wardline_proto::relay::{ListEnrolmentsRequest, ListEnrolmentsResponse, WaitingEnrolment};

use crate::domain::organisation::{OrganisationView as _, StoredInvitation, WAITING_MAX};
use crate::service::{authorise, decode};
use crate::state::Relay;
use crate::store::StoreError;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<ListEnrolmentsRequest>,
) -> Result<ListEnrolmentsResponse, Status> {
    authorise::issuer(relay, &request)?;
    let patience = decode::wait_seconds(request.get_ref().wait_seconds)?;

    let mut waiting = relay.enrolments.listen(patience);
    relay.enrolments.registrar_seen(relay.clock.now());
    let mut enrolments = read_waiting(relay).await?;
    while enrolments.is_empty() && waiting.for_any().await {
        enrolments = read_waiting(relay).await?;
    }
    // It was here all the while: a device that enrols now has somebody to sign.
    relay.enrolments.registrar_seen(relay.clock.now());
    Ok(ListEnrolmentsResponse { enrolments: enrolments.into_iter().filter_map(encode).collect() })
}

async fn read_waiting(relay: &Relay) -> Result<Vec<StoredInvitation>, StoreError> {
    relay.store.read("list_enrolments", |tx| Box::pin(async move { tx.waiting(WAITING_MAX).await })).await
}

fn encode(invitation: StoredInvitation) -> Option<WaitingEnrolment> {
    let claim = invitation.enrolment?.claim;
    Some(WaitingEnrolment { record: Some(invitation.record), claim: Some(claim) })
}
