//! `Ack`.

use tonic::{Request, Status};
use wardline_proto::relay::{AckRequest, AckResponse, Cursor};
use wardline_proto::{EntryNumber, fault};

use crate::domain::conversation::{CursorMove, ack};
use crate::service::{authorise, decode, status, write};
use crate::state::Relay;

pub(super) async fn answer(relay: &Relay, request: Request<AckRequest>) -> Result<AckResponse, Status> {
    let device = authorise::member(relay, &request)?.certificate.device();
    let cursors = &request.get_ref().cursors;
    if cursors.len() > CURSORS_MAX {
        return Err(status::field_invalid("cursors", "at most 1,000"));
    }
    let moves = cursors.iter().map(cursor).collect::<Result<Vec<_>, _>>()?;
    let (tasks, moved) = (relay.tasks.clone(), moves.iter().map(|one| one.conversation).collect::<Vec<_>>());
    write::for_device(
        relay,
        device,
        "ack",
        move |tx, _| Box::pin(async move { ack(tx, device, &moves).await }),
        // Who has what let it in, or a commit that others cannot follow, can be asked from now on.
        move |()| {
            if !fault::planted("mutant.unheard_acks") {
                moved.into_iter().for_each(|conversation| tasks.moved(conversation));
            }
        },
    )
    .await?;
    Ok(AckResponse {})
}

/// Takes a cursor from the wire.
pub(super) fn cursor(cursor: &Cursor) -> Result<CursorMove, Status> {
    let conversation = decode::id("cursors.conversation_id", &cursor.conversation_id)?;
    Ok(CursorMove { conversation, number: EntryNumber::new(cursor.number) })
}

/// As in the .proto.
const CURSORS_MAX: usize = 1_000;
