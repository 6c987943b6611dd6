//! Why secrets of periods are not handed out or not made.

use wardline_identity::EntropyError;

use crate::store::StoreError;

/// What is wrong with the periods that a call names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeriodRefusal {
    /// More than any device has.
    #[error("{named} periods are more than a device has")]
    TooMany {
        /// How many were named.
        named: usize,
    },
    /// A period ends at a whole minute.
    #[error("a period ends at a whole minute")]
    NoPeriod,
}

/// Why secrets were not made; nothing was stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PeriodError {
    /// The machine gives no randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The store's.
    #[error(transparent)]
    Store(#[from] StoreError),
}
