//! Table `conversations`: where this device stands in each conversation.

use sqlx::{Row as _, sqlite::SqliteRow};
use wardline_proto::{ChainHash, ConversationId, EntryNumber, Suite, UtcMillis, fault};

use super::{corrupt, fixed, optional_unsigned, stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// What this device can do in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Made here; the relay has not confirmed it yet.
    Creating,
    /// A member.
    Active,
    /// Its person left; the removal may still be under way.
    Left,
    /// Removed by a commit.
    Removed,
    /// The relay will never have it: nothing can be read or said.
    Stopped,
    /// A commit could not be followed: nothing more can be read until the device is added anew, or the log is closed.
    OutOfStep,
    /// The log was closed by reports: it goes on in a successor.
    Closed,
}

impl Standing {
    const ALL: [Self; 7] = [
        Self::Creating,
        Self::Active,
        Self::Left,
        Self::Removed,
        Self::Stopped,
        Self::OutOfStep,
        Self::Closed,
    ];

    /// Whether this device's leaf may still be spoken for.
    pub(crate) fn has_a_leaf(self) -> bool {
        matches!(self, Self::Creating | Self::Active | Self::Left | Self::OutOfStep)
    }

    /// The stored word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Active => "active",
            Self::Left => "left",
            Self::Removed => "removed",
            Self::Stopped => "stopped",
            Self::OutOfStep => "out_of_step",
            Self::Closed => "closed",
        }
    }
}

/// Where this device stands in one conversation.
#[derive(Debug, Clone)]
pub(crate) struct ConversationRow {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its suite.
    pub suite: Suite,
    /// Its name.
    pub name: String,
    /// The longest life of a message, in seconds.
    pub retention_seconds: u32,
    /// What this device can do in it.
    pub standing: Standing,
    /// Why nothing is encrypted to it, if so.
    pub held: Option<String>,
    /// The commit that let this device in; 0 for the creator.
    pub joined: EntryNumber,
    /// The last entry processed.
    pub cursor: EntryNumber,
    /// The chain up to and with the cursor.
    pub chain: ChainHash,
    /// The last entry shown to the person.
    pub read: EntryNumber,
    /// When the last entry was accepted.
    pub last: UtcMillis,
    /// Its place among the logs that people see as one conversation.
    pub line: Line,
}

/// A log's place among those that people see as one conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// The id that people see: that of the first log this device was in.
    pub first: ConversationId,
    /// What is added to a number of this log before people see it.
    pub offset: u64,
    /// The log it goes on from, if this device was in that.
    pub predecessor: Option<ConversationId>,
    /// The log it goes on in.
    pub successor: Option<ConversationId>,
    /// Where it was closed.
    pub closed: Option<Closure>,
    /// The conversation that the relay names as its successor: no other is followed.
    pub named: Option<ConversationId>,
}

/// Where a log was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closure {
    /// The commit that could not be followed.
    pub number: EntryNumber,
    /// The last entry.
    pub head: EntryNumber,
    /// The first commit that somebody could not follow: this one, or one before it.
    pub first: EntryNumber,
}

impl Line {
    /// A conversation that goes on from none.
    pub(crate) fn alone(conversation: ConversationId) -> Self {
        Self { first: conversation, offset: 0, predecessor: None, successor: None, closed: None, named: None }
    }
}

impl ConversationRow {
    /// The number that people see of an entry of this log.
    pub(crate) fn shown(&self, number: EntryNumber) -> EntryNumber {
        EntryNumber::new(number.get().saturating_add(self.line.offset))
    }

    /// The last entry that this device knows of: it has taken it in, or is in by it.
    pub(crate) fn seen(&self) -> EntryNumber {
        if fault::planted("mutant.leave_of_before") { self.cursor } else { self.cursor.max(self.joined) }
    }
}

fn parse(row: &SqliteRow) -> Result<ConversationRow, VaultError> {
    let suite = u32::try_from(unsigned(row, "suite")?).ok().and_then(Suite::from_code);
    let standing: String = row.try_get("state")?;
    Ok(ConversationRow {
        conversation: fixed(row, "conversation_id")?,
        suite: suite.ok_or(corrupt())?,
        name: row.try_get("name")?,
        retention_seconds: u32::try_from(unsigned(row, "retention_seconds")?).map_err(|_| corrupt())?,
        standing: Standing::ALL.into_iter().find(|known| known.as_str() == standing).ok_or(corrupt())?,
        held: row.try_get("held")?,
        joined: EntryNumber::new(unsigned(row, "joined_number")?),
        cursor: EntryNumber::new(unsigned(row, "cursor")?),
        chain: ChainHash::from_digest(fixed(row, "chain_hash")?),
        read: EntryNumber::new(unsigned(row, "read_number")?),
        last: UtcMillis::new(unsigned(row, "last_ms")?),
        line: parse_line(row)?,
    })
}

