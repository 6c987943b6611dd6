//! The Wardline relay: orders, stores and forwards what it cannot read.
//!
//! A request's way: `transport` makes bytes into requests and knows who sent them; `service` has one file per
//! RPC; `domain` holds the rules; `store` keeps what they permit; `live` wakes who waits. [`run`] puts a relay
//! together from its data folder, [`command`] is the command line over it.

pub mod command;
pub mod config;
pub mod data_dir;
pub mod init;
pub mod run;
pub mod telemetry;
pub mod transport;

pub mod admission;
pub mod bundle;
pub mod domain;
pub mod enrolment_bell;
pub mod jobs;
pub mod live;
pub mod mls;
pub mod organisations;
pub mod record_head;
pub mod relay_identity;
pub mod relay_keys;
pub mod relay_renewal;
pub mod revocations;
pub mod routes;
pub mod service;
pub mod state;
pub mod stillness;
pub mod store;
pub mod task_bell;
pub mod write_permits;

#[cfg(test)]
pub(crate) mod founded;
