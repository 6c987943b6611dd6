//! An issuer: the machine of an administrator or registrar that certifies devices and relays.

use prost::Message;
use wardline_proto::{UtcMillis, fault, relay::SignedStatement};

use super::template::{self, Span};
use crate::{
    AuthorityError, DeviceKey, DeviceSubject, Entropy, IssuerCertificate, NameError, OrganisationId,
    SigningKey, StatementLabel, sign_statement, verify_certificate_request,
};

/// An issuer's key and certificate.
#[derive(Debug)]
pub struct IssuerAuthority {
    key: SigningKey,
    certificate: IssuerCertificate,
}

impl IssuerAuthority {
    /// From its parts. That the root signed the certificate and lists it, others check
    /// ([`Organisation`](crate::Organisation)).
    ///
    /// # Errors
    /// [`AuthorityError::OwnCertificate`] if it is no issuer's, [`AuthorityError::KeyMismatch`] if it has
    /// another key.
    pub fn new(key: SigningKey, certificate_der: &[u8]) -> Result<Self, AuthorityError> {
        let certificate = IssuerCertificate::read(certificate_der).map_err(AuthorityError::OwnCertificate)?;
        if *certificate.key() != key.public() {
            return Err(AuthorityError::KeyMismatch);
        }
        Ok(Self { key, certificate })
    }

    /// The certificate.
    #[must_use]
    pub const fn certificate_der(&self) -> &[u8] {
        self.certificate.der()
    }

    /// The certificate, read.
    #[must_use]
    pub const fn certificate(&self) -> &IssuerCertificate {
        &self.certificate
    }

    /// The key, for sealed storage.
    #[must_use]
    pub const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The organisation it issues for.
    #[must_use]
    pub const fn organisation(&self) -> &OrganisationId {
        self.certificate.organisation()
    }

    /// Certifies a device's key for 90 days; gives the certificate.
    ///
    /// That the device holds the key must have been checked before
    /// ([`verify_certificate_request`], [`InvitationRecord::verify_claim`](crate::InvitationRecord::verify_claim)).
    ///
    /// # Errors
    /// [`AuthorityError::ForeignOrganisation`], [`AuthorityError::NotInForce`] if the issuer is not in force,
    /// [`AuthorityError::Entropy`], [`AuthorityError::Time`]; [`AuthorityError::Encoding`] is a defect.
    pub fn certify_device(
        &self,
        subject: &DeviceSubject,
        key: &DeviceKey,
        entropy: &dyn Entropy,
        now: UtcMillis,
    ) -> Result<Vec<u8>, AuthorityError> {
        if subject.organisation != *self.organisation() {
            return Err(AuthorityError::ForeignOrganisation);
        }
        let template = template::device(subject, self.span(now, DEVICE_DAYS)?)?;
        template.sign(key, self.certificate_der(), &self.key, entropy)
    }

    /// Certifies a relay's key, from its request, for one year and for 1–16 addresses "host:port"; gives the
    /// certificate.
    ///
    /// # Errors
    /// [`AuthorityError::Request`], [`AuthorityError::Name`] for an address, and as
    /// [`IssuerAuthority::certify_device`].
    pub fn certify_relay(
        &self,
        request_der: &[u8],
        addresses: &[String],
        entropy: &dyn Entropy,
        now: UtcMillis,
    ) -> Result<Vec<u8>, AuthorityError> {
        if !(1..=ADDRESSES_MAX).contains(&addresses.len()) {
            return Err(NameError { what: "relay", rule: "has 1 to 16 addresses" }.into());
        }
        let key = verify_certificate_request(request_der)?;
        let template = template::relay(self.organisation(), addresses, self.span(now, RELAY_DAYS)?)?;
        template.sign(&key, self.certificate_der(), &self.key, entropy)
    }

    /// Signs a statement in this issuer's name.
    #[must_use]
    pub fn sign(&self, label: StatementLabel, message: &impl Message) -> SignedStatement {
        sign_statement(&self.key, label, message, Some(self.certificate_der()))
    }

    /// A certificate never outlives its issuer's: past that, nobody would accept it.
    fn span(&self, now: UtcMillis, days: u64) -> Result<Span, AuthorityError> {
        self.certificate.judge(now.into()).map_err(|_| AuthorityError::NotInForce)?;
        let end = self.certificate.not_after();
        let beyond = fault::planted("member.certifies_beyond").then(|| now.plus_seconds(days * 86_400));
        Ok(Span::days(now, days, beyond.unwrap_or(end)))
    }
}

/// As the wire says of `RelayRequest.addresses`.
const ADDRESSES_MAX: usize = 16;

const DEVICE_DAYS: u64 = 90;
const RELAY_DAYS: u64 = 365;
