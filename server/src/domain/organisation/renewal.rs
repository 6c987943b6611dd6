//! A device's next certificate: asked for by the device, handed in by an issuer (design 4.2).
//!
//! The request is kept as it was signed, one of a device. It ends with the certificate, and with a revocation or hold of the
//! device, in the transaction that puts it out; whatever comes after that is refused here, in the transaction that would store it.

use bytes::Bytes;
use wardline_identity::{DeviceCertificate, Renewal, RenewalError};
use wardline_proto::{DeviceId, UtcMillis, fault::planted, relay::RenewalRequest};

use super::issue::certified;
use super::{OrganisationError, OrganisationRefusal, OrganisationStorage, Step};
use crate::domain::record::record;

/// A device that waits for its next certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRenewal {
    /// Which.
    pub device: DeviceId,
    /// The encoded `RenewalRequest`.
    pub request: Bytes,
}

/// Checks what a device asks, which came on a connection of the certificate `newest`.
///
/// # Errors
/// [`OrganisationRefusal::RenewalInvalid`].
pub fn judge_renewal(
    request: &RenewalRequest,
    newest: &DeviceCertificate,
    now: UtcMillis,
) -> Result<Renewal, OrganisationRefusal> {
    let renewal = Renewal::verify(request, newest).map_err(OrganisationRefusal::RenewalInvalid)?;
    renewal.check_time(now).map_err(OrganisationRefusal::RenewalInvalid)?;
    Ok(renewal)
}

/// Keeps a request that was judged. The same again changes nothing.
///
/// # Errors
/// [`OrganisationRefusal::DeviceOut`].
pub async fn ask_renewal<S: OrganisationStorage>(
    storage: &mut S,
    device: DeviceId,
    request: &Bytes,
    now: UtcMillis,
) -> Result<Step<()>, OrganisationError> {
    if storage.is_out(device).await? {
        return Err(OrganisationRefusal::DeviceOut.into());
    }
    if storage.renewal(device).await?.as_ref() == Some(request) {
        return Ok(Step::Made(()));
    }
    storage.keep_renewal(device, request, now).await?;
    Ok(Step::Make)
}

/// Checks the certificate that an issuer hands in against what its device asks for.
///
/// # Errors
/// [`OrganisationRefusal::RenewalInvalid`], [`OrganisationRefusal::CertificateMismatch`].
pub fn judge_renewed(renewal: &Renewal, certificate: &DeviceCertificate) -> Result<(), OrganisationRefusal> {
    match renewal.check_certificate(certificate) {
        Err(RenewalError::Mismatch { field }) => Err(OrganisationRefusal::CertificateMismatch { field }),
        Err(error) => Err(OrganisationRefusal::RenewalInvalid(error)),
        Ok(()) => Ok(()),
    }
}

/// Ends a request with the certificate that was judged against it, handed in by the device `by`: the device has it from then on.
///
/// # Errors
/// [`OrganisationRefusal::EnrolmentUnknown`] where another request or none waits by now, [`OrganisationRefusal::DeviceOut`].
pub async fn issue_renewal<S: OrganisationStorage>(
    storage: &mut S,
    judged: &Bytes,
    certificate: &DeviceCertificate,
    by: DeviceId,
    now: UtcMillis,
) -> Result<(), OrganisationError> {
    let device = certificate.device();
    if storage.is_out(device).await? && !planted("mutant.renewed_while_out") {
        return Err(OrganisationRefusal::DeviceOut.into());
    }
    if storage.renewal(device).await?.as_ref() != Some(judged) {
        return Err(OrganisationRefusal::EnrolmentUnknown.into());
    }
    storage.keep_device(certificate, now).await?;
    storage.end_renewal(device).await?;
    Ok(record(storage, now, certified(certificate, Some(by))).await?)
}
