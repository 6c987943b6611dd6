//! What can go wrong on the way to the relay, sorted by blame, and the one place where gRPC statuses, TLS alerts
//! and close codes become it.

use std::{collections::HashMap, error::Error, io, time::Duration};

use rustls::AlertDescription;
use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use wardline_proto::{
    Reason,
    h3::{CloseCode, RevokedBecause},
};

/// What stands behind an error.
type Cause = Box<dyn Error + Send + Sync>;

/// A call or a connection that failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The relay was not reached, the connection ended, or the answer took too long. What became of a call is
    /// not known; repeat it later.
    #[error("the relay cannot be reached")]
    Unavailable {
        /// Why.
        #[source]
        source: Cause,
        /// When the relay would like to be asked again.
        retry_after: Option<Duration>,
    },
    /// The relay understood and said no. Nothing was stored.
    #[error("the relay refused: {reason}")]
    Refused {
        /// Why.
        reason: Reason,
        /// The same in the relay's words; for support.
        message: String,
        /// When to ask again, where that can help.
        retry_after: Option<Duration>,
        /// More, by reason: see [`Reason`].
        metadata: HashMap<String, String>,
    },
    /// Who answers is not a relay of this organisation, or its certificate is not valid at this device's time.
    #[error("the relay's certificate does not prove that it is this organisation's")]
    Untrusted {
        /// What is wrong with it.
        #[source]
        source: rustls::Error,
    },
    /// The relay, or what we were told to use as key or address, does not keep to the protocol.
    #[error("the relay's answer makes no sense")]
    Broken {
        /// In what way.
        #[source]
        source: Cause,
    },
}

/// Time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no answer came in time")]
pub(super) struct DeadlinePassed;

impl RelayError {
    pub(super) fn unavailable(source: impl Into<Cause>) -> Self {
        Self::Unavailable { source: source.into(), retry_after: None }
    }

    pub(super) fn broken(source: impl Into<Cause>) -> Self {
        Self::Broken { source: source.into() }
    }

    fn refused(reason: Reason, message: &str) -> Self {
        Self::Refused { reason, message: message.to_owned(), retry_after: None, metadata: HashMap::new() }
    }

    /// Which of two failed attempts says more: what both tried is the same relay.
    pub(super) fn more_telling(self, other: Self) -> Self {
        if other.weight() > self.weight() { other } else { self }
    }

    fn weight(&self) -> u8 {
        match self {
            Self::Unavailable { .. } => 0,
            Self::Broken { .. } => 1,
            Self::Refused { .. } => 2,
            Self::Untrusted { .. } => 3,
        }
    }

    /// What the relay answered.
    pub(super) fn from_status(status: Status) -> Self {
        let details = status.get_error_details();
        let retry_after = details.retry_info().and_then(|info| info.retry_delay);
        let info = details.error_info().filter(|info| info.domain == Reason::DOMAIN);
        let reason = info.and_then(|info| Some((Reason::parse(&info.reason)?, info.metadata.clone())));
        // One that answers is reached: it says itself what it cannot do now, unless it is about to go.
        let gone = reason.as_ref().is_none_or(|(reason, _)| *reason == Reason::ShuttingDown);
        if gone && matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled) {
            return Self::Unavailable { retry_after, source: status.into() };
        }
        match reason {
            Some((reason, metadata)) => {
                Self::Refused { reason, message: status.message().to_owned(), retry_after, metadata }
            }
            None => Self::broken(status),
        }
    }

    /// How a QUIC connection ended.
    pub(super) fn from_quic(error: quinn::ConnectionError) -> Self {
        match &error {
            quinn::ConnectionError::ApplicationClosed(close) => {
                match CloseCode::from_code(close.error_code.into_inner()) {
                    Some(CloseCode::Revoked) => revoked(&close.reason),
                    Some(CloseCode::CertificateInvalid) => certificate_refused(),
                    Some(CloseCode::CertificateStruck) => {
                        Self::refused(Reason::CertificateStruck, "the issuer of the certificate was struck")
                    }
                    _ => Self::unavailable(error),
                }
            }
            quinn::ConnectionError::ConnectionClosed(close) => {
                // RFC 9001 §4.8: a TLS alert is 0x0100 plus its code.
                match u64::from(close.error_code).checked_sub(0x0100).map(u8::try_from) {
                    Some(Ok(alert)) => Self::from_alert(alert.into()).unwrap_or_else(|| Self::broken(error)),
                    _ => Self::unavailable(error),
                }
            }
            _ => Self::unavailable(error),
        }
    }

    /// How a TLS connection over TCP failed.
    pub(super) fn from_io(error: io::Error) -> Self {
        let alert = match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::AlertReceived(alert)) => Some(*alert),
            _ => None,
        };
        match alert {
            Some(alert) => Self::from_alert(alert).unwrap_or_else(|| Self::broken(error)),
            None => Self::unavailable(error),
        }
    }

    /// A TLS alert that is about our certificate; `None` for any other.
    pub(super) fn from_alert(alert: AlertDescription) -> Option<Self> {
        use AlertDescription::{
            AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateRevoked,
            CertificateUnknown, DecryptError, UnknownCA, UnsupportedCertificate,
        };
        match alert {
            CertificateRevoked => Some(Self::refused(Reason::DeviceRevoked, "the device was revoked")),
            AccessDenied
            | BadCertificate
            | CertificateExpired
            | CertificateRequired
            | CertificateUnknown
            | DecryptError
            | UnknownCA
            | UnsupportedCertificate => Some(certificate_refused()),
            _ => None,
        }
    }
}

