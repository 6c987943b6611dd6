//! A door for the search of logs, behind the feature `fuzzing` that no product has: a vault's secrets, so that a test
//! can look whether one of them is where it must not be.

use std::path::Path;

use super::create::derive;
use super::files::Paths;
use super::tables::{device, issuer};
use super::unlock::open_keyring;
use super::{Passcode, Vault, VaultError};

/// The secrets of a vault, each with a name.
///
/// # Errors
/// As opening a vault.
pub async fn secrets(
    folder: &Path,
    passcode: &Passcode,
) -> Result<Vec<(&'static str, [u8; 32])>, VaultError> {
    let (header, keyring) = open_keyring(&Paths::of(folder), passcode).await?;
    let mut secrets = vec![
        ("the key that seals the keyring", *derive(&header, passcode).await?),
        ("the database key", *keyring.database_key),
    ];
    let vault = Vault::unlock(folder, passcode).await?;
    let mut tx = vault.begin("secrets").await?;
    let (device, issuer) = (device::load(&mut tx).await?, issuer::load(&mut tx).await?);
    tx.commit().await?;
    vault.close().await?;
    secrets.extend(device.map(|row| ("the seed of the device key", *row.key_seed)));
    secrets.extend(issuer.map(|row| ("the seed of the issuer's key", *row.key_seed)));
    Ok(secrets)
}
