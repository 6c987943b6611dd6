//! The certificates of those who sign others: the root and its issuers.

use wardline_proto::{Digest, UtcMillis};

use super::frame::{Frame, name_parts};
use super::profile::{Extensions, Purpose};
use super::validity::Validity;
use super::{DateCheck, issuer_uri, root_uri};
use crate::issuers::Issuers;
use crate::{CertificateError, DisplayName, OrganisationId, PublicKey, UserId};

/// An organisation's root: self-signed, path length 1. Trusted by its fingerprint alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RootCertificate {
    pub(crate) der: Box<[u8]>,
    pub(crate) organisation: OrganisationId,
    pub(crate) name: DisplayName,
    pub(crate) key: PublicKey,
    pub(crate) validity: Validity,
    subject: Box<[u8]>,
}

impl RootCertificate {
    /// Reads a root and checks that it signed itself.
    pub(crate) fn read(der: &[u8]) -> Result<Self, CertificateError> {
        let frame = Frame::read(der)?;
        let key = frame.key.as_member().map_err(|_| CertificateError::Profile { field: "key" })?;
        frame.verify(&key)?;
        let extensions = Extensions::read(&frame)?;
        extensions.require(Purpose::Authority { below: 1 })?;
        let body = frame.body();
        let parts = name_parts(body.subject())?;
        let name = match parts.as_slice() {
            [(kind, name)] if kind == COMMON_NAME => DisplayName::parse(name)?,
            _ => return Err(CertificateError::Profile { field: "subject" }),
        };
        if body.issuer().as_raw() != body.subject().as_raw() {
            return Err(CertificateError::Profile { field: "issuer" });
        }
        let organisation = organisation_of(extensions.only_uri()?, root_uri)?;
        let subject = body.subject().as_raw().into();
        Ok(Self { der: der.into(), organisation, name, key, validity: frame.validity, subject })
    }
}

/// The certificate of one administrator's or registrar's machine that issues, verified against the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerCertificate {
    der: Box<[u8]>,
    fingerprint: Digest,
    organisation: OrganisationId,
    label: DisplayName,
    user: Option<UserId>,
    key: PublicKey,
    validity: Validity,
    subject: Box<[u8]>,
}

impl IssuerCertificate {
    /// Reads an issuer and checks that `root` signed it. Its dates are judged at each use.
    pub(crate) fn verify(der: &[u8], root: &RootCertificate) -> Result<Self, CertificateError> {
        let frame = Frame::read(der)?;
        if frame.body().issuer().as_raw() != &*root.subject {
            return Err(CertificateError::UnknownIssuer);
        }
        frame.verify(&root.key)?;
        let issuer = Self::of(&frame)?;
        if issuer.organisation == root.organisation {
            Ok(issuer)
        } else {
            Err(CertificateError::ForeignOrganisation)
        }
    }

    /// Reads an issuer that nobody has vouched for: one's own, before it is used.
    pub(crate) fn read(der: &[u8]) -> Result<Self, CertificateError> {
        Self::of(&Frame::read(der)?)
    }

    fn of(frame: &Frame<'_>) -> Result<Self, CertificateError> {
        let extensions = Extensions::read(frame)?;
        extensions.require(Purpose::Authority { below: 0 })?;
        let key = frame.key.as_member().map_err(|_| CertificateError::Profile { field: "key" })?;
        let subject = frame.body().subject();
        let parts = name_parts(subject)?;
        let (label, user) = match parts.as_slice() {
            [(first, _), (second, label), (third, _), rest @ ..]
                if first == ORGANISATION_NAME && second == COMMON_NAME && third == SERIAL_NUMBER =>
            {
                let user = match rest {
                    [] => None,
                    [(kind, user)] if kind == USER_ID => Some(UserId::parse(user)?),
                    _ => return Err(CertificateError::Profile { field: "subject" }),
                };
                (DisplayName::parse(label)?, user)
            }
            _ => return Err(CertificateError::Profile { field: "subject" }),
        };
        Ok(Self {
            der: frame.der.into(),
            fingerprint: frame.fingerprint(),
            organisation: organisation_of(extensions.only_uri()?, issuer_uri)?,
            label,
            user,
            key,
            validity: frame.validity,
            subject: subject.as_raw().into(),
        })
    }

    /// The certificate.
    #[must_use]
    pub const fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate: how statements name their signer.
    #[must_use]
    pub const fn fingerprint(&self) -> &Digest {
        &self.fingerprint
    }

    /// The organisation it issues for.
    #[must_use]
    pub const fn organisation(&self) -> &OrganisationId {
        &self.organisation
    }

    /// What the founder or administrator called it.
    #[must_use]
    pub const fn label(&self) -> &DisplayName {
        &self.label
    }

    /// Whose it is, if its certificate says so.
    #[must_use]
    pub const fn user(&self) -> Option<&UserId> {
        self.user.as_ref()
    }

    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
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

    /// Refuses an issuer that is not in force.
    pub(crate) fn judge(&self, dates: DateCheck) -> Result<(), CertificateError> {
        self.validity.judge(dates).map_err(|_| CertificateError::IssuerNotInForce)
    }
}

/// Finds who on the list signed `frame`, in force at `dates`. What a struck issuer signed counts if it was kept.
pub(super) fn find_issuer<'a>(
    frame: &Frame<'_>,
    issuers: &'a Issuers,
    dates: DateCheck,
) -> Result<&'a IssuerCertificate, CertificateError> {
    let named = frame.body().issuer().as_raw();
    let mut refusal = CertificateError::UnknownIssuer;
    // A renewed issuer may be listed twice under one name and key: the last refusal is the best reason.
    for issuer in issuers.listed.iter().filter(|issuer| &*issuer.subject == named) {
        match frame.verify(&issuer.key).and_then(|()| issuer.judge(dates)) {
            Ok(()) => return Ok(issuer),
            Err(error) => refusal = error,
        }
    }
    for struck in issuers.struck.iter().filter(|struck| &*struck.certificate().subject == named) {
        let issuer = struck.certificate();
        let kept = || match struck.keeps(&frame.fingerprint()) {
            true => Ok(()),
            false => Err(CertificateError::IssuerStruck),
        };
        match frame.verify(&issuer.key).and_then(|()| kept()).and_then(|()| issuer.judge(dates)) {
            Ok(()) => return Ok(issuer),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// The organisation in a URI that must be spelt as `uri` spells it.
pub(super) fn organisation_of(
    text: &str,
    uri: fn(&OrganisationId) -> String,
) -> Result<OrganisationId, CertificateError> {
    let rest = text.strip_prefix("wardline://").unwrap_or_default();
    let organisation = OrganisationId::parse(rest.split('/').next().unwrap_or_default())?;
    if uri(&organisation) == text {
        Ok(organisation)
    } else {
        Err(CertificateError::Profile { field: "URI" })
    }
}

pub(super) const COMMON_NAME: &str = "2.5.4.3";
pub(super) const ORGANISATIONAL_UNIT: &str = "2.5.4.11";
const ORGANISATION_NAME: &str = "2.5.4.10";
const SERIAL_NUMBER: &str = "2.5.4.5";
const USER_ID: &str = "0.9.2342.19200300.100.1.1";
