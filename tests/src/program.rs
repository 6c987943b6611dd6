//! The programs under test.

use std::path::PathBuf;

/// Where the programs are; made by [`programs!`](crate::programs).
#[derive(Debug, Clone)]
pub struct Programs {
    /// `wardline`.
    pub wardline: PathBuf,
    /// `wardline-relay`.
    pub relay: PathBuf,
    /// The fault points that all devices run with ([`Ward::quick`](crate::Ward::quick)).
    pub always: &'static [&'static str],
}
