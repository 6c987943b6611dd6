//! Why a report or a request to members was not taken.

use super::GroundFault;
use crate::{domain::conversation::ConversationError, store::StoreError};

/// A refusal, or a failure of the store. Nothing is stored.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum MembershipError {
    /// Peer: by the conversation's rules.
    #[error(transparent)]
    Conversation(#[from] ConversationError),
    /// Peer: the statement is no ground for what is asked.
    #[error("the statement is no ground: {0}")]
    Ground(#[from] GroundFault),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
