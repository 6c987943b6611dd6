//! Opening a vault with its passcode.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use wardline_proto::in_place::in_place;

use super::create::derive;
use super::files::{Paths, Presence, presence, read, rename};
use super::header::Header;
use super::keyring::Keyring;
use super::{Passcode, Vault, VaultError, database};

impl Vault {
    /// Opens the vault in `folder`.
    ///
    /// # Errors
    /// [`VaultError::WrongPasscode`], [`VaultError::Missing`], [`VaultError::Unfinished`],
    /// [`VaultError::Corrupt`], [`VaultError::CostOutOfBounds`], [`VaultError::NewerVersion`],
    /// [`VaultError::Busy`] and trouble with the disk.
    pub async fn unlock(folder: &Path, passcode: &Passcode) -> Result<Self, VaultError> {
        let paths = Paths::of(folder);
        let (_, keyring) = open_keyring(&paths, passcode).await?;
        let connection = in_place(Box::pin(database::open(&paths.database, &keyring))).await?;
        Ok(Self::new(folder.to_owned(), connection))
    }
}

/// Reads header and keyring and opens the keyring; finishes a passcode change that was interrupted.
pub(super) async fn open_keyring(
    paths: &Paths,
    passcode: &Passcode,
) -> Result<(Header, Keyring), VaultError> {
    let Some(header) = read(&paths.header)? else {
        return Err(match presence(&paths.folder)? {
            Presence::Missing => VaultError::Missing,
            Presence::Unfinished | Presence::Present => VaultError::Unfinished,
        });
    };
    let header = Header::decode(&header)?;
    let names = |file: &Vec<u8>| Sha256::digest(file).as_slice() == header.keyring;
    let sealed = match read(&paths.keyring)?.filter(names) {
        Some(sealed) => sealed,
        // The new header is in force, the new keyring not yet in its place.
        None => {
            let next = read(&paths.keyring_next)?.filter(names);
            let next = next.ok_or(VaultError::Corrupt { file: "keyring" })?;
            rename(&paths.keyring_next, &paths.keyring)?;
            next
        }
    };
    let key = derive(&header, passcode).await?;
    let keyring = Keyring::open(&key, &header, &sealed)?;
    Ok((header, keyring))
}
