//! The shapes of what is stored of conversations: what the rules read, and what they write.

use bytes::Bytes;
use wardline_proto::{
    ChainHash, ChainLink, ClientMessageId, ConversationId, DeviceId, Digest, EntryNumber, Epoch, Suite,
    UtcMillis,
};

/// A conversation's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its suite.
    pub suite: Suite,
    /// Who made it.
    pub creator: DeviceId,
    /// When it was made.
    pub created_at: UtcMillis,
    /// Its epoch.
    pub epoch: Epoch,
    /// Its last entry.
    pub head: EntryNumber,
    /// The chain hash with that.
    pub chain: ChainHash,
    /// The last entry's stamp; before the first one when the conversation was made.
    pub head_stamp: UtcMillis,
    /// Who won the last epoch; absent before the first commit.
    pub turn: Option<Turn>,
    /// Whether the log is closed.
    pub closed: bool,
    /// What goes on from it, if it is closed.
    pub successor: Option<ConversationId>,
    /// The closed log that it goes on from.
    pub predecessor: Option<ConversationId>,
}

/// The last winner, and whether it must let others come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Who won the last epoch.
    pub winner: DeviceId,
    /// Until when it takes no other turn; absent while no loser was told.
    pub yields_until: Option<UtcMillis>,
}

/// What a send is judged by.
#[derive(Debug, Clone, Default)]
pub struct SendView {
    /// The answer that the device got for this id.
    pub known: Option<Receipt>,
    /// What there is if the device is a member.
    pub place: Option<SendPlace>,
}

/// Where a member's message would go.
#[derive(Debug, Clone, Copy)]
pub struct SendPlace {
    /// Whether the log is closed.
    pub closed: bool,
    /// What goes on from it, if it is closed.
    pub successor: Option<ConversationId>,
    /// Whether anybody must leave first.
    pub fenced: bool,
    /// The epoch.
    pub epoch: Epoch,
    /// The last entry.
    pub head: EntryNumber,
    /// The chain hash with that.
    pub chain: ChainHash,
    /// The last entry's stamp.
    pub head_stamp: UtcMillis,
    /// How many messages the device sent in this epoch.
    pub sent_in_epoch: u64,
    /// When the epoch began.
    pub epoch_at: UtcMillis,
    /// Whether it has a message, by anybody.
    pub has_message: bool,
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Its number.
    pub number: EntryNumber,
    /// The chain hash with it.
    pub chain: ChainHash,
    /// When it was accepted; never before the entry before it.
    pub stamp: UtcMillis,
}

/// A commit that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitRecord {
    /// Whose.
    pub sender: DeviceId,
    /// SHA-256 of its bytes.
    pub message_sha256: Digest,
    /// Where it stands.
    pub receipt: Receipt,
}

/// A package that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedReference {
    /// Whose package it is.
    pub device: DeviceId,
    /// Its suite.
    pub suite: Suite,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A commit.
    Commit,
    /// An application message.
    Message,
}

impl EntryKind {
    /// The wire's and the chain's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Commit => 1,
            Self::Message => 2,
        }
    }

    /// From the number.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Commit),
            2 => Some(Self::Message),
            _ => None,
        }
    }
}

/// A conversation to open.
#[derive(Debug, Clone)]
pub struct NewConversation {
    /// Its id.
    pub id: ConversationId,
    /// Its suite.
    pub suite: Suite,
    /// Who makes it.
    pub creator: DeviceId,
    /// When.
    pub created_at: UtcMillis,
    /// The closed log that it goes on from.
    pub predecessor: Option<ConversationId>,
}

/// An entry to append.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// The log.
    pub conversation: ConversationId,
    /// What it is.
    pub kind: EntryKind,
    /// Its epoch.
    pub epoch: Epoch,
    /// How long it may be kept; 0 for commits.
    pub life_seconds: u32,
    /// When its body goes at the latest.
    pub expires_at: UtcMillis,
    /// Whose it is.
    pub sender: DeviceId,
    /// SHA-256 of the MLSMessage.
    pub message_sha256: Digest,
    /// The MLSMessage.
    pub body: Bytes,
    /// Where it stands.
    pub receipt: Receipt,
}

impl NewEntry {
    /// Where the next entry after (`head`, `chain`) stands when it is accepted at `stamp`.
    pub(super) fn receipt_after(
        head: EntryNumber,
        chain: &ChainHash,
        (kind, life_seconds, message): (EntryKind, u32, Digest),
        stamp: UtcMillis,
    ) -> Receipt {
        let number = head.next();
        let chain = chain.append(&ChainLink { number, kind: kind.number(), life_seconds, stamp, message });
        Receipt { number, chain, stamp }
    }
}

/// A commit to append.
#[derive(Debug, Clone)]
pub struct NewCommit {
    /// Its entry.
    pub entry: NewEntry,
    /// When it came, by the clock as it was: what its author's rate is counted by.
    pub taken_at: UtcMillis,
    /// The encoded CommitAuthor statement.
    pub author: Bytes,
    /// Who comes in.
    pub joins: Vec<DeviceId>,
    /// Who goes out.
    pub leaves: Vec<DeviceId>,
    /// The entries that its author had not processed, if somebody joins.
    pub between: Vec<ChainLink>,
    /// The Welcome, if somebody joins.
    pub welcome: Option<Bytes>,
    /// The packages it uses.
    pub references: Vec<Bytes>,
}

/// A device's stay in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// The entry that let it in; 0 for the creator.
    pub joined: EntryNumber,
    /// The entry that let it out.
    pub departed: Option<EntryNumber>,
    /// The last entry it said it has.
    pub acked: EntryNumber,
    /// The log's last entry.
    pub head: EntryNumber,
    /// Whether the log is closed.
    pub closed: bool,
}

impl Stay {
    /// The last entry it may see so far.
    #[must_use]
    pub fn end(&self) -> EntryNumber {
        self.departed.unwrap_or(self.head)
    }
}

/// A conversation in which a device has something to read, or may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    /// Which.
    pub conversation: ConversationId,
    /// The last entry the device may see so far.
    pub end: EntryNumber,
    /// The last it acknowledged, in whichever stay.
    pub acked: EntryNumber,
}

/// How much to read at once.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// At most so many entries.
    pub entries: u32,
    /// No further entry once there are so many bytes.
    pub bytes: u64,
    /// Bodies that expired by then are left out.
    pub now: UtcMillis,
}

/// An entry as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The log.
    pub conversation: ConversationId,
    /// Where it stands.
    pub receipt: Receipt,
    /// What it is.
    pub kind: EntryKind,
    /// Its epoch.
    pub epoch: Epoch,
    /// How long it may be kept; 0 for commits.
    pub life_seconds: u32,
    /// Whose it is.
    pub sender: DeviceId,
    /// SHA-256 of the MLSMessage.
    pub message_sha256: Digest,
    /// The MLSMessage, while it is there.
    pub body: Option<Bytes>,
    /// Messages: their sender's id for them.
    pub client_message_id: Option<ClientMessageId>,
    /// Commits: the encoded CommitAuthor statement.
    pub author: Option<Bytes>,
}

/// A Welcome to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Where its commit stands.
    pub receipt: Receipt,
    /// Who added.
    pub sender: DeviceId,
    /// The MLSMessage.
    pub welcome: Bytes,
    /// The entries before its commit that its author had not processed.
    pub between: Vec<ChainLink>,
}
