//! Errors about revocation lists, and about the holds that devices sign (design 4.2, 4.4.6).
//!
//! All are about what a peer sent; none carries what was refused.

use thiserror::Error;
use wardline_proto::DeviceId;

use crate::{CertificateError, StatementError};

/// A revocation list, or what it stands for, is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// It is not signed by an issuer in force.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Its issuer was struck, and it is not the list that the strike leaves standing.
    #[error("the list's issuer was struck, and the strike names another list that stays good")]
    IssuerStruck,
    /// Two lists of issuers go by one number: the one that it names, and the one at hand.
    #[error("the list names another list of issuers under number {number} than the one at hand")]
    OtherIssuers {
        /// Their number.
        number: u64,
    },
    /// A field is missing or beyond its limit.
    #[error("the list's {field} is missing or beyond its limit")]
    Field {
        /// Of the list or an act.
        field: &'static str,
    },
    /// It has a lower number than the one at hand, or the same and was signed earlier.
    #[error("the list is older than list {current}")]
    Older {
        /// The number at hand.
        current: u64,
    },
    /// Acts between those at hand and those that came are missing.
    #[error("the acts after number {have} are missing")]
    Gap {
        /// How many are at hand.
        have: u64,
    },
    /// It does not go on from what is at hand: another list was signed under its number, or it leaves out what an older one
    /// has.
    #[error("the list does not go on from list {current}")]
    Fork {
        /// The number at hand.
        current: u64,
    },
    /// An act cannot follow what was done to its device before.
    #[error("act {number} cannot follow what was done to its device before")]
    Act {
        /// Its number.
        number: u64,
    },
}

/// A hold that a device signed is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HoldError {
    /// It is not signed by whom it must be.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A field is missing or beyond its limit.
    #[error("the hold's {field} is missing or beyond its limit")]
    Field {
        /// Of the statement, or of what comes beside it.
        field: &'static str,
    },
    /// The certificate of its signer, or of a device in it, is refused.
    #[error("a certificate of the hold: {0}")]
    Certificate(#[source] CertificateError),
    /// It is for another organisation.
    #[error("the hold is for another organisation")]
    ForeignOrganisation,
    /// Nobody puts the very device on hold that they sign with.
    #[error("a device does not put itself on hold")]
    OwnDevice,
    /// Its signer is revoked or on hold.
    #[error("who signed the hold is out")]
    SignerOut,
    /// The device is another person's, and its signer no responder, or it is an administrator's or a registrar's.
    #[error("who signed it may not put that device on hold")]
    NotPermitted {
        /// The device.
        device: DeviceId,
    },
    /// A list has named all its devices since.
    #[error("the hold is over, or a list has taken it up")]
    Over,
}
