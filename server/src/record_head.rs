//! The head of the record, as the relay shows it: signed once a change, not once a greeting.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use wardline_identity::{Checkpoint, OrganisationId};
use wardline_proto::{Digest, fault};

use crate::domain::record::{RecordView, root};
use crate::relay_identity::RelayIdentity;
use crate::store::{ReadTx, Store, StoreError};

/// The signed head of one relay.
#[derive(Debug)]
pub struct RecordHead {
    organisation: OrganisationId,
    identity: RelayIdentity,
    /// The last that was signed.
    signed: Mutex<Option<Signed>>,
}

/// A head: the record's size and the whole note.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Signed {
    size: u64,
    note: Bytes,
}

impl RecordHead {
    /// Of this organisation's record, signed as this relay.
    #[must_use]
    pub const fn new(organisation: OrganisationId, identity: RelayIdentity) -> Self {
        Self { organisation, identity, signed: Mutex::new(None) }
    }

    /// The checkpoint of what is on disk now; empty before the first entry.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn note(self: &Arc<Self>, store: &Store) -> Result<Bytes, StoreError> {
        if fault::planted("relay.record_rewritten") {
            let rewritten =
                store.write("rewrite_record", |tx| Box::pin(async move { tx.rewrite_record().await }));
            rewritten.await.map_err(|error: StoreError| error)?;
            *self.signed() = None;
        }
        let head = Arc::clone(self);
        let read = store.read("record_head", |tx| Box::pin(async move { head.note_in(tx).await }));
        read.await.map(|(_, note)| note)
    }

    /// The checkpoint of what a view shows.
    ///
    /// # Errors
    /// Only those of the store.
    pub async fn note_in(&self, tx: &mut ReadTx) -> Result<(u64, Bytes), StoreError> {
        let size = tx.record_size().await?;
        let known = self.signed().clone().filter(|signed| signed.size == size);
        match known {
            Some(signed) => Ok((size, signed.note)),
            None => Ok((size, self.sign(size, root(tx, size).await?))),
        }
    }

    fn sign(&self, size: u64, root: Digest) -> Bytes {
        if size == 0 {
            return Bytes::new();
        }
        let note = self.identity.sign_checkpoint(&Checkpoint::new(&self.organisation, size, root));
        let mut signed = self.signed();
        // Another may have read a later view meanwhile.
        if signed.as_ref().is_none_or(|other| other.size < size) {
            *signed = Some(Signed { size, note: note.clone() });
        }
        note
    }

    fn signed(&self) -> MutexGuard<'_, Option<Signed>> {
        self.signed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
