//! MLS (RFC 9420): groups, their messages and commits, KeyPackages. The only room that names openmls.
//!
//! It trusts nothing that comes from outside: bytes are parsed, bound to their conversation and epoch, and
//! opened or refused. It does not know who people are: certificates are opaque here, reported as [`Leaf`]s to
//! whoever judges them (openmls would accept any bytes as a certificate, also one for another key).
//!
//! Every call works on an [`MlsStore`], an overlay of the vault's rows. Nothing is durable until the store's
//! changes are written in one transaction ([`MlsStore::transact`]); if that fails, the store goes back and
//! the [`Group`] in memory, which is ahead, must be dropped and loaded again.
//!
//! | state of a group | encrypt | commit | process | merge_staged | merge_pending | clear_pending |
//! |---|---|---|---|---|---|---|
//! | active | yes | yes → pending | yes | yes | no | no |
//! | commit pending | yes | no | yes | yes, drops the pending one | yes → active | yes → active |
//! | inactive (removed) | no | no | no | no | no | no |

mod certificate;
mod codec;
mod error;
pub mod group;
pub mod inspect;
pub mod key_package;
mod leaf;
mod lies;
mod parameters;
mod position;
mod signer;
mod store;

#[cfg(test)]
mod tests;

pub use certificate::leaf_certificate;
pub use error::{JoinError, MlsError, StoreError};
pub use group::{CommitMessages, CommitPlan, Group, JoinView, Processed, StagedCommit};
pub use key_package::{ParsedKeyPackage, VerifiedKeyPackage};
pub use leaf::Leaf;
pub use position::LogPosition;
pub use signer::Identity;
pub use store::MlsStore;
