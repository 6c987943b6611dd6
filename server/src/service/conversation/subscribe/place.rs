//! What this relay has at a cursor that a device named: said before the conversation's entries, so that a device whose log is
//! another one takes in nothing of it.

use tonic::Status;
use wardline_proto::relay::LogPlace;
use wardline_proto::{ConversationId, DeviceId, EntryNumber};

use super::lies;
use crate::domain::conversation::{ConversationError, Place, place};
use crate::state::Relay;

/// The place; `None` if its entry is gone.
pub(super) async fn read(
    relay: &Relay,
    device: DeviceId,
    conversation: ConversationId,
    cursor: EntryNumber,
) -> Result<Option<LogPlace>, Status> {
    let read = relay.store.read("place", move |tx| Box::pin(place(tx, device, conversation, cursor)));
    let found: Result<Option<Place>, ConversationError> = read.await;
    Ok(found?.filter(|_| !lies::keeps_silent()).map(|place| LogPlace {
        conversation_id: conversation.to_wire(),
        number: place.number.get(),
        chain_hash: place.chain.digest().to_wire(),
    }))
}
