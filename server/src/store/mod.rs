//! What the relay keeps: one SQLite database in WAL mode, one writer, a few readers.
//!
//! An answer that leaves [`Store::write`] is on disk: the writer groups what waits into one transaction, commits
//! it with `synchronous=FULL` and only then answers. Everything else about storage is in the tables' own
//! folders, which implement the verbs that the domain asks for. Nothing outside this room names sqlx.

mod conversation;
mod engine;
mod error;
mod key_package;
mod membership;
pub(crate) mod organisation;
mod passes;
mod period;
mod readers;
mod record;
mod revocation;
mod row;
mod schema;
mod sweep;
mod transaction;
mod unlock;
mod writer;

pub use engine::Store;
pub use error::StoreError;
pub use sweep::Shared;
pub use transaction::{ReadTx, WriteTx};

#[cfg(test)]
mod tests;
