//! `RenewCertificate`: a device asks for its next certificate, and for what became of that.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use tonic::{Request, Status};
use wardline_identity::PublicKey;
use wardline_proto::relay::{
    CertificateRenewal, RenewCertificateRequest, RenewCertificateResponse, RenewalRequest,
};

use crate::domain::organisation::{OrganisationRefusal, Step, ask_renewal, judge_renewal};
use crate::service::{authorise, decode, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<RenewCertificateRequest>,
) -> Result<RenewCertificateResponse, Status> {
    let caller = authorise::device(relay, &request)?;
    let asked = decode::present("request", request.into_inner().request)?;
    // 1. What was issued for this key is shown again: the answer may have been lost.
    let issued = asked_key(&asked).and_then(|key| relay.devices.certified(caller.device(), &key));
    if let Some(issued) = issued {
        return Ok(RenewCertificateResponse { certificate: Bytes::copy_from_slice(issued.der()) });
    }
    // 2. Only the newest certificate is followed by another.
    let newest = relay.devices.newest_of(&[caller.device()]).and_then(|mut found| found.pop());
    let newest = newest.unwrap_or(caller);
    judge_renewal(&asked, &newest, relay.clock.now())?;
    let (device, encoded) = (newest.device(), Bytes::from(asked.encode_to_vec()));
    let (devices, bell) = (Arc::clone(&relay.devices), relay.enrolments.clone());
    let by = newest.fingerprint();
    write::for_device(
        relay,
        device,
        "renew_certificate",
        move |tx, now| {
            Box::pin(async move {
                // It may have been issued since it was judged: then the next look finds it.
                let followed = devices.newest_of(&[device]).and_then(|mut found| found.pop());
                if followed.is_none_or(|followed| followed.fingerprint() != by) {
                    return Err(OrganisationRefusal::EnrolmentUnknown.into());
                }
                ask_renewal(tx, device, &encoded, now).await
            })
        },
        move |step| {
            if *step == Step::Make {
                bell.ring_for_registrars();
            }
        },
    )
    .await?;
    Ok(RenewCertificateResponse { certificate: Bytes::new() })
}

/// The key that a request is for, as it says; nothing of it is checked yet.
fn asked_key(asked: &RenewalRequest) -> Option<PublicKey> {
    let said = CertificateRenewal::decode(asked.renewal.as_ref()?.body.clone()).ok()?;
    PublicKey::try_from(said.public_key.as_ref()).ok()
}
