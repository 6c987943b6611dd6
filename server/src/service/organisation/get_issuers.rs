//! `GetIssuersList`: what whoever holds the root needs to sign the next list.

use tonic::{Request, Status};
use wardline_proto::fault;
use wardline_proto::relay::{GetIssuersListRequest, GetIssuersListResponse};

use crate::service::{authorise, decode, greeting, status};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<GetIssuersListRequest>,
) -> Result<GetIssuersListResponse, Status> {
    let exporter = authorise::exporter(&request)?;
    let request = request.into_inner();
    let proof = decode::present("proof", request.proof)?;
    relay
        .organisation
        .now()
        .verify_root_proof(&proof, &exporter)
        .map_err(|error| status::statement_invalid("proof", &error.to_string()))?;
    if request.keep_still {
        relay.still.begin();
        // What had begun before is on disk, and in what is shown.
        if !fault::planted("mutant.shown_before_written") {
            drop(relay.organisation.changing().await);
        }
    }
    Ok(GetIssuersListResponse {
        greeting: Some(greeting::of(relay).await?),
        organisation: Some(relay.organisation.now().to_wire()),
        relay_certificates: relay.identity.leaves().to_vec(),
    })
}
