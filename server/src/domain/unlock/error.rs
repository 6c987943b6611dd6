//! Why a step of opening a vault is refused, and what the store adds to that.

use std::time::Duration;

use wardline_identity::{OprfError, UnlockTryError};

use crate::store::StoreError;

/// Why a use-case of this room failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UnlockError {
    /// The caller's doing.
    #[error(transparent)]
    Refused(#[from] UnlockRefusal),
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A step that the rules do not permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnlockRefusal {
    /// No such pair, or not the caller's.
    #[error("the relay knows no such pair of this device")]
    Unknown,
    /// It was tried too often.
    #[error("the vault was tried too often; its pair is destroyed, and nothing opens it any more")]
    Closed,
    /// It came too soon; it did not count.
    #[error("the next try may come later; this one did not count")]
    Soon {
        /// After how long.
        retry_after: Duration,
    },
    /// The try does not verify; it did not count.
    #[error(transparent)]
    Try(#[from] UnlockTryError),
    /// What was blinded is no element.
    #[error(transparent)]
    Oprf(#[from] OprfError),
    /// The vault is an older copy.
    #[error("the vault is an older copy than the one that was opened last")]
    Older {
        /// The last that was confirmed.
        generation: u64,
    },
    /// The device has made another pair under this id.
    #[error("the device has made another pair under this id")]
    Exists,
}
