//! A certificate handed in for a waiting claim: does it say what was asked, and nothing else?
//!
//! Subject and role come from the record, key and device from the claim (design 4.2). A relay that skipped
//! this would only hurt itself, since clients judge certificates by the root; but a registrar's mistake is
//! best found before the device has it.

use prost::Message as _;
use wardline_identity::{
    DateCheck, DeviceCertificate, ExporterCheck, InvitationError, Organisation, RecordAct,
};
use wardline_proto::relay::InvitationRecord;
use wardline_proto::{ConversationId, DeviceId, InvitationId, UtcMillis};

use super::{OrganisationError, OrganisationRefusal, OrganisationStorage, Step, StoredInvitation};
use crate::domain::record::record;

/// Checks a certificate against the organisation, its invitation and its claim.
///
/// # Errors
/// [`OrganisationRefusal::EnrolmentUnknown`] without a claim, [`OrganisationRefusal::CertificateInvalid`],
/// [`OrganisationRefusal::CertificateMismatch`].
pub fn judge_certificate(
    organisation: &Organisation,
    invitation: &StoredInvitation,
    certificate_der: &[u8],
    now: UtcMillis,
) -> Result<DeviceCertificate, OrganisationRefusal> {
    let enrolment = invitation.enrolment.as_ref().ok_or(OrganisationRefusal::EnrolmentUnknown)?;
    let certificate = organisation
        .verify_device(certificate_der, DateCheck::At(now))
        .map_err(|_| OrganisationRefusal::CertificateInvalid)?;
    let record = organisation
        .verify_invitation(&invitation.record, DateCheck::Skip)
        .map_err(|_| OrganisationRefusal::InvitationCancelled)?;
    // Checked over its connection when it came; kept as it was signed then.
    let claim = record
        .verify_claim(&enrolment.claim, ExporterCheck::Skip)
        .map_err(|_| OrganisationRefusal::ClaimInvalid)?;

    match record.check_certificate(&claim, &certificate) {
        Ok(()) => Ok(certificate),
        Err(InvitationError::CertificateMismatch { field }) => {
            Err(OrganisationRefusal::CertificateMismatch { field })
        }
        Err(_) => Err(OrganisationRefusal::CertificateInvalid),
    }
}

/// What became of a certificate that was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issuance {
    /// The device is known from now on.
    Issued {
        /// Where a member may let it in, in place of the device that it replaces.
        waits_in: Vec<ConversationId>,
    },
    /// The same certificate was handed in before.
    Known,
    /// The device id was certified by another enrolment, before: this one is refused from now on, so that it
    /// stands in nobody's way.
    Taken,
}

/// Ends a waiting claim with a certificate that was judged, handed in by the device `by`: the device is known from then on. An
/// id that is in use ends it too, as refused.
///
/// # Errors
/// As [`StoredInvitation::issue`].
pub async fn issue<S: OrganisationStorage>(
    storage: &mut S,
    id: InvitationId,
    certificate: &DeviceCertificate,
    by: DeviceId,
    now: UtcMillis,
) -> Result<Issuance, OrganisationError> {
    let invitation = storage.invitation(id).await?.ok_or(OrganisationRefusal::EnrolmentUnknown)?;
    if let Step::Made(()) = invitation.issue(certificate.der())? {
        return Ok(Issuance::Known);
    }
    let device = certificate.device();
    if storage.device_owner(device).await?.is_some() || storage.is_out(device).await? {
        storage.keep_refused(id, TAKEN, now).await?;
        record(storage, now, RecordAct::EnrolmentRefused { invitation: id, device, by: None }).await?;
        return Ok(Issuance::Taken);
    }
    storage.keep_device(certificate, now).await?;
    storage.keep_issued(id, certificate.der(), now).await?;
    record(storage, now, certified(certificate, Some(by))).await?;
    let waits_in = match replaced(storage, &invitation, certificate).await? {
        Some(replaced) => storage.keep_replacement(certificate.device(), replaced, id).await?,
        None => Vec::new(),
    };
    Ok(Issuance::Issued { waits_in })
}

/// What the record says of a device that is known from now on.
pub(super) fn certified(certificate: &DeviceCertificate, by: Option<DeviceId>) -> RecordAct {
    RecordAct::DeviceCertified {
        device: certificate.device(),
        user: certificate.user().clone(),
        role: certificate.role(),
        certificate: certificate.fingerprint(),
        issuer: certificate.issuer(),
        by,
    }
}

/// The device that the record names, if it is one of the same person's. The record's signature was checked when it was
/// published.
async fn replaced<S: OrganisationStorage>(
    storage: &mut S,
    invitation: &StoredInvitation,
    certificate: &DeviceCertificate,
) -> Result<Option<DeviceId>, OrganisationError> {
    let record = InvitationRecord::decode(invitation.record.body.clone()).ok();
    let named = record.and_then(|record| DeviceId::try_from(&record.replaces_device_id).ok());
    let Some(replaced) = named.filter(|replaced| *replaced != certificate.device()) else { return Ok(None) };
    let owner = storage.device_owner(replaced).await?;
    Ok(owner.filter(|owner| owner.user == *certificate.user()).map(|_| replaced))
}

/// Shown to the person.
const TAKEN: &str = "another device has the same id; ask for a new invitation and enrol again";
