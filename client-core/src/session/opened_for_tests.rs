//! Doors for tests, behind the feature `fuzzing` that no product has: a vault's secrets, so that a test can look whether one
//! of them is where it must not be, and a second vault with an issuer. The relay answers for it as for anybody.

use std::{path::Path, sync::Arc};

use wardline_identity::{RootAuthority, SystemClock, SystemEntropy};
use wardline_proto::EntryNumber;

use super::{
    link::Ways,
    recovery_file,
    unseal::{Opening, ask, confirm, unseal_copy},
};
use crate::{
    api::{Failure, Options},
    error::CoreError,
    vault::{
        Passcode, SealedVault, Vault, VaultError,
        tables::{
            conversations, device, issuer,
            messages::{self, MessageKind},
        },
    },
};

fn opening<'a>(home: &'a Path, passcode: &'a Passcode) -> Opening<'a> {
    Opening { home, passcode, clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) }
}

/// The secrets of a vault that has a pair, each with a name.
///
/// # Errors
/// As opening a vault.
pub async fn secrets(home: &Path, passcode: &Passcode) -> Result<Vec<(&'static str, [u8; 32])>, Failure> {
    Ok(found(&opening(home, passcode)).await?)
}

async fn found(opening: &Opening<'_>) -> Result<Vec<(&'static str, [u8; 32])>, CoreError> {
    let sealed = SealedVault::read(opening.home)?;
    let pair = sealed.pair().ok_or(VaultError::Unpaired)?;
    let door = Ways::product(opening.clock.clone()).stranger(pair);
    let asked = ask(opening, &sealed, (pair, &*door)).await?;
    let unsealed = sealed.unseal(&asked.key)?;
    let mut secrets = vec![
        ("the key that seals the keyring", *asked.key),
        ("the database key", *unsealed.database_key()),
        ("the unlock key", *pair.unlock_key.seed()),
    ];
    let vault = unsealed.open().await?;
    let device_of = super::load_device(&vault, &*opening.clock).await?;
    confirm(&*asked.relay, &sealed, (&vault, &device_of), (pair.id, asked.by)).await?;
    let mut tx = vault.begin("secrets").await?;
    let (device, issuer) = (device::load(&mut tx).await?, issuer::load(&mut tx).await?);
    tx.commit().await?;
    vault.close().await?;
    secrets.extend(device.map(|row| ("the seed of the device key", *row.key_seed)));
    secrets.extend(issuer.map(|row| ("the seed of the issuer's key", *row.key_seed)));
    Ok(secrets)
}

/// The texts that a thief reads in a copy of a vault, who knows its passcode, and asks the relay for whatever it gives: sealed rows are opened
/// as the client opens them.
///
/// # Errors
/// As opening a vault.
pub async fn texts(home: &Path, passcode: &Passcode, options: Options) -> Result<Vec<String>, Failure> {
    let Options { clock, entropy, stranger, connector, transport } = options;
    let ways = Ways { stranger, certified: connector, transport, clock: clock.clone() };
    Ok(stolen(&Opening { home, passcode, clock, entropy }, &ways).await?)
}

async fn stolen(opening: &Opening<'_>, ways: &Ways) -> Result<Vec<String>, CoreError> {
    let vault = unseal_copy(opening, ways).await?;
    let mut tx = vault.begin("texts").await?;
    let mut texts = Vec::new();
    for log in conversations::list(&mut tx).await? {
        let rows = messages::list(&mut tx, &log.conversation, EntryNumber::ZERO, u32::MAX).await?;
        let rows = rows.into_iter().filter(|row| row.kind == MessageKind::Text);
        texts.extend(rows.map(|row| row.body));
    }
    tx.commit().await?;
    vault.close().await?;
    Ok(texts)
}

/// The root in a recovery file: its key signs what no tool of ours does.
///
/// # Errors
/// As using the file.
pub fn root_of(file: &Path, code: &str) -> Result<RootAuthority, Failure> {
    recovery_file::open(file, code).map_err(Failure::from)
}

/// Gives a vault the issuer of another one: a second administrator's machine, as tests need it.
///
/// # Errors
/// As opening a vault.
pub async fn share_issuer(from: (&Path, &Passcode), to: (&Path, &Passcode)) -> Result<(), Failure> {
    Ok(shared(&opening(from.0, from.1), &opening(to.0, to.1)).await?)
}

async fn shared(from: &Opening<'_>, to: &Opening<'_>) -> Result<(), CoreError> {
    let open = async |opening: &Opening<'_>| -> Result<Vault, CoreError> {
        Ok(super::unseal::unseal(opening, &Ways::product(opening.clock.clone())).await?.vault)
    };
    let vault = open(from).await?;
    let mut tx = vault.begin("issuer").await?;
    let row = issuer::load(&mut tx).await?.ok_or(VaultError::Missing)?;
    tx.commit().await?;
    vault.close().await?;
    let vault = open(to).await?;
    let mut tx = vault.begin("share_issuer").await?;
    issuer::insert(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(vault.close().await?)
}
