//! `CreateConversation`.

use tonic::{Request, Status};
use wardline_proto::relay::{CreateConversationRequest, CreateConversationResponse, Predecessor};
use wardline_proto::{ConversationId, EntryNumber};

use crate::domain::conversation::{NewConversation, create};
use crate::domain::membership::{NewSuccessor, Succeeded, succeed};
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
    let predecessor = request.predecessor.as_ref().map(predecessor).transpose()?;
    let (live, tasks) = (relay.live.clone(), relay.tasks.clone());
    let Succeeded { created, .. } = write::for_device(
        relay,
        device,
        "create_conversation",
        move |tx, now| {
            let before = predecessor.map(|(id, _)| id);
            let new = NewConversation {
                id: conversation,
                suite,
                creator: device,
                created_at: now,
                predecessor: before,
            };
            Box::pin(async move {
                match predecessor {
                    None => {
                        let created = create(tx, &new).await?;
                        Ok(Succeeded { created, gave_way: None })
                    }
                    Some((predecessor, number)) => {
                        succeed(tx, &NewSuccessor { new, predecessor, number }, now).await
                    }
                }
            })
        },
        move |succeeded: &Succeeded| {
            if !succeeded.created.fresh {
                return;
            }
            live.wake_joined(device, conversation);
            if let Some((before, _)) = predecessor {
                // Its members are told what goes on from it, and those who wait to be let in wait here.
                live.wake_conversation(before);
                tasks.owed(before);
                tasks.owed(conversation);
            }
            if let Some(gave_way) = succeeded.gave_way {
                live.wake_conversation(gave_way);
            }
        },
    )
    .await?;
    Ok(CreateConversationResponse { created_at: Some(created.at.into()) })
}

fn predecessor(wire: &Predecessor) -> Result<(ConversationId, EntryNumber), Status> {
    let conversation = decode::id("predecessor.conversation_id", &wire.conversation_id)?;
    Ok((conversation, EntryNumber::new(wire.number)))
}
