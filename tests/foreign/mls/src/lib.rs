//! A member of a Wardline conversation that shares nothing with Wardline but its `.proto` files: MLS by mls-rs with
//! RustCrypto, TLS and signatures by ring, gRPC by a client generated here.
//!
//! It does what `docs/integrators-foreign.md` says an integrator does: reads an invitation's link, enrols over the TLS
//! exporter, leaves KeyPackages, follows the log and its chain, sends, commits. What it may rely on is the protos'
//! comments; where those do not suffice, they are what has to be mended.

pub mod connect;
pub mod credential;
pub mod enrol;
pub mod link;
pub mod log;
pub mod member;
pub mod problem;
pub mod statement;
pub mod wire;

pub use connect::Relay;
pub use enrol::{Candidate, Device};
pub use link::Link;
pub use member::{Event, Member, Package};
pub use problem::Problem;
