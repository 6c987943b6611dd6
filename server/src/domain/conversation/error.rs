//! Why a conversation did not take what it was given.

use std::time::Duration;

use wardline_identity::Forbidden;
use wardline_proto::{ConversationId, DeviceId, EntryNumber, Epoch};

use super::DeclarationFault;
use crate::store::StoreError;

/// A refusal, or a failure of the store. Nothing is stored.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConversationError {
    /// Peer: no such conversation, or the caller is not in it.
    #[error("not a member of the conversation")]
    NotAMember,
    /// Peer: somebody has the id.
    #[error("the conversation id is taken")]
    Exists,
    /// Peer: the epoch has moved on, or is not reached.
    #[error("the conversation is in epoch {current}")]
    EpochConflict {
        /// The conversation's epoch.
        current: Epoch,
    },
    /// Peer: the device's messages of this epoch are used up.
    #[error("the device sent all its messages of this epoch; commit first")]
    EpochFull,
    /// Peer: the log is closed; a successor takes over.
    #[error("the log is closed: another conversation takes over")]
    Closed {
        /// Which, once it is made.
        successor: Option<ConversationId>,
    },
    /// Peer: another successor came first.
    #[error("another successor came first")]
    SuccessorExists {
        /// Which.
        successor: ConversationId,
    },
    /// Peer: the entry that was named is another in the log, or not there.
    #[error("the entry is another in the log")]
    EntryMismatch,
    /// Peer: a device inside the fence must leave first.
    #[error("a revoked device must leave first")]
    RevocationPending,
    /// Peer: a message's life is beyond the bounds.
    #[error("a message lives 300 to 31536000 seconds, not {life_seconds}")]
    LifeOutOfRange {
        /// What it said.
        life_seconds: u32,
    },
    /// Peer: the policy in force does not permit it.
    #[error("the organisation's policy does not permit it: {forbidden}")]
    Forbidden {
        /// What is not permitted.
        forbidden: Forbidden,
        /// The policy's number.
        policy: u64,
    },
    /// Peer: a cursor past the last entry that the device may see.
    #[error("the log ends at {head}")]
    CursorBeyondHead {
        /// The conversation.
        conversation: ConversationId,
        /// The last entry.
        head: EntryNumber,
    },
    /// Peer: the declaration in the authenticated data does not fit.
    #[error("the declaration does not fit: {0}")]
    Declaration(#[from] DeclarationFault),
    /// Peer: the Welcome does not fit.
    #[error("the Welcome does not fit: {0}")]
    Welcome(#[from] WelcomeFault),
    /// Peer: a device that is revoked or on hold would come in.
    #[error("device {device} is revoked or on hold")]
    JoinRevoked {
        /// Which.
        device: DeviceId,
    },
    /// Peer: a device would come in whose certificate is no longer good.
    #[error("the certificate of device {device} is no longer good by issuers' list {number}")]
    JoinStruck {
        /// Which.
        device: DeviceId,
        /// The relay's list.
        number: u64,
    },
    /// Peer: the conversation would have too many devices.
    #[error("a conversation has at most 500 devices")]
    Full,
    /// Peer: too many commits.
    #[error("at most ten commits a minute")]
    CommitRate {
        /// When the next may come.
        retry_after: Duration,
    },
    /// Peer: the device was let in too often lately to be added anew once more.
    #[error("a device is let into a conversation at most 20 times in ten minutes")]
    LetInTooOften {
        /// When it may say again that it cannot follow.
        retry_after: Duration,
    },
    /// Peer: the device won last, and another one comes first.
    #[error("another member's commit comes first")]
    YieldTurn {
        /// When its turn is over.
        retry_after: Duration,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is wrong with a Welcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WelcomeFault {
    /// Devices join without one.
    #[error("there are joins and no Welcome")]
    Missing,
    /// There is one and nobody joins.
    #[error("there is a Welcome and no joins")]
    Unexpected,
    /// It is of another suite than the conversation.
    #[error("it is of another cipher suite")]
    Suite,
    /// Its references are not exactly packages handed out to the caller for the joins, one each.
    #[error("its references are not the packages handed out for the joins")]
    References,
}
