//! `Enrol`: a device claims an invitation and waits for its certificate.
//!
//! Only the first claim is stored; a device that comes back, on whatever connection, proves itself again and
//! hears where its request stands. While it waits nothing is held but a place at the bell: a cut call leaves
//! nothing behind.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Status};
use wardline_identity::DateCheck;
use wardline_proto::InvitationId;
use wardline_proto::relay::{EnrolRequest, EnrolResponse, EnrolmentState, SignedStatement};

use super::read_invitation;
use crate::domain::organisation::{
    self as domain, EnrolmentStatus, NewClaim, OrganisationError, OrganisationRefusal, OrganisationView as _,
    Step,
};
use crate::service::{authorise, decode, greeting};
use crate::state::Relay;

pub(super) async fn answer(relay: &Relay, request: Request<EnrolRequest>) -> Result<EnrolResponse, Status> {
    let exporter = authorise::exporter(&request)?;
    let request = request.into_inner();
    greeting::check(request.greeting.as_ref(), &relay.revocations.policy())?;
    let id = decode::id("invitation_id", &request.invitation_id)?;
    let claim = decode::present("claim", request.claim)?;
    let patience = decode::wait_seconds(request.wait_seconds)?;

    let status = enrol(relay, id, &claim, exporter, patience).await?;
    if let EnrolmentStatus::Issued { certificate } = &status {
        admit(relay, certificate).await?;
    }
    encode(relay, status).await
}

/// Makes sure that a device which hears of its certificate is let in with it: what is on disk may be read here
/// before the issuer's call has come to tell the doors.
async fn admit(relay: &Relay, certificate: &[u8]) -> Result<(), OrganisationError> {
    let organisation = relay.organisation.steady().await;
    let Ok(certificate) = organisation.verify_device(certificate, DateCheck::Skip) else {
        // Its issuer was struck: the doors tell it so.
        return Ok(());
    };
    let device = certificate.device();
    let owner = relay.store.read("device_owner", move |tx| {
        Box::pin(async move { Ok::<_, OrganisationError>(tx.device_owner(device).await?) })
    });
    if owner.await?.is_some_and(|owner| owner.revoked_at.is_none()) {
        relay.devices.insert(certificate);
    }
    Ok(())
}

async fn enrol(
    relay: &Relay,
    id: InvitationId,
    claim: &SignedStatement,
    exporter: [u8; 32],
    patience: Duration,
) -> Result<EnrolmentStatus, OrganisationError> {
    // 1. The claim is good: signed with the invitation's key, for its record, on this connection.
    let invitation = read_invitation(relay, id).await?;
    let organisation = relay.organisation.steady().await;
    let record = organisation
        .verify_invitation(&invitation.record, DateCheck::Skip)
        .map_err(|_| OrganisationRefusal::InvitationCancelled)?;
    let claim = NewClaim::verify(&record, claim, exporter)?;

    // 2. It is the first, or the same device's again.
    let mut waiting = relay.enrolments.listen(patience);
    let bell = relay.enrolments.clone();
    let (expires_at, clock) = (record.expires_at(), Arc::clone(&relay.clock));
    let step = relay.store.write_then(
        "claim_invitation",
        move |tx| {
            let now = clock.now();
            Box::pin(async move { domain::claim(tx, id, &claim, expires_at, now).await })
        },
        move |step| {
            if *step == Step::Make {
                metrics::counter!("wardline_enrolment_claims_total").increment(1);
                bell.ring(id);
            }
            drop(organisation);
        },
    );
    let mut status = match step.await? {
        Step::Made(status) => status,
        Step::Make => EnrolmentStatus::Waiting,
    };

    // 3. It waits for an issuer, if the caller has the patience.
    while status == EnrolmentStatus::Waiting && waiting.for_invitation(id).await {
        let enrolment = read_invitation(relay, id).await?.enrolment;
        status = enrolment.ok_or(OrganisationRefusal::EnrolmentUnknown)?.status;
    }
    Ok(status)
}

async fn encode(relay: &Relay, status: EnrolmentStatus) -> Result<EnrolResponse, Status> {
    let mut response =
        EnrolResponse { greeting: Some(greeting::of(relay).await?), ..EnrolResponse::default() };
    match status {
        EnrolmentStatus::Waiting => response.set_state(EnrolmentState::Waiting),
        EnrolmentStatus::Issued { certificate } => {
            response.set_state(EnrolmentState::Issued);
            response.certificate = certificate.into();
        }
        EnrolmentStatus::Refused { reason } => {
            response.set_state(EnrolmentState::Refused);
            response.refusal = reason;
        }
    }
    Ok(response)
}
