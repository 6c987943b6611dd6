//! The issuers of an organisation by their list: who vouches today, and who was struck, with what stays good of their making.
//!
//! A struck issuer signs nothing any more. Of the certificates that it made those count that the root has named on the strike, and of
//! its lists of revoked devices the one that the list of issuers names.

use std::collections::BTreeSet;

use prost::{Message as _, bytes::Bytes};
use wardline_proto::relay::{
    IssuersList, SignedStatement, StandingList as WireStanding, StruckIssuer as WireStruck,
};
use wardline_proto::{Digest, fault};

use crate::authority::{ISSUERS_MAX, KEPT_MAX};
use crate::certificate::RootCertificate;
use crate::statement::verify_statement;
use crate::{
    CertificateError, IssuerCertificate, OrganisationError, RevocationList, StatementError, StatementLabel,
};

/// What an issuers' list says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Issuers {
    pub(crate) number: u64,
    /// Who may vouch.
    pub(crate) listed: Vec<IssuerCertificate>,
    /// Who may not any more.
    pub(crate) struck: Vec<StruckIssuer>,
    /// Of their revocation lists the one that counts.
    pub(crate) standing: Option<StandingList>,
}

/// A revocation list that stays good although its issuer was struck.
///
/// Only that one: whatever else the struck issuer signs is by nobody. So nothing comes between what the root has read and its strike,
/// and who comes new has a list, on top of which another issuer signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingList {
    /// Its number.
    pub number: u64,
    /// SHA-256 of its statement's body.
    pub digest: Digest,
}

impl StandingList {
    /// Whether it is this one.
    #[must_use]
    pub fn is(&self, list: &RevocationList) -> bool {
        *self == Self::from(list)
    }

    fn read(wire: &WireStanding) -> Result<Self, OrganisationError> {
        let digest = Digest::try_from(&wire.sha256).map_err(|_| shape("revocation list"))?;
        if wire.number == 0 {
            return Err(shape("revocation list"));
        }
        Ok(Self { number: wire.number, digest })
    }

    pub(crate) fn to_wire(self) -> WireStanding {
        WireStanding { number: self.number, sha256: self.digest.to_wire() }
    }
}

impl From<&RevocationList> for StandingList {
    fn from(list: &RevocationList) -> Self {
        Self { number: list.number(), digest: Digest::of(&list.statement().body) }
    }
}

/// An issuer that was struck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StruckIssuer {
    certificate: IssuerCertificate,
    /// Ascending, each once.
    kept: Vec<Digest>,
    since: u64,
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

    /// Number of the issuers' list that struck it: whoever went by a lower one did not know.
    #[must_use]
    pub const fn since(&self) -> u64 {
        self.since
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
        let IssuersList { number, certificates, struck, standing } =
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
            if !(1..=number).contains(&wire.since) {
                return Err(shape("strike"));
            }
            Ok(StruckIssuer { certificate, kept: kept(&wire.kept)?, since: wire.since })
        };
        let struck: Vec<_> = struck.iter().enumerate().map(read_struck).collect::<Result<_, _>>()?;
        // By its key: a certificate made anew for it would be the same issuer under another name.
        let is_struck =
            |issuer: &IssuerCertificate| struck.iter().any(|one| one.certificate.key() == issuer.key());
        if listed.iter().any(is_struck) && !fault::planted("mutant.struck_comes_back") {
            return Err(shape("strike"));
        }
        let standing = standing.as_ref().map(StandingList::read).transpose()?;
        Ok(Self { number, listed, struck, standing })
    }

    /// Who vouched by the list with this number, as far as this one tells: whom a later one struck may.
    pub(crate) fn as_of(&self, number: u64) -> Self {
        let (struck, not_yet): (Vec<_>, Vec<_>) =
            self.struck.iter().cloned().partition(|struck| struck.since <= number);
        let listed = self.listed.iter().cloned().chain(not_yet.into_iter().map(|one| one.certificate));
        Self { number: self.number, listed: listed.collect(), struck, standing: self.standing }
    }

    /// Refuses to forget who was struck.
    pub(crate) fn goes_on_from(&self, known: &Self) -> Result<(), OrganisationError> {
        if self.number < known.number && !fault::planted("mutant.issuers_fall") {
            return Err(OrganisationError::IssuersOlder { known: known.number });
        }
        let of = |of: &Self, one: &StruckIssuer| {
            let same =
                |struck: &&StruckIssuer| struck.certificate.fingerprint() == one.certificate.fingerprint();
            of.struck.iter().find(same).map(StruckIssuer::since)
        };
        let still = known.struck.iter().all(|before| of(self, before) == Some(before.since));
        let new = |one: &StruckIssuer| of(known, one).is_some() || one.since > known.number;
        let rightly = self.number == known.number || self.struck.iter().all(new);
        if still && rightly || fault::planted("mutant.struck_comes_back") {
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
