//! What became of a device in a conversation that it was in when a list named it.

use bytes::Bytes;
use wardline_proto::{ConversationId, DeviceId, Digest, EntryNumber, Epoch, UtcMillis};

/// A conversation that owes a device's removal, or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Which.
    pub conversation: ConversationId,
    /// The list that named the device first.
    pub list_number: u64,
    /// Since when that list is in force.
    pub in_force_at: UtcMillis,
    /// How it ended; `None` while it is open.
    pub closure: Option<RemovalClosure>,
}

/// How a removal ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovalClosure {
    /// When.
    pub taken_at: UtcMillis,
    /// By which commit; `None` where the hold ended first, or the log was closed with all in it revoked.
    pub commit: Option<RemovingCommit>,
}

/// The commit by which a device went out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovingCommit {
    /// The log that has it.
    pub log: ConversationId,
    /// Its number.
    pub number: EntryNumber,
    /// The epoch it ended.
    pub epoch: Epoch,
    /// SHA-256 of its MLSMessage.
    pub sha256: Digest,
    /// The encoded CommitAuthor statement.
    pub author: Bytes,
    /// The encoded RemovalConfirmation statement of a second member, once there is one.
    pub confirmation: Option<Bytes>,
}

/// What a commit has closed in its own log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedBy {
    /// The commit.
    pub commit: RemovingCommit,
    /// Who made it.
    pub committer: DeviceId,
    /// Whom it removed, ascending.
    pub devices: Vec<DeviceId>,
}

/// A device as its row tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Which.
    pub device: DeviceId,
    /// When it last had a connection, to the minute.
    pub last_seen_at: Option<UtcMillis>,
    /// In how many open conversations it is.
    pub conversations: u32,
    /// What its client said of itself when it last subscribed.
    pub software: Option<String>,
}
