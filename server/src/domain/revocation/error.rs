//! Why a list was not taken.

use wardline_identity::RevocationError;

use crate::store::StoreError;

/// A refusal, or a failure of the store. Nothing is stored.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationRefusal {
    /// Peer: the list does not go on from the relay's.
    #[error("the list does not go on from the relay's, number {number}")]
    Conflict {
        /// The relay's number.
        number: u64,
        /// How many acts it has.
        acts: u64,
    },
    /// Peer: by the list's rules.
    #[error(transparent)]
    List(RevocationError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
