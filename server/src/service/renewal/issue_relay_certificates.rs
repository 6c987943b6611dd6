//! `IssueRelayCertificates`: an issuer hands in the relay's own next certificates.

use tonic::{Request, Status};
use wardline_proto::relay::{IssueRelayCertificatesRequest, IssueRelayCertificatesResponse};

use crate::relay_renewal::RelayRenewalError;
use crate::service::{authorise, status};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<IssueRelayCertificatesRequest>,
) -> Result<IssueRelayCertificatesResponse, Status> {
    authorise::when_still(relay, &request, authorise::issuer).await?;
    let organisation = relay.organisation.steady().await;
    let new = (request.get_ref(), relay.clock.now());
    let taken = relay.renewal.take(&organisation, &relay.identity, new).await;
    taken.map_err(|error| match error {
        RelayRenewalError::Refused(refusal) => refusal.into(),
        other => status::internal(&other),
    })?;
    Ok(IssueRelayCertificatesResponse {})
}
