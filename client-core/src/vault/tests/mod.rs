//! Tests of the vault: what the disk shows, what a wrong or changed file does, what a crash leaves.

mod bodies;
mod crashes;
mod disk;
mod passcodes;
mod rekey;
mod transactions;

use std::path::Path;

use tempfile::TempDir;
use wardline_identity::{SeededEntropy, SystemEntropy};
use wardline_proto::ConversationId;
use zeroize::Zeroizing;

use super::mls_rows::{self, Changes, Place, Scope};
use super::{KdfCost, Passcode, SealedVault, Sealing, Vault, VaultError};

pub(super) const ROW: Scope = Scope::Conversation(ConversationId::from_bytes([1; 16]));

pub(super) fn passcode(text: &str) -> Passcode {
    Passcode::new(text.to_owned()).unwrap()
}

pub(super) async fn create(folder: &Path) -> Result<Vault, VaultError> {
    Vault::create(folder, &passcode("right"), &SeededEntropy::new(1), KdfCost::floor()).await
}

pub(super) async fn fresh() -> (TempDir, Vault) {
    let folder = tempfile::tempdir().unwrap();
    let vault = create(folder.path()).await.unwrap();
    (folder, vault)
}

/// Seals a vault that has no pair under another passcode.
pub(super) async fn change(
    folder: &Path,
    (old, new): (&Passcode, &Passcode),
    cost: KdfCost,
) -> Result<(), VaultError> {
    let sealing = Sealing::fresh(cost, &SystemEntropy)?;
    let sealed = SealedVault::read(folder)?;
    let unsealed = sealed.unseal(&sealed.sealing().stretch(old).await?.alone())?;
    let key = sealing.stretch(new).await?.alone();
    unsealed.seal_anew(sealing, &key, &SystemEntropy)
}

/// Stores a value under a key.
pub(super) async fn put(vault: &Vault, key: &[u8], value: &[u8]) -> Result<(), VaultError> {
    let place = Place { scope: ROW, kind: 1, key: key.to_vec() };
    let value = std::sync::Arc::new(Zeroizing::new(value.to_vec()));
    let changes = Changes { purged: Vec::new(), rows: vec![(place, Some(value))] };
    vault.transact("put", |tx| Box::pin(async move { mls_rows::write(tx, &changes).await })).await
}

/// All values.
pub(super) async fn values(vault: &Vault) -> Result<Vec<Vec<u8>>, VaultError> {
    let rows = vault.read("values", |tx| Box::pin(async move { mls_rows::load(tx, ROW).await })).await?;
    Ok(rows.into_iter().map(|(_, value)| value.to_vec()).collect())
}

/// The one column of a row, whatever its type.
pub(super) fn text(row: &sqlx::sqlite::SqliteRow) -> String {
    use sqlx::Row as _;
    row.try_get_unchecked::<String, _>(0).unwrap()
}
