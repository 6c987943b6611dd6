//! Doors for tests, behind the feature `fuzzing` that no product has: a vault's secrets, so that a test can look whether one
//! of them is where it must not be, and a second vault with an issuer.

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

/// The root in a recovery file: its key signs what no tool of ours does.
///
/// # Errors
/// As using the file.
pub fn root_of(file: &Path, code: &str) -> Result<wardline_identity::RootAuthority, crate::api::Failure> {
    crate::session::open_recovery_file(file, code).map_err(crate::api::Failure::from)
}

/// Gives a vault the issuer of another one: a second administrator's machine, as tests need it.
///
/// # Errors
/// As opening a vault; [`VaultError::Missing`] if the first has no issuer.
pub async fn share_issuer(
    (from, from_passcode): (&Path, &Passcode),
    (to, to_passcode): (&Path, &Passcode),
) -> Result<(), VaultError> {
    let vault = Vault::unlock(from, from_passcode).await?;
    let mut tx = vault.begin("issuer").await?;
    let row = issuer::load(&mut tx).await?.ok_or(VaultError::Missing)?;
    tx.commit().await?;
    vault.close().await?;
    let vault = Vault::unlock(to, to_passcode).await?;
    let mut tx = vault.begin("share_issuer").await?;
    issuer::insert(&mut tx, &row).await?;
    tx.commit().await?;
    vault.close().await
}
