//! Table `conversations`: where this device stands in each conversation.

use sqlx::{Row as _, sqlite::SqliteRow};
use wardline_proto::{ChainHash, ConversationId, EntryNumber, Suite, UtcMillis};

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
    /// A commit could not be opened: nothing more can be read until the device is added again.
    Stopped,
}

impl Standing {
    const ALL: [Self; 5] = [Self::Creating, Self::Active, Self::Left, Self::Removed, Self::Stopped];

    /// The stored word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Active => "active",
            Self::Left => "left",
            Self::Removed => "removed",
            Self::Stopped => "stopped",
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
    /// The entry at which a member saw another log, if any.
    pub fault: Option<EntryNumber>,
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
        fault: optional_unsigned(row, "fault_number")?.map(EntryNumber::new),
        joined: EntryNumber::new(unsigned(row, "joined_number")?),
        cursor: EntryNumber::new(unsigned(row, "cursor")?),
        chain: ChainHash::from_digest(fixed(row, "chain_hash")?),
        read: EntryNumber::new(unsigned(row, "read_number")?),
        last: UtcMillis::new(unsigned(row, "last_ms")?),
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

/// Writes a conversation, new or changed.
pub(crate) async fn store(tx: &mut Transaction<'_>, row: &ConversationRow) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT OR REPLACE INTO conversations
            (conversation_id, suite, name, retention_seconds, state, held, fault_number, joined_number, cursor,
             chain_hash, read_number, last_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.conversation.as_bytes().as_slice())
    .bind(i64::from(row.suite.code()))
    .bind(&row.name)
    .bind(i64::from(row.retention_seconds))
    .bind(row.standing.as_str())
    .bind(row.held.as_deref())
    .bind(row.fault.map(|number| stored(number.get())))
    .bind(stored(row.joined.get()))
    .bind(stored(row.cursor.get()))
    .bind(row.chain.digest().as_bytes().as_slice())
    .bind(stored(row.read.get()))
    .bind(stored(row.last.get()))
    .execute(tx.connection())
    .await?;
    Ok(())
}
