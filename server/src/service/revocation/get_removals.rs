//! `GetRemovals`: what became of a device in each conversation that it was in.

use prost::{DecodeError, Message as _};
use tonic::{Request, Status};
use wardline_proto::DeviceId;
use wardline_proto::relay::{self as pb, GetRemovalsRequest, GetRemovalsResponse, SignedStatement};

use crate::domain::organisation::OrganisationView as _;
use crate::domain::revocation::{Removal, RemovalClosure, RevocationView as _};
use crate::service::{authorise, decode, status};
use crate::state::Relay;
use crate::store::StoreError;

pub(super) async fn answer(
    relay: &Relay,
    request: &Request<GetRemovalsRequest>,
) -> Result<GetRemovalsResponse, Status> {
    let (_, oversight) = authorise::oversight(relay, request)?;
    let device = decode::id::<DeviceId>("device_id", &request.get_ref().device_id)?;
    let read = relay.store.read("read_removals", move |tx| {
        Box::pin(async move {
            let owner = tx.device_owner(device).await?;
            Ok::<_, StoreError>((owner, tx.removals(device).await?))
        })
    });
    let (owner, removals) = read.await?;
    oversight.check(owner.as_ref().map(|owner| &owner.user))?;
    let removals: Result<Vec<_>, _> = removals.into_iter().map(wire).collect();
    Ok(GetRemovalsResponse { removals: removals? })
}

fn wire(removal: Removal) -> Result<pb::Removal, Status> {
    Ok(pb::Removal {
        conversation_id: removal.conversation.to_wire(),
        list_number: removal.list_number,
        in_force_at: Some(removal.in_force_at.into()),
        closure: removal.closure.map(closure).transpose()?,
    })
}

fn closure(closure: RemovalClosure) -> Result<pb::RemovalClosure, Status> {
    let taken_at = Some(closure.taken_at.into());
    let Some(commit) = closure.commit else {
        return Ok(pb::RemovalClosure { taken_at, ..pb::RemovalClosure::default() });
    };
    // It was encoded by this relay: an undecodable one is a defect, or a damaged database.
    let statement =
        |encoded| SignedStatement::decode(encoded).map_err(|error: DecodeError| status::internal(&error));
    Ok(pb::RemovalClosure {
        number: commit.number.get(),
        epoch: commit.epoch.get(),
        commit_sha256: commit.sha256.to_wire(),
        author: Some(statement(commit.author)?),
        taken_at,
        conversation_id: commit.log.to_wire(),
        confirmation: commit.confirmation.map(statement).transpose()?,
    })
}
