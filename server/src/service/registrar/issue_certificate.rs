//! `IssueCertificate`: an issuer hands in the certificate of a waiting device, which is let in from then on.
//!
//! Where the device's id was taken meanwhile, the refusal of the enrolment is stored first and answered then.

use std::sync::Arc;

use tonic::{Request, Status};
use wardline_proto::relay::{IssueCertificateRequest, IssueCertificateResponse};

use crate::domain::organisation::{
    Issuance, OrganisationError, OrganisationRefusal, OrganisationView as _, issue, judge_certificate,
};
use crate::service::{authorise, decode, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<IssueCertificateRequest>,
) -> Result<IssueCertificateResponse, Status> {
    let device = authorise::when_still(relay, &request, authorise::issuer).await?.device();
    let request = request.into_inner();
    let id = decode::id("invitation_id", &request.invitation_id)?;

    let read = relay.store.read("read_invitation", move |tx| {
        Box::pin(async move { Ok::<_, OrganisationError>(tx.invitation(id).await?) })
    });
    let invitation = read.await?.ok_or(OrganisationRefusal::InvitationUnknown)?;
    let organisation = relay.organisation.steady().await;
    let certificate = judge_certificate(&organisation, &invitation, &request.certificate, relay.clock.now())?;

    let (devices, bell, known) = (Arc::clone(&relay.devices), relay.enrolments.clone(), certificate.clone());
    let live = relay.live.clone();
    let issued = write::for_device(
        relay,
        device,
        "issue_certificate",
        move |tx, now| Box::pin(async move { issue(tx, id, &certificate, device, now).await }),
        // Runs when it is on disk, also if the issuer's connection is cut: no device waits for a restart.
        move |issuance| match issuance {
            Issuance::Known => drop(organisation),
            Issuance::Issued { waits_in } => {
                metrics::counter!("wardline_certificates_issued_total").increment(1);
                tracing::info!(device.id = %known.device(), role = %known.role(), "a device was certified");
                devices.insert(known);
                bell.ring(id);
                live.wake_replacement(waits_in);
            }
            Issuance::Taken => {
                metrics::counter!("wardline_enrolments_refused_total").increment(1);
                tracing::warn!(device.id = %known.device(), "an enrolment claimed a device id that is in use");
                bell.ring(id);
            }
        },
    );
    match issued.await? {
        Issuance::Issued { .. } | Issuance::Known => Ok(IssueCertificateResponse {}),
        Issuance::Taken => Err(OrganisationRefusal::DeviceTaken.into()),
    }
}
