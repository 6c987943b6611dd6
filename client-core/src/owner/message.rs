//! What goes over the owner's socket, one JSON object a line.

use serde::{Deserialize, Serialize};

use crate::api::{Answer, Command, Event, Failure, Reach};

/// The longest line, in bytes: a text of 64 KiB in JSON's worst form, and more than enough for the rest. Answers may
/// be longer; they come from the owner, whose memory it is.
pub(super) const REQUEST_BYTES_MAX: u64 = 1 << 20;

/// What a caller asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Carry out a command; one response.
    Execute {
        /// The command.
        command: Command,
        /// Whether it may use the connection.
        reach: Reach,
        /// Whether a program asks by itself: that keeps no vault open.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_itself: bool,
    },
    /// Close the vault; one response, then the owner ends.
    Lock,
    /// Tell what happens from now on; responses until the caller goes.
    Follow,
}

/// What the owner answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// To a command.
    Answer(Answer),
    /// To a command that failed.
    Failure(Failure),
    /// Something happened.
    Event(Event),
    /// Events were missed: look at the vault.
    Lagged,
    /// The vault is closed.
    Locked,
}
