//! Changing the passcode: the same keys, sealed anew. One rename of the header puts it in force.

use wardline_identity::Entropy;

use super::create::seal;
use super::files::{Paths, rename, write_atomically};
use super::unlock::open_keyring;
use super::{KdfCost, Passcode, Vault, VaultError};

impl Vault {
    /// Changes the passcode from `old` to `new`, at `cost`. After a crash one of the two opens the vault.
    ///
    /// Whoever has copies of the old files and `old` still has the keys: a leaked passcode asks for a new
    /// device.
    ///
    /// # Errors
    /// [`VaultError::WrongPasscode`] if `old` is not it; as for [`Vault::create`] otherwise, with nothing
    /// changed.
    pub async fn change_passcode(
        &self,
        old: &Passcode,
        new: &Passcode,
        entropy: &dyn Entropy,
        cost: KdfCost,
    ) -> Result<(), VaultError> {
        let cost = cost.check()?;
        let paths = Paths::of(&self.folder);
        let (_, keyring) = open_keyring(&paths, old).await?;
        let (header, sealed) = seal(&keyring, new, cost, entropy).await?;
        write_atomically(&paths.keyring_next, &sealed)?;
        write_atomically(&paths.header, &header.encode())?;
        rename(&paths.keyring_next, &paths.keyring)
    }
}
