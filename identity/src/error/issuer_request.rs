//! Errors about a machine's request to be an issuer's (design 4.1).
//!
//! All are about what a peer sent; none carries a key.

use thiserror::Error;

use crate::{CertificateError, RequestError, StatementError};

/// A request for an issuer's certificate is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IssuerRequestError {
    /// The device that asks did not sign it.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A field is missing or beyond its limit.
    #[error("the request's {field} is missing or beyond its limit")]
    Field {
        /// Of the statement.
        field: &'static str,
    },
    /// The device's certificate is refused.
    #[error("the certificate of the device that asks: {0}")]
    Certificate(#[source] CertificateError),
    /// Whoever asks need not hold the issuer's key.
    #[error("the issuer's key: {0}")]
    Key(#[source] RequestError),
    /// The issuer's key is no Ed25519 key, or the device's own.
    #[error("the issuer's key must be an Ed25519 key of its own")]
    OtherKey,
    /// It is for another organisation.
    #[error("the request is for another organisation")]
    ForeignOrganisation,
    /// It names another user or device than the one that signed it.
    #[error("the request names another user or device than signed it")]
    OtherPerson,
    /// The device is no administrator's or registrar's.
    #[error("the device that asks is no administrator's or registrar's")]
    Role,
    /// It is older than seven days, or from tomorrow.
    #[error("the request is too old, or from the future")]
    Time,
    /// The device is revoked or on hold.
    #[error("the device that asks is revoked or on hold")]
    DeviceOut,
}
