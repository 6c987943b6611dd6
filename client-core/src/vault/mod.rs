//! The vault: everything a device keeps, under its passcode.
//!
//! Five files: `vault.header` (how the keyring's key comes from passcode and relay; in the clear), `vault.keyring` (the
//! database key, sealed), `vault.periods` (the keys of periods, sealed), `vault.db` (SQLCipher), `vault.try` (the id of an open try). This is the only room that names the database. It trusts
//! the file system to keep what was synced, and nothing else on the disk: every byte is authenticated before
//! use. No key, passcode or plaintext is ever logged, shown or part of an error.

mod bodies;
mod create;
mod database;
mod error;
mod files;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod header;
mod kdf;
mod keyring;
pub mod mls_rows;
mod pair;
mod passcode;
mod period_ring;
mod rekey;
mod schema;
mod sealed;
mod statements;
pub(crate) mod tables;
mod transact;
mod unlock;

#[cfg(test)]
mod tests;

pub use error::VaultError;
pub use files::{Presence, presence};
pub(crate) use header::Sealing;
pub use kdf::KdfCost;
pub(crate) use kdf::{SealingKey, Stretched};
pub use pair::{VaultOwner, VaultPair};
pub use passcode::Passcode;
pub(crate) use sealed::{OpenTry, SealedVault, Unsealed};
pub use transact::{Transaction, Vault, until_closed};
