//! The rules of conversations (design 4.3), one file per verb.
//!
//! Each verb runs inside one transaction of the store, through [`ConversationStorage`] or [`ConversationView`],
//! and takes the instant as an argument. What it was given is parsed; what it was told is a claim until it has
//! checked it. An error means that nothing is stored.

mod ack;
mod commit;
mod create;
mod declaration;
mod error;
mod feed;
mod fence;
mod place;
mod records;
mod retention;
mod send;
mod storage;
mod winner;

pub use ack::{CursorMove, ack};
pub use commit::{ByIssuers, Commit, CommitOutcome, WelcomeOffer, commit};
pub use create::{Created, create};
pub use declaration::{CommitDeclaration, DeclarationFault};
pub use error::{ConversationError, WelcomeFault};
pub use feed::{FeedBatch, FeedEvent, FeedPosition, read_feed};
pub use place::{Place, place};
pub use records::{
    Budget, ClaimedReference, CommitRecord, Conversation, Delivery, Entry, EntryKind, NewCommit,
    NewConversation, NewEntry, Receipt, SendPlace, SendView, Stay, Turn, Unfinished,
};
pub use retention::{COMMIT_KEPT_SECONDS, expires_at};
pub use send::{Message, Sent, send};
pub use storage::{ConversationStorage, ConversationView};
pub use winner::{Winner, winner};

/// The most devices a conversation has.
pub const DEVICES_MAX: usize = 500;
/// How many entries may come between the last one an adding commit's author processed and the commit.
pub const BETWEEN_MAX: u64 = 256;

/// The most messages a device sends in one epoch: half of what members' sender ratchets reach ahead.
pub const MESSAGES_PER_EPOCH_MAX: u64 = 2_048;

/// The shortest and the longest life of a message, in seconds: five minutes, and a year.
pub const LIFE_SECONDS: std::ops::RangeInclusive<u32> =
    wardline_proto::LIFE_SECONDS_MIN..=wardline_proto::LIFE_SECONDS_MAX;

/// How many commits a device gets in a conversation within [`COMMIT_WINDOW_SECONDS`].
pub const COMMITS_PER_WINDOW: usize = 10;

/// The window of [`COMMITS_PER_WINDOW`].
pub const COMMIT_WINDOW_SECONDS: u64 = 60;

/// How long the last winner leaves the turn to a loser.
pub const YIELD_SECONDS: u64 = 2;
