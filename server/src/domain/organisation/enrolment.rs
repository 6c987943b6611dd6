//! A device's claim on an invitation, and what became of it.

use wardline_identity::{ExporterCheck, InvitationRecord, RecordAct};
use wardline_proto::relay::SignedStatement;
use wardline_proto::{DeviceId, InvitationId, UtcMillis};

use super::{OrganisationError, OrganisationRefusal, OrganisationStorage, Step};
use crate::domain::record::record;

/// The first good claim of an invitation.
#[derive(Debug, Clone, PartialEq)]
pub struct Enrolment {
    /// The id the device chose.
    pub device: DeviceId,
    /// Its key, as [`NewClaim::key`].
    pub key: Vec<u8>,
    /// The `EnrolmentClaim`, as the device signed it first.
    pub claim: SignedStatement,
    /// When it came.
    pub claimed_at: UtcMillis,
    /// What became of it.
    pub status: EnrolmentStatus,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrolmentStatus {
    /// No issuer has judged it.
    Waiting,
    /// The certificate is there.
    Issued {
        /// DER.
        certificate: Vec<u8>,
    },
    /// Turned down.
    Refused {
        /// Shown to the person.
        reason: String,
    },
}

/// A claim that verifies: proof that the device holds invitation and key, on the connection it came on.
#[derive(Debug, Clone, PartialEq)]
pub struct NewClaim {
    /// The id the device chose.
    pub device: DeviceId,
    /// Its key's SubjectPublicKeyInfo, DER.
    pub key: Vec<u8>,
    /// As signed.
    pub statement: SignedStatement,
}

impl Enrolment {
    /// Whether a claim is by the same device, with the same key. The statements may differ: a device that
    /// reconnects signs over its new connection.
    #[must_use]
    pub fn is_by(&self, claim: &NewClaim) -> bool {
        self.device == claim.device && self.key == claim.key
    }
}

impl NewClaim {
    /// Checks a claim against its invitation's record and the exporter of the connection it came on.
    ///
    /// # Errors
    /// [`OrganisationRefusal::ClaimInvalid`].
    pub fn verify(
        record: &InvitationRecord,
        statement: &SignedStatement,
        exporter: [u8; 32],
    ) -> Result<Self, OrganisationRefusal> {
        let claim = record
            .verify_claim(statement, ExporterCheck::Equals(exporter))
            .map_err(|_| OrganisationRefusal::ClaimInvalid)?;
        Ok(Self { device: claim.device(), key: claim.key().spki_der(), statement: statement.clone() })
    }
}

/// Spends the invitation, if the claim is its first. An enrolment is for a new device: one that asks for an id
/// that was ever certified is refused, and leaves the invitation as it was.
///
/// # Errors
/// [`OrganisationRefusal::InvitationUnknown`], [`OrganisationRefusal::DeviceIdUsed`], and as
/// [`StoredInvitation::claim`](super::StoredInvitation::claim).
pub async fn claim<S: OrganisationStorage>(
    storage: &mut S,
    id: InvitationId,
    claim: &NewClaim,
    expires_at: UtcMillis,
    now: UtcMillis,
) -> Result<Step<EnrolmentStatus>, OrganisationError> {
    let invitation = storage.invitation(id).await?.ok_or(OrganisationRefusal::InvitationUnknown)?;
    let step = invitation.claim(claim, expires_at, now)?;
    if step == Step::Make {
        if storage.device_owner(claim.device).await?.is_some() {
            return Err(OrganisationRefusal::DeviceIdUsed.into());
        }
        storage.keep_claim(id, claim, now).await?;
    }
    Ok(step)
}

/// Turns a waiting claim down, for the device `by`.
///
/// # Errors
/// As [`StoredInvitation::refuse`](super::StoredInvitation::refuse).
pub async fn refuse<S: OrganisationStorage>(
    storage: &mut S,
    id: InvitationId,
    reason: &str,
    by: DeviceId,
    now: UtcMillis,
) -> Result<Step<()>, OrganisationError> {
    let invitation = storage.invitation(id).await?.ok_or(OrganisationRefusal::EnrolmentUnknown)?;
    let step = invitation.refuse()?;
    if step == Step::Make {
        storage.keep_refused(id, reason, now).await?;
        if let Some(claimed) = &invitation.enrolment {
            let (device, by) = (claimed.device, Some(by));
            record(storage, now, RecordAct::EnrolmentRefused { invitation: id, device, by }).await?;
        }
    }
    Ok(step)
}
