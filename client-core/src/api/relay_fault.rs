//! What the relay was caught doing, for people and scripts.

use serde::{Deserialize, Serialize};

use super::{Answer, rfc3339};
use crate::vault::tables::relay_faults::{RelayFaultKind, RelayFaultRow};

/// One thing that the relay was caught doing (`docs/cli-json.md` lists the kinds).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayFault {
    /// Its kind: "left_out", "other_log" and so on. Stable.
    pub relay_fault: String,
    /// The entry it is about, or the list; absent if it is about none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// The user who saw otherwise, or whom it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The same in words.
    pub text: String,
    /// When this device noticed it first.
    pub noticed: String,
    /// How often.
    pub times: u64,
    /// When the person said that they had seen it; absent before that, and again when it is done once more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seen: Option<String>,
    /// What shows it: hashes, signed statements, hex.
    pub evidence: serde_json::Value,
}

impl RelayFault {
    pub(crate) fn of(row: &RelayFaultRow) -> Self {
        Self {
            relay_fault: row.kind.as_str().to_owned(),
            number: (row.number > 0).then_some(row.number),
            user: (!row.about.is_empty()).then(|| row.about.clone()),
            text: text(row),
            noticed: rfc3339(row.noticed),
            times: row.times,
            seen: row.seen.map(rfc3339),
            // Written by this program: what does not parse is shown as nothing.
            evidence: serde_json::from_str(&row.evidence).unwrap_or_default(),
        }
    }
}

/// What a person reads.
fn text(row: &RelayFaultRow) -> String {
    let number = row.number;
    let about = if row.about.is_empty() { "another member" } else { row.about.as_str() };
    match row.kind {
        RelayFaultKind::LeftOut => format!("The relay left out number {number}."),
        RelayFaultKind::Altered => format!("The relay sent number {number} damaged."),
        RelayFaultKind::Repeated => format!("The relay sent number {number} twice."),
        RelayFaultKind::Changed => format!("The relay sent two different messages as number {number}."),
        RelayFaultKind::OtherLog => {
            format!("The relay showed {about} something else than you, up to number {number}.")
        }
        RelayFaultKind::Withheld => format!("The relay withheld number {number} before its time was up."),
        RelayFaultKind::Misdated => format!("The relay gave number {number} a time that cannot be."),
        RelayFaultKind::FalseAuthor => format!("The relay gave number {number} another author than it has."),
        RelayFaultKind::OwnAltered => format!("The relay changed what you sent as number {number}."),
        RelayFaultKind::NoWelcome => {
            format!("The relay withheld what lets you in; you were added with number {number} or before.")
        }
        RelayFaultKind::PackageTwice => {
            format!("The relay gave away twice what may add you once; number {number} used it again.")
        }
        RelayFaultKind::FalseRemoval => {
            format!("The relay said that number {number} removed you; it did not.")
        }
        RelayFaultKind::BaselessTask => {
            format!("The relay asked to remove {about} without a cause, after number {number}.")
        }
        RelayFaultKind::Rewound => format!(
            "The relay has another log than the one that you were shown up to number {number}, as after a restore from an \
             older copy. Nothing more is taken in or sent here until it has that one again; go on in a new conversation."
        ),
        RelayFaultKind::WrongTime => {
            "The relay's clock is more than five minutes from this device's: one of the two is wrong."
                .to_owned()
        }
        RelayFaultKind::TimeBack => {
            "The relay signed a time before one that it had signed before.".to_owned()
        }
        RelayFaultKind::LowerList => {
            format!("The relay signed a list number lower than {number}, which it had before.")
        }
        RelayFaultKind::HigherList => {
            format!("The relay signed list number {number} and has no such list.")
        }
        RelayFaultKind::FalseList => format!(
            "The relay sent a list of revoked devices that cannot be right, after number {number}; it was refused."
        ),
        RelayFaultKind::FalseIssuers => format!(
            "The relay showed a list of issuers that is not list {number} of your organisation; it was refused."
        ),
        RelayFaultKind::HiddenList => {
            format!("{about} goes by list {number} of revoked devices; the relay does not show it to you.")
        }
        RelayFaultKind::RecordForked => format!(
            "The relay's record of what administrators did is not the one that it had with {number} entries: it was rewritten."
        ),
        RelayFaultKind::RecordShortened => format!(
            "The relay's record of what administrators did had {number} entries, and has less now, as after a restore from an \
             older copy."
        ),
    }
}

impl Answer {
    /// Whether this answer names something that the relay was caught doing, and nobody has seen: then a command ends with the status of
    /// [`FailureKind::RelayAtFault`](super::FailureKind::RelayAtFault), whatever else it printed.
    #[must_use]
    pub fn names_relay_fault(&self) -> bool {
        match self {
            Self::Conversation(detail) => detail.relay_faults.iter().any(|fault| fault.seen.is_none()),
            Self::Messages(messages) => !messages.relay_faults.is_empty(),
            Self::Status(status) => status.relay_faults > 0,
            Self::Synced(synced) => synced.relay_faults > 0,
            Self::AdminStatus(status) => status.relay_faults > 0,
            Self::Record(log) => log.checked.as_ref().is_some_and(|checked| !checked.fits),
            _ => false,
        }
    }
}
