//! `CreateConversation`.

use tonic::{Request, Status};
use wardline_proto::relay::{CreateConversationRequest, CreateConversationResponse};

use crate::domain::conversation::{NewConversation, create};
use crate::service::{authorise, decode};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<CreateConversationRequest>,
) -> Result<CreateConversationResponse, Status> {
    let member = authorise::member(relay, &request)?;
    let request = request.into_inner();
    let new = NewConversation {
        id: decode::id("conversation_id", &request.conversation_id)?,
        suite: decode::suite("cipher_suite", request.cipher_suite)?,
        creator: member.certificate.device(),
        created_at: relay.clock.now(),
    };
    let (device, conversation) = (new.creator, new.id);
    let live = relay.live.clone();
    let created_at = relay
        .store
        .write_then(
            "create_conversation",
            move |tx| Box::pin(async move { create(tx, &new).await }),
            move |_| live.wake_joined(device, conversation),
        )
        .await?;
    Ok(CreateConversationResponse { created_at: Some(created_at.into()) })
}