fn parse_line(row: &SqliteRow) -> Result<Line, VaultError> {
    let id = |column: &str| -> Result<Option<ConversationId>, VaultError> {
        let bytes: Option<Vec<u8>> = row.try_get(column)?;
        bytes.map(|bytes| ConversationId::try_from(bytes.as_slice()).map_err(|_| corrupt())).transpose()
    };
    let number = optional_unsigned(row, "closed_number")?.map(EntryNumber::new);
    let head = optional_unsigned(row, "closed_head")?.map(EntryNumber::new);
    let first = optional_unsigned(row, "closed_first")?.map(EntryNumber::new);
    let closure = |(number, head)| Closure { number, head, first: first.unwrap_or(number) };
    Ok(Line {
        first: fixed(row, "first_id")?,
        offset: unsigned(row, "offset_number")?,
        predecessor: id("predecessor_id")?,
        successor: id("successor_id")?,
        closed: number.zip(head).map(closure),
        named: id("named_successor_id")?,
    })
}

/// One conversation.
pub(crate) async fn load(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<Option<ConversationRow>, VaultError> {
    let row = sqlx::query("SELECT * FROM conversations WHERE conversation_id = ?")
        .bind(conversation.as_bytes().as_slice())
        .fetch_optional(tx.connection())
        .await?;
    row.as_ref().map(parse).transpose()
}

/// All conversations, the one with the newest entry first.
pub(crate) async fn list(tx: &mut Transaction<'_>) -> Result<Vec<ConversationRow>, VaultError> {
    let rows = sqlx::query("SELECT * FROM conversations ORDER BY last_ms DESC, conversation_id")
        .fetch_all(tx.connection())
        .await?;
    rows.iter().map(parse).collect()
}

/// The closed logs that nothing is known to go on from.
pub(crate) async fn left_off(tx: &mut Transaction<'_>) -> Result<Vec<ConversationRow>, VaultError> {
    let rows = sqlx::query(
        "SELECT * FROM conversations
         WHERE closed_number IS NOT NULL AND successor_id IS NULL AND named_successor_id IS NULL",
    )
    .fetch_all(tx.connection())
    .await?;
    rows.iter().map(parse).collect()
}

/// Writes a conversation, new or changed.
pub(crate) async fn store(tx: &mut Transaction<'_>, row: &ConversationRow) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT OR REPLACE INTO conversations
            (conversation_id, suite, name, retention_seconds, state, held, joined_number, cursor,
             chain_hash, read_number, last_ms, first_id, offset_number, predecessor_id, successor_id, closed_number,
             closed_head, closed_first, named_successor_id)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.conversation.as_bytes().as_slice())
    .bind(i64::from(row.suite.code()))
    .bind(&row.name)
    .bind(i64::from(row.retention_seconds))
    .bind(row.standing.as_str())
    .bind(row.held.as_deref())
    .bind(stored(row.joined.get()))
    .bind(stored(row.cursor.get()))
    .bind(row.chain.digest().as_bytes().as_slice())
    .bind(stored(row.read.get()))
    .bind(stored(row.last.get()))
    .bind(row.line.first.as_bytes().as_slice())
    .bind(stored(row.line.offset))
    .bind(row.line.predecessor.as_ref().map(|id| id.as_bytes().as_slice()))
    .bind(row.line.successor.as_ref().map(|id| id.as_bytes().as_slice()))
    .bind(row.line.closed.map(|closed| stored(closed.number.get())))
    .bind(row.line.closed.map(|closed| stored(closed.head.get())))
    .bind(row.line.closed.map(|closed| stored(closed.first.get())))
    .bind(row.line.named.as_ref().map(|id| id.as_bytes().as_slice()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Forgets a conversation that came to nothing.
pub(crate) async fn delete(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM conversations WHERE conversation_id = ?")
        .bind(conversation.as_bytes().as_slice())
        .execute(tx.connection())
        .await?;
    Ok(())
}
