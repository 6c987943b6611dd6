//! `ListEnrolments`: what waits for an issuer; holds the answer back while nothing does, if asked to.

use tonic::{Request, Status};
use wardline_identity::DateCheck;
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
    let registrar_seen_at = relay.enrolments.registrar_seen_at().map(Into::into);
    if request.get_ref().look_only {
        return Ok(ListEnrolmentsResponse { enrolments: read_waiting(relay).await?, registrar_seen_at });
    }

    let mut waiting = relay.enrolments.listen_as_registrar(patience);
    relay.enrolments.registrar_seen(relay.clock.now());
    let mut enrolments = read_waiting(relay).await?;
    while enrolments.is_empty() && waiting.for_any().await {
        enrolments = read_waiting(relay).await?;
    }
    // It was here all the while: a device that enrols now has somebody to sign.
    relay.enrolments.registrar_seen(relay.clock.now());
    Ok(ListEnrolmentsResponse { enrolments, registrar_seen_at })
}

/// The first that an issuer can judge. A record whose issuer was struck can be judged by nobody: it is left out,
/// and stands in nobody's way.
async fn read_waiting(relay: &Relay) -> Result<Vec<WaitingEnrolment>, StoreError> {
    let mut good = Vec::new();
    let mut behind = None;
    loop {
        let page = relay
            .store
            .read("list_enrolments", |tx| Box::pin(async move { tx.waiting(behind, WAITING_MAX).await }))
            .await?;
        let more = page.len() == WAITING_MAX;
        behind = page.last().and_then(StoredInvitation::place_in_line);
        let room = WAITING_MAX - good.len();
        good.extend(page.into_iter().filter_map(|invitation| encode(relay, invitation)).take(room));
        if !more || good.len() == WAITING_MAX {
            return Ok(good);
        }
    }
}

fn encode(relay: &Relay, invitation: StoredInvitation) -> Option<WaitingEnrolment> {
    relay.organisation.now().verify_invitation(&invitation.record, DateCheck::Skip).ok()?;
    let claim = invitation.enrolment?.claim;
    Some(WaitingEnrolment { record: Some(invitation.record), claim: Some(claim) })
}
