//! [`MlsStore`]: crypto, randomness and rows for openmls, and the way of its changes into the vault.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::OpenMlsProvider;
use wardline_proto::ConversationId;

use super::overlay::{Checkpoint, Overlay};
use crate::mls::StoreError;
use crate::vault::mls_rows::{self, Changes, Scope};
use crate::vault::{Transaction, Vault, VaultError};

/// The rows openmls works on: an overlay over the vault, drained into one transaction.
///
/// One store serves one task; two stores that hold the same conversation would each advance the same
/// ratchets.
pub struct MlsStore {
    crypto: RustCrypto,
    overlay: Mutex<Overlay>,
}

impl MlsStore {
    /// A store with nothing loaded.
    #[must_use]
    pub fn new() -> Self {
        Self { crypto: RustCrypto::default(), overlay: Mutex::new(Overlay::default()) }
    }

    /// Loads what the vault has of a conversation (which may be nothing), or of the device: its KeyPackages.
    /// Changes in that scope that were not written are lost, so this is also the way back after a failure.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn load(&self, vault: &Vault, scope: Scope) -> Result<(), VaultError> {
        let rows = vault
            .read("load_mls_rows", |tx| Box::pin(async move { mls_rows::load(tx, scope).await }))
            .await?;
        self.overlay().load(scope, rows);
        Ok(())
    }

    /// As [`load`](Self::load), within a transaction under way.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn load_within(&self, tx: &mut Transaction<'_>, scope: Scope) -> Result<(), VaultError> {
        let rows = mls_rows::load(tx, scope).await?;
        self.overlay().load(scope, rows);
        Ok(())
    }

    /// Forgets a scope, to free its memory. Changes in it that were not written are lost.
    pub fn forget(&self, scope: Scope) {
        self.overlay().forget(scope);
    }

    /// Whether something waits to be written.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.overlay().is_changed()
    }

    /// Writes all changes and runs `work`, in one transaction of the vault; both are durable or neither is.
    ///
    /// On failure the store is back at what the vault has. Groups in memory are then ahead of it: drop them
    /// and [`load`](crate::mls::group::load) them again.
    ///
    /// # Errors
    /// What `work` returns; [`VaultError`].
    pub async fn transact<'a, T, E, F>(
        &'a self,
        vault: &'a Vault,
        name: &'static str,
        work: F,
    ) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Transaction<'a>) -> BoxFuture<'t, Result<T, E>> + Send + 'a,
        T: 'a,
        E: From<VaultError> + 'a,
    {
        let changes = self.drain();
        let outcome = vault
            .transact(name, |tx| {
                Box::pin(async move {
                    mls_rows::write(tx, &changes).await?;
                    work(tx).await
                })
            })
            .await;
        match outcome {
            Ok(value) => {
                self.confirm();
                Ok(value)
            }
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    /// Takes the changes, to be written by [`mls_rows::write`] in a transaction of the caller's; to be
    /// followed by [`confirm`](Self::confirm) or [`roll_back`](Self::roll_back).
    #[must_use = "changes that are not written are lost"]
    pub fn drain(&self) -> Changes {
        self.overlay().drain()
    }

    /// The drained changes are durable.
    pub fn confirm(&self) {
        self.overlay().confirm();
    }

    /// Forgets all changes that are not durable, drained ones included.
    pub fn roll_back(&self) {
        self.overlay().roll_back();
    }

    pub(in crate::mls) fn checkpoint(&self) -> Checkpoint {
        self.overlay().checkpoint()
    }

    pub(in crate::mls) fn return_to(&self, checkpoint: Checkpoint) {
        self.overlay().return_to(checkpoint);
    }

    pub(in crate::mls) fn purge(&self, conversation: ConversationId) -> Result<(), StoreError> {
        self.overlay().purge(conversation)
    }

    pub(in crate::mls) fn require_device(&self) -> Result<(), StoreError> {
        self.overlay().require(Scope::Device)
    }

    pub(in crate::mls) fn require_conversation(
        &self,
        conversation: ConversationId,
    ) -> Result<(), StoreError> {
        self.overlay().require(Scope::Conversation(conversation))
    }

    /// No change is ever half made under the lock, so a panic elsewhere leaves it sound.
    pub(super) fn overlay(&self) -> MutexGuard<'_, Overlay> {
        self.overlay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MlsStore {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for MlsStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MlsStore(…)")
    }
}

impl OpenMlsProvider for MlsStore {
    type CryptoProvider = RustCrypto;
    type RandProvider = RustCrypto;
    type StorageProvider = Self;

    fn storage(&self) -> &Self {
        self
    }

    fn crypto(&self) -> &RustCrypto {
        &self.crypto
    }

    fn rand(&self) -> &RustCrypto {
        &self.crypto
    }
}
