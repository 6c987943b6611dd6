//! `ConfirmUnlock`: the vault is open, and its device says so.

use tonic::{Request, Status};
use wardline_identity::{UnlockConfirmation, UnlockTryError};
use wardline_proto::Digest;
use wardline_proto::relay::{ConfirmUnlockRequest, ConfirmUnlockResponse};

use super::{period_secrets, read_pair};
use crate::domain::period::parse;
use crate::domain::unlock::{UnlockRefusal, confirm};
use crate::service::{authorise, decode, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<ConfirmUnlockRequest>,
) -> Result<ConfirmUnlockResponse, Status> {
    let exporter = authorise::exporter(&request)?;
    let request = request.into_inner();
    let statement = decode::present("confirmation", request.confirmation)?;
    let periods = parse(&request.period_ends_ms)?;
    let named = UnlockConfirmation::named(&statement).map_err(UnlockRefusal::Try)?;
    let pair = read_pair(relay, named).await?;
    let device = pair.device;

    // 1. By a certificate of its own: what an opened vault has, also when it has lapsed, or its issuer was struck.
    let signer =
        Digest::try_from(&statement.signer).map_err(|_| UnlockTryError::Field { field: "confirmation" });
    let signer = signer.map_err(UnlockRefusal::Try)?;
    let good = relay.devices.own(device, &signer);
    let struck = good.is_none();
    let certificate = good.or_else(|| relay.devices.own_struck(device, &signer));
    let certificate = certificate.ok_or(UnlockRefusal::Unknown)?;
    let said = UnlockConfirmation::verify(&statement, &certificate, &exporter).map_err(UnlockRefusal::Try)?;
    authorise::in_force(relay, device)?;

    // 2. No try counts any more. Of one whose issuer was struck nothing is taken.
    if !struck {
        let confirmed = write::for_vault(relay, device, "confirm_unlock", move |tx, _| {
            Box::pin(async move { confirm(tx, device, (said.pair, said.by), said.generation).await })
        });
        confirmed.await?;
    }

    // 3. What it needs to read what it has.
    Ok(ConfirmUnlockResponse { secrets: period_secrets::of(relay, device, &periods).await?, struck })
}
