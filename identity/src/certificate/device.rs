//! A device's certificate: TLS client identity and MLS credential.

use std::fmt;

use prost::bytes::Bytes;
use wardline_proto::{DeviceId, Digest, UtcMillis, relay::SignedStatement};

use super::authority::{COMMON_NAME, ORGANISATIONAL_UNIT, find_issuer};
use super::frame::{Frame, name_parts};
use super::profile::{Extensions, Purpose};
use super::validity::{DateCheck, Validity};
use crate::issuers::Issuers;
use crate::statement::verify_statement;
use crate::{
    CertificateError, DeviceKey, DeviceName, DeviceUri, DisplayName, OrganisationId, PublicKey, Role,
    StatementError, StatementLabel, UserId,
};

/// Whom a device certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSubject {
    /// The organisation.
    pub organisation: OrganisationId,
    /// The person or service.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    /// The name people see.
    pub display_name: DisplayName,
    /// What its owner calls the device.
    pub device_name: DeviceName,
    /// What it may do.
    pub role: Role,
}

/// A device certificate that chains to the organisation's root. Made by
/// [`Organisation::verify_device`](crate::Organisation::verify_device) only; whether the device is revoked is
/// not its concern.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceCertificate {
    der: Box<[u8]>,
    fingerprint: Digest,
    issuer: Digest,
    serial: Box<[u8]>,
    subject: DeviceSubject,
    key: DeviceKey,
    validity: Validity,
}

/// Names nobody: what is logged by accident says which device, and no more.
impl fmt::Debug for DeviceCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCertificate")
            .field("device", &self.subject.device)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl DeviceCertificate {
    /// The whole check: form, chain, dates, content.
    pub(crate) fn verify(
        der: &[u8],
        organisation: &OrganisationId,
        issuers: &Issuers,
        dates: DateCheck,
    ) -> Result<Self, CertificateError> {
        let frame = Frame::read(der)?;
        let issuer = find_issuer(&frame, issuers, dates)?;
        let extensions = Extensions::read(&frame)?;
        extensions.require(Purpose::Client)?;
        let uri = DeviceUri::parse(extensions.only_uri()?)?;
        if uri.organisation != *organisation {
            return Err(CertificateError::ForeignOrganisation);
        }
        let role = extensions.role()?;
        frame.validity.judge(dates)?;
        let parts = name_parts(frame.body().subject())?;
        let (display_name, device_name) = match parts.as_slice() {
            [(first, display), (second, device)] if first == COMMON_NAME && second == ORGANISATIONAL_UNIT => {
                (DisplayName::parse(display)?, DeviceName::parse(device)?)
            }
            _ => return Err(CertificateError::Profile { field: "subject" }),
        };
        let DeviceUri { organisation, user, device } = uri;
        Ok(Self {
            der: der.into(),
            fingerprint: frame.fingerprint(),
            issuer: *issuer.fingerprint(),
            serial: frame.body().raw_serial().into(),
            subject: DeviceSubject { organisation, user, device, display_name, device_name, role },
            validity: frame.validity,
            key: frame.key,
        })
    }

    /// The certificate.
    #[must_use]
    pub const fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate: how statements name their signer.
    #[must_use]
    pub const fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// SHA-256 of the certificate of the issuer that signed it.
    #[must_use]
    pub const fn issuer(&self) -> Digest {
        self.issuer
    }

    /// Whom it is for, as a whole.
    #[must_use]
    pub const fn subject(&self) -> &DeviceSubject {
        &self.subject
    }

    /// The organisation.
    #[must_use]
    pub const fn organisation(&self) -> &OrganisationId {
        &self.subject.organisation
    }

    /// The person or service.
    #[must_use]
    pub const fn user(&self) -> &UserId {
        &self.subject.user
    }

    /// The device.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.subject.device
    }

    /// What it may do.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.subject.role
    }

    /// The name people see.
    #[must_use]
    pub const fn display_name(&self) -> &DisplayName {
        &self.subject.display_name
    }

    /// What its owner calls the device.
    #[must_use]
    pub const fn device_name(&self) -> &DeviceName {
        &self.subject.device_name
    }

    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &DeviceKey {
        &self.key
    }

    /// The serial number, big-endian, 1–20 bytes.
    #[must_use]
    pub const fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// Valid from here on.
    #[must_use]
    pub const fn not_before(&self) -> UtcMillis {
        self.validity.not_before
    }

    /// Valid up to here.
    #[must_use]
    pub const fn not_after(&self) -> UtcMillis {
        self.validity.not_after
    }

    /// From here on the next one may be issued: the beginning of the last third of its life.
    #[must_use]
    pub const fn renewable_from(&self) -> UtcMillis {
        let (from, to) = (self.validity.not_before.get(), self.validity.not_after.get());
        UtcMillis::new(to - (to - from) / 3)
    }

    /// Judges its own dates again, as a long-lived connection must.
    ///
    /// # Errors
    /// [`CertificateError::NotYetValid`] or [`CertificateError::Expired`].
    pub fn check_dates(&self, now: UtcMillis) -> Result<(), CertificateError> {
        self.validity.judge(DateCheck::At(now))
    }

    /// The key it has as a member of a conversation.
    ///
    /// # Errors
    /// [`CertificateError::MemberKeyRequired`] for a P-256 certificate, which gives API access only.
    pub const fn as_member(&self) -> Result<PublicKey, CertificateError> {
        self.key.as_member()
    }

    /// Checks that this device signed the statement under `label`; gives the signed body.
    ///
    /// # Errors
    /// [`StatementError`]; [`StatementError::KeyKind`] for a P-256 certificate.
    pub fn verify_statement(
        &self,
        label: StatementLabel,
        statement: &SignedStatement,
    ) -> Result<Bytes, StatementError> {
        let key = self.as_member().map_err(|_| StatementError::KeyKind)?;
        verify_statement(&key, Some(&self.fingerprint), label, statement)
    }
}
