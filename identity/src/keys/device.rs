//! The public key a certificate binds: Ed25519, or P-256 for API access only.

use crate::{CertificateError, KeyError, PublicKey};

use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_SIG_ED25519};
use x509_parser::x509::SubjectPublicKeyInfo;

/// A leaf's public key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DeviceKey {
    /// A member's key.
    Ed25519(PublicKey),
    /// SubjectPublicKeyInfo in DER. Gives API access, never membership.
    P256(Box<[u8]>),
}

impl DeviceKey {
    /// SubjectPublicKeyInfo in DER (RFC 5280 §4.1).
    #[must_use]
    pub fn spki_der(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => [ED25519_SPKI_PREFIX.as_slice(), key.as_bytes()].concat(),
            Self::P256(spki) => spki.to_vec(),
        }
    }

    /// The Ed25519 key that a member of a conversation must have.
    ///
    /// # Errors
    /// [`CertificateError::MemberKeyRequired`] for P-256.
    pub const fn as_member(&self) -> Result<PublicKey, CertificateError> {
        match self {
            Self::Ed25519(key) => Ok(*key),
            Self::P256(_) => Err(CertificateError::MemberKeyRequired),
        }
    }

    /// Reads a certificate's or request's key. A P-256 point is checked by whoever verifies with it: the
    /// request's self-signature before it is certified, TLS after.
    pub(crate) fn read(spki: &SubjectPublicKeyInfo<'_>) -> Result<Self, KeyError> {
        let algorithm = &spki.algorithm;
        let point = spki.subject_public_key.data.as_ref();
        let key = if algorithm.algorithm == OID_SIG_ED25519 && algorithm.parameters.is_none() {
            Self::Ed25519(PublicKey::try_from(point)?)
        } else if algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
            let curve = algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            let uncompressed = point.len() == 65 && point.first() == Some(&0x04);
            if curve != Some(OID_EC_P256) || !uncompressed {
                return Err(KeyError::P256);
            }
            Self::P256([P256_SPKI_PREFIX.as_slice(), point].concat().into())
        } else {
            return Err(KeyError::Kind);
        };
        // What was read must be what would be written: no second encoding of a key.
        if key.spki_der() == spki.raw { Ok(key) } else { Err(KeyError::Kind) }
    }
}

impl From<PublicKey> for DeviceKey {
    fn from(key: PublicKey) -> Self {
        Self::Ed25519(key)
    }
}

/// SEQUENCE { algorithm Ed25519, BIT STRING (256) … } (RFC 8410 §4).
const ED25519_SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00];

/// SEQUENCE { algorithm P-256, BIT STRING (520) … } (RFC 5480 §2).
const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86,
    0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
