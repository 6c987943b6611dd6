//! The organisation as everybody in it sees it, and the one place that decides whom it vouches for.
//!
//! The chain is always root → issuer on the signed list → leaf. A device cannot issue, an issuer struck from
//! the list vouches for nobody, and only the pinned fingerprint makes a root the root.

use std::collections::BTreeSet;

use prost::{Message as _, bytes::Bytes};
use wardline_proto::relay::{self as pb, IssuersList, SignedStatement};
use wardline_proto::{Digest, UtcMillis};

use crate::authority::ISSUERS_MAX;
use crate::certificate::RootCertificate;
use crate::statement::verify_statement;
use crate::{
    CertificateError, Checkpoint, DateCheck, DeviceCertificate, DisplayName, InvitationError,
    InvitationRecord, IssuerCertificate, OrganisationError, OrganisationId, RecordError, RelayCertificate,
    RevocationError, RevocationList, RootFingerprint, StatementError, StatementLabel,
};

/// An organisation whose root is the pinned one and whose issuers' list the root signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Organisation {
    root: RootCertificate,
    number: u64,
    issuers: Vec<IssuerCertificate>,
    list: SignedStatement,
}

impl Organisation {
    /// Checks an organisation from the wire against the pinned fingerprint.
    ///
    /// Judges the root's dates. An issuer that has expired stays on the list without spoiling it: its dates
    /// are judged whenever it is asked to vouch for something. Whether the list is the newest, the caller
    /// knows ([`Organisation::issuers_number`] never falls).
    ///
    /// # Errors
    /// [`OrganisationError`], by what is wrong.
    pub fn verify(
        wire: &pb::Organisation,
        root: &RootFingerprint,
        now: UtcMillis,
    ) -> Result<Self, OrganisationError> {
        // 1. The root is the pinned one, well-formed and in force.
        if !root.matches(&wire.root_certificate) {
            return Err(OrganisationError::OtherRoot);
        }
        let root = RootCertificate::read(&wire.root_certificate).map_err(OrganisationError::Root)?;
        root.validity.judge(now.into()).map_err(OrganisationError::Root)?;
        // 2. Id and name are the root's.
        if wire.organisation_id != root.organisation.as_str() {
            return Err(OrganisationError::NameMismatch { field: "id" });
        }
        if wire.name != root.name.as_str() {
            return Err(OrganisationError::NameMismatch { field: "name" });
        }
        // 3. The list is signed by the root, and so is every issuer on it.
        let list = wire.issuers.as_ref().ok_or(OrganisationError::IssuersMissing)?.clone();
        let (number, issuers) = read_list(&root, &list)?;
        Ok(Self { root, number, issuers, list })
    }

