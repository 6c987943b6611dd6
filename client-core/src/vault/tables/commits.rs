//! Table `commits`: the commits of a log, and who was in before the last of them, outside the MLS state: enough to go on
//! from there if the log breaks, and to judge whoever does.

use sqlx::{Row as _, sqlite::SqliteRow};
use wardline_proto::{
    ConversationId, DeviceId, Digest, EntryNumber, Epoch, UtcMillis, closing::ROSTERS_KEPT,
};

use super::{corrupt, fixed, optional_unsigned, stored, unsigned};
use crate::vault::{Transaction, VaultError};

/// How many commits are known by their digest.
const KEPT: i64 = 1_000;

/// What merging a commit did.
#[derive(Debug, Clone)]
pub(crate) struct Effected {
    /// The epoch that it ended.
    pub epoch: Epoch,
    /// When, by this device's clock.
    pub at: UtcMillis,
    /// The devices that are out by it.
    pub removed: Vec<DeviceId>,
}

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct CommitRow {
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its number.
    pub number: EntryNumber,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// What it did, if this device has merged it.
    pub merged: Option<Effected>,
    /// The device that signed for it, if one did.
    pub author: Option<DeviceId>,
    /// When the relay accepted it.
    pub stamp: UtcMillis,
    /// Who was in before it and by which settings, as JSON; none if it is too long ago.
    pub before: Option<String>,
}

fn parse(row: &SqliteRow) -> Result<CommitRow, VaultError> {
    let author: Option<Vec<u8>> = row.try_get("author_device")?;
    Ok(CommitRow {
        conversation: fixed(row, "conversation_id")?,
        number: EntryNumber::new(unsigned(row, "number")?),
        digest: fixed(row, "commit_sha256")?,
        merged: effected(row)?,
        author: author
            .map(|bytes| DeviceId::try_from(bytes.as_slice()).map_err(|_| corrupt()))
            .transpose()?,
        stamp: UtcMillis::new(unsigned(row, "stamp_ms")?),
        before: row.try_get("before")?,
    })
}

fn effected(row: &SqliteRow) -> Result<Option<Effected>, VaultError> {
    let removed: Option<Vec<u8>> = row.try_get("removed")?;
    let (epoch, at) = (optional_unsigned(row, "epoch")?, optional_unsigned(row, "merged_ms")?);
    let (Some(epoch), Some(at), Some(removed)) = (epoch, at, removed) else { return Ok(None) };
    let (devices, rest) = removed.as_chunks::<{ DeviceId::LENGTH }>();
    if !rest.is_empty() {
        return Err(corrupt());
    }
    let removed = devices.iter().copied().map(DeviceId::from_bytes).collect();
    Ok(Some(Effected { epoch: Epoch::new(epoch), at: UtcMillis::new(at), removed }))
}

/// Stores a commit, forgets who was in long before it, and the oldest commits.
pub(crate) async fn insert(tx: &mut Transaction<'_>, row: &CommitRow) -> Result<(), VaultError> {
    let conversation = row.conversation.as_bytes().as_slice();
    let removed: Option<Vec<u8>> = row
        .merged
        .as_ref()
        .map(|merged| merged.removed.iter().flat_map(|device| *device.as_bytes()).collect());
    sqlx::query(
        "INSERT OR REPLACE INTO commits
             (conversation_id, number, commit_sha256, author_device, stamp_ms, before, epoch, merged_ms, removed)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(conversation)
    .bind(stored(row.number.get()))
    .bind(row.digest.as_bytes().as_slice())
    .bind(row.author.as_ref().map(|author| author.as_bytes().as_slice()))
    .bind(stored(row.stamp.get()))
    .bind(row.before.as_deref())
    .bind(row.merged.as_ref().map(|merged| stored(merged.epoch.get())))
    .bind(row.merged.as_ref().map(|merged| stored(merged.at.get())))
    .bind(removed)
    .execute(tx.connection())
    .await?;
    let last_kept =
        "(SELECT number FROM commits WHERE conversation_id = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)";
    let forget = format!(
        "UPDATE commits SET before = NULL
         WHERE conversation_id = ?1 AND before IS NOT NULL AND number <= {last_kept}"
    );
    let drop = format!("DELETE FROM commits WHERE conversation_id = ?1 AND number <= {last_kept}");
    for (text, kept) in [(forget, stored(ROSTERS_KEPT)), (drop, KEPT)] {
        // Safe: a text of ours; what is bound is bound.
        sqlx::query(sqlx::AssertSqlSafe(text)).bind(conversation).bind(kept).execute(tx.connection()).await?;
    }
    Ok(())
}

/// One commit.
pub(crate) async fn find(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    number: EntryNumber,
) -> Result<Option<CommitRow>, VaultError> {
    let row = sqlx::query("SELECT * FROM commits WHERE conversation_id = ? AND number = ?")
        .bind(conversation.as_bytes().as_slice())
        .bind(stored(number.get()))
        .fetch_optional(tx.connection())
        .await?;
    row.as_ref().map(parse).transpose()
}

/// The commits whose rosters are kept, up to this one, and the one before them; newest first.
pub(crate) async fn newest(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    up_to: EntryNumber,
) -> Result<Vec<CommitRow>, VaultError> {
    let rows = sqlx::query(
        "SELECT * FROM commits WHERE conversation_id = ? AND number <= ? ORDER BY number DESC LIMIT ?",
    )
    .bind(conversation.as_bytes().as_slice())
    .bind(stored(up_to.get()))
    .bind(stored(ROSTERS_KEPT + 1))
    .fetch_all(tx.connection())
    .await?;
    rows.iter().map(parse).collect()
}

/// Whether so many commits came after this one that it is not kept any more who was in before it.
pub(crate) async fn is_far_back(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    number: EntryNumber,
) -> Result<bool, VaultError> {
    let row = sqlx::query("SELECT COUNT(*) AS since FROM commits WHERE conversation_id = ? AND number > ?")
        .bind(conversation.as_bytes().as_slice())
        .bind(stored(number.get()))
        .fetch_one(tx.connection())
        .await?;
    Ok(unsigned(&row, "since")? >= ROSTERS_KEPT)
}

/// Whether a commit before this one is known: then this device would know this one as well.
pub(crate) async fn any_before(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    number: EntryNumber,
) -> Result<bool, VaultError> {
    let row = sqlx::query("SELECT COUNT(*) AS known FROM commits WHERE conversation_id = ? AND number < ?")
        .bind(conversation.as_bytes().as_slice())
        .bind(stored(number.get()))
        .fetch_one(tx.connection())
        .await?;
    Ok(unsigned(&row, "known")? > 0)
}
