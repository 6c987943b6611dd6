//! What a vault holds of messages, and that nothing is left in it of those that are over (`wardline vault verify`).

use serde::{Deserialize, Serialize};

/// What was found, after what was over had been deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VaultVerified {
    /// The time by which messages end on this device.
    pub time: String,
    /// How many messages are held, each sealed under the keys of the period that it ends with.
    pub messages: u64,
    /// How many of them do not open: the relay gave no secret for them, or another than when they came.
    pub unreadable: u64,
    /// How many periods have a key.
    pub periods: u64,
    /// When the next of them is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What is left of what is over.
    pub left: LeftOver,
    /// Whether nothing is.
    pub gone: bool,
}

/// What is left of what is over: nothing, where all is well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOver {
    /// Messages.
    pub messages: u64,
    /// Keys of periods, in memory or in the file.
    pub keys: u64,
    /// Bytes of the database's write-ahead log, which may be pages of before.
    pub log_bytes: u64,
}
