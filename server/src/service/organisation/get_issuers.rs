//! `GetIssuersList`: what whoever holds the root needs to sign the next list.

use tonic::{Request, Status};
use wardline_proto::relay::{GetIssuersListRequest, GetIssuersListResponse};

use crate::service::{authorise, decode, greeting, status};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<GetIssuersListRequest>,
) -> Result<GetIssuersListResponse, Status> {
    let exporter = authorise::exporter(&request)?;
    let proof = decode::present("proof", request.into_inner().proof)?;
    let organisation = relay.organisation.now();
    organisation
        .verify_root_proof(&proof, &exporter)
        .map_err(|error| status::statement_invalid("proof", &error.to_string()))?;
    Ok(GetIssuersListResponse {
        greeting: Some(greeting::of(relay).await?),
        organisation: Some(organisation.to_wire()),
        relay_certificates: relay.identity.leaves().to_vec(),
    })
}
