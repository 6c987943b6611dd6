//! The relay's certificates, and the URIs that are no device's.

use std::net::IpAddr;

use prost::bytes::Bytes;
use wardline_proto::{Digest, UtcMillis, relay::SignedStatement};
use x509_parser::extensions::GeneralName;

use super::authority::{find_issuer, organisation_of};
use super::frame::Frame;
use super::profile::{Extensions, Purpose};
use super::validity::{DateCheck, Validity};
use crate::issuers::Issuers;
use crate::statement::verify_statement;
use crate::{
    CertificateError, Checkpoint, DeviceKey, OrganisationId, RecordError, StatementError, StatementLabel,
};

/// A relay's TLS certificate that chains to the organisation's root. Made by
/// [`Organisation::verify_relay`](crate::Organisation::verify_relay) only. TLS matches the name that was
/// dialled; this type is for the relay's statements and for checking a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayCertificate {
    der: Box<[u8]>,
    fingerprint: Digest,
    issuer: Digest,
    key: DeviceKey,
    hosts: Vec<String>,
    validity: Validity,
}

impl RelayCertificate {
    /// The whole check: form, chain, dates, content.
    pub(crate) fn verify(
        der: &[u8],
        organisation: &OrganisationId,
        issuers: &Issuers,
        dates: DateCheck,
    ) -> Result<Self, CertificateError> {
        let frame = Frame::read(der)?;
        let issuer = *find_issuer(&frame, issuers, dates)?.fingerprint();
        let extensions = Extensions::read(&frame)?;
        extensions.require(Purpose::Server)?;
        if organisation_of(extensions.uri()?, relay_uri)? != *organisation {
            return Err(CertificateError::ForeignOrganisation);
        }
        frame.validity.judge(dates)?;
        let hosts: Option<Vec<String>> =
            extensions.names.iter().filter(|name| !matches!(name, GeneralName::URI(_))).map(host).collect();
        let hosts = hosts
            .filter(|hosts| !hosts.is_empty())
            .ok_or(CertificateError::Profile { field: "list of hosts" })?;
        Ok(Self {
            der: der.into(),
            fingerprint: frame.fingerprint(),
            issuer,
            hosts,
            validity: frame.validity,
            key: frame.key,
        })
    }

    /// The certificate.
    #[must_use]
    pub const fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate.
    #[must_use]
    pub const fn fingerprint(&self) -> Digest {
        self.fingerprint
    }

    /// SHA-256 of the certificate of the issuer that signed it.
    #[must_use]
    pub const fn issuer(&self) -> Digest {
        self.issuer
    }

    /// Its key: Ed25519, or P-256 for clients that do not offer Ed25519.
    #[must_use]
    pub const fn key(&self) -> &DeviceKey {
        &self.key
    }

    /// The DNS names and IP addresses it is good for.
    #[must_use]
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Valid from here on.
    #[must_use]
    pub const fn not_before(&self) -> UtcMillis {
        self.validity.not_before
    }

    /// From here on the next one may be issued: the beginning of the last third of its life.
    #[must_use]
    pub const fn renewable_from(&self) -> UtcMillis {
        let (from, to) = (self.validity.not_before.get(), self.validity.not_after.get());
        UtcMillis::new(to - (to - from) / 3)
    }

    /// Valid up to here.
    #[must_use]
    pub const fn not_after(&self) -> UtcMillis {
        self.validity.not_after
    }

    /// Checks that the relay signed the statement with its Ed25519 key; gives the signed body.
    ///
    /// # Errors
    /// [`StatementError`]; [`StatementError::KeyKind`] for the P-256 certificate.
    pub fn verify_statement(
        &self,
        label: StatementLabel,
        statement: &SignedStatement,
    ) -> Result<Bytes, StatementError> {
        let key = self.key.as_member().map_err(|_| StatementError::KeyKind)?;
        verify_statement(&key, Some(&self.fingerprint), label, statement)
    }

    /// Checks a head of the record: one of this organisation's, signed with the relay's Ed25519 key.
    ///
    /// # Errors
    /// [`RecordError`]; [`RecordError::OtherSigner`] for the P-256 certificate.
    pub fn verify_checkpoint(
        &self,
        organisation: &OrganisationId,
        note: &[u8],
    ) -> Result<Checkpoint, RecordError> {
        let key = self.key.as_member().map_err(|_| RecordError::OtherSigner)?;
        Checkpoint::verify(note, organisation, &key)
    }
}

/// What a root is for.
pub(crate) fn root_uri(organisation: &OrganisationId) -> String {
    format!("wardline://{organisation}")
}

/// What an issuer is for. Two parts: no device's URI, which has three.
pub(crate) fn issuer_uri(organisation: &OrganisationId) -> String {
    format!("wardline://{organisation}/issuer")
}

/// What a relay is for. Two parts: no device's URI, which has three.
pub(crate) fn relay_uri(organisation: &OrganisationId) -> String {
    format!("wardline://{organisation}/relay")
}

/// A host in text; `None` for other kinds of name.
fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(host) => Some((*host).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let sixteen = <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
            four.or(sixteen).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}
