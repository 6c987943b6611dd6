//! `GetOrganisation`: root and issuers, as the bundle brought them. Clients check them against their own pin.

use tonic::{Request, Status};
use wardline_proto::relay::{GetOrganisationRequest, GetOrganisationResponse};

use crate::service::authorise;
use crate::state::Relay;

pub(super) fn answer(
    relay: &Relay,
    request: &Request<GetOrganisationRequest>,
) -> Result<GetOrganisationResponse, Status> {
    authorise::device(relay, request)?;
    Ok(GetOrganisationResponse { organisation: Some(relay.organisation.to_wire()) })
}