/// Why and since when, if the phrase beside the code says so.
fn revoked(phrase: &[u8]) -> RelayError {
    let said = RevokedBecause::from_phrase(phrase)
        .map(|because| [("reason", because.reason), ("since_ms", because.since_ms.to_string())]);
    RelayError::Refused {
        reason: Reason::DeviceRevoked,
        message: "the device was revoked".to_owned(),
        retry_after: None,
        metadata: said.into_iter().flatten().map(|(key, value)| (key.to_owned(), value)).collect(),
    }
}

fn certificate_refused() -> RelayError {
    RelayError::refused(Reason::CertificateInvalid, "the certificate is not in force")
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn wardline(code: Code, reason: &str) -> Status {
        let info = [("epoch".to_owned(), "7".to_owned())];
        let mut details = ErrorDetails::with_error_info(reason, Reason::DOMAIN, info);
        details.set_retry_info(Some(Duration::from_secs(3)));
        Status::with_error_details(code, "no", details)
    }

    #[test]
    fn a_refusal_keeps_its_reason_its_metadata_and_its_pause() {
        let error = RelayError::from_status(wardline(Code::Aborted, "EPOCH_CONFLICT"));
        let RelayError::Refused { reason, message, retry_after, metadata } = error else {
            panic!("not a refusal: {error:?}");
        };
        assert_eq!((reason, message.as_str()), (Reason::EpochConflict, "no"));
        assert_eq!(retry_after, Some(Duration::from_secs(3)));
        assert_eq!(metadata.get("epoch").map(String::as_str), Some("7"));
    }

    #[test]
    fn a_relay_that_is_stopping_is_unavailable_and_says_for_how_long() {
        let error = RelayError::from_status(wardline(Code::Unavailable, "SHUTTING_DOWN"));
        let RelayError::Unavailable { retry_after, .. } = error else { panic!("not unavailable: {error:?}") };
        assert_eq!(retry_after, Some(Duration::from_secs(3)));
    }

    #[test]
    fn a_relay_that_cannot_use_its_disk_is_reached_all_the_same() {
        let error = RelayError::from_status(wardline(Code::Unavailable, "STORAGE_UNAVAILABLE"));
        let RelayError::Refused { reason, retry_after, .. } = error else {
            panic!("not a refusal: {error:?}")
        };
        assert_eq!((reason, retry_after), (Reason::StorageUnavailable, Some(Duration::from_secs(3))));
        // The control: without a reason of ours nobody knows whether it was the relay who answered.
        let unknown = RelayError::from_status(Status::unavailable("no"));
        assert!(matches!(unknown, RelayError::Unavailable { .. }));
    }

    #[test]
    fn what_is_not_ours_is_not_taken_for_a_reason() {
        let foreign = ErrorDetails::with_error_info("EPOCH_CONFLICT", "example.org", []);
        let foreign = Status::with_error_details(Code::Aborted, "no", foreign);
        for status in [foreign, wardline(Code::Aborted, "NEVER_HEARD_OF"), Status::unimplemented("no")] {
            assert!(matches!(RelayError::from_status(status), RelayError::Broken { .. }));
        }
    }

    #[test]
    fn an_alert_about_our_certificate_is_a_refusal() {
        let revoked = RelayError::from_alert(AlertDescription::CertificateRevoked);
        assert!(matches!(revoked, Some(RelayError::Refused { reason: Reason::DeviceRevoked, .. })));
        let unknown = RelayError::from_alert(AlertDescription::UnknownCA);
        assert!(matches!(unknown, Some(RelayError::Refused { reason: Reason::CertificateInvalid, .. })));
        assert!(RelayError::from_alert(AlertDescription::HandshakeFailure).is_none());
    }
}
