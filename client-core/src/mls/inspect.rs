//! What a message shows without any key: the header of a PrivateMessage, or what else it is.
//!
//! Nothing here is authenticated.

use openmls::prelude::{ContentType, MlsMessageBodyIn, MlsMessageIn, ProtocolMessage};
use tls_codec::DeserializeBytes as _;
use wardline_proto::{ConversationId, Epoch};

use super::MlsError;

/// What an MLSMessage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A PrivateMessage of content type application.
    Application,
    /// A PrivateMessage of content type commit.
    Commit,
}

/// The header of a PrivateMessage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its group.
    pub conversation: ConversationId,
    /// Its epoch.
    pub epoch: Epoch,
    /// What it is.
    pub kind: Kind,
}

/// The header of a commit or application message.
///
/// # Errors
/// [`MlsError::Malformed`] for everything else: trailing bytes, proposals, public messages.
pub fn header(message: &[u8]) -> Result<Header, MlsError> {
    parse(message).map(|(header, _)| header)
}

/// The authenticated data of a commit or application message, in the clear.
///
/// # Errors
/// [`MlsError::Malformed`] for everything else.
pub fn authenticated_data(message: &[u8]) -> Result<Vec<u8>, MlsError> {
    let message = MlsMessageIn::tls_deserialize_exact_bytes(message).map_err(|_| MlsError::Malformed)?;
    match message.extract() {
        MlsMessageBodyIn::PrivateMessage(message) => Ok(message.aad().to_vec()),
        _ => Err(MlsError::Malformed),
    }
}

/// Parses a commit or application message.
pub(super) fn parse(message: &[u8]) -> Result<(Header, ProtocolMessage), MlsError> {
    let message = MlsMessageIn::tls_deserialize_exact_bytes(message).map_err(|_| MlsError::Malformed)?;
    let MlsMessageBodyIn::PrivateMessage(message) = message.extract() else {
        return Err(MlsError::Malformed);
    };
    let message = ProtocolMessage::from(message);
    let kind = match message.content_type() {
        ContentType::Application => Kind::Application,
        ContentType::Commit => Kind::Commit,
        ContentType::Proposal => return Err(MlsError::Malformed),
    };
    let conversation =
        ConversationId::try_from(message.group_id().as_slice()).map_err(|_| MlsError::OtherConversation)?;
    let epoch = Epoch::new(message.epoch().as_u64());
    Ok((Header { conversation, epoch, kind }, message))
}
