//! Table `relay_faults`: what the relay was caught doing, with the entry's number and what proves it.
//!
//! Rows are never changed back: a lie that was told stays told. The same lie about the same entry is one row that counts; told
//! again, it is unseen again.

use sqlx::{Row as _, sqlite::SqliteRow};
use wardline_proto::{ConversationId, UtcMillis, fault};

use super::{corrupt, optional_unsigned, stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// What the relay did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RelayFaultKind {
    /// It sent what comes after an entry, and not the entry.
    LeftOut,
    /// It sent bytes that are no entry, or not those of their digest.
    Altered,
    /// It sent an entry a second time.
    Repeated,
    /// It sent another entry under a number that was taken.
    Changed,
    /// It showed another member another log.
    OtherLog,
    /// It withheld a message whose time was not up.
    Withheld,
    /// It dated an entry before the one ahead of it, or in the future.
    Misdated,
    /// It let a commit go for another author's.
    FalseAuthor,
    /// It returned a message of this device altered, or at another place than it had acknowledged.
    OwnAltered,
    /// It sent a conversation's entries and not what lets this device in.
    NoWelcome,
    /// It handed out one of this device's one-time KeyPackages twice.
    PackageTwice,
    /// It said that this device is out, and no entry says so.
    FalseRemoval,
    /// It asked for a change that nobody's signature calls for.
    BaselessTask,
    /// Up to this device's cursor it has another log than the one it sent, or less of it.
    Rewound,
    /// It signed a time that is far from this device's.
    WrongTime,
    /// It signed a time before one that it had signed before.
    TimeBack,
    /// It signed a lower list number than it had before, or than this device has.
    LowerList,
    /// It signed a list number that it has no list for.
    HigherList,
    /// It sent a revocation list that does not go on from the one that this device has, or that no issuer signed.
    FalseList,
    /// It showed another issuers' list under the number of this device's, or one that the root did not sign.
    FalseIssuers,
    /// A member goes by a higher revocation list than the relay shows.
    HiddenList,
    /// Its record of administrators' acts is not the one that it had.
    RecordForked,
    /// Its record of administrators' acts has less than it had.
    RecordShortened,
}

impl RelayFaultKind {
    const ALL: [Self; 23] = [
        Self::LeftOut,
        Self::Altered,
        Self::Repeated,
        Self::Changed,
        Self::OtherLog,
        Self::Withheld,
        Self::Misdated,
        Self::FalseAuthor,
        Self::OwnAltered,
        Self::NoWelcome,
        Self::PackageTwice,
        Self::FalseRemoval,
        Self::BaselessTask,
        Self::Rewound,
        Self::WrongTime,
        Self::TimeBack,
        Self::LowerList,
        Self::HigherList,
        Self::FalseList,
        Self::FalseIssuers,
        Self::HiddenList,
        Self::RecordForked,
        Self::RecordShortened,
    ];

    /// The stored word, which scripts read too.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::LeftOut => "left_out",
            Self::Altered => "altered",
            Self::Repeated => "repeated",
            Self::Changed => "changed",
            Self::OtherLog => "other_log",
            Self::Withheld => "withheld",
            Self::Misdated => "misdated",
            Self::FalseAuthor => "false_author",
            Self::OwnAltered => "own_altered",
            Self::NoWelcome => "no_welcome",
            Self::PackageTwice => "package_twice",
            Self::FalseRemoval => "false_removal",
            Self::BaselessTask => "baseless_task",
            Self::Rewound => "rewound",
            Self::WrongTime => "wrong_time",
            Self::TimeBack => "time_back",
            Self::LowerList => "lower_list",
            Self::HigherList => "higher_list",
            Self::FalseList => "false_list",
            Self::FalseIssuers => "false_issuers",
            Self::HiddenList => "hidden_list",
            Self::RecordForked => "record_forked",
            Self::RecordShortened => "record_shortened",
        }
    }

    /// Whether one lie shows at every entry after it too: then the first is kept, and the others count.
    fn lasts(self) -> bool {
        matches!(self, Self::OtherLog | Self::Misdated)
    }
}

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct RelayFaultRow {
    /// The conversation; `None` for what concerns all of them.
    pub conversation: Option<ConversationId>,
    /// What it did.
    pub kind: RelayFaultKind,
    /// The entry, or the list; 0 if it is about none.
    pub number: u64,
    /// The user who saw otherwise, or whom it is about; may be empty.
    pub about: String,
    /// When this device noticed it first.
    pub noticed: UtcMillis,
    /// How often.
    pub times: u64,
    /// JSON: what shows it.
    pub evidence: String,
    /// When the person said that they had seen it.
    pub seen: Option<UtcMillis>,
}

