//! `RequestIssuer`: a device asks to be an issuer's machine; whoever holds the root decides.

use prost::Message as _;
use tonic::{Request, Status};
use wardline_identity::IssuerRequest;
use wardline_proto::relay::{RequestIssuerRequest, RequestIssuerResponse};

use crate::domain::organisation::{StoredIssuerRequest, request_issuer};
use crate::service::{authorise, decode, status, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<RequestIssuerRequest>,
) -> Result<RequestIssuerResponse, Status> {
    let device = authorise::issuer(relay, &request)?;
    let statement = decode::present("request", request.into_inner().request)?;
    if statement.encoded_len() > REQUEST_BYTES_MAX {
        return Err(status::field_invalid("request", "at most 4,096 bytes"));
    }
    let organisation = relay.organisation.steady().await;
    let verified = IssuerRequest::verify(&organisation, &statement, device.der(), relay.clock.now())
        .map_err(|error| status::statement_invalid("request", &error.to_string()))?;
    let stored = StoredIssuerRequest::new(&verified, statement);
    let kept = write::for_device(
        relay,
        device.device(),
        "request_issuer",
        move |tx, now| Box::pin(async move { request_issuer(tx, &stored, now).await }),
        move |()| drop(organisation),
    );
    kept.await?;
    Ok(RequestIssuerResponse {})
}

/// As the wire says of `RequestIssuerRequest.request`.
const REQUEST_BYTES_MAX: usize = 4_096;
