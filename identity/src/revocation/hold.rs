//! A hold that a device signs, which no issuer has to be awake for: who may, and of what (design 4.4.6).
//!
//! A [`HoldStatement`] says which devices; a [`Hold`] is one whose signature was checked; a [`PendingHold`] comes with the
//! certificates of the devices too, and was judged by the newest list. Relay and clients judge by this one file, and nobody acts
//! on the relay's word.

use prost::{Message as _, bytes::Bytes};
use wardline_proto::{DeviceId, Digest, UtcMillis, fault, relay as pb};

use super::{RevocationAct, RevocationKind, RevocationReason, RevocationRegister};
use crate::{
    CertificateError, DateCheck, DeviceCertificate, HoldError, Organisation, OrganisationId, SigningKey,
    StatementError, StatementLabel, sign_statement,
};

/// The most devices that one statement names.
pub const HELD_MAX: usize = 20;

/// What a statement says; who said it is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldStatement {
    /// The organisation.
    pub organisation: OrganisationId,
    /// Which devices, ascending, 1 to [`HELD_MAX`].
    pub devices: Vec<DeviceId>,
    /// Why.
    pub reason: RevocationReason,
    /// When, by the signer's clock.
    pub signed_at: UtcMillis,
}

impl HoldStatement {
    /// From a statement, to the byte: what a decoder skips would be handed on, readable.
    ///
    /// # Errors
    /// [`HoldError::Field`], [`HoldError::Statement`] for a body that is no such message.
    pub fn read(statement: &pb::SignedStatement) -> Result<Self, HoldError> {
        let field = |field| HoldError::Field { field };
        let said = pb::HoldStatement::decode(statement.body.clone())
            .map_err(|_| HoldError::Statement(StatementError::Undecodable))?;
        let devices: Result<Vec<_>, _> = said.device_ids.iter().map(DeviceId::try_from).collect();
        let devices = devices.map_err(|_| field("devices"))?;
        if !(1..=HELD_MAX).contains(&devices.len()) || !devices.is_sorted_by(|one, next| one < next) {
            return Err(field("devices"));
        }
        let read = Self {
            organisation: OrganisationId::parse(&said.organisation_id).map_err(|_| field("organisation"))?,
            devices,
            reason: RevocationReason::from_wire(said.reason).ok_or(field("reason"))?,
            signed_at: said.signed_at.as_ref().map(UtcMillis::from).ok_or(field("time"))?,
        };
        if read.to_wire().encode_to_vec() != statement.body {
            return Err(field("end"));
        }
        Ok(read)
    }

    /// As it goes over the wire.
    #[must_use]
    pub fn to_wire(&self) -> pb::HoldStatement {
        pb::HoldStatement {
            organisation_id: self.organisation.to_string(),
            device_ids: self.devices.iter().map(|device| device.to_wire()).collect(),
            reason: self.reason.number(),
            signed_at: Some(self.signed_at.into()),
        }
    }

    /// Signs it.
    #[must_use]
    pub fn sign(&self, key: &SigningKey, certificate: &DeviceCertificate) -> pb::SignedStatement {
        sign_statement(key, StatementLabel::Hold, &self.to_wire(), Some(certificate.der()))
    }

    /// What it does to one of its devices.
    fn act(&self, device: DeviceId, signer: Digest) -> RevocationAct {
        let (reason, at) = (self.reason, self.signed_at);
        RevocationAct { device, kind: RevocationKind::Held, reason, at, issuer: signer }
    }
}

/// A statement that a device of the organisation signed. Whether it may is asked of [`Self::permits`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    said: HoldStatement,
    signer: DeviceCertificate,
}

impl Hold {
    /// Checks form and signature: by a device whose certificate was in force then, and not about itself.
    ///
    /// # Errors
    /// [`HoldError`], but for [`HoldError::NotPermitted`], [`HoldError::SignerOut`] and [`HoldError::Over`].
    pub fn verify(
        organisation: &Organisation,
        statement: &pb::SignedStatement,
        signer_der: &[u8],
    ) -> Result<Self, HoldError> {
        let said = HoldStatement::read(statement)?;
        let signer = organisation
            .verify_device(signer_der, DateCheck::At(said.signed_at))
            .map_err(HoldError::Certificate)?;
        if !fault::planted("mutant.hold_forged") {
            signer.verify_statement(StatementLabel::Hold, statement)?;
        }
        if said.organisation != *organisation.id() {
            return Err(HoldError::ForeignOrganisation);
        }
        if said.devices.contains(&signer.device()) && !fault::planted("mutant.hold_own") {
            return Err(HoldError::OwnDevice);
        }
        Ok(Self { said, signer })
    }

    /// What it says.
    #[must_use]
    pub const fn said(&self) -> &HoldStatement {
        &self.said
    }

    /// Who signed it.
    #[must_use]
    pub const fn signer(&self) -> &DeviceCertificate {
        &self.signer
    }

