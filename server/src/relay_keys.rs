//! The relay's two TLS keys: Ed25519 for its own clients, P-256 for those that offer no Ed25519.

use wardline_identity::{
    AuthorityError, DeviceKey, Entropy, P256SigningKey, SigningKey, certificate_request,
};
use zeroize::Zeroizing;

use crate::data_dir::{DataDir, DataDirError, read_secret, write_secret};

/// Both keys.
#[derive(Debug)]
pub struct RelayKeys {
    /// Also signs the relay's greetings.
    pub ed25519: SigningKey,
    /// TLS only.
    p256: P256SigningKey,
}

/// A key file could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayKeysError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] DataDirError),
    /// A file holds something else than its key.
    #[error("{name} is not a key")]
    Malformed {
        /// The file's name.
        name: &'static str,
    },
    /// A key or its request could not be made.
    #[error("a key could not be made")]
    Make(#[from] AuthorityError),
}

impl RelayKeys {
    /// New keys.
    ///
    /// # Errors
    /// [`RelayKeysError::Make`].
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, RelayKeysError> {
        let ed25519 = SigningKey::generate(entropy).map_err(AuthorityError::from)?;
        let p256 = P256SigningKey::generate(entropy)?;
        Ok(Self { ed25519, p256 })
    }

    /// Those of a data folder; `None` if either is not there.
    ///
    /// # Errors
    /// [`RelayKeysError::File`], [`RelayKeysError::Malformed`].
    pub fn read(data: &DataDir) -> Result<Option<Self>, RelayKeysError> {
        let (ed25519, p256) = (read_secret(&data.key_ed25519())?, read_secret(&data.key_p256())?);
        let (Some(ed25519), Some(p256)) = (ed25519, p256) else { return Ok(None) };
        let ed25519 =
            ed25519_from_pkcs8(&ed25519).ok_or(RelayKeysError::Malformed { name: "relay-ed25519.key" })?;
        let p256 = P256SigningKey::from_pkcs8(&p256)
            .map_err(|_| RelayKeysError::Malformed { name: "relay-p256.key" })?;
        Ok(Some(Self { ed25519, p256 }))
    }

    /// Writes both into a data folder, 0600.
    ///
    /// # Errors
    /// [`RelayKeysError::File`].
    pub fn write(&self, data: &DataDir) -> Result<(), RelayKeysError> {
        write_secret(&data.key_ed25519(), &self.ed25519_pkcs8())?;
        write_secret(&data.key_p256(), &self.p256_pkcs8())?;
        Ok(())
    }

    /// The Ed25519 key as TLS takes it.
    #[must_use]
    pub fn ed25519_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        self.ed25519.to_pkcs8_v1()
    }

    /// The P-256 key as TLS takes it.
    #[must_use]
    pub fn p256_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        self.p256.to_pkcs8()
    }

    /// The P-256 public key.
    #[must_use]
    pub fn p256_public(&self) -> DeviceKey {
        self.p256.public()
    }

    /// The requests to certify them: Ed25519, P-256; PKCS #10 DER.
    ///
    /// # Errors
    /// [`RelayKeysError::Make`].
    pub fn requests(&self) -> Result<(Vec<u8>, Vec<u8>), RelayKeysError> {
        Ok((certificate_request(&self.ed25519)?, self.p256.certificate_request()?))
    }
}

/// The seed is the end of the version 1 form (RFC 8410 §7); anything that does not encode to the same bytes
/// again is not that form.
fn ed25519_from_pkcs8(der: &[u8]) -> Option<SigningKey> {
    let seed = Zeroizing::new(<[u8; 32]>::try_from(der.get(der.len().checked_sub(32)?..)?).ok()?);
    let key = SigningKey::from_seed(*seed);
    (key.to_pkcs8_v1().as_slice() == der).then_some(key)
}
