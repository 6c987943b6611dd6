//! The record: an append-only Merkle log of every act of administrators, registrars and the relay (design 4.7, P8).
//!
//! Hashing and proofs are those of RFC 6962 with SHA-256; the head is a C2SP checkpoint, signed by the relay. Relay and client
//! judge it with this one room: what a [`Checkpoint`] stands for, whether an entry is in it, and whether one goes on from
//! another. An entry is what it was stored as: nobody encodes it again.

mod checkpoint;
mod confirmation;
mod entry;
mod note;
mod proof;
mod read;
#[cfg(test)]
mod tests;
mod tree;
mod write;

pub use checkpoint::{CHECKPOINT_BYTES_MAX, Checkpoint};
pub use confirmation::RemovalConfirmation;
pub use entry::{ClosingCommit, RecordAct, RecordEntry};
pub use proof::{verify_consistency, verify_inclusion};
pub use tree::{RecordTree, record_leaf, record_node};
