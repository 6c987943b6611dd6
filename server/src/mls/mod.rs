//! What the relay understands of MLS (RFC 9420): the headers of PrivateMessages and Welcomes, and KeyPackages.
//!
//! It holds no key and opens nothing. Everything here is written by peers: each function either returns what is
//! well-formed to the last byte or an error, and never panics.

mod error;
mod key_package;
mod private_message;
mod reader;
mod welcome;

pub use error::{KeyPackageFault, MlsError};
pub use key_package::{PublishedKeyPackage, judge_key_package};
pub use private_message::{ContentType, PrivateMessage};
pub use welcome::Welcome;

/// `ProtocolVersion` mls10 (RFC 9420 §6).
const MLS10: u16 = 1;

/// Code point of Wardline's settings extension, private range (design 4.3).
pub const SETTINGS_EXTENSION: u16 = 0xF057;

#[cfg(test)]
pub(crate) mod craft;
#[cfg(test)]
pub(crate) mod real;
