//! The rules of KeyPackages (design 4.3): each one-time package goes out once, the last-resort one stands in.

mod claim;
mod count;
mod error;
mod publish;
mod storage;

pub use claim::{Claim, ClaimOutcome, claim};
pub use count::{is_low, low_for, stock};
pub use error::KeyPackageError;
pub use publish::{Package, Publication, publish};
pub use storage::{HandedOut, Handout, KeyPackageStorage, KeyPackageView, Stock};

/// The most one-time packages that wait for a device, per suite.
pub const ONE_TIME_MAX: u64 = 100;

/// Fewer one-time packages than this, and the device is asked for more.
pub const ONE_TIME_LOW: u64 = 20;
