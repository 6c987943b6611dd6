//! `vault.keyring`: the keys of the vault, sealed under the passcode's key with XChaCha20-Poly1305.
//!
//! Nonce 24 ‖ ciphertext; the seal also covers the header's cost, salt and pair. Inside: format u16 ‖ database key
//! 32. Later formats add the keys of retention periods.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce};
use wardline_identity::Entropy;
use zeroize::Zeroizing;

use super::VaultError;
use super::header::Sealing;
use super::kdf::SealingKey;

/// The keys, opened. Wiped when dropped; has no `Debug`.
pub(super) struct Keyring {
    pub(super) database_key: Zeroizing<[u8; 32]>,
}

impl Keyring {
    /// Fresh keys.
    pub(super) fn generate(entropy: &dyn Entropy) -> Result<Self, VaultError> {
        let mut database_key = Zeroizing::new([0; 32]);
        entropy.fill(database_key.as_mut_slice()).map_err(|_| VaultError::NoEntropy)?;
        Ok(Self { database_key })
    }

    /// Seals the keys: the seal covers how.
    pub(super) fn seal(
        &self,
        key: &SealingKey,
        sealing: &Sealing,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce).map_err(|_| VaultError::NoEntropy)?;
        let mut content = Zeroizing::new(Vec::with_capacity(CONTENT_BYTES));
        content.extend_from_slice(&FORMAT.to_be_bytes());
        content.extend_from_slice(self.database_key.as_slice());
        let sealed = XChaCha20Poly1305::new(Key::from_slice(key.as_slice()))
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: content.as_slice(), aad: &sealing.encode() })
            .expect("34 bytes are within the cipher's bound");
        Ok([nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// # Errors
    /// [`VaultError::WrongPasscode`] if the seal does not open; [`VaultError::Corrupt`],
    /// [`VaultError::NewerVersion`].
    pub(super) fn open(key: &SealingKey, sealing: &Sealing, file: &[u8]) -> Result<Self, VaultError> {
        let corrupt = VaultError::Corrupt { file: "keyring" };
        let Some((nonce, sealed)) = file.split_first_chunk::<NONCE_BYTES>() else { return Err(corrupt) };
        let content = XChaCha20Poly1305::new(Key::from_slice(key.as_slice()))
            .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: &sealing.encode() })
            .map(Zeroizing::new)
            .map_err(|_| VaultError::WrongPasscode)?;
        let Some((format, keys)) = content.split_first_chunk::<2>() else { return Err(corrupt) };
        let format = u16::from_be_bytes(*format);
        if format > FORMAT {
            return Err(VaultError::NewerVersion { found: format.into(), known: FORMAT.into() });
        }
        let mut database_key = Zeroizing::new([0; 32]);
        if keys.len() != database_key.len() {
            return Err(corrupt);
        }
        database_key.copy_from_slice(keys);
        Ok(Self { database_key })
    }
}

const FORMAT: u16 = 1;
const NONCE_BYTES: usize = 24;
const CONTENT_BYTES: usize = 34;
