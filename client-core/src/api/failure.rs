//! What went wrong, for people and scripts: what happened, why, what to do now, and a kind with an exit status.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of a failure. Kinds and their exit statuses are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The request itself cannot be: an empty text, a name that is too long. Exit status 65.
    Input,
    /// There is no vault, or no invitation was used yet. Exit status 66.
    NoVault,
    /// No such person, conversation, device or message. Exit status 67.
    Unknown,
    /// The relay cannot be reached. Exit status 69.
    Unavailable,
    /// A defect of this program. Exit status 70.
    Defect,
    /// There is a vault already. Exit status 73.
    Exists,
    /// The disk is full, read-only or unreadable. Exit status 74.
    Disk,
    /// Queued; it goes out by itself. Exit status 75.
    Queued,
    /// The relay is not the organisation's, or does not keep to the protocol. Exit status 76.
    Untrusted,
    /// The passcode is wrong. Exit status 77.
    Passcode,
    /// Not permitted: a right, a role, a spent or expired invitation, a refusal by the relay. Exit status 78.
    Refused,
    /// A conversation that nothing can be sent to now: held, left, removed. Exit status 79.
    Closed,
    /// The home is in use and its owner does not answer. Exit status 80.
    Busy,
    /// The relay was caught in a lie about what was asked for; the answer is given all the same. Exit status 81.
    RelayAtFault,
    /// What is to be checked does not prove what it says. Exit status 82.
    Unproven,
    /// The answer is given, and names something that an administrator should see to. Exit status 83.
    Concern,
}

impl FailureKind {
    /// The exit status of a command that fails so.
    #[must_use]
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Input => 65,
            Self::NoVault => 66,
            Self::Unknown => 67,
            Self::Unavailable => 69,
            Self::Defect => 70,
            Self::Exists => 73,
            Self::Disk => 74,
            Self::Queued => 75,
            Self::Untrusted => 76,
            Self::Passcode => 77,
            Self::Refused => 78,
            Self::Closed => 79,
            Self::Busy => 80,
            Self::RelayAtFault => 81,
            Self::Unproven => 82,
            Self::Concern => 83,
        }
    }
}

/// A failure in words. Holds no key, passcode or message text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind.
    pub kind: FailureKind,
    /// What happened, one sentence.
    pub what: String,
    /// Why, one sentence; may be empty.
    pub why: String,
    /// What to do now, one sentence; may be empty.
    pub now: String,
}

impl Failure {
    /// A failure of `kind`: what happened, why, what to do now.
    pub fn new(
        kind: FailureKind,
        what: impl Into<String>,
        why: impl Into<String>,
        now: impl Into<String>,
    ) -> Self {
        Self { kind, what: what.into(), why: why.into(), now: now.into() }
    }

    /// A defect of this program, by what it was doing.
    pub fn defect(doing: impl Into<String>) -> Self {
        Self::new(
            FailureKind::Defect,
            "Something went wrong in Wardline itself.",
            doing,
            "Try again; if it happens again, report it with the time and this message.",
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for part in [&self.why, &self.now].into_iter().filter(|part| !part.is_empty()) {
            write!(f, " {part}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
