//! The few answers that the doors give themselves.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use wardline_proto::Reason;

use super::Refusal;

/// When a client may come back after a restart.
const RESTART: Duration = Duration::from_secs(2);

/// When a client may come back to a relay that is full.
const CROWD: Duration = Duration::from_secs(30);

/// When a client may try again what other calls leave no room for.
const MOMENT: Duration = Duration::from_secs(2);

/// The caller's time, or the relay's patience, is over.
pub(super) fn deadline_exceeded() -> Status {
    let details = ErrorDetails::with_error_info(Reason::DeadlineExceeded.as_str(), Reason::DOMAIN, []);
    Status::with_error_details(Code::DeadlineExceeded, "the deadline has passed", details)
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

/// There is no room for the request's body now.
pub(super) fn bodies_full() -> Status {
    crowded("too many long requests at one time", MOMENT)
}

/// The device has as many calls running as it may.
pub(super) fn too_many_calls() -> Status {
    crowded("too many calls at one time", MOMENT)
}

fn crowded(message: &str, retry: Duration) -> Status {
    let mut details = ErrorDetails::with_error_info(Reason::LimitReached.as_str(), Reason::DOMAIN, []);
    details.set_retry_info(Some(retry));
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

/// The request's message is longer than its call takes; `said` names both lengths.
pub(super) fn message_too_long(said: &str) -> Status {
    let details = ErrorDetails::with_error_info(Reason::LimitReached.as_str(), Reason::DOMAIN, []);
    let message = format!("the request is too long: {said}");
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

/// `grpc-timeout` says nothing.
pub(super) fn timeout_malformed() -> Status {
    malformed("grpc-timeout", "up to 8 digits and one of H, M, S, m, u, n")
}

/// A part of the request, outside its fields, is not what gRPC asks for.
pub(super) fn malformed(part: &str, expected: &str) -> Status {
    let mut details = ErrorDetails::with_error_info(Reason::FieldInvalid.as_str(), Reason::DOMAIN, []);
    details.add_bad_request_violation(part, expected);
    Status::with_error_details(Code::InvalidArgument, format!("{part} is malformed"), details)
}

/// There is no such call.
pub(super) fn call_unknown() -> Status {
    let details = ErrorDetails::with_error_info(Reason::CallUnknown.as_str(), Reason::DOMAIN, []);
    Status::with_error_details(Code::Unimplemented, "the relay knows no such call", details)
}

/// The connection was not admitted.
pub(super) fn refused(refusal: Refusal) -> Status {
    let (code, reason) = match refusal {
        Refusal::CertificateInvalid => (Code::Unauthenticated, Reason::CertificateInvalid),
        Refusal::CertificateStruck => (Code::Unauthenticated, Reason::CertificateStruck),
        Refusal::DeviceRevoked { .. } => (Code::PermissionDenied, Reason::DeviceRevoked),
        Refusal::LimitReached => (Code::ResourceExhausted, Reason::LimitReached),
    };
    let mut said = HashMap::new();
    if let Refusal::DeviceRevoked { reason, since } = refusal {
        said.insert("reason".to_owned(), reason.to_string());
        said.insert("since_ms".to_owned(), since.get().to_string());
    }
    let mut details = ErrorDetails::with_error_info(reason.as_str(), Reason::DOMAIN, said);
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