    /// The same from its two parts: id and name are the root's.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn of_root(
        root_der: &[u8],
        issuers: &SignedStatement,
        root: &RootFingerprint,
        now: UtcMillis,
    ) -> Result<Self, OrganisationError> {
        if !root.matches(root_der) {
            return Err(OrganisationError::OtherRoot);
        }
        let read = RootCertificate::read(root_der).map_err(OrganisationError::Root)?;
        let wire = pb::Organisation {
            organisation_id: read.organisation.as_str().to_owned(),
            name: read.name.as_str().to_owned(),
            root_certificate: Bytes::copy_from_slice(root_der),
            issuers: Some(issuers.clone()),
        };
        Self::verify(&wire, root, now)
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &OrganisationId {
        &self.root.organisation
    }

    /// The name people see.
    #[must_use]
    pub const fn name(&self) -> &DisplayName {
        &self.root.name
    }

    /// The root's certificate.
    #[must_use]
    pub const fn root_der(&self) -> &[u8] {
        &self.root.der
    }

    /// The root's fingerprint.
    #[must_use]
    pub fn root_fingerprint(&self) -> RootFingerprint {
        RootFingerprint::of(&self.root.der)
    }

    /// The issuers on the list.
    #[must_use]
    pub fn issuers(&self) -> &[IssuerCertificate] {
        &self.issuers
    }

    /// The list's number, from 1; rises by one with each change.
    #[must_use]
    pub const fn issuers_number(&self) -> u64 {
        self.number
    }

    /// SHA-256 of the list as it was signed.
    #[must_use]
    pub fn issuers_digest(&self) -> Digest {
        Digest::of(&self.list.body)
    }

    /// As it goes over the wire.
    #[must_use]
    pub fn to_wire(&self) -> pb::Organisation {
        pb::Organisation {
            organisation_id: self.id().as_str().to_owned(),
            name: self.name().as_str().to_owned(),
            root_certificate: Bytes::copy_from_slice(&self.root.der),
            issuers: Some(self.list.clone()),
        }
    }

    /// Checks that a certificate is a device's of this organisation, by an issuer on the list.
    ///
    /// With [`DateCheck::At`] leaf and issuer must be valid at that instant. Revocation is the caller's.
    ///
    /// # Errors
    /// [`CertificateError`], by what is wrong.
    pub fn verify_device(
        &self,
        der: &[u8],
        dates: impl Into<DateCheck>,
    ) -> Result<DeviceCertificate, CertificateError> {
        DeviceCertificate::verify(der, self.id(), &self.issuers, dates.into())
    }

    /// Checks that a certificate is a relay's of this organisation, by an issuer on the list.
    ///
    /// # Errors
    /// [`CertificateError`], by what is wrong.
    pub fn verify_relay(
        &self,
        der: &[u8],
        dates: impl Into<DateCheck>,
    ) -> Result<RelayCertificate, CertificateError> {
        RelayCertificate::verify(der, self.id(), &self.issuers, dates.into())
    }

    /// Checks that an issuer on the list, in force, signed the statement; gives the signed body.
    ///
    /// # Errors
    /// [`StatementError::OtherSigner`] if no issuer in force is named, and as for every statement.
    pub fn verify_issuer_statement(
        &self,
        label: StatementLabel,
        statement: &SignedStatement,
        dates: impl Into<DateCheck>,
    ) -> Result<Bytes, StatementError> {
        let issuer = self.issuer(&statement.signer).map_err(|_| StatementError::OtherSigner)?;
        issuer.judge(dates.into()).map_err(|_| StatementError::OtherSigner)?;
        verify_statement(issuer.key(), Some(issuer.fingerprint()), label, statement)
    }

    /// Checks a revocation list: signed by an issuer on the list, well-formed.
    ///
    /// With [`DateCheck::At`] the issuer must be in force. Whether it goes on from the list at hand, and how long it may be
    /// relied on, [`RevocationRegister`](crate::RevocationRegister) knows.
    ///
    /// # Errors
    /// [`RevocationError::Statement`], [`RevocationError::Field`].
    pub fn verify_revocation_list(
        &self,
        statement: &SignedStatement,
        dates: impl Into<DateCheck>,
    ) -> Result<RevocationList, RevocationError> {
        let body = self.verify_issuer_statement(StatementLabel::RevocationList, statement, dates)?;
        RevocationList::read(&body, statement.clone())
    }

    /// Checks that the relay with this certificate signed the statement; gives the signed body.
    ///
    /// # Errors
    /// [`StatementError::OtherSigner`] if the certificate is no relay's of ours in force, and as for every
    /// statement.
    pub fn verify_relay_statement(
        &self,
        label: StatementLabel,
        relay_der: &[u8],
        statement: &SignedStatement,
        dates: impl Into<DateCheck>,
    ) -> Result<Bytes, StatementError> {
        let relay = self.verify_relay(relay_der, dates).map_err(|_| StatementError::OtherSigner)?;
        relay.verify_statement(label, statement)
    }

    /// Checks a head of the record, signed by the relay with this certificate.
    ///
    /// # Errors
    /// [`RecordError::OtherSigner`] if the certificate is no relay's of ours in force, and as for every head.
    pub fn verify_checkpoint(
        &self,
        relay_der: &[u8],
        note: &[u8],
        dates: impl Into<DateCheck>,
    ) -> Result<Checkpoint, RecordError> {
        let relay = self.verify_relay(relay_der, dates).map_err(|_| RecordError::OtherSigner)?;
        relay.verify_checkpoint(self.id(), note)
    }

    /// Checks an invitation's record: signed by an issuer on the list, for this organisation, well-formed.
    ///
    /// With [`DateCheck::At`] the invitation must not have expired and the issuer must be in force.
    ///
    /// # Errors
    /// [`InvitationError`], by what is wrong.
    pub fn verify_invitation(
        &self,
        statement: &SignedStatement,
        dates: impl Into<DateCheck>,
    ) -> Result<InvitationRecord, InvitationError> {
        let dates = dates.into();
        let issuer = self.issuer(&statement.signer).map_err(InvitationError::Issuer)?;
        issuer.judge(dates).map_err(InvitationError::Issuer)?;
        let label = StatementLabel::InvitationRecord;
        verify_statement(issuer.key(), Some(issuer.fingerprint()), label, statement)?;
        InvitationRecord::read(statement, self.id(), dates)
    }

    fn issuer(&self, signer: &[u8]) -> Result<&IssuerCertificate, CertificateError> {
        let named = |issuer: &&IssuerCertificate| issuer.fingerprint().as_bytes().as_slice() == signer;
        self.issuers.iter().find(named).ok_or(CertificateError::UnknownIssuer)
    }
}

/// The list's number and issuers, if the root signed it and each of them.
fn read_list(
    root: &RootCertificate,
    list: &SignedStatement,
) -> Result<(u64, Vec<IssuerCertificate>), OrganisationError> {
    let body = verify_statement(&root.key, Some(&Digest::of(&root.der)), StatementLabel::IssuersList, list)
        .map_err(OrganisationError::Issuers)?;
    let IssuersList { number, certificates } =
        IssuersList::decode(body).map_err(|_| OrganisationError::Issuers(StatementError::Undecodable))?;
    if number == 0 {
        return Err(OrganisationError::IssuersShape { field: "number" });
    }
    let distinct: BTreeSet<&Bytes> = certificates.iter().collect();
    if certificates.len() > ISSUERS_MAX || distinct.len() != certificates.len() {
        return Err(OrganisationError::IssuersShape { field: "length" });
    }
    let read = |(index, der): (usize, &Bytes)| {
        IssuerCertificate::verify(der, root).map_err(|source| OrganisationError::Issuer { index, source })
    };
    let issuers: Result<Vec<_>, _> = certificates.iter().enumerate().map(read).collect();
    Ok((number, issuers?))
}
