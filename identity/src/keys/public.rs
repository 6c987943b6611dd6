//! The public half of an Ed25519 key.

use std::fmt;
use std::hash::{Hash, Hasher};

use ed25519_dalek::{Signature, VerifyingKey};

use crate::{KeyError, SignatureError, StatementLabel, statement::signing_input};

/// An Ed25519 public key that is a point of the curve and not of small order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// From the 32 bytes of RFC 8032 §5.1.5.
    ///
    /// # Errors
    /// [`KeyError::Ed25519`] if they are no point, not its canonical encoding, or one of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Ed25519)?;
        // A second encoding of the same point would be a second name for one key.
        let canonical = key.to_edwards().compress().to_bytes() == *bytes;
        if key.is_weak() || !canonical { Err(KeyError::Ed25519) } else { Ok(Self(key)) }
    }

    pub(super) const fn of(key: VerifyingKey) -> Self {
        Self(key)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Checks a signature over a statement.
    ///
    /// # Errors
    /// [`SignatureError`] if it is not this key's over this label and body.
    pub fn verify(&self, label: StatementLabel, body: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        self.verify_raw(&signing_input(label, body), signature)
    }

    /// Checks a signature over bare bytes: certificates, requests, MLS and the record's checkpoint only, which separate
    /// their domains themselves. Statements go through [`PublicKey::verify`].
    ///
    /// # Errors
    /// [`SignatureError`] if it is not this key's over these bytes.
    pub fn verify_raw(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let signature = Signature::from_slice(signature).map_err(|_| SignatureError)?;
        self.0.verify_strict(message, &signature).map_err(|_| SignatureError)
    }
}

impl TryFrom<&[u8]> for PublicKey {
    type Error = KeyError;

    fn try_from(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::from_bytes(bytes.try_into().map_err(|_| KeyError::Ed25519)?)
    }
}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_small_order_is_refused() {
        let identity = {
            let mut bytes = [0; 32];
            bytes[0] = 1;
            bytes
        };
        assert_eq!(PublicKey::from_bytes(&identity), Err(KeyError::Ed25519));
        assert_eq!(PublicKey::from_bytes(&[0; 32]), Err(KeyError::Ed25519));
    }

    #[test]
    fn a_second_encoding_of_a_point_is_refused() {
        // y = 2^255 − 19 + 3 is y = 3 written too large; RFC 8032 §5.1.3 forbids it.
        let mut bytes = [0xFF; 32];
        (bytes[0], bytes[31]) = (0xF0, 0x7F);
        let mut plain = [0; 32];
        plain[0] = 3;
        assert_eq!(PublicKey::from_bytes(&bytes), Err(KeyError::Ed25519));
        assert!(PublicKey::from_bytes(&plain).is_ok(), "the control: y = 3 is a point");
    }
}
