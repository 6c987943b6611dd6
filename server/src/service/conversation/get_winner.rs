//! `GetWinner`.

use tonic::{Request, Status};
use wardline_proto::Epoch;
use wardline_proto::relay::{GetWinnerRequest, GetWinnerResponse};

use super::wire;
use crate::domain::conversation::{Winner, winner};
use crate::service::{authorise, decode};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<GetWinnerRequest>,
) -> Result<GetWinnerResponse, Status> {
    let device = authorise::member(relay, &request)?.certificate.device();
    let request = request.into_inner();
    let conversation = decode::id("conversation_id", &request.conversation_id)?;
    let epoch = Epoch::new(request.epoch);
    let found = relay
        .store
        .read("get_winner", move |tx| Box::pin(async move { winner(tx, device, conversation, epoch).await }))
        .await?;
    Ok(match found {
        Winner::Open => GetWinnerResponse::default(),
        Winner::Commit(entry) => GetWinnerResponse {
            chain_hash: entry.receipt.chain.digest().to_wire(),
            winner: Some(wire::entry(*entry, device)?),
        },
    })
}
