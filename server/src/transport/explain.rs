//! Gives the answers that tonic makes by itself a reason.
//!
//! Every status of ours carries details; one without them is tonic's word on a request that no handler has seen:
//! not decodable, too long, compressed, cut short, or a call that there is not. Left alone, most of them would blame
//! the relay (INTERNAL) and none would say why in a way that a client can act on.

use http::{HeaderMap, Response};
use tonic::{Code, Status, body::Body};

use super::status;

/// Beside tonic's refusal of a compressed request.
const ACCEPT_ENCODING: &str = "grpc-accept-encoding";

/// Explains what stands in the head of a response without a body.
pub(super) fn head(response: &mut Response<Body>) {
    trailers(response.headers_mut());
}

/// Explains what stands in trailers: a stream's end, or an answer that could not be encoded.
pub(super) fn trailers(headers: &mut HeaderMap) {
    let explained = Status::from_header_map(headers).and_then(|untyped| {
        let compressed = headers.contains_key(ACCEPT_ENCODING);
        explained(&untyped, compressed)
    });
    // Overwrites code and message; our reasons and messages are always valid header values.
    if let Some(explained) = explained
        && let Err(error) = explained.add_header(headers)
    {
        tracing::error!(%error, "a status does not fit into headers");
    }
}

/// What is to be said instead; `None` for what says enough.
fn explained(untyped: &Status, compressed: bool) -> Option<Status> {
    if !untyped.details().is_empty() {
        return None;
    }
    let said = untyped.message();
    match untyped.code() {
        // tonic's encoder, where our own answer is beyond the limit.
        Code::OutOfRange if said.contains("encoded message") && !said.contains("decoded message") => {
            tracing::error!(said, "an answer could not be sent");
            Some(status::internal())
        }
        Code::OutOfRange | Code::ResourceExhausted => Some(status::message_too_long(said)),
        Code::Unimplemented if compressed => Some(status::malformed("grpc-encoding", said)),
        Code::Unimplemented => Some(status::call_unknown()),
        // Its decoder, and bodies that did not arrive whole.
        Code::Internal | Code::Unknown => Some(status::malformed("request", said)),
        Code::DeadlineExceeded => Some(status::deadline_exceeded()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;
    use wardline_proto::Reason;

    use super::*;

    fn said(untyped: Status) -> (Code, String) {
        let mut response = untyped.into_http();
        head(&mut response);
        let status = Status::from_header_map(response.headers()).expect("a status");
        let reason = status.get_error_details().error_info().map(|info| info.reason.clone());
        (status.code(), reason.unwrap_or_default())
    }

    #[test]
    fn what_tonic_says_by_itself_gets_a_reason() {
        let cases = [
            (Status::internal("failed to decode"), Code::InvalidArgument, Reason::FieldInvalid),
            (Status::unknown("the body did not arrive"), Code::InvalidArgument, Reason::FieldInvalid),
            (Status::unimplemented(""), Code::Unimplemented, Reason::CallUnknown),
            (
                Status::out_of_range(
                    "Error, decoded message length too large: found 9 bytes, the limit is: 8 bytes",
                ),
                Code::ResourceExhausted,
                Reason::LimitReached,
            ),
            (
                Status::out_of_range(
                    "Error, encoded message length too large: found 9 bytes, the limit is: 8 bytes",
                ),
                Code::Internal,
                Reason::Internal,
            ),
        ];
        for (untyped, code, reason) in cases {
            let name = untyped.to_string();
            assert_eq!(said(untyped), (code, reason.as_str().to_owned()), "{name}");
        }
    }

    #[test]
    fn our_own_word_stands() {
        assert_eq!(said(status::internal()), (Code::Internal, "INTERNAL".to_owned()));
        assert_eq!(said(status::shutting_down()), (Code::Unavailable, "SHUTTING_DOWN".to_owned()));
        assert_eq!(said(Status::not_found("a service, says the health check")).0, Code::NotFound);
    }

    #[test]
    fn an_answer_without_a_status_is_left_alone() {
        let mut response = Response::new(Body::empty());
        head(&mut response);
        assert!(response.headers().is_empty());
    }
}
