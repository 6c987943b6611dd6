//! Why a list was not taken.

use std::time::Duration;

use wardline_identity::{HoldError, RevocationError};

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
    /// Peer: it leaves out devices that are on hold by a statement.
    #[error("the list leaves out {holds} device(s) that are on hold by a statement")]
    HoldsPending {
        /// How many.
        holds: usize,
    },
    /// Peer: by the holds' rules.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// Peer: so many others' devices an hour, and so many before a list names them, and no more.
    #[error("a responder puts 40 devices of others on hold an hour, and 900 wait for a list at most")]
    TooManyHeld {
        /// When the next may be.
        retry_after: Duration,
    },
    /// Peer: not in the conversation, or not before that commit.
    #[error("the device is not in the conversation, or came in later")]
    NotAMember,
    /// Peer: no removal was closed by such a commit.
    #[error("no removal was closed by that commit, of those devices")]
    OtherCommit,
    /// Peer: nobody confirms what it did itself.
    #[error("the author of the commit does not confirm it")]
    OwnCommit,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
