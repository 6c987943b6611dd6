//! `ListEnrolments`: what waits for an issuer; holds the answer back while nothing does, if asked to.

use bytes::Bytes;
use prost::Message as _;
use tonic::{Request, Status};
use wardline_identity::{DateCheck, IssuerRequest};
use wardline_proto::relay::{
    ListEnrolmentsRequest, ListEnrolmentsResponse, RenewalRequest, WaitingEnrolment, WaitingIssuer,
    WaitingRenewal,
};

use crate::domain::organisation::{
    self as domain, ISSUER_REQUESTS_MAX, OrganisationView as _, StoredInvitation, StoredIssuerRequest,
    WAITING_MAX, asked_since,
};
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
        let (enrolments, renewals) = (read_waiting(relay).await?, read_renewals(relay).await?);
        let (relay_renewal, issuers) = (None, read_issuers(relay).await?);
        return Ok(ListEnrolmentsResponse {
            enrolments,
            registrar_seen_at,
            renewals,
            relay_renewal,
            issuers,
        });
    }

    let mut waiting = relay.enrolments.listen_as_registrar(patience);
    relay.enrolments.registrar_seen(relay.clock.now());
    let mut found = (read_waiting(relay).await?, read_renewals(relay).await?);
    while found.0.is_empty() && found.1.is_empty() && waiting.for_any().await {
        found = (read_waiting(relay).await?, read_renewals(relay).await?);
    }
    // It was here all the while: a device that enrols now has somebody to sign.
    relay.enrolments.registrar_seen(relay.clock.now());
    let (enrolments, renewals) = found;
    let relay_renewal = relay.renewal.offer(&relay.organisation.now(), &relay.identity, relay.clock.now());
    let issuers = read_issuers(relay).await?;
    Ok(ListEnrolmentsResponse { enrolments, registrar_seen_at, renewals, relay_renewal, issuers })
}

/// The first renewals that can be granted. One whose certificate has ended meanwhile, is no longer good or was followed by
/// another is left out.
async fn read_renewals(relay: &Relay) -> Result<Vec<WaitingRenewal>, StoreError> {
    let mut good = Vec::new();
    let mut behind = 0;
    loop {
        let page: Vec<domain::WaitingRenewal> = relay
            .store
            .read("list_renewals", move |tx| Box::pin(async move { tx.renewals(behind, WAITING_MAX).await }))
            .await?;
        let more = page.len() == WAITING_MAX;
        behind += page.len();
        let room = WAITING_MAX - good.len();
        good.extend(page.into_iter().filter_map(|waiting| encode_renewal(relay, &waiting)).take(room));
        if !more || good.len() == WAITING_MAX {
            return Ok(good);
        }
    }
}

fn encode_renewal(relay: &Relay, waiting: &domain::WaitingRenewal) -> Option<WaitingRenewal> {
    let request = RenewalRequest::decode(waiting.request.clone()).ok()?;
    let newest = relay.devices.newest_of(&[waiting.device])?.pop()?;
    domain::judge_renewal(&request, &newest, relay.clock.now()).ok()?;
    Some(WaitingRenewal { request: Some(request), certificate: Bytes::copy_from_slice(newest.der()) })
}

/// Who asks to be an issuer's machine, may ask now, and is none yet.
async fn read_issuers(relay: &Relay) -> Result<Vec<WaitingIssuer>, StoreError> {
    let now = relay.clock.now();
    let kept = relay.store.read("list_issuer_requests", move |tx| {
        Box::pin(async move { tx.issuer_requests(asked_since(now)).await })
    });
    let (kept, organisation) = (kept.await?, relay.organisation.now());
    let good = |one: &StoredIssuerRequest| {
        let request = IssuerRequest::verify(&organisation, &one.request, &one.certificate, now);
        let asks = |request: IssuerRequest| {
            let known = organisation.issuers().iter().any(|issuer| issuer.key() == request.key());
            !known && !relay.revocations.standing(&request.device()).is_out()
        };
        request.is_ok_and(asks)
    };
    let wire = |one: StoredIssuerRequest| WaitingIssuer {
        request: Some(one.request),
        device_certificate: one.certificate,
    };
    Ok(kept.into_iter().filter(good).take(ISSUER_REQUESTS_MAX).map(wire).collect())
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
