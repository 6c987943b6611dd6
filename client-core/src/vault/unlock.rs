//! Opening a vault that its passcode alone opens: one whose device has no certificate yet.

use std::path::Path;

use super::sealed::SealedVault;
use super::{Passcode, Vault, VaultError};

impl Vault {
    /// Opens the vault in `folder`.
    ///
    /// # Errors
    /// [`VaultError::Paired`] if its relay is needed for it; [`VaultError::WrongPasscode`], [`VaultError::Missing`],
    /// [`VaultError::Unfinished`], [`VaultError::Corrupt`], [`VaultError::CostOutOfBounds`], [`VaultError::NewerVersion`],
    /// [`VaultError::OlderVersion`], [`VaultError::Busy`] and trouble with the disk.
    pub async fn unlock(folder: &Path, passcode: &Passcode) -> Result<Self, VaultError> {
        let sealed = SealedVault::read(folder)?;
        if sealed.pair().is_some() {
            return Err(VaultError::Paired);
        }
        let stretched = sealed.sealing().stretch(passcode).await?;
        sealed.unseal(&stretched.alone())?.open().await
    }
}
