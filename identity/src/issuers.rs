//! The issuers of an organisation by their list: who vouches today, and who was struck, with what stays good of their making.
//!
//! A struck issuer signs nothing any more. Of the certificates that it made those count that the root has named on the strike.

use std::collections::BTreeSet;

use prost::{Message as _, bytes::Bytes};
use wardline_proto::relay::{IssuersList, SignedStatement, StruckIssuer as WireStruck};
use wardline_proto::{Digest, fault};

use crate::authority::{ISSUERS_MAX, KEPT_MAX};
use crate::certificate::RootCertificate;
use crate::statement::verify_statement;
use crate::{CertificateError, IssuerCertificate, OrganisationError, StatementError, StatementLabel};

/// What an issuers' list says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Issuers {
    pub(crate) number: u64,
    /// Who may vouch.
    pub(crate) listed: Vec<IssuerCertificate>,
    /// Who may not any more.
    pub(crate) struck: Vec<StruckIssuer>,
}

/// An issuer that was struck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StruckIssuer {
    certificate: IssuerCertificate,
    /// Ascending, each once.
    kept: Vec<Digest>,
}

impl StruckIssuer {
    /// Its certificate.
    #[must_use]
    pub const fn certificate(&self) -> &IssuerCertificate {
        &self.certificate
    }

    /// SHA-256 of the certificates of its making that stay good, ascending.
    #[must_use]
    pub fn kept(&self) -> &[Digest] {
        &self.kept
    }

    /// Whether the certificate with this SHA-256 stays good.
    pub(crate) fn keeps(&self, certificate: &Digest) -> bool {
        self.kept.binary_search(certificate).is_ok() || fault::planted("mutant.struck_vouches")
    }
}

impl Issuers {
    /// The list, if the root signed it and each issuer on it.
    pub(crate) fn read(root: &RootCertificate, list: &SignedStatement) -> Result<Self, OrganisationError> {
        let signer = Digest::of(&root.der);
        let body = verify_statement(&root.key, Some(&signer), StatementLabel::IssuersList, list)
            .map_err(OrganisationError::Issuers)?;
        let IssuersList { number, certificates, struck } =
            IssuersList::decode(body).map_err(|_| OrganisationError::Issuers(StatementError::Undecodable))?;
        if number == 0 {
            return Err(shape("number"));
        }
        let all = || certificates.iter().chain(struck.iter().map(|struck| &struck.certificate));
        let distinct: BTreeSet<&Bytes> = all().collect();
        if certificates.len().max(struck.len()) > ISSUERS_MAX || distinct.len() != all().count() {
            return Err(shape("length"));
        }
        if struck.iter().map(|struck| struck.kept.len()).sum::<usize>() > KEPT_MAX {
            return Err(shape("number of kept certificates"));
        }
        let read = |(index, der): (usize, &Bytes)| {
            IssuerCertificate::verify(der, root).map_err(|source| OrganisationError::Issuer { index, source })
        };
        let listed: Vec<_> = certificates.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        let read_struck = |(at, wire): (usize, &WireStruck)| {
            let certificate = read((certificates.len() + at, &wire.certificate))?;
            Ok(StruckIssuer { certificate, kept: kept(&wire.kept)? })
        };
        let struck: Vec<_> = struck.iter().enumerate().map(read_struck).collect::<Result<_, _>>()?;
        // By its key: a certificate made anew for it would be the same issuer under another name.
        let is_struck =
            |issuer: &IssuerCertificate| struck.iter().any(|one| one.certificate.key() == issuer.key());
        if listed.iter().any(is_struck) && !fault::planted("mutant.struck_comes_back") {
            return Err(shape("strike"));
        }
        Ok(Self { number, listed, struck })
    }

    /// Refuses to forget who was struck.
    pub(crate) fn goes_on_from(&self, known: &Self) -> Result<(), OrganisationError> {
        if self.number < known.number && !fault::planted("mutant.issuers_fall") {
            return Err(OrganisationError::IssuersOlder { known: known.number });
        }
        let still = |before: &StruckIssuer| {
            self.struck
                .iter()
                .any(|struck| struck.certificate.fingerprint() == before.certificate.fingerprint())
        };
        if known.struck.iter().all(still) || fault::planted("mutant.struck_comes_back") {
            Ok(())
        } else {
            Err(shape("strike"))
        }
    }

    /// An issuer that may vouch, by the SHA-256 of its certificate.
    pub(crate) fn in_force(&self, fingerprint: &[u8]) -> Result<&IssuerCertificate, CertificateError> {
        let named = |issuer: &&IssuerCertificate| issuer.fingerprint().as_bytes().as_slice() == fingerprint;
        if let Some(issuer) = self.listed.iter().find(named) {
            return Ok(issuer);
        }
        match self.struck.iter().map(StruckIssuer::certificate).find(named) {
            Some(issuer) if fault::planted("mutant.struck_signs") => Ok(issuer),
            Some(_) => Err(CertificateError::IssuerStruck),
            None => Err(CertificateError::UnknownIssuer),
        }
    }
}

/// Ascending and each once, so that there is one way to say it and it can be looked up.
fn kept(wire: &[Bytes]) -> Result<Vec<Digest>, OrganisationError> {
    let digest = |bytes: &Bytes| Digest::try_from(bytes).map_err(|_| shape("kept certificate"));
    let kept: Vec<Digest> = wire.iter().map(digest).collect::<Result<_, _>>()?;
    if kept.is_sorted_by(|a, b| a < b) { Ok(kept) } else { Err(shape("order of kept certificates")) }
}

const fn shape(field: &'static str) -> OrganisationError {
    OrganisationError::IssuersShape { field }
}
