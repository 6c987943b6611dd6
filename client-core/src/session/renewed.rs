//! The registrar's side of renewals: a device in force gets its next certificate, which says what the one before says.
//!
//! It trusts neither the relay nor the device: what it certifies it takes from the certificate that an issuer made, and it
//! remembers by itself which certificates it has followed by another.

use std::sync::Arc;

use wardline_identity::{DateCheck, DeviceCertificate, DeviceKey, Renewal, verify_certificate_request};
use wardline_proto::{
    fault::planted,
    relay::{IssueRelayCertificatesRequest, IssueRenewalRequest, RelayRenewal, WaitingRenewal},
};

use super::{Session, enrol::device_code, registrar::issuer};
use crate::{
    api::{Failure, Judged, JudgedDevice},
    conversation::revoked,
    error::CoreError,
    relay::{Relay, RelayError},
    vault::tables::renewed,
};

/// Judges the renewals that wait, and hands in what it certifies.
pub(super) async fn renew(
    session: &Session,
    relay: &Arc<dyn Relay>,
    (waiting, judged): (&[WaitingRenewal], &mut Judged),
) -> Result<(), CoreError> {
    for waiting in waiting {
        let Some((before, certificate)) = judge(session, waiting).await? else {
            tracing::warn!("the relay offered a renewal that is not granted");
            continue;
        };
        match relay.issue_renewal(IssueRenewalRequest { certificate: certificate.into() }).await {
            Ok(_) => judged.renewed.push(shown(&before)),
            // It may be out by now, or another registrar was first: the next pass shows what waits.
            Err(RelayError::Refused { reason, .. }) => {
                tracing::warn!(%reason, "the relay did not take a renewed certificate");
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The certificate that is followed, and the one that follows it, noted before it leaves; `None`: it is not granted.
async fn judge(
    session: &Session,
    waiting: &WaitingRenewal,
) -> Result<Option<(DeviceCertificate, Vec<u8>)>, CoreError> {
    let core = session.core().await;
    let now = session.clock.now();
    // 1. Who asks: a device by its own certificate, in force, near its end.
    let Some(request) = &waiting.request else { return Ok(None) };
    let before = core.device.organisation.verify_device(&waiting.certificate, DateCheck::At(now));
    let Ok(before) = before else { return Ok(None) };
    let Ok(renewal) = Renewal::verify(request, &before) else { return Ok(None) };
    if renewal.check_time(now).is_err() {
        return Ok(None);
    }
    // 2. Not by a list that may hide that it is out, and not if it is.
    let out = revoked::is_out(&core.revocations, &before.device()) || revoked::outlived(&core).is_some();
    if out && !planted("mutant.registrar_renews_out") {
        return Ok(None);
    }
    // 3. Once, by its own memory: the same answer again after a crash, and nothing for another key. Where a strike has ended what
    //    was issued, the same key is certified again.
    let mut tx = core.vault.begin("judge_renewal").await?;
    if let Some(issued) = renewed::find(&mut tx, &before.fingerprint()).await? {
        let organisation = &core.device.organisation;
        let noted = organisation.as_of(0).verify_device(&issued, DateCheck::Skip);
        let same = noted.is_ok_and(|noted| *noted.key() == DeviceKey::Ed25519(*renewal.key()));
        let stands = organisation.verify_device(&issued, DateCheck::Skip).is_ok()
            || planted("mutant.struck_renewal_stays");
        if same && stands {
            return Ok(Some((before, issued)));
        }
        if !same && !planted("mutant.registrar_renews_twice") {
            return Ok(None);
        }
    }
    // 4. The same device, to the word.
    let certificate = issuer(core.device.issuing())?
        .certify_device(renewal.subject(), &DeviceKey::Ed25519(*renewal.key()), &*session.entropy, now)
        .map_err(|error| Failure::defect(format!("A certificate could not be made: {error}.")))?;
    // A certificate never outlives its issuer's: one that would end no later follows nothing, and is not noted.
    let next = core.device.organisation.verify_device(&certificate, DateCheck::At(now));
    if next.is_ok_and(|next| renewal.check_certificate(&next).is_err()) {
        return Ok(None);
    }
    if !planted("mutant.registrar_renews_twice") {
        renewed::insert(&mut tx, &before.fingerprint(), &certificate, now).await?;
    }
    tx.commit().await?;
    Ok(Some((before, certificate)))
}

/// Has the relay's own next certificates made, and hands them in. For the keys and hosts that it was certified for, and no others.
pub(super) async fn renew_relay(
    session: &Session,
    relay: &Arc<dyn Relay>,
    offered: &RelayRenewal,
) -> Result<(), CoreError> {
    let Some(request) = certify_relay(session, offered).await? else {
        tracing::warn!("the relay asked for certificates that it does not get");
        return Ok(());
    };
    match relay.issue_relay_certificates(request).await {
        Ok(_) => tracing::info!("the relay's certificates were renewed"),
        Err(RelayError::Refused { reason, .. }) => {
            tracing::warn!(%reason, "the relay did not take its next certificates");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn certify_relay(
    session: &Session,
    offered: &RelayRenewal,
) -> Result<Option<IssueRelayCertificatesRequest>, CoreError> {
    let core = session.core().await;
    let now = session.clock.now();
    let issuer = issuer(core.device.issuing())?;
    let mut certified = Vec::with_capacity(2);
    for (before, request) in [
        (&offered.certificate_ed25519, &offered.request_ed25519),
        (&offered.certificate_p256, &offered.request_p256),
    ] {
        let before = core.device.organisation.verify_relay(before, DateCheck::At(now));
        let Ok(before) = before else { return Ok(None) };
        let same_key = verify_certificate_request(request).is_ok_and(|key| key == *before.key());
        // A certificate never outlives its issuer's: then it follows nothing.
        if now < before.renewable_from() || issuer.certificate().not_after() <= before.not_after() {
            return Ok(None);
        }
        if !same_key && !planted("mutant.relay_key_swapped") {
            return Ok(None);
        }
        // The port is no part of a certificate.
        let address = |host: &String| match host.contains(':') {
            true => format!("[{host}]:1"),
            false => format!("{host}:1"),
        };
        let addresses: Vec<String> = before.hosts().iter().map(address).collect();
        let made = issuer.certify_relay(request, &addresses, &*session.entropy, now);
        let made =
            made.map_err(|error| Failure::defect(format!("A certificate could not be made: {error}.")))?;
        certified.push(bytes::Bytes::from(made));
    }
    let issuer = issuer.certificate_der().to_vec().into();
    let Ok([certificate_ed25519, certificate_p256]) = <[_; 2]>::try_from(certified) else { return Ok(None) };
    Ok(Some(IssueRelayCertificatesRequest { certificate_ed25519, certificate_p256, issuer }))
}

fn shown(certificate: &DeviceCertificate) -> JudgedDevice {
    JudgedDevice {
        user: certificate.user().to_string(),
        device: certificate.device().to_string(),
        name: certificate.device_name().to_string(),
        fingerprint: device_code(certificate.key()),
        why: None,
    }
}
