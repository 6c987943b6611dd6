//! `ConfirmUnlock`: the vault is open, and its device says so.

use tonic::{Request, Status};
use wardline_identity::{UnlockConfirmation, UnlockTryError};
use wardline_proto::Digest;
use wardline_proto::relay::{ConfirmUnlockRequest, ConfirmUnlockResponse};

use super::read_pair;
use crate::domain::unlock::{UnlockRefusal, confirm};
use crate::service::{authorise, decode, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<ConfirmUnlockRequest>,
) -> Result<ConfirmUnlockResponse, Status> {
    let exporter = authorise::exporter(&request)?;
    let statement = decode::present("confirmation", request.into_inner().confirmation)?;
    let named = UnlockConfirmation::named(&statement).map_err(UnlockRefusal::Try)?;
    let pair = read_pair(relay, named).await?;
    // By a certificate of its own, in force: what an opened vault has.
    let signer =
        Digest::try_from(&statement.signer).map_err(|_| UnlockTryError::Field { field: "confirmation" });
    let signer = signer.map_err(UnlockRefusal::Try)?;
    if relay.devices.is_struck(&signer) {
        return Err(authorise::struck().into());
    }
    let certificate = relay.devices.own(pair.device, &signer).ok_or(UnlockRefusal::Unknown)?;
    let said = UnlockConfirmation::verify(&statement, &certificate, &exporter).map_err(UnlockRefusal::Try)?;
    // One that has lapsed meanwhile opens its vault to have it renewed: nothing is handed out for this.
    authorise::in_force(relay, pair.device)?;
    let device = pair.device;
    let confirmed = write::for_vault(relay, device, "confirm_unlock", move |tx, _| {
        Box::pin(async move { confirm(tx, device, (said.pair, said.by), said.generation).await })
    });
    confirmed.await?;
    Ok(ConfirmUnlockResponse {})
}
