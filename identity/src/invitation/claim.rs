//! A device's claim to an invitation.

use std::fmt;

use prost::Message as _;
use subtle::ConstantTimeEq as _;
use wardline_proto::relay::{self as pb, SignedStatement};
use wardline_proto::{DeviceId, Digest};

use super::{Invitation, InvitationRecord};
use crate::device_uri::device_id_checked;
use crate::statement::verify_statement;
use crate::{
    DeviceKey, DeviceName, InvitationError, StatementLabel, sign_statement, verify_certificate_request,
};

/// Whether the connection that a claim was made on is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExporterCheck {
    /// The claim must be over this exporter: the relay, which has the connection.
    Equals([u8; 32]),
    /// Not judged: a registrar, later, elsewhere.
    Skip,
}

/// A claim that was signed with the invitation's key. Made by [`InvitationRecord::verify_claim`] only.
#[derive(Clone, PartialEq)]
pub struct EnrolmentClaim {
    record: Digest,
    device: DeviceId,
    device_name: DeviceName,
    key: DeviceKey,
    request: Box<[u8]>,
    exporter: [u8; 32],
    statement: SignedStatement,
}

/// Names nobody, and says nothing of the connection: which device asks, and by which record.
impl fmt::Debug for EnrolmentClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrolmentClaim")
            .field("device", &self.device)
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

impl EnrolmentClaim {
    pub(super) fn verify(
        record: &InvitationRecord,
        statement: &SignedStatement,
        exporter: ExporterCheck,
    ) -> Result<Self, InvitationError> {
        let field = |field| InvitationError::Field { field };
        let body = verify_statement(record.key(), None, StatementLabel::EnrolmentClaim, statement)?;
        let claim = pb::EnrolmentClaim::decode(body).map_err(|_| field("claim"))?;
        let digest = record.digest();
        if claim.record_sha256 != digest.as_bytes().as_slice() {
            return Err(InvitationError::OtherRecord);
        }
        let made_on: [u8; 32] = claim.tls_exporter.as_ref().try_into().map_err(|_| field("TLS exporter"))?;
        match exporter {
            ExporterCheck::Equals(here) if !bool::from(here.ct_eq(&made_on)) => {
                return Err(InvitationError::OtherConnection);
            }
            ExporterCheck::Equals(_) | ExporterCheck::Skip => {}
        }
        let device = DeviceId::try_from(&claim.device_id).map_err(|_| field("device id"))?;
        Ok(Self {
            record: digest,
            device: device_id_checked(device)?,
            device_name: DeviceName::parse(&claim.device_name)?,
            key: verify_certificate_request(&claim.certificate_request)?,
            request: claim.certificate_request.as_ref().into(),
            exporter: made_on,
            statement: statement.clone(),
        })
    }

    /// The device's id, as it chose it.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// What its owner calls the device.
    #[must_use]
    pub const fn device_name(&self) -> &DeviceName {
        &self.device_name
    }

    /// The device's key, which it has proved to hold.
    #[must_use]
    pub const fn key(&self) -> &DeviceKey {
        &self.key
    }

    /// The certificate request, DER.
    #[must_use]
    pub const fn certificate_request(&self) -> &[u8] {
        &self.request
    }

    /// The TLS exporter of the connection it was made on.
    #[must_use]
    pub const fn exporter(&self) -> &[u8; 32] {
        &self.exporter
    }

    /// As it goes over the wire.
    #[must_use]
    pub const fn statement(&self) -> &SignedStatement {
        &self.statement
    }

    /// Checks that this claim continues `earlier`, the one that spent the invitation: the same device asking
    /// again, on whatever connection.
    ///
    /// # Errors
    /// [`InvitationError::Spent`] if it is another device, key or name; [`InvitationError::OtherRecord`] if it
    /// is to another invitation.
    pub fn check_continues(&self, earlier: &Self) -> Result<(), InvitationError> {
        if self.record != earlier.record {
            return Err(InvitationError::OtherRecord);
        }
        let same = self.device == earlier.device
            && self.key == earlier.key
            && self.device_name == earlier.device_name;
        if same { Ok(()) } else { Err(InvitationError::Spent) }
    }
}

/// Claims an invitation for a device: signs request, record and connection with the invitation's key.
///
/// # Errors
/// [`InvitationError::OtherKey`] if `record` is not this invitation's: the relay showed another one.
pub fn claim_statement(
    invitation: &Invitation,
    record: &InvitationRecord,
    request_der: &[u8],
    device: DeviceId,
    device_name: &DeviceName,
    exporter: &[u8; 32],
) -> Result<SignedStatement, InvitationError> {
    if invitation.key().public() != *record.key() {
        return Err(InvitationError::OtherKey);
    }
    let claim = pb::EnrolmentClaim {
        record_sha256: record.digest().to_wire(),
        certificate_request: request_der.to_vec().into(),
        device_id: device.to_wire(),
        device_name: device_name.as_str().to_owned(),
        tls_exporter: exporter.to_vec().into(),
    };
    Ok(sign_statement(invitation.key(), StatementLabel::EnrolmentClaim, &claim, None))
}