    /// Whether its signer may put this device on hold, by the newest list and the holds that are pending beside it.
    ///
    /// A signer that a list has put out signs nothing any more, whatever time it names: that list has taken up all that it had
    /// signed before. One that came back signs anew: what it had signed until then may be a thief's.
    ///
    /// # Errors
    /// [`HoldError::SignerOut`], [`HoldError::NotPermitted`].
    pub fn permits(&self, register: &RevocationRegister, held: &DeviceCertificate) -> Result<(), HoldError> {
        let by = self.signer.device();
        let listed = register
            .listed_act(&by)
            .is_some_and(|act| act.kind != RevocationKind::Reinstated || act.at >= self.said.signed_at);
        let before = register
            .last_act(&by)
            .is_some_and(|act| act.kind != RevocationKind::Reinstated && act.at <= self.said.signed_at);
        if (listed || before) && !fault::planted("mutant.hold_by_out") {
            return Err(HoldError::SignerOut);
        }
        if held.user() == self.signer.user() {
            return Ok(());
        }
        let responds = register.is_responder(self.signer.user()) || fault::planted("mutant.hold_by_anybody");
        let issues = held.role().may_issue() && !fault::planted("mutant.hold_of_issuers");
        if responds && !issues { Ok(()) } else { Err(HoldError::NotPermitted { device: held.device() }) }
    }
}

/// A hold that no list names yet, with all that proves it.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingHold {
    said: HoldStatement,
    signer: Digest,
    digest: Digest,
    wire: pb::PendingHold,
}

impl PendingHold {
    /// Checks all of it: whoever brings it.
    ///
    /// # Errors
    /// [`HoldError`], but for [`HoldError::Over`], which [`RevocationRegister::hold`] knows.
    pub fn verify(
        organisation: &Organisation,
        register: &RevocationRegister,
        wire: &pb::PendingHold,
    ) -> Result<Self, HoldError> {
        let statement = wire.statement.clone().unwrap_or_default();
        let hold = Hold::verify(organisation, &statement, &wire.signer_certificate)?;
        let devices = &hold.said.devices;
        if wire.device_certificates.len() != devices.len() {
            return Err(HoldError::Field { field: "certificates" });
        }
        for (device, der) in devices.iter().zip(&wire.device_certificates) {
            let held = organisation.verify_device(der, DateCheck::Skip).map_err(HoldError::Certificate)?;
            if held.device() != *device {
                return Err(HoldError::Field { field: "certificates" });
            }
            hold.permits(register, &held)?;
        }
        Self::stored(wire.clone())
    }

    /// One that was checked when it was stored: its signer may be out by now.
    ///
    /// # Errors
    /// [`HoldError::Field`], [`HoldError::Statement`].
    pub fn stored(wire: pb::PendingHold) -> Result<Self, HoldError> {
        let statement = wire.statement.clone().unwrap_or_default();
        let said = HoldStatement::read(&statement)?;
        let signer = Digest::try_from(&statement.signer).map_err(|_| HoldError::Field { field: "signer" })?;
        Ok(Self { said, signer, digest: Self::digest_of(&statement), wire })
    }

    /// What it says.
    #[must_use]
    pub const fn said(&self) -> &HoldStatement {
        &self.said
    }

    /// SHA-256 of the statement's signer and body.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// That of any statement: whoever signs the same says the same.
    #[must_use]
    pub fn digest_of(statement: &pb::SignedStatement) -> Digest {
        Digest::of(&[statement.signer.as_ref(), statement.body.as_ref()].concat())
    }

    /// Whether its signer's certificate is no longer good because its issuer was struck: whoever has that issuer's key can
    /// certify devices to put others on hold.
    #[must_use]
    pub fn is_struck(&self, organisation: &Organisation) -> bool {
        let signer = organisation.verify_device(&self.wire.signer_certificate, DateCheck::Skip);
        signer == Err(CertificateError::IssuerStruck) && !fault::planted("mutant.struck_holds")
    }

    /// As it goes over the wire.
    #[must_use]
    pub const fn to_wire(&self) -> &pb::PendingHold {
        &self.wire
    }

    /// As the ground of a removal.
    #[must_use]
    pub fn ground(&self) -> pb::HoldGround {
        pb::HoldGround {
            statement: self.wire.statement.clone(),
            signer_certificate: self.wire.signer_certificate.clone(),
        }
    }

    /// What it does to each of its devices; its signer takes the issuer's place.
    pub fn acts(&self) -> impl Iterator<Item = RevocationAct> {
        self.said.devices.iter().map(|device| self.said.act(*device, self.signer))
    }
}

/// What the holds that are pending are told by: SHA-256 over the digests of their statements, ascending; empty if there are none.
pub(super) fn digest_of_all(holds: &[PendingHold]) -> Bytes {
    let mut digests: Vec<Digest> = holds.iter().map(PendingHold::digest).collect();
    digests.sort_unstable();
    if digests.is_empty() {
        return Bytes::new();
    }
    let bytes: Vec<u8> = digests.iter().flat_map(|digest| *digest.as_bytes()).collect();
    Digest::of(&bytes).to_wire()
}
