//! A P-256 secret key: the relay's second TLS key, and API-only devices of foreign clients.
//!
//! It never signs a statement or a certificate, and never becomes a member of a conversation.

use std::fmt;

use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _};
use zeroize::{Zeroize as _, Zeroizing};

use super::DeviceKey;
use crate::{AuthorityError, Entropy, KeyError};

/// A P-256 secret key. Its PKCS #8 form is zeroized on drop.
pub struct P256SigningKey(KeyPair);

impl P256SigningKey {
    /// A new key. (Its signatures draw their nonces inside the TLS library.)
    ///
    /// # Errors
    /// [`AuthorityError::Entropy`] if there is no randomness, [`AuthorityError::Key`] if the source repeats
    /// bytes that are no scalar of the curve.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, AuthorityError> {
        // All but one in 2^32 strings of 32 bytes are scalars of the curve.
        for _ in 0..8 {
            let mut der = Zeroizing::new(PKCS8_PREFIX.to_vec());
            der.resize(PKCS8_PREFIX.len() + 32, 0);
            entropy.fill(&mut der[PKCS8_PREFIX.len()..])?;
            if let Ok(key) = Self::from_pkcs8(&der) {
                return Ok(key);
            }
        }
        Err(KeyError::P256.into())
    }

    /// From PKCS #8.
    ///
    /// # Errors
    /// [`KeyError::P256`] if it is no P-256 key.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let pkcs8 = der.into();
        KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_ECDSA_P256_SHA256)
            .map(Self)
            .map_err(|_| KeyError::P256)
    }

    /// PKCS #8, for a key file of mode 0600 and for TLS.
    #[must_use]
    pub fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.serialized_der().to_vec())
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> DeviceKey {
        DeviceKey::P256(self.0.subject_public_key_info().into())
    }

    /// A PKCS #10 request for this key, DER, with an empty subject.
    ///
    /// # Errors
    /// [`AuthorityError::Encoding`] if the TLS library cannot sign.
    pub fn certificate_request(&self) -> Result<Vec<u8>, AuthorityError> {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        let request = parameters.serialize_request(&self.0).map_err(AuthorityError::encoding)?;
        Ok(request.der().to_vec())
    }
}

impl Drop for P256SigningKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for P256SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("P256SigningKey(secret)")
    }
}

/// SEQUENCE { version 0, algorithm P-256, OCTET STRING { SEQUENCE { version 1, OCTET STRING (32) … } } }: RFC
/// 5915 §3 without the public key, which is optional there and computed on reading.
const PKCS8_PREFIX: [u8; 35] = [
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06,
    0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04,
    0x20,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededEntropy;

    #[test]
    fn a_key_survives_its_file() {
        let key = P256SigningKey::generate(&SeededEntropy::new(1)).unwrap();
        let again = P256SigningKey::from_pkcs8(&key.to_pkcs8()).unwrap();
        assert_eq!(key.public(), again.public());
        assert_ne!(key.public(), P256SigningKey::generate(&SeededEntropy::new(2)).unwrap().public());
    }

    #[test]
    fn a_secret_key_prints_nothing_of_itself() {
        let key = P256SigningKey::generate(&SeededEntropy::new(1)).unwrap();
        assert_eq!(format!("{key:?}"), "P256SigningKey(secret)");
    }
}
