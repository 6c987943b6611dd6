//! Appending to a log: the entry and everything that moves with it.

use sqlx::SqliteConnection;
use wardline_proto::ClientMessageId;

use super::{links, stays};
use crate::domain::conversation::{NewCommit, NewEntry};
use crate::store::{StoreError, key_package::claims, revocation::removals, row::integer};

pub(super) async fn message(
    connection: &mut SqliteConnection,
    entry: &NewEntry,
    id: ClientMessageId,
) -> Result<(), StoreError> {
    insert(connection, entry, Some(id), None).await?;
    sqlx::query("UPDATE conversations SET head = ?2, chain_hash = ?3, head_stamp = ?4 WHERE id = ?1")
        .bind(entry.conversation.as_bytes().as_slice())
        .bind(integer(entry.receipt.number.get()))
        .bind(entry.receipt.chain.digest().as_bytes().as_slice())
        .bind(integer(entry.receipt.stamp.get()))
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "UPDATE stays SET sent_count = CASE WHEN sent_epoch = ?3 THEN sent_count + 1 ELSE 1 END, sent_epoch = ?3
          WHERE conversation = ?1 AND device = ?2 AND departed IS NULL",
    )
    .bind(entry.conversation.as_bytes().as_slice())
    .bind(entry.sender.as_bytes().as_slice())
    .bind(integer(entry.epoch.get()))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn commit(connection: &mut SqliteConnection, commit: &NewCommit) -> Result<(), StoreError> {
    let entry = &commit.entry;
    let number = entry.receipt.number;
    insert(connection, entry, None, Some(commit)).await?;
    sqlx::query(
        "UPDATE conversations
            SET head = ?2, chain_hash = ?3, head_stamp = ?5, epoch = epoch + 1, last_winner = ?4,
                yield_until = NULL, epoch_at = ?6, renew_at = NULL
          WHERE id = ?1",
    )
    .bind(entry.conversation.as_bytes().as_slice())
    .bind(integer(number.get()))
    .bind(entry.receipt.chain.digest().as_bytes().as_slice())
    .bind(entry.sender.as_bytes().as_slice())
    .bind(integer(entry.receipt.stamp.get()))
    .bind(integer(commit.taken_at.get()))
    .execute(&mut *connection)
    .await?;
    // Out before in: a device in both lists is added anew.
    for device in &commit.leaves {
        stays::depart(connection, entry.conversation, *device, number).await?;
        removals::close(connection, commit, *device).await?;
    }
    for device in &commit.joins {
        stays::join(connection, entry.conversation, *device, number).await?;
    }
    if let Some(welcome) = &commit.welcome {
        sqlx::query("INSERT INTO welcomes (conversation, number, bytes, links) VALUES (?1, ?2, ?3, ?4)")
            .bind(entry.conversation.as_bytes().as_slice())
            .bind(integer(number.get()))
            .bind(welcome.as_ref())
            .bind(links::to_column(&commit.between))
            .execute(&mut *connection)
            .await?;
    }
    for reference in &commit.references {
        claims::mark_used(connection, entry.sender, reference).await?;
    }
    Ok(())
}

async fn insert(
    connection: &mut SqliteConnection,
    entry: &NewEntry,
    id: Option<ClientMessageId>,
    commit: Option<&NewCommit>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO entries (conversation, number, kind, epoch, life_seconds, stamp, expires_at, sender,
                              message_sha256, chain_hash, client_message_id, author, taken_at, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )
    .bind(entry.conversation.as_bytes().as_slice())
    .bind(integer(entry.receipt.number.get()))
    .bind(i64::from(entry.kind.number()))
    .bind(integer(entry.epoch.get()))
    .bind(i64::from(entry.life_seconds))
    .bind(integer(entry.receipt.stamp.get()))
    .bind(integer(entry.expires_at.get()))
    .bind(entry.sender.as_bytes().as_slice())
    .bind(entry.message_sha256.as_bytes().as_slice())
    .bind(entry.receipt.chain.digest().as_bytes().as_slice())
    .bind(id.as_ref().map(|id| id.as_bytes().as_slice()))
    .bind(commit.map(|commit| commit.author.as_ref()))
    .bind(commit.map(|commit| integer(commit.taken_at.get())))
    .bind(entry.body.as_ref())
    .execute(connection)
    .await?;
    Ok(())
}
