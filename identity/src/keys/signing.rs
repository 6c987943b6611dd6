//! The secret half of an Ed25519 key, and how it signs certificates.

use std::fmt;

use ed25519_dalek::Signer as _;
use rcgen::{PKCS_ED25519, PublicKeyData, SignatureAlgorithm};
use zeroize::Zeroizing;

use super::PublicKey;
use crate::{Entropy, EntropyError, StatementLabel, statement::signing_input};

/// An Ed25519 secret key. Zeroized on drop, and in every clone.
#[derive(Clone)]
pub struct SigningKey(Box<ed25519_dalek::SigningKey>);

impl SigningKey {
    /// The key of a 32-byte seed (RFC 8032 §5.1.5).
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        Self(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// A new key.
    ///
    /// # Errors
    /// [`EntropyError`] if there is no randomness.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut seed = Zeroizing::new([0; 32]);
        entropy.fill(seed.as_mut())?;
        Ok(Self(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed))))
    }

    /// The seed: for sealed storage and invitation links only.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(*self.0.as_bytes())
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::of(self.0.verifying_key())
    }

    /// Signs a statement: Ed25519 over `"Wardline 1.0 " ‖ label ‖ 0x00 ‖ body`.
    #[must_use]
    pub fn sign(&self, label: StatementLabel, body: &[u8]) -> [u8; 64] {
        self.sign_raw(&signing_input(label, body))
    }

    /// Signs bare bytes. For MLS, TLS, X.509 and the record's checkpoint only: their inputs are domain-separated by
    /// themselves, and none of them starts with "Wardline". Everything else goes through [`SigningKey::sign`].
    #[must_use]
    pub fn sign_raw(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// PKCS #8 version 1 (RFC 8410 §7), 48 bytes. Version 2, which carries the public key too, is refused by
    /// OpenSSL 3.0, BoringSSL and grpcio.
    #[must_use]
    pub fn to_pkcs8_v1(&self) -> Zeroizing<Vec<u8>> {
        let mut der = Zeroizing::new(Vec::with_capacity(PKCS8_V1_PREFIX.len() + 32));
        der.extend_from_slice(&PKCS8_V1_PREFIX);
        der.extend_from_slice(self.0.as_bytes());
        der
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(secret)")
    }
}

/// SEQUENCE { version 0, algorithm Ed25519, OCTET STRING { OCTET STRING (32) … } }.
const PKCS8_V1_PREFIX: [u8; 16] =
    [0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Lets rcgen sign with our key without ever holding it.
pub(crate) struct CertificateSigner<'a> {
    key: &'a SigningKey,
    public: [u8; 32],
}

impl<'a> CertificateSigner<'a> {
    pub(crate) fn new(key: &'a SigningKey) -> Self {
        Self { key, public: *key.public().as_bytes() }
    }
}

impl PublicKeyData for CertificateSigner<'_> {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

impl rcgen::SigningKey for CertificateSigner<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.key.sign_raw(message).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_vector_of_rfc_8032_comes_out() {
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let key = SigningKey::from_seed(seed.try_into().unwrap());
        let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert_eq!(key.public().as_bytes().as_slice(), public);
        let signature = hex(concat!(
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155",
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ));
        assert_eq!(key.sign_raw(b"").as_slice(), signature);
    }

    #[test]
    fn a_secret_key_prints_nothing_of_itself() {
        let key = SigningKey::from_seed([7; 32]);
        assert_eq!(format!("{key:?}"), "SigningKey(secret)");
    }

    #[test]
    fn pkcs8_has_the_48_bytes_of_version_1() {
        let der = SigningKey::from_seed([7; 32]).to_pkcs8_v1();
        assert_eq!((der.len(), &der[16..]), (48, [7; 32].as_slice()));
    }
}
