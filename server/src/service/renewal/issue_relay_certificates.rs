//! `IssueRelayCertificates`: an issuer hands in the relay's own next certificates. The record says by whom.

use tonic::{Request, Status};
use wardline_identity::RecordAct;
use wardline_proto::Digest;
use wardline_proto::relay::{IssueRelayCertificatesRequest, IssueRelayCertificatesResponse};

use crate::domain::organisation::OrganisationError;
use crate::domain::record::record;
use crate::relay_renewal::RelayRenewalError;
use crate::service::{authorise, status, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<IssueRelayCertificatesRequest>,
) -> Result<IssueRelayCertificatesResponse, Status> {
    let by = authorise::when_still(relay, &request, authorise::issuer).await?.device();
    let organisation = relay.organisation.steady().await;
    let new = request.get_ref();
    let act = RecordAct::RelayCertified {
        certificates: [Digest::of(&new.certificate_ed25519), Digest::of(&new.certificate_p256)],
        issuer: Digest::of(&new.issuer),
        by,
    };
    let recorded = write::for_device(
        relay,
        by,
        "record_relay_certificates",
        move |tx, now| Box::pin(async move { Ok::<_, OrganisationError>(record(tx, now, act).await?) }),
        |()| {},
    );
    let taken = relay.renewal.take(&organisation, &relay.identity, (new, relay.clock.now()), recorded).await;
    taken.map_err(|error| match error {
        RelayRenewalError::Refused(refusal) => refusal.into(),
        RelayRenewalError::Unrecorded(status) => *status,
        other => status::internal(&other),
    })?;
    Ok(IssueRelayCertificatesResponse {})
}
