//! Revocation: which devices are revoked or on hold, as an append-only log of acts under a signed head.
//!
//! The signed list is small and stands for all acts by their chain, so it can be signed again every hour, and whoever has the
//! acts up to some number needs only those after it. Looking up a device costs the same however many are revoked.
//! [`RevocationRegister`] is what relay and client keep: it takes in only what goes on from what it has, so nobody who
//! was named is ever forgotten. Beside the list stand the holds that devices have signed and no list names yet ([`PendingHold`]).

mod act;
mod answer;
mod hold;
mod hold_answer;
mod list;
mod pending;
mod register;

pub(crate) use act::chain_on;
pub use act::{HOLD_SECONDS, RevocationAct, RevocationKind, RevocationReason, chain_of};
pub use answer::{ACTS_MAX, AnsweredDevice, RevocationAnswer};
pub use hold::{HELD_MAX, Hold, HoldStatement, PendingHold};
pub use hold_answer::{HeldDevice, HoldAnswer};
pub use list::{LIST_LIFE_SECONDS, RESPONDERS_MAX, RevocationList};
pub use register::{Adoption, RevocationRegister, Standing};
