//! What can go wrong, by whose doing.

use std::fmt;

use tonic::Status;
use tonic_types::StatusExt as _;

/// Why a step failed.
#[derive(Debug)]
pub enum Problem {
    /// The relay refused, with details.
    Refused(Box<Status>),
    /// What came is not what the protos promise.
    Wrong(&'static str),
    /// MLS refused it.
    Mls(Box<mls_rs::error::MlsError>),
    /// The connection.
    Broken(Box<dyn std::error::Error + Send + Sync>),
}

impl Problem {
    /// The reason that the relay gave, from `google.rpc.ErrorInfo`.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let Self::Refused(status) = self else { return None };
        status.get_details_error_info().filter(|info| info.domain == "wardline").map(|info| info.reason)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status) => write!(f, "{:?}: {}", status.code(), status.message()),
            Self::Wrong(what) => f.write_str(what),
            Self::Mls(error) => write!(f, "MLS: {error}"),
            Self::Broken(error) => write!(f, "broken: {error}"),
        }
    }
}

impl std::error::Error for Problem {}

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

impl From<mls_rs::error::MlsError> for Problem {
    fn from(error: mls_rs::error::MlsError) -> Self {
        Self::Mls(Box::new(error))
    }
}

macro_rules! broken {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self::Broken(Box::new(error))
            }
        })*
    };
}

broken!(
    std::io::Error,
    rustls::Error,
    rcgen::Error,
    tonic::transport::Error,
    prost::DecodeError,
    rustls::pki_types::InvalidDnsNameError,
);
