//! Why a removal record proves nothing.

use thiserror::Error;

use crate::{CertificateError, OrganisationError, RootFingerprint};

/// What does not fit. The record's maker's doing, or that of whoever had it since.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RemovalRecordError {
    /// It is another organisation's.
    #[error("its root has the fingerprint {actual}")]
    OtherRoot {
        /// Of the root in it.
        actual: RootFingerprint,
    },
    /// The organisation does not verify.
    #[error(transparent)]
    Organisation(#[from] OrganisationError),
    /// The device's certificate is no certificate of the organisation.
    #[error("the device's certificate: {0}")]
    Device(CertificateError),
    /// Something outside the entries does not fit.
    #[error("{what}")]
    Field {
        /// What is wrong with it.
        what: &'static str,
    },
    /// An entry does not fit.
    #[error("entry {number}: {what}")]
    Entry {
        /// Its number in the relay's record.
        number: u64,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl RemovalRecordError {
    pub(super) const fn field(what: &'static str) -> Self {
        Self::Field { what }
    }
}
