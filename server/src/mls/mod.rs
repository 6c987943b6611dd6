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

use wardline_proto::Suite;

/// `ProtocolVersion` mls10 (RFC 9420 §6).
const MLS10: u16 = 1;

/// AES-128-GCM's tag, in both suites.
const AEAD_TAG_LENGTH: usize = 16;

/// Code point of Wardline's settings extension, private range (design 4.3).
pub const SETTINGS_EXTENSION: u16 = 0xF057;

/// How long the suite's HPKE public keys are: X-Wing is ML-KEM-768 beside X25519.
const fn public_key_length(suite: Suite) -> usize {
    match suite {
        Suite::MlKem768X25519 => 1_184 + 32,
        Suite::X25519 => 32,
    }
}

/// How long what the suite encapsulates to such a key is.
const fn kem_output_length(suite: Suite) -> usize {
    match suite {
        Suite::MlKem768X25519 => 1_088 + 32,
        Suite::X25519 => 32,
    }
}

#[cfg(test)]
pub(crate) mod craft;
#[cfg(test)]
pub(crate) mod real;
