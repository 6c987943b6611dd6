//! The root: made once, used to make issuers and their list, otherwise kept in its recovery file.

use std::collections::BTreeSet;

use wardline_proto::relay::{IssuersList, RootProof, SignedStatement, StruckIssuer};
use wardline_proto::{Digest, UtcMillis};

use super::template::{self, Span};
use crate::certificate::RootCertificate;
use crate::{
    AuthorityError, DeviceKey, DisplayName, Entropy, IssuerAuthority, OrganisationId, PublicKey,
    RootFingerprint, SigningKey, StandingList, StatementLabel, UserId, sign_statement,
};

/// The root's key and certificate.
#[derive(Debug)]
pub struct RootAuthority {
    key: SigningKey,
    certificate: RootCertificate,
}

impl RootAuthority {
    /// Founds an organisation: a new key and its self-signed certificate, good for 30 years.
    ///
    /// # Errors
    /// [`AuthorityError::Entropy`], [`AuthorityError::Time`]; [`AuthorityError::Encoding`] is a defect.
    pub fn found(
        name: &DisplayName,
        id: OrganisationId,
        entropy: &dyn Entropy,
        now: UtcMillis,
    ) -> Result<Self, AuthorityError> {
        let key = SigningKey::generate(entropy)?;
        let span = Span::days(now, ROOT_DAYS, UtcMillis::new(u64::MAX));
        let der = template::root(&id, name, span)?.self_sign(&key, entropy)?;
        Self::from_parts(key, &der)
    }

    /// The root from its recovery file.
    ///
    /// # Errors
    /// [`AuthorityError::OwnCertificate`] if it is no root, [`AuthorityError::KeyMismatch`] if it has another
    /// key.
    pub fn from_parts(key: SigningKey, certificate_der: &[u8]) -> Result<Self, AuthorityError> {
        let certificate = RootCertificate::read(certificate_der).map_err(AuthorityError::OwnCertificate)?;
        if certificate.key != key.public() {
            return Err(AuthorityError::KeyMismatch);
        }
        Ok(Self { key, certificate })
    }

    /// The certificate.
    #[must_use]
    pub const fn certificate_der(&self) -> &[u8] {
        &self.certificate.der
    }

    /// What devices pin.
    #[must_use]
    pub fn fingerprint(&self) -> RootFingerprint {
        RootFingerprint::of(&self.certificate.der)
    }

    /// The key, for the recovery file.
    #[must_use]
    pub const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The organisation's id.
    #[must_use]
    pub const fn organisation(&self) -> &OrganisationId {
        &self.certificate.organisation
    }

    /// The organisation's name.
    #[must_use]
    pub const fn name(&self) -> &DisplayName {
        &self.certificate.name
    }

    /// Certifies an issuer's key for one year; gives its certificate. It counts once it is on the list.
    ///
    /// # Errors
    /// [`AuthorityError::NotInForce`] if the root is not, and as [`RootAuthority::found`].
    pub fn certify_issuer(
        &self,
        key: &PublicKey,
        label: &DisplayName,
        entropy: &dyn Entropy,
        now: UtcMillis,
    ) -> Result<Vec<u8>, AuthorityError> {
        self.certify(key, (label, None), entropy, now)
    }

    /// The same for an issuer that is this person's.
    ///
    /// # Errors
    /// As [`RootAuthority::certify_issuer`].
    pub fn certify_issuer_of(
        &self,
        user: &UserId,
        key: &PublicKey,
        label: &DisplayName,
        entropy: &dyn Entropy,
        now: UtcMillis,
    ) -> Result<Vec<u8>, AuthorityError> {
        self.certify(key, (label, Some(user)), entropy, now)
    }

    fn certify(
        &self,
        key: &PublicKey,
        whose: (&DisplayName, Option<&UserId>),
        entropy: &dyn Entropy,
        now: UtcMillis,
    ) -> Result<Vec<u8>, AuthorityError> {
        self.certificate.validity.judge(now.into()).map_err(|_| AuthorityError::NotInForce)?;
        let span = Span::days(now, ISSUER_DAYS, self.certificate.validity.not_after);
        let template = template::issuer(self.organisation(), whose, key, span)?;
        template.sign(&DeviceKey::Ed25519(*key), self.certificate_der(), &self.key, entropy)
    }

