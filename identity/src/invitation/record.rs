//! An invitation's public record.

use prost::Message as _;
use wardline_proto::relay::{self as pb, SignedStatement};
use wardline_proto::{DeviceId, Digest, InvitationId, UtcMillis};

use super::offer::invitation_id;
use super::{EnrolmentClaim, ExporterCheck, InvitationSubject};
use crate::{
    DateCheck, DeviceCertificate, DeviceSubject, DisplayName, InvitationError, OrganisationId, PublicKey,
    Role, UserId,
};

/// A record that an issuer of the organisation signed. Made by
/// [`Organisation::verify_invitation`](crate::Organisation::verify_invitation) only. Whether it is spent or
/// cancelled, the relay and the registrar remember.
#[derive(Debug, Clone, PartialEq)]
pub struct InvitationRecord {
    id: InvitationId,
    key: PublicKey,
    organisation: OrganisationId,
    subject: InvitationSubject,
    replaces: Option<DeviceId>,
    expires_at: UtcMillis,
    issuer: Digest,
    statement: SignedStatement,
}

impl InvitationRecord {
    /// Reads a record whose signature was checked.
    pub(crate) fn read(
        statement: &SignedStatement,
        organisation: &OrganisationId,
        dates: DateCheck,
    ) -> Result<Self, InvitationError> {
        let field = |field| InvitationError::Field { field };
        let issuer = Digest::try_from(&statement.signer).map_err(|_| field("signer"))?;
        let record = pb::InvitationRecord::decode(statement.body.clone()).map_err(|_| field("record"))?;
        if record.organisation_id != organisation.as_str() {
            return Err(InvitationError::ForeignOrganisation);
        }
        let key = PublicKey::try_from(record.public_key.as_ref()).map_err(|_| field("public key"))?;
        let id = InvitationId::try_from(&record.invitation_id).map_err(|_| field("invitation id"))?;
        if id != invitation_id(&key) {
            return Err(field("invitation id"));
        }
        let subject = InvitationSubject {
            user: UserId::parse(&record.user_id)?,
            display_name: DisplayName::parse(&record.display_name)?,
            role: Role::try_from(record.role)?,
        };
        let replaces = match record.replaces_device_id.as_ref() {
            [] => None,
            bytes => Some(DeviceId::try_from(bytes).map_err(|_| field("replaced device"))?),
        };
        let expires_at = record.expires_at.as_ref().map(UtcMillis::from).ok_or(field("expiry"))?;
        match dates {
            DateCheck::At(now) if now >= expires_at => {
                return Err(InvitationError::Expired { expired_at: expires_at });
            }
            DateCheck::At(_) | DateCheck::Skip => {}
        }
        let (organisation, statement) = (organisation.clone(), statement.clone());
        Ok(Self { id, key, organisation, subject, replaces, expires_at, issuer, statement })
    }

    /// How relay and registrar call it.
    #[must_use]
    pub const fn invitation_id(&self) -> InvitationId {
        self.id
    }

    /// The invitation's key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The organisation.
    #[must_use]
    pub const fn organisation(&self) -> &OrganisationId {
        &self.organisation
    }

    /// Whom it is for.
    #[must_use]
    pub const fn subject(&self) -> &InvitationSubject {
        &self.subject
    }

    /// The person or service it is for.
    #[must_use]
    pub const fn user(&self) -> &UserId {
        &self.subject.user
    }

    /// The name people see.
    #[must_use]
    pub const fn display_name(&self) -> &DisplayName {
        &self.subject.display_name
    }

    /// The role the certificate will carry.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.subject.role
    }

    /// The device of the same person that the invited one replaces, if any.
    #[must_use]
    pub const fn replaces(&self) -> Option<DeviceId> {
        self.replaces
    }

    /// Not valid from this instant on.
    #[must_use]
    pub const fn expires_at(&self) -> UtcMillis {
        self.expires_at
    }

    /// SHA-256 of the certificate of the issuer that signed it: who invited.
    #[must_use]
    pub const fn issuer(&self) -> Digest {
        self.issuer
    }

    /// SHA-256 of the record as it was signed: how a claim names it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.statement.body)
    }

    /// As it goes over the wire.
    #[must_use]
    pub const fn statement(&self) -> &SignedStatement {
        &self.statement
    }

    /// Judges the expiry again, at the moment of use.
    ///
    /// # Errors
    /// [`InvitationError::Expired`] from its expiry on.
    pub fn check_expiry(&self, now: UtcMillis) -> Result<(), InvitationError> {
        let expired_at = self.expires_at;
        if now < expired_at { Ok(()) } else { Err(InvitationError::Expired { expired_at }) }
    }

    /// Checks a claim to this invitation: signed with its key, over this record, with a request whose key signed
    /// it, and made on the connection that `exporter` stands for.
    ///
    /// # Errors
    /// [`InvitationError`], by what is wrong.
    pub fn verify_claim(
        &self,
        statement: &SignedStatement,
        exporter: ExporterCheck,
    ) -> Result<EnrolmentClaim, InvitationError> {
        EnrolmentClaim::verify(self, statement, exporter)
    }

    /// Whom the certificate for `claim` is for: person, name and role from the record; device and its name from
    /// the claim.
    #[must_use]
    pub fn device_subject(&self, claim: &EnrolmentClaim) -> DeviceSubject {
        let InvitationSubject { user, display_name, role } = self.subject.clone();
        DeviceSubject {
            organisation: self.organisation.clone(),
            user,
            device: claim.device(),
            display_name,
            device_name: claim.device_name().clone(),
            role,
        }
    }

    /// Checks that an issued certificate says what record and claim say.
    ///
    /// # Errors
    /// [`InvitationError::CertificateMismatch`] with what differs first.
    pub fn check_certificate(
        &self,
        claim: &EnrolmentClaim,
        certificate: &DeviceCertificate,
    ) -> Result<(), InvitationError> {
        let (expected, actual) = (self.device_subject(claim), certificate.subject());
        let pairs = [
            ("key", claim.key() == certificate.key()),
            ("organisation", expected.organisation == actual.organisation),
            ("user", expected.user == actual.user),
            ("device id", expected.device == actual.device),
            ("name", expected.display_name == actual.display_name),
            ("device name", expected.device_name == actual.device_name),
            ("role", expected.role == actual.role),
        ];
        let wrong = pairs.into_iter().find(|(_, same)| !same);
        wrong.map_or(Ok(()), |(field, _)| Err(InvitationError::CertificateMismatch { field }))
    }
}
