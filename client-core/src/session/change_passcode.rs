//! Changing a vault's passcode: a new pair, the keyring sealed anew, and the relay forgets the old pair once the vault says that it opens
//! with the new one (design 4.5).

use std::{path::Path, sync::Arc};

use wardline_identity::{Clock, Entropy};
use wardline_proto::fault;

use super::{
    link::Ways,
    open::load_device,
    unseal::{Opening, confirm, make, open_keyring, unreached},
};
use crate::{
    api::Failure,
    error::CoreError,
    vault::{KdfCost, Passcode, SealedVault, Sealing, VaultError},
};

/// What changing a passcode needs.
pub struct PasscodeChange<'a> {
    /// The folder of the vault. Nobody else has it open.
    pub home: &'a Path,
    /// Opens it so far.
    pub old: &'a Passcode,
    /// Opens it from now on.
    pub new: &'a Passcode,
    /// What a guess at it costs.
    pub cost: KdfCost,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub entropy: Arc<dyn Entropy>,
}

impl PasscodeChange<'_> {
    fn opening<'a>(&'a self, passcode: &'a Passcode) -> Opening<'a> {
        let (clock, entropy) = (self.clock.clone(), self.entropy.clone());
        Opening { home: self.home, passcode, clock, entropy }
    }
}

/// What went wrong after the new passcode was in force.
fn in_force(error: CoreError) -> Failure {
    let why = Failure::from(error);
    Failure::new(
        why.kind,
        "The new passcode is in force, and the relay has not heard that it is.",
        why.what,
        "Open the vault once with the new passcode (wardline sync): then the old one opens nothing any more, no copy either.",
    )
}

/// Changes it. After a crash exactly one of the two opens the vault.
pub(crate) async fn change_passcode(changing: &PasscodeChange<'_>) -> Result<(), CoreError> {
    // 1. Opened as ever, and the relay told so: nothing counts against the old pair any more.
    let sealing = Sealing::fresh(changing.cost, &*changing.entropy)?;
    let ways = Ways::product(changing.clock.clone());
    let sealed = SealedVault::read(changing.home)?;
    let pair = sealed.pair().ok_or(VaultError::Unpaired)?;
    let opening = changing.opening(changing.old);
    let (asked, unsealed) = open_keyring(&opening, &sealed, (pair, &*ways.stranger(pair))).await?;
    let vault = unsealed.open().await?;
    let device = load_device(&vault, &*changing.clock).await?;
    confirm(&*asked.relay, &sealed, (&vault, &device), (pair.id, asked.by)).await?;

    // 2. The new pair, and the same keys sealed with it: from the rename of the header on, the new passcode opens the vault.
    let opening = changing.opening(changing.new);
    let stretched = sealing.stretch(changing.new).await?;
    let (relay, _) = ways.certified(&device)?.connect().await.map_err(unreached)?;
    let made = make(&opening, (&*relay, &sealed), (&device, &unsealed), (&sealing, &stretched)).await?;
    if fault::planted("mutant.old_pair_stays") {
        return Ok(vault.close().await?);
    }

    // 3. The old pair goes.
    let sealed = SealedVault::read(changing.home)?;
    let told = confirm(&*relay, &sealed, (&vault, &device), made).await;
    vault.close().await?;
    told.map_err(|error| in_force(error).into())
}