/// The most rows of one conversation, and of all of them together: a relay fills no disk with its lies.
const KEPT: i64 = 100;

fn parse(row: &SqliteRow) -> Result<RelayFaultRow, VaultError> {
    let conversation: Vec<u8> = row.try_get("conversation_id")?;
    let kind: String = row.try_get("kind")?;
    Ok(RelayFaultRow {
        conversation: match conversation.as_slice() {
            [] => None,
            bytes => Some(ConversationId::try_from(bytes).map_err(|_| corrupt())?),
        },
        kind: RelayFaultKind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or(corrupt())?,
        number: unsigned(row, "number")?,
        about: row.try_get("about")?,
        noticed: UtcMillis::new(unsigned(row, "noticed_ms")?),
        times: unsigned(row, "times")?,
        evidence: row.try_get("evidence")?,
        seen: optional_unsigned(row, "seen_ms")?.map(UtcMillis::new),
    })
}

/// The column of a conversation; empty for all of them.
fn column(conversation: Option<&ConversationId>) -> &[u8] {
    conversation.map_or(&[], |conversation| conversation.as_bytes().as_slice())
}

/// Notes a fault; answers whether it is new.
pub(crate) async fn note(tx: &mut Transaction<'_>, row: &RelayFaultRow) -> Result<bool, VaultError> {
    let known = sqlx::query(
        "UPDATE relay_faults SET times = times + 1, seen_ms = NULL
          WHERE conversation_id = ?1 AND kind = ?2 AND about = ?3 AND (number = ?4 OR ?5)",
    )
    .bind(column(row.conversation.as_ref()))
    .bind(row.kind.as_str())
    .bind(&row.about)
    .bind(stored(row.number))
    .bind(row.kind.lasts() && !fault::planted("mutant.each_a_lie"))
    .execute(tx.connection())
    .await?;
    if known.rows_affected() > 0 {
        return Ok(false);
    }
    let added = sqlx::query(
        "INSERT INTO relay_faults (conversation_id, kind, number, about, noticed_ms, times, evidence)
         SELECT ?1, ?2, ?3, ?4, ?5, 1, ?6
          WHERE (SELECT COUNT(*) FROM relay_faults WHERE conversation_id = ?1) < ?7",
    )
    .bind(column(row.conversation.as_ref()))
    .bind(row.kind.as_str())
    .bind(stored(row.number))
    .bind(&row.about)
    .bind(stored(row.noticed.get()))
    .bind(&row.evidence)
    .bind(KEPT)
    .execute(tx.connection())
    .await?;
    Ok(added.rows_affected() > 0)
}

/// What is known of a conversation, in the order it was noticed.
pub(crate) async fn of_conversation(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<Vec<RelayFaultRow>, VaultError> {
    list(tx, Some(conversation)).await
}

/// What concerns all conversations, in the order it was noticed.
pub(crate) async fn of_all(tx: &mut Transaction<'_>) -> Result<Vec<RelayFaultRow>, VaultError> {
    list(tx, None).await
}

async fn list(
    tx: &mut Transaction<'_>,
    conversation: Option<&ConversationId>,
) -> Result<Vec<RelayFaultRow>, VaultError> {
    let rows = sqlx::query("SELECT * FROM relay_faults WHERE conversation_id = ? ORDER BY noticed_ms, rowid")
        .bind(column(conversation))
        .fetch_all(tx.connection())
        .await?;
    rows.iter().map(parse).collect()
}

/// How many there are that nobody has seen.
pub(crate) async fn count(tx: &mut Transaction<'_>) -> Result<u64, VaultError> {
    let unseen = "SELECT COUNT(*) AS faults FROM relay_faults WHERE seen_ms IS NULL";
    unsigned(&sqlx::query(unseen).fetch_one(tx.connection()).await?, "faults")
}

/// The person has seen all of them.
pub(crate) async fn see(tx: &mut Transaction<'_>, now: UtcMillis) -> Result<(), VaultError> {
    sqlx::query("UPDATE relay_faults SET seen_ms = ? WHERE seen_ms IS NULL")
        .bind(stored(now.get()))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// How many rows there are before those of conversations go that are not shown any more.
const KEPT_UNSHOWN: i64 = 1_000;

/// A conversation is not shown any more: what is known of it stays, as long as there is not too much. A relay may have made it
/// up, and many.
pub(crate) async fn forget(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<(), VaultError> {
    sqlx::query(
        "DELETE FROM relay_faults
          WHERE conversation_id = ?1 AND (SELECT COUNT(*) FROM relay_faults) > ?2",
    )
    .bind(column(Some(conversation)))
    .bind(KEPT_UNSHOWN)
    .execute(tx.connection())
    .await?;
    Ok(())
}
