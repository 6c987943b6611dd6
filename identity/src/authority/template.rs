//! What each kind of certificate says: one function per kind, one place that encodes and signs.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyUsagePurpose, SanType, SerialNumber, SubjectPublicKeyInfo, string::Ia5String,
};
use time::OffsetDateTime;
use wardline_proto::{Digest, UtcMillis};

use super::address::{Host, host_of};
use crate::certificate::{ROLE_OID, issuer_uri, relay_uri, root_uri};
use crate::keys::CertificateSigner;
use crate::{
    AuthorityError, DeviceKey, DeviceSubject, DeviceUri, DisplayName, Entropy, OrganisationId, PublicKey,
    SigningKey, UserId,
};

/// A certificate to be: everything but serial number and issuer.
pub(super) struct Template(CertificateParams);

/// From and up to when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) from: UtcMillis,
    pub(super) to: UtcMillis,
}

impl Span {
    /// `days` from `now`, backdated by an hour for peers whose clocks are behind, ending no later than `end`.
    pub(super) fn days(now: UtcMillis, days: u64, end: UtcMillis) -> Self {
        let from = UtcMillis::new(now.get().saturating_sub(BACKDATE_MILLIS));
        Self { from, to: now.plus_seconds(days * 86_400).min(end) }
    }
}

/// The root: path length 1.
pub(super) fn root(
    organisation: &OrganisationId,
    name: &DisplayName,
    span: Span,
) -> Result<Template, AuthorityError> {
    authority(span, 1, &root_uri(organisation), &[(DnType::CommonName, name.as_str())])
}

/// An issuer: path length 0. The digest of its key in the name keeps two issuers' names apart; the user id says whose it is.
pub(super) fn issuer(
    organisation: &OrganisationId,
    (label, user): (&DisplayName, Option<&UserId>),
    key: &PublicKey,
    span: Span,
) -> Result<Template, AuthorityError> {
    let mut digest = Digest::of(key.as_bytes()).to_string();
    digest.truncate(16);
    let mut name = vec![
        (DnType::OrganizationName, organisation.as_str()),
        (DnType::CommonName, label.as_str()),
        (DnType::CustomDnType(vec![2, 5, 4, 5]), digest.as_str()),
    ];
    // userId (RFC 4519 §2.39).
    let user_id = DnType::CustomDnType(vec![0, 9, 2342, 19_200_300, 100, 1, 1]);
    name.extend(user.map(|user| (user_id, user.as_str())));
    authority(span, 0, &issuer_uri(organisation), &name)
}

/// A device: TLS client only.
pub(super) fn device(subject: &DeviceSubject, span: Span) -> Result<Template, AuthorityError> {
    let DeviceSubject { organisation, user, device, display_name, device_name, role } = subject;
    let uri =
        DeviceUri { organisation: organisation.clone(), user: user.clone(), device: *device }.to_string();
    let name =
        [(DnType::CommonName, display_name.as_str()), (DnType::OrganizationalUnitName, device_name.as_str())];
    let mut parameters = parameters(span, &name)?;
    parameters.subject_alt_names = vec![SanType::URI(ia5(&uri)?)];
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    // UTF8String; the words are short, so the length fits in one byte. Not critical: TLS libraries refuse
    // critical extensions they do not know.
    let word = role.as_str().as_bytes();
    let value = [&[0x0C, u8::try_from(word.len()).unwrap_or(u8::MAX)], word].concat();
    parameters.custom_extensions = vec![CustomExtension::from_oid_content(&ROLE_OID, value)];
    Ok(Template(parameters))
}

/// A relay: TLS server only, for these addresses.
pub(super) fn relay(
    organisation: &OrganisationId,
    addresses: &[String],
    span: Span,
) -> Result<Template, AuthorityError> {
    let name = [(DnType::OrganizationName, organisation.as_str()), (DnType::CommonName, "relay")];
    let mut parameters = parameters(span, &name)?;
    let mut names = vec![SanType::URI(ia5(&relay_uri(organisation))?)];
    for address in addresses {
        let name = match host_of(address)? {
            Host::Name(host) => SanType::DnsName(ia5(&host)?),
            Host::Address(address) => SanType::IpAddress(address),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    parameters.subject_alt_names = names;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(Template(parameters))
}

impl Template {
    /// Gives it a serial number and the issuer's signature.
    pub(super) fn sign(
        mut self,
        subject: &DeviceKey,
        issuer_der: &[u8],
        issuer: &SigningKey,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, AuthorityError> {
        self.0.serial_number = Some(serial(entropy)?);
        self.0.use_authority_key_identifier_extension = true;
        let key = SubjectPublicKeyInfo::from_der(&subject.spki_der()).map_err(AuthorityError::encoding)?;
        let issuer = Issuer::from_ca_cert_der(&issuer_der.into(), CertificateSigner::new(issuer))
            .map_err(AuthorityError::encoding)?;
        let certificate = self.0.signed_by(&key, &issuer).map_err(AuthorityError::encoding)?;
        Ok(certificate.der().to_vec())
    }

    /// Gives it a serial number and its own signature.
    pub(super) fn self_sign(
        mut self,
        key: &SigningKey,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, AuthorityError> {
        self.0.serial_number = Some(serial(entropy)?);
        let certificate =
            self.0.self_signed(&CertificateSigner::new(key)).map_err(AuthorityError::encoding)?;
        Ok(certificate.der().to_vec())
    }
}

impl AuthorityError {
    pub(crate) fn encoding(error: rcgen::Error) -> Self {
        Self::Encoding(Box::new(error))
    }
}

fn authority(span: Span, below: u8, uri: &str, name: &[(DnType, &str)]) -> Result<Template, AuthorityError> {
    let mut parameters = parameters(span, name)?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    parameters.subject_alt_names = vec![SanType::URI(ia5(uri)?)];
    parameters.key_usages =
        vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(Template(parameters))
}

fn parameters(span: Span, name: &[(DnType, &str)]) -> Result<CertificateParams, AuthorityError> {
    let mut distinguished_name = DistinguishedName::new();
    for (kind, text) in name {
        distinguished_name.push(kind.clone(), *text);
    }
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = distinguished_name;
    parameters.not_before = date(span.from)?;
    parameters.not_after = date(span.to)?;
    Ok(parameters)
}

/// 16 random bytes, positive and always of the same length: 126 bits that nobody can foresee.
fn serial(entropy: &dyn Entropy) -> Result<SerialNumber, AuthorityError> {
    let mut bytes: [u8; 16] = entropy.array()?;
    bytes[0] = bytes[0] & 0x3F | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn date(instant: UtcMillis) -> Result<OffsetDateTime, AuthorityError> {
    let seconds = i64::try_from(instant.seconds()).map_err(|_| AuthorityError::Time)?;
    let date = OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| AuthorityError::Time)?;
    // GeneralizedTime has four digits for the year.
    if date.year() <= 9_999 { Ok(date) } else { Err(AuthorityError::Time) }
}

fn ia5(text: &str) -> Result<Ia5String, AuthorityError> {
    text.try_into().map_err(AuthorityError::encoding)
}

/// How far clocks of peers may be behind the issuer's.
const BACKDATE_MILLIS: u64 = 3_600_000;
