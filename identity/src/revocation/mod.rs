//! Revocation: which devices are revoked or on hold, as an append-only log of acts under a signed head.
//!
//! The signed list is small and stands for all acts by their chain, so it can be signed again every hour, and whoever has the
//! acts up to some number needs only those after it. Looking up a device costs the same however many are revoked.
//! [`RevocationRegister`] is what relay and client keep: it takes in only what goes on from what it has, so nobody who
//! was named is ever forgotten.

mod act;
mod answer;
mod list;
mod register;

pub(crate) use act::chain_on;
pub use act::{HOLD_SECONDS, RevocationAct, RevocationKind, RevocationReason, chain_of};
pub use answer::{ACTS_MAX, AnsweredDevice, RevocationAnswer};
pub use list::{LIST_LIFE_SECONDS, RevocationList};
pub use register::{Adoption, RevocationRegister, Standing};
