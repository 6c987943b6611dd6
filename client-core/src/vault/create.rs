//! Making a vault: keyring, database, header, in this order. The header makes it one.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use wardline_identity::Entropy;
use wardline_proto::in_place::in_place;

use super::files::{Paths, Presence, presence, write_atomically};
use super::header::Header;
use super::kdf::{SALT_BYTES, SealingKey};
use super::keyring::Keyring;
use super::{KdfCost, Passcode, Vault, VaultError, database};

impl Vault {
    /// Makes a vault in `folder` and opens it. The folder is made if need be; leftovers of an interrupted
    /// creation go.
    ///
    /// # Errors
    /// [`VaultError::Exists`], [`VaultError::CostOutOfBounds`], [`VaultError::NoEntropy`],
    /// [`VaultError::Full`], [`VaultError::ReadOnly`] and other trouble with the disk.
    pub async fn create(
        folder: &Path,
        passcode: &Passcode,
        entropy: &dyn Entropy,
        cost: KdfCost,
    ) -> Result<Self, VaultError> {
        let cost = cost.check()?;
        if presence(folder)? == Presence::Present {
            return Err(VaultError::Exists);
        }
        let paths = Paths::of(folder);
        paths.prepare()?;

        let keyring = Keyring::generate(entropy)?;
        let (header, sealed) = seal(&keyring, passcode, cost, entropy).await?;
        write_atomically(&paths.keyring, &sealed)?;
        paths.touch_database()?;
        let connection = in_place(Box::pin(database::create(&paths.database, &keyring))).await?;
        write_atomically(&paths.header, &header.encode())?;
        Ok(Self::new(folder.to_owned(), connection))
    }
}

/// Seals the keyring under a passcode with a fresh salt; gives the header that names it.
pub(super) async fn seal(
    keyring: &Keyring,
    passcode: &Passcode,
    cost: KdfCost,
    entropy: &dyn Entropy,
) -> Result<(Header, Vec<u8>), VaultError> {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt).map_err(|_| VaultError::NoEntropy)?;
    let mut header = Header { cost, salt, keyring: [0; 32] };
    let key = derive(&header, passcode).await?;
    let sealed = keyring.seal(&key, &header, entropy)?;
    header.keyring = Sha256::digest(&sealed).into();
    Ok((header, sealed))
}

/// Derives the sealing key on a thread where blocking is fine.
pub(super) async fn derive(header: &Header, passcode: &Passcode) -> Result<SealingKey, VaultError> {
    let (cost, salt, passcode) = (header.cost, header.salt, passcode.clone());
    let derived = tokio::task::spawn_blocking(move || cost.derive(&passcode, &salt));
    in_place(tokio::task::unconstrained(derived))
        .await
        .map_err(|stopped| VaultError::Io(std::io::Error::other(stopped)))?
}
