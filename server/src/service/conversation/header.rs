//! What `Commit` and `Send` check of an MLSMessage alike, before anything is looked up.

use prost::Message as _;
use tonic::Status;
use wardline_proto::{
    ConversationId, Reason,
    relay::{AuthenticatedData, authenticated_data::Kind},
};

use crate::domain::conversation::{ConversationError, DeclarationFault};
use crate::mls::{ContentType, MlsError, PrivateMessage};
use crate::service::status::Refusal;

/// Parses a PrivateMessage of this content for this conversation.
pub(super) fn private_message(
    bytes: &[u8],
    conversation: ConversationId,
    content_type: ContentType,
) -> Result<PrivateMessage<'_>, Status> {
    let message = PrivateMessage::parse(bytes)?;
    if message.content_type != content_type {
        return Err(MlsError::WrongKind.into());
    }
    if message.group_id != conversation.as_bytes() {
        return Err(Refusal::new(Reason::GroupMismatch, "the message belongs to another group").into());
    }
    Ok(message)
}

/// Decodes the authenticated data, which is exactly what its fields are encoded to: nothing readable rides in
/// what a decoder skips.
pub(super) fn authenticated_data(message: &PrivateMessage<'_>) -> Result<Kind, ConversationError> {
    let undecodable = ConversationError::Declaration(DeclarationFault::Undecodable);
    let decoded = AuthenticatedData::decode(message.authenticated_data).ok();
    let exact = decoded.filter(|data| data.encode_to_vec() == message.authenticated_data);
    exact.and_then(|data| data.kind).ok_or(undecodable)
}
