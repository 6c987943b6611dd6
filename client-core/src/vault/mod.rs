//! The vault: everything a device keeps, under its passcode.
//!
//! Three files: `vault.header` (how to derive a key from the passcode; in the clear), `vault.keyring` (the
//! database key, sealed), `vault.db` (SQLCipher). This is the only room that names the database. It trusts
//! the file system to keep what was synced, and nothing else on the disk: every byte is authenticated before
//! use. No key, passcode or plaintext is ever logged, shown or part of an error.

mod change_passcode;
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
mod passcode;
mod schema;
#[cfg(feature = "fuzzing")]
pub mod secrets;
mod statements;
pub(crate) mod tables;
mod transact;
mod unlock;

#[cfg(test)]
mod tests;

pub use error::VaultError;
pub use files::{Presence, presence};
pub use kdf::KdfCost;
pub use passcode::Passcode;
pub use transact::{Transaction, Vault, until_closed};
