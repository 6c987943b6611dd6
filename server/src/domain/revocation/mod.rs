//! Revocation: taking in a list, or a hold that a device signs, and what it does to the devices that it names. One transaction, one instant.

mod apply;
mod confirm;
mod error;
mod hold;
mod publish;
mod removal;
mod run_out;
mod storage;
#[cfg(test)]
mod tests;

pub use confirm::{NewConfirmation, confirm};
pub use error::RevocationRefusal;
pub use hold::{Held, NewHold, OTHERS_MAX, PENDING_MAX, PendingAct, PutOnHold, TakenHold, held_wire, hold};
pub use publish::{Answer, NewList, Published, publish};
pub use removal::{ClosedBy, Presence, Removal, RemovalClosure, RemovingCommit};
pub use run_out::{RanOut, run_out};
pub use storage::{RevocationStorage, RevocationView};

/// The most acts in one page of the list.
pub const ACTS_PAGE_MAX: usize = 4_000;
