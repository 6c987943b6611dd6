//! The few answers that the doors give themselves.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use wardline_proto::Reason;

use super::Refusal;

/// When a client may come back after a restart.
const RESTART: Duration = Duration::from_secs(2);

/// When a client may come back to a relay that is full.
const CROWD: Duration = Duration::from_secs(30);

/// The caller's time, or the relay's patience, is over.
pub(super) fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("the deadline has passed")
}

/// The relay is stopping.
pub(super) fn shutting_down() -> Status {
    let mut details = ErrorDetails::with_error_info(Reason::ShuttingDown.as_str(), Reason::DOMAIN, []);
    details.set_retry_info(Some(RESTART));
    Status::with_error_details(Code::Unavailable, "the relay is stopping", details)
}

/// The request's body goes on beyond its limit.
pub(super) fn body_too_long(most: u64) -> Status {
    let info = [("body_bytes_max".to_owned(), most.to_string())];
    let details = ErrorDetails::with_error_info(Reason::LimitReached.as_str(), Reason::DOMAIN, info);
    Status::with_error_details(Code::ResourceExhausted, "the request is too long", details)
}

/// `grpc-timeout` says nothing.
pub(super) fn timeout_malformed() -> Status {
    let mut details = ErrorDetails::with_error_info(Reason::FieldInvalid.as_str(), Reason::DOMAIN, []);
    details.add_bad_request_violation("grpc-timeout", "up to 8 digits and one of H, M, S, m, u, n");
    Status::with_error_details(Code::InvalidArgument, "grpc-timeout is malformed", details)
}

/// The connection was not admitted.
pub(super) fn refused(refusal: Refusal) -> Status {
    let (code, reason) = match refusal {
        Refusal::CertificateInvalid => (Code::Unauthenticated, Reason::CertificateInvalid),
        Refusal::DeviceRevoked => (Code::PermissionDenied, Reason::DeviceRevoked),
        Refusal::LimitReached => (Code::ResourceExhausted, Reason::LimitReached),
    };
    let mut details = ErrorDetails::with_error_info(reason.as_str(), Reason::DOMAIN, []);
    if refusal == Refusal::LimitReached {
        details.set_retry_info(Some(CROWD));
    }
    Status::with_error_details(code, refusal.to_string(), details)
}

/// A handler panicked; the log has more.
pub(super) fn internal() -> Status {
    let details = ErrorDetails::with_error_info(Reason::Internal.as_str(), Reason::DOMAIN, []);
    Status::with_error_details(Code::Internal, "the relay has a defect; its log has the cause", details)
}
