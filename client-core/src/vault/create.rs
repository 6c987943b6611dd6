//! Making a vault: keyring, database, header, in this order. The header makes it one.

use std::path::Path;

use wardline_identity::Entropy;
use wardline_proto::in_place::in_place;

use super::bodies::Bodies;
use super::files::{Paths, Presence, presence, write_atomically};
use super::header::Sealing;
use super::keyring::Keyring;
use super::period_ring::PeriodRing;
use super::sealed::seal;
use super::{KdfCost, Passcode, Vault, VaultError, database};

impl Vault {
    /// Makes a vault in `folder` and opens it. Its passcode alone opens it until its device has a pair. The folder is made if need be; leftovers of an interrupted
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
        let sealing = Sealing::fresh(cost, entropy)?;
        if presence(folder)? == Presence::Present {
            return Err(VaultError::Exists);
        }
        let paths = Paths::of(folder);
        paths.prepare()?;

        let keyring = Keyring::generate(entropy)?;
        let key = sealing.stretch(passcode).await?.alone();
        let (header, sealed) = seal(&keyring, sealing, &key, entropy)?;
        write_atomically(&paths.keyring, &sealed)?;
        paths.touch_database()?;
        let connection = in_place(Box::pin(database::create(&paths.database, &keyring))).await?;
        write_atomically(&paths.header, &header.encode())?;
        let ring = PeriodRing::read(&paths.periods, &keyring)?;
        Ok(Self::new(connection, Bodies::new(ring, false)))
    }
}