    /// Makes an issuer whose key is made here too, as at the founding.
    ///
    /// # Errors
    /// As [`RootAuthority::certify_issuer`].
    pub fn found_issuer(
        &self,
        label: &DisplayName,
        entropy: &dyn Entropy,
        now: UtcMillis,
    ) -> Result<IssuerAuthority, AuthorityError> {
        let key = SigningKey::generate(entropy)?;
        let der = self.certify_issuer(&key.public(), label, entropy, now)?;
        IssuerAuthority::new(key, &der)
    }

    /// The same for an issuer that is this person's.
    ///
    /// # Errors
    /// As [`RootAuthority::certify_issuer`].
    pub fn found_issuer_of(
        &self,
        user: &UserId,
        label: &DisplayName,
        entropy: &dyn Entropy,
        now: UtcMillis,
    ) -> Result<IssuerAuthority, AuthorityError> {
        let key = SigningKey::generate(entropy)?;
        let der = self.certify_issuer_of(user, &key.public(), label, entropy, now)?;
        IssuerAuthority::new(key, &der)
    }

    /// Signs the issuers' list with this number: 1 at the founding, one more with each change.
    ///
    /// # Errors
    /// [`AuthorityError::IssuersShape`] for number 0, more than 64 issuers, or one of them twice.
    pub fn sign_issuers_list<D: AsRef<[u8]>>(
        &self,
        number: u64,
        issuers: &[D],
    ) -> Result<SignedStatement, AuthorityError> {
        self.sign_issuers(number, issuers, (&[], None))
    }

    /// The same with issuers that are struck, and the revocation list of theirs that stays good. Whether it goes on from the list before, those judge who have that
    /// ([`Organisation::succeeded_by`](crate::Organisation::succeeded_by)).
    ///
    /// # Errors
    /// [`AuthorityError::IssuersShape`] also for more than 64 strikes, 20,000 kept certificates, or an issuer on both sides.
    pub fn sign_issuers<D: AsRef<[u8]>>(
        &self,
        number: u64,
        issuers: &[D],
        (struck, standing): (&[Strike], Option<StandingList>),
    ) -> Result<SignedStatement, AuthorityError> {
        let all = issuers.iter().map(AsRef::as_ref).chain(struck.iter().map(|strike| &*strike.certificate));
        let digests: BTreeSet<_> = all.map(Digest::of).collect();
        let kept: usize = struck.iter().map(|strike| strike.kept.len()).sum();
        let long = issuers.len().max(struck.len()) > ISSUERS_MAX || kept > KEPT_MAX;
        if number == 0 || long || digests.len() != issuers.len() + struck.len() {
            return Err(AuthorityError::IssuersShape);
        }
        let certificates = issuers.iter().map(|der| der.as_ref().to_vec().into()).collect();
        let struck = struck.iter().map(|strike| strike.to_wire(number)).collect();
        let standing = standing.map(StandingList::to_wire);
        let list = IssuersList { number, certificates, struck, standing };
        Ok(sign_statement(&self.key, StatementLabel::IssuersList, &list, Some(self.certificate_der())))
    }

    /// Proves that this is the root, on the connection with this exporter.
    #[must_use]
    pub fn prove(&self, exporter: &[u8; 32]) -> SignedStatement {
        let proof = RootProof { tls_exporter: exporter.to_vec().into() };
        sign_statement(&self.key, StatementLabel::RootProof, &proof, Some(self.certificate_der()))
    }
}

/// An issuer that is to be struck, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// SHA-256 of the certificates of its making that stay good.
    pub kept: BTreeSet<Digest>,
    /// Number of the list that struck it; `None`: the one that is signed.
    pub since: Option<u64>,
}

impl Strike {
    fn to_wire(&self, number: u64) -> StruckIssuer {
        StruckIssuer {
            certificate: self.certificate.clone().into(),
            kept: self.kept.iter().map(|kept| kept.to_wire()).collect(),
            since: self.since.unwrap_or(number),
        }
    }
}

impl From<&crate::StruckIssuer> for Strike {
    fn from(struck: &crate::StruckIssuer) -> Self {
        let certificate = struck.certificate().der().to_vec();
        let kept = struck.kept().iter().copied().collect();
        Self { certificate, kept, since: Some(struck.since()) }
    }
}

/// As the wire says of `IssuersList.certificates`.
pub(crate) const ISSUERS_MAX: usize = 64;

/// The most certificates of struck issuers that stay good by one list.
pub const KEPT_MAX: usize = 20_000;

const ROOT_DAYS: u64 = 30 * 365;
const ISSUER_DAYS: u64 = 365;
