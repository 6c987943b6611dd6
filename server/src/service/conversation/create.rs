//! `CreateConversation`.

use tonic::{Request, Status};
use wardline_proto::relay::{CreateConversationRequest, CreateConversationResponse};

use crate::domain::conversation::{NewConversation, create};
use crate::service::{authorise, decode, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<CreateConversationRequest>,
) -> Result<CreateConversationResponse, Status> {
    let member = authorise::member(relay, &request)?;
    let request = request.into_inner();
    let device = member.certificate.device();
    let conversation = decode::id("conversation_id", &request.conversation_id)?;
    let suite = decode::suite("cipher_suite", request.cipher_suite)?;
    let live = relay.live.clone();
    let created = write::for_device(
        relay,
        device,
        "create_conversation",
        move |tx, now| {
            let new = NewConversation { id: conversation, suite, creator: device, created_at: now };
            Box::pin(async move { create(tx, &new).await })
        },
        move |created| {
            if created.fresh {
                live.wake_joined(device, conversation);
            }
        },
    )
    .await?;
    Ok(CreateConversationResponse { created_at: Some(created.at.into()) })
}
