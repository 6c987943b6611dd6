//! The Wardline client: holds a device's keys and conversations; the CLI and the phones are its faces.
//!
//! Data flows one way: `api` (commands in, answers and events out) → `session` (a device's life: enrol, connect,
//! sync, outbox) → `conversation` (the use-cases, by verb) → `mls` → `vault`. `relay` is the only room that names
//! tonic and quinn, `mls` the only one that names openmls, `vault` the only one that names the database; `owner`
//! lets two processes share one home. Clock, randomness, vault and relay are parameters.

mod conversation;
mod error;
mod session;

pub mod api;
pub mod mls;
pub mod owner;
pub mod relay;
pub mod vault;

#[cfg(feature = "fuzzing")]
pub use session::opened_for_tests as secrets;
