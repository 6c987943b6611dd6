//! The outside of a certificate: exact DER, version, algorithms, serial, dates, and its signature.
//!
//! What is signed is protected by the signature. What lies around it (two lengths, the algorithm, the bit
//! string's head) is not, so it is written again and compared: a certificate has exactly one encoding.

use wardline_proto::Digest;
use x509_parser::certificate::{TbsCertificate, X509Certificate};
use x509_parser::oid_registry::OID_SIG_ED25519;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::{AlgorithmIdentifier, X509Name, X509Version};

use super::nesting;
use super::validity::Validity;
use crate::{CertificateError, DeviceKey, PublicKey};

/// A certificate that is well-formed. Who signed it is not yet known.
pub(super) struct Frame<'a> {
    x509: X509Certificate<'a>,
    pub(super) der: &'a [u8],
    pub(super) validity: Validity,
    pub(super) key: DeviceKey,
}

impl<'a> Frame<'a> {
    /// Reads the outside.
    pub(super) fn read(der: &'a [u8]) -> Result<Self, CertificateError> {
        let actual = der.len();
        if actual > CERTIFICATE_BYTES_MAX {
            return Err(CertificateError::TooLong { limit: CERTIFICATE_BYTES_MAX, actual });
        }
        // The parser below passes over what is left inside a tag, and over a tag that ends too early.
        if !nesting::is_exact(der) {
            return Err(CertificateError::Malformed);
        }
        let (_, x509) = X509Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        let signature = x509.signature_value.data.as_ref();
        let signed = x509.tbs_certificate.as_ref();
        if !is_ed25519(&x509.signature_algorithm) || !is_ed25519(&x509.signature) {
            return Err(CertificateError::Profile { field: "signature algorithm" });
        }
        if envelope(signed, &ED25519_ALGORITHM, signature) != der {
            return Err(CertificateError::Malformed);
        }
        check_fixed_fields(&x509)?;
        let validity = Validity::read(x509.validity())?;
        let key = DeviceKey::read(x509.public_key())?;
        Ok(Self { x509, der, validity, key })
    }

    /// The signed part.
    pub(super) const fn body(&self) -> &TbsCertificate<'a> {
        &self.x509.tbs_certificate
    }

    /// SHA-256 of the whole.
    pub(super) fn fingerprint(&self) -> Digest {
        Digest::of(self.der)
    }

    /// Whether `key` signed it.
    pub(super) fn verify(&self, key: &PublicKey) -> Result<(), CertificateError> {
        key.verify_raw(self.body().as_ref(), &self.x509.signature_value.data)
            .map_err(|_| CertificateError::Signature)
    }
}

/// Version 3, a positive serial of at most 20 bytes, no unique identifiers (RFC 5280 §4.1.2).
fn check_fixed_fields(body: &TbsCertificate<'_>) -> Result<(), CertificateError> {
    let serial = body.raw_serial();
    let positive =
        serial.first().is_some_and(|first| first & 0x80 == 0) && serial.iter().any(|byte| *byte != 0);
    let wrong = if body.version() != X509Version::V3 {
        "version"
    } else if !positive || serial.len() > 20 {
        "serial number"
    } else if body.issuer_uid.is_some() || body.subject_uid.is_some() {
        "unique identifier"
    } else {
        return Ok(());
    };
    Err(CertificateError::Profile { field: wrong })
}

/// A name's parts in order, as (OID, text); refuses parts with more than one value and other string types.
pub(super) fn name_parts<'a>(name: &'a X509Name<'_>) -> Result<Vec<(String, &'a str)>, CertificateError> {
    let wrong = CertificateError::Profile { field: "name" };
    let part = |mut values: Vec<_>| -> Result<(String, &'a str), CertificateError> {
        let value: &x509_parser::x509::AttributeTypeAndValue<'_> = values.pop().ok_or(wrong)?;
        let text = value.attr_value();
        if !values.is_empty() || text.tag() != UTF8_STRING {
            return Err(wrong);
        }
        Ok((value.attr_type().to_id_string(), std::str::from_utf8(text.data).map_err(|_| wrong)?))
    };
    name.iter().map(|rdn| part(rdn.iter().collect())).collect()
}

/// Ed25519 without parameters (RFC 8410 §3).
pub(super) fn is_ed25519(algorithm: &AlgorithmIdentifier<'_>) -> bool {
    algorithm.algorithm == OID_SIG_ED25519 && algorithm.parameters.is_none()
}

/// SEQUENCE { signed, algorithm, BIT STRING signature }: the frame of certificates and requests.
pub(super) fn envelope(signed: &[u8], algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
    let bits = tagged(0x03, &[&[0x00], signature].concat());
    tagged(0x30, &[signed, algorithm, &bits].concat())
}

/// One DER value: tag, shortest length, content.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut der = vec![tag];
    match (content.len(), u8::try_from(significant.len())) {
        (short @ 0..0x80, _) => der.extend(u8::try_from(short)),
        (_, count) => {
            der.extend(count.map(|count| 0x80 | count));
            der.extend_from_slice(significant);
        }
    }
    der.extend_from_slice(content);
    der
}

/// SEQUENCE { OID 1.3.101.112 }.
pub(super) const ED25519_ALGORITHM: [u8; 7] = [0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70];

const UTF8_STRING: x509_parser::asn1_rs::Tag = x509_parser::asn1_rs::Tag::Utf8String;

/// Room for a relay with sixteen long addresses; a device's has about 600 bytes.
const CERTIFICATE_BYTES_MAX: usize = 8_192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_their_shortest_form() {
        assert_eq!(tagged(0x04, &[])[..], [0x04, 0x00]);
        assert_eq!(tagged(0x04, &[0; 0x7F])[..2], [0x04, 0x7F]);
        assert_eq!(tagged(0x04, &[0; 0x80])[..3], [0x04, 0x81, 0x80]);
        assert_eq!(tagged(0x04, &[0; 0x100])[..4], [0x04, 0x82, 0x01, 0x00]);
    }
}
