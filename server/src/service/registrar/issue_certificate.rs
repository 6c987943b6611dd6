//! `IssueCertificate`: an issuer hands in the certificate of a waiting device, which is let in from then on.

use std::sync::Arc;

use tonic::{Request, Status};
use wardline_proto::relay::{IssueCertificateRequest, IssueCertificateResponse};

use crate::domain::organisation::{
    OrganisationError, OrganisationRefusal, OrganisationView as _, Step, issue, judge_certificate,
};
use crate::service::{authorise, decode};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<IssueCertificateRequest>,
) -> Result<IssueCertificateResponse, Status> {
    authorise::issuer(relay, &request)?;
    let request = request.into_inner();
    let id = decode::id("invitation_id", &request.invitation_id)?;

    let now = relay.clock.now();
    let read = relay.store.read("read_invitation", move |tx| {
        Box::pin(async move { Ok::<_, OrganisationError>(tx.invitation(id).await?) })
    });
    let invitation = read.await?.ok_or(OrganisationRefusal::InvitationUnknown)?;
    let certificate = judge_certificate(&relay.organisation, &invitation, &request.certificate, now)?;

    let (devices, bell, known) = (Arc::clone(&relay.devices), relay.enrolments.clone(), certificate.clone());
    let issued = relay.store.write_then(
        "issue_certificate",
        move |tx| Box::pin(async move { issue(tx, id, &certificate, now).await }),
        // Runs when it is on disk, also if the issuer's connection is cut: no device waits for a restart.
        move |step| {
            if *step == Step::Make {
                metrics::counter!("wardline_certificates_issued_total").increment(1);
                tracing::info!(device.id = %known.device(), role = %known.role(), "a device was certified");
                devices.insert(known);
                bell.ring(id);
            }
        },
    );
    issued.await?;
    Ok(IssueCertificateResponse {})
}
