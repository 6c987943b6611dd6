//! The organisation as everybody in it sees it, and the one place that decides whom it vouches for.
//!
//! The chain is always root → issuer on the signed list → leaf. A device cannot issue, an issuer struck from
//! the list vouches for nobody, and only the pinned fingerprint makes a root the root.

use prost::{Message as _, bytes::Bytes};
use subtle::ConstantTimeEq as _;
use wardline_proto::relay::{self as pb, SignedStatement};
use wardline_proto::{Digest, UtcMillis, fault};

use crate::certificate::RootCertificate;
use crate::issuers::Issuers;
use crate::statement::verify_statement;
use crate::verified::Verified;
use crate::{
    CertificateError, Checkpoint, DateCheck, DeviceCertificate, DisplayName, InvitationError,
    InvitationRecord, IssuerCertificate, OrganisationError, OrganisationId, RecordError, RelayCertificate,
    RevocationError, RevocationList, RootFingerprint, StandingList, StatementError, StatementLabel,
    StruckIssuer,
};

/// An organisation whose root is the pinned one and whose issuers' list the root signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Organisation {
    root: RootCertificate,
    issuers: Issuers,
    list: SignedStatement,
    verified: Verified,
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
        let issuers = Issuers::read(&root, &list)?;
        Ok(Self { root, issuers, list, verified: Verified::default() })
    }

    /// The same organisation by another issuers' list of its root; `None`: it is the list at hand.
    ///
    /// # Errors
    /// [`OrganisationError::IssuersOlder`], [`OrganisationError::IssuersFork`] for another one under the number at hand,
    /// [`OrganisationError::IssuersShape`] if somebody is struck no more, and as [`Self::verify`].
    pub fn succeeded_by(&self, list: &SignedStatement) -> Result<Option<Self>, OrganisationError> {
        let issuers = Issuers::read(&self.root, list)?;
        issuers.goes_on_from(&self.issuers)?;
        if issuers.number > self.issuers.number {
            let verified = match fault::planted("mutant.verified_before") {
                true => self.verified.clone(),
                false => Verified::default(),
            };
            return Ok(Some(Self { root: self.root.clone(), issuers, list: list.clone(), verified }));
        }
        if list.body == self.list.body {
            return Ok(None);
        }
        Err(OrganisationError::IssuersFork { number: self.issuers.number })
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

    /// The organisation for who went by the issuers' list with this number: whom a later one struck vouches still.
    ///
    /// By it is judged what somebody did who had not heard of a strike, and nobody is let in.
    #[must_use]
    pub fn as_of(&self, issuers_number: u64) -> Self {
        let issuers = self.issuers.as_of(issuers_number);
        let verified = match issuers == self.issuers {
            true => self.verified.clone(),
            false => Verified::default(),
        };
        Self { issuers, verified, ..self.clone() }
    }

    /// The issuers on the list that may vouch.
    #[must_use]
    pub fn issuers(&self) -> &[IssuerCertificate] {
        &self.issuers.listed
    }

    /// Whether the issuer with this SHA-256 of its certificate may vouch.
    #[must_use]
    pub fn lists(&self, fingerprint: &[u8]) -> bool {
        self.issuers().iter().any(|issuer| issuer.fingerprint().as_bytes().as_slice() == fingerprint)
    }

    /// Those that were struck.
    #[must_use]
    pub fn struck(&self) -> &[StruckIssuer] {
        &self.issuers.struck
    }

    /// Of the revocation lists that struck issuers signed the one that counts.
    #[must_use]
    pub const fn standing(&self) -> Option<StandingList> {
        self.issuers.standing
    }

    /// The issuer with this SHA-256 of its certificate, also if it was struck: what it made goes on with it in TLS.
    #[must_use]
    pub fn issuer_of(&self, fingerprint: &Digest) -> Option<&IssuerCertificate> {
        let struck = self.struck().iter().map(StruckIssuer::certificate);
        self.issuers().iter().chain(struck).find(|issuer| issuer.fingerprint() == fingerprint)
    }

    /// The list as the root signed it.
    #[must_use]
    pub const fn issuers_statement(&self) -> &SignedStatement {
        &self.list
    }

    /// The list's number, from 1; rises by one with each change.
    #[must_use]
    pub const fn issuers_number(&self) -> u64 {
        self.issuers.number
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
        let dates = dates.into();
        let verify = || DeviceCertificate::verify(der, self.id(), &self.issuers, dates);
        match dates {
            DateCheck::Skip => self.verified.or_verify(der, verify),
            DateCheck::At(_) => verify(),
        }
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

    /// Checks a revocation list: signed by an issuer on the list, or the one of a struck issuer that the issuers' list names;
    /// well-formed, and by no other issuers' list than this one under its number.
    ///
    /// With [`DateCheck::At`] the issuer must be in force. Whether it goes on from the list at hand, and how long it may be
    /// relied on, [`RevocationRegister`](crate::RevocationRegister) knows.
    ///
    /// # Errors
    /// [`RevocationError::IssuerStruck`], [`RevocationError::Statement`], [`RevocationError::Field`], [`RevocationError::OtherIssuers`].
    pub fn verify_revocation_list(
        &self,
        statement: &SignedStatement,
        dates: impl Into<DateCheck>,
    ) -> Result<RevocationList, RevocationError> {
        let dates = dates.into();
        let list = if self.issuer(&statement.signer) == Err(CertificateError::IssuerStruck) {
            self.verify_adopted_list(statement, dates)?;
            let list = RevocationList::stored(statement.clone())?;
            let stands = self.standing().is_some_and(|standing| standing.is(&list));
            if !stands && !fault::planted("mutant.any_list_stands") {
                return Err(RevocationError::IssuerStruck);
            }
            list
        } else {
            let body = self.verify_issuer_statement(StatementLabel::RevocationList, statement, dates)?;
            RevocationList::read(&body, statement.clone())?
        };
        let other =
            list.issuers_number() == self.issuers_number() && *list.issuers_digest() != self.issuers_digest();
        match other && !fault::planted("mutant.other_issuers_named") {
            true => Err(RevocationError::OtherIssuers { number: self.issuers_number() }),
            false => Ok(list),
        }
    }

    /// Checks that an issuer of this organisation, who may be struck by now, signed a revocation list that was adopted before:
    /// that it was, the relay's answer to it and its place on the record say, and not this.
    ///
    /// # Errors
    /// [`StatementError`].
    pub(crate) fn verify_adopted_list(
        &self,
        statement: &SignedStatement,
        dates: impl Into<DateCheck>,
    ) -> Result<(), StatementError> {
        let signer = Digest::try_from(&statement.signer).map_err(|_| StatementError::OtherSigner)?;
        let issuer = self.issuer_of(&signer).ok_or(StatementError::OtherSigner)?;
        issuer.judge(dates.into()).map_err(|_| StatementError::OtherSigner)?;
        verify_statement(issuer.key(), Some(&signer), StatementLabel::RevocationList, statement).map(|_| ())
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

    /// Checks that whoever shows this holds the root's key, on the connection with this exporter.
    ///
    /// # Errors
    /// [`StatementError`].
    pub fn verify_root_proof(
        &self,
        statement: &SignedStatement,
        exporter: &[u8; 32],
    ) -> Result<(), StatementError> {
        let signer = Digest::of(&self.root.der);
        let label = StatementLabel::RootProof;
        let body = verify_statement(&self.root.key, Some(&signer), label, statement)?;
        let proof = pb::RootProof::decode(body).map_err(|_| StatementError::Undecodable)?;
        match bool::from(proof.tls_exporter.ct_eq(exporter.as_slice())) {
            true => Ok(()),
            false if fault::planted("mutant.root_proof_of_any_connection") => Ok(()),
            false => Err(StatementError::OtherSigner),
        }
    }

    /// The same of an invitation that was carried out: one that a struck issuer signed counts if the certificate that it led to is
    /// among those of its making that stay good. Its dates are not judged.
    ///
    /// # Errors
    /// As [`Self::verify_invitation`].
    pub fn verify_used_invitation(
        &self,
        statement: &SignedStatement,
        certificate: &Digest,
    ) -> Result<InvitationRecord, InvitationError> {
        let by = |struck: &&StruckIssuer| {
            struck.certificate().fingerprint().as_bytes().as_slice() == statement.signer
                && struck.keeps(certificate)
        };
        let Some(struck) = self.struck().iter().find(by) else {
            return self.verify_invitation(statement, DateCheck::Skip);
        };
        let (issuer, label) = (struck.certificate(), StatementLabel::InvitationRecord);
        verify_statement(issuer.key(), Some(issuer.fingerprint()), label, statement)?;
        InvitationRecord::read(statement, self.id(), DateCheck::Skip)
    }

    fn issuer(&self, signer: &[u8]) -> Result<&IssuerCertificate, CertificateError> {
        self.issuers.in_force(signer)
    }
}
