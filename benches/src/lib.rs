//! How near Wardline is to the limit.
//!
//! A question is a figure of the product beside the figure of its bare parts, taken in the same run and
//! interleaved with it, so that a slow moment of the machine hits both. What counts is their ratio and whether it
//! reaches its aim; no figure is a timed assertion, a missed aim is written down as missed.
//!
//! `figure` is what a question gives, `machine` says where it was taken, `report` makes `docs/benchmarks.md`;
//! `bare` holds the parts that the bounds are made of, `ward` the organisation that the product runs in;
//! `durable_send`, `relay_appends` and `revoking` are the questions.

mod bare;
pub mod durable_send;
pub mod figure;
pub mod machine;
pub mod relay_appends;
pub mod report;
pub mod revoking;
pub mod samples;
pub mod scale;
mod ward;

use std::path::PathBuf;

/// Where a question finds what it needs.
#[derive(Debug, Clone)]
pub struct Place {
    /// The program that is a relay when its first argument is [`RELAY`], and measures appends when it is
    /// [`APPENDS`].
    pub program: PathBuf,
    /// The folder for databases and homes: its file system is what is measured.
    pub folder: PathBuf,
}

/// The hidden first argument that makes `benchmarks` a relay: the rest is the command line of `wardline-relay`.
pub const RELAY: &str = "relay";

/// The hidden first argument that makes `benchmarks` measure appends in process; see [`relay_appends`].
pub const APPENDS: &str = "appends";
