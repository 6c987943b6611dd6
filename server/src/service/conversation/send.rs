//! `Send`.

use std::sync::Arc;

use bytes::Bytes;
use tonic::{Request, Status};
use wardline_identity::Policy;
use wardline_proto::relay::authenticated_data::Kind;
use wardline_proto::relay::{SendRequest, SendResponse};
use wardline_proto::{ConversationId, DeviceId, Digest, Epoch, fault};

use super::header;
use crate::domain::conversation::{ConversationError, DeclarationFault, Message, Sent, send};
use crate::mls::ContentType;
use crate::service::{authorise, decode, write};
use crate::state::Relay;

pub(super) async fn answer(relay: &Relay, request: Request<SendRequest>) -> Result<SendResponse, Status> {
    let member = authorise::member(relay, &request)?;
    let message = parse(member.certificate.device(), request.into_inner())?;

    let (conversation, sender) = (message.conversation, message.sender);
    let (live, revocations) = (relay.live.clone(), Arc::clone(&relay.revocations));
    let Sent { receipt, .. } = write::for_device(
        relay,
        sender,
        "send",
        move |tx, now| {
            Box::pin(async move {
                let policy = match fault::planted("relay.no_policy") {
                    true => Policy::UNSET,
                    false => revocations.policy(),
                };
                let sent = send(tx, &message, &policy, now).await;
                fault::crash("crash.relay_send_uncommitted");
                sent
            })
        },
        move |sent| {
            fault::crash("crash.relay_send_unanswered");
            if sent.fresh && !fault::planted("mutant.deaf") {
                live.wake_conversation(conversation);
            }
        },
    )
    .await?;
    Ok(SendResponse {
        number: receipt.number.get(),
        chain_hash: receipt.chain.digest().to_wire(),
        stamp: Some(receipt.stamp.into()),
    })
}

fn parse(sender: DeviceId, request: SendRequest) -> Result<Message, Status> {
    let conversation: ConversationId = decode::id("conversation_id", &request.conversation_id)?;
    let id = decode::id("client_message_id", &request.client_message_id)?;
    let body: Bytes = request.message;
    decode::at_most("message", &body, MESSAGE_BYTES_MAX)?;
    let message = header::private_message(&body, conversation, ContentType::Application)?;
    let Kind::Message(data) = header::authenticated_data(&message)? else {
        return Err(ConversationError::from(DeclarationFault::Undecodable).into());
    };
    let epoch = Epoch::new(message.epoch);
    let sha256 = Digest::of(&body);
    Ok(Message { conversation, sender, id, epoch, life_seconds: data.life_seconds, body, sha256 })
}

/// As in the .proto.
const MESSAGE_BYTES_MAX: usize = 131_072;
