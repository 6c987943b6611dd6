//! `GetOrganisation`: root and issuers, by the list in force. Clients check them against their own pin.

use tonic::{Request, Status};
use wardline_proto::relay::{GetOrganisationRequest, GetOrganisationResponse};

use crate::service::authorise;
use crate::state::Relay;

pub(super) fn answer(
    relay: &Relay,
    request: &Request<GetOrganisationRequest>,
) -> Result<GetOrganisationResponse, Status> {
    authorise::device(relay, request)?;
    Ok(GetOrganisationResponse { organisation: Some(relay.organisation.now().to_wire()) })
}
