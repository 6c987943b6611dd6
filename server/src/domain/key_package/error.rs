//! Why KeyPackages were not stored or handed out.

use crate::store::StoreError;

/// A refusal, or a failure of the store. Nothing is stored.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum KeyPackageError {
    /// Peer: more packages than may wait.
    #[error("at most 100 one-time packages wait for a device and suite")]
    TooMany,
    /// Peer: the device was revoked, or put on hold.
    #[error("the device was revoked")]
    Revoked,
    /// Peer: another device published a package with this reference.
    #[error("the KeyPackage is another device's")]
    AnotherDevices,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
