//! `IssueRenewal`: an issuer hands in the next certificate of a device that waits for it.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use tonic::{Request, Status};
use wardline_identity::DateCheck;
use wardline_proto::relay::{IssueRenewalRequest, IssueRenewalResponse, RenewalRequest};

use crate::domain::organisation::{
    OrganisationError, OrganisationRefusal, OrganisationView as _, issue_renewal, judge_renewal,
    judge_renewed,
};
use crate::service::{authorise, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<IssueRenewalRequest>,
) -> Result<IssueRenewalResponse, Status> {
    let by = authorise::when_still(relay, &request, authorise::issuer).await?.device();
    let now = relay.clock.now();
    let organisation = relay.organisation.steady().await;
    let certificate = organisation
        .verify_device(&request.get_ref().certificate, DateCheck::At(now))
        .map_err(|_| OrganisationRefusal::CertificateInvalid)?;
    let device = certificate.device();
    if relay.devices.own(device, &certificate.fingerprint()).is_some() {
        return Ok(IssueRenewalResponse {});
    }
    let read = relay.store.read("read_renewal", move |tx| {
        Box::pin(async move { Ok::<_, OrganisationError>(tx.renewal(device).await?) })
    });
    let waiting: Bytes = read.await?.ok_or(OrganisationRefusal::EnrolmentUnknown)?;
    let newest = relay.devices.newest_of(&[device]).and_then(|mut found| found.pop());
    let newest = newest.ok_or(OrganisationRefusal::EnrolmentUnknown)?;
    let asked = RenewalRequest::decode(waiting.clone()).map_err(|_| OrganisationRefusal::EnrolmentUnknown)?;
    judge_renewed(&judge_renewal(&asked, &newest, now)?, &certificate)?;

    let (devices, known) = (Arc::clone(&relay.devices), certificate.clone());
    let issued = write::for_device(
        relay,
        by,
        "issue_renewal",
        move |tx, now| Box::pin(async move { issue_renewal(tx, &waiting, &certificate, by, now).await }),
        // Runs when it is on disk, also if the issuer's connection is cut.
        move |()| {
            metrics::counter!("wardline_certificates_renewed_total").increment(1);
            tracing::info!(device.id = %known.device(), "a device's certificate was renewed");
            devices.insert(known);
            drop(organisation);
        },
    );
    issued.await?;
    Ok(IssueRenewalResponse {})
}
