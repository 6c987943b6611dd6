//! Errors about the next certificate of a device: its request, and what an issuer makes of it (design 4.1).
//!
//! All are about what a peer sent; none carries a key.

use thiserror::Error;
use wardline_proto::UtcMillis;

use crate::{CertificateError, StatementError};

/// A renewal that a device asks for, or the certificate for it, is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RenewalError {
    /// It is not signed with the certificate that is to be followed.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// It is not exactly a renewal.
    #[error("it is not exactly a renewal")]
    Malformed,
    /// It names another certificate than the one it is signed with.
    #[error("it names another certificate than the device's newest")]
    OtherCertificate,
    /// It asks for the key that is certified.
    #[error("a renewal is of a new key")]
    SameKey,
    /// Whoever asks does not hold the new key.
    #[error("the new key has not signed it")]
    Possession,
    /// The certificate is not in the last third of its life.
    #[error("the certificate can be renewed in the last third of its life only")]
    Early {
        /// When that begins.
        from: UtcMillis,
    },
    /// The certificate that is to be followed is not in force.
    #[error("the certificate that is to be followed: {0}")]
    Certificate(#[source] CertificateError),
    /// The certificate says something else than was asked for.
    #[error("the certificate's {field} is not what was asked for")]
    Mismatch {
        /// What differs.
        field: &'static str,
    },
}
