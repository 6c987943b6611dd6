//! The relay's half of opening a vault: pairs, tries and what forgives them (design 4.5).
//!
//! A try counts before it is answered, on disk. Only the device itself, from its opened vault, has tries forgiven. What is destroyed here
//! is destroyed for ever: nothing else opens the vault.

mod confirm;
mod error;
mod make;
mod pair;
mod storage;
mod tries;

pub use confirm::confirm;
pub use error::{UnlockError, UnlockRefusal};
pub use make::{NewPair, make};
pub use pair::{LastTry, Pair};
pub use storage::{UnlockStorage, UnlockView};
pub use tries::{TRIES_MAX, Taken, Verdict, take};
