//! Table `conversations`: one row a conversation.

use sqlx::{SqliteConnection, sqlite::SqliteRow};
use wardline_proto::{ChainHash, ClientMessageId, ConversationId, DeviceId, Suite, UtcMillis};

use crate::domain::conversation::{Conversation, NewConversation, Receipt, SendPlace, SendView, Turn};
use crate::store::{
    StoreError,
    row::{Columns as _, integer},
};

/// The conversation, the caller's stay in it, and what the caller's id stands for, in one step: every message
/// pays for this.
pub(super) async fn send_view(
    connection: &mut SqliteConnection,
    conversation: ConversationId,
    device: DeviceId,
    id: ClientMessageId,
) -> Result<SendView, StoreError> {
    let row = sqlx::query(SEND_VIEW)
        .bind(conversation.as_bytes().as_slice())
        .bind(device.as_bytes().as_slice())
        .bind(id.as_bytes().as_slice())
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(SendView::default()) };
    let known = match row.number_or_null("known_number")? {
        Some(_) => Some(Receipt {
            number: row.entry_number("known_number")?,
            chain: ChainHash::from_digest(row.digest("known_chain")?),
            stamp: row.instant("known_stamp")?,
        }),
        None => None,
    };
    let place = match row.number_or_null("sent_count")? {
        Some(sent_count) => Some(SendPlace {
            closed: row.number_or_null("closed_number")?.is_some(),
            successor: row.conversation_or_null("successor")?,
            fenced: row.number("fenced")? != 0,
            epoch: row.epoch("epoch")?,
            head: row.entry_number("head")?,
            chain: ChainHash::from_digest(row.digest("chain_hash")?),
            head_stamp: row.instant("head_stamp")?,
            sent_in_epoch: if row.epoch("sent_epoch")? == row.epoch("epoch")? { sent_count } else { 0 },
            epoch_at: row.instant("epoch_at")?,
            has_message: row.number_or_null("renew_at")?.is_some(),
        }),
        None => None,
    };
    Ok(SendView { known, place })
}

const SEND_VIEW: &str = "/* send_view */
    SELECT c.epoch, c.head, c.chain_hash, c.head_stamp, c.closed_number, c.successor, c.epoch_at, c.renew_at,
           s.sent_epoch, s.sent_count,
           e.number AS known_number, e.chain_hash AS known_chain, e.stamp AS known_stamp,
           EXISTS (SELECT 1 FROM fences f WHERE f.conversation = c.id) AS fenced
      FROM conversations c
      LEFT JOIN stays s ON s.conversation = c.id AND s.device = ?2 AND s.departed IS NULL
      LEFT JOIN entries e ON e.sender = ?2 AND e.client_message_id = ?3 AND e.conversation = c.id
     WHERE c.id = ?1";

pub(super) async fn conversation(
    connection: &mut SqliteConnection,
    id: ConversationId,
) -> Result<Option<Conversation>, StoreError> {
    let row = sqlx::query(
        "SELECT cipher_suite, creator, created_at, epoch, head, chain_hash, head_stamp, last_winner, yield_until,
                closed_number, successor, predecessor
           FROM conversations WHERE id = ?1",
    )
    .bind(id.as_bytes().as_slice())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &SqliteRow) -> Result<Conversation, StoreError> {
    let suite = row.small("cipher_suite").map(Suite::from_code)?;
    let turn = match row.blob_or_null("last_winner")? {
        None => None,
        Some(_) => Some(Turn {
            winner: row.device("last_winner")?,
            yields_until: row.number_or_null("yield_until")?.map(UtcMillis::new),
        }),
    };
    Ok(Conversation {
        suite: suite.ok_or(StoreError::Unreadable { column: "cipher_suite" })?,
        creator: row.device("creator")?,
        created_at: row.instant("created_at")?,
        epoch: row.epoch("epoch")?,
        head: row.entry_number("head")?,
        chain: ChainHash::from_digest(row.digest("chain_hash")?),
        head_stamp: row.instant("head_stamp")?,
        turn,
        closed: row.number_or_null("closed_number")?.is_some(),
        successor: row.conversation_or_null("successor")?,
        predecessor: row.conversation_or_null("predecessor")?,
    })
}

pub(super) async fn open(connection: &mut SqliteConnection, new: &NewConversation) -> Result<(), StoreError> {
    let genesis = ChainHash::genesis(&new.id);
    sqlx::query(
        "INSERT INTO conversations (id, cipher_suite, creator, created_at, epoch, head, chain_hash, head_stamp,
                                    epoch_at, predecessor)
         VALUES (?1, ?2, ?3, ?4, 0, 0, ?5, ?4, ?4, ?6)",
    )
    .bind(new.id.as_bytes().as_slice())
    .bind(i64::from(new.suite.code()))
    .bind(new.creator.as_bytes().as_slice())
    .bind(integer(new.created_at.get()))
    .bind(genesis.digest().as_bytes().as_slice())
    .bind(new.predecessor.as_ref().map(|id| id.as_bytes().as_slice()))
    .execute(&mut *connection)
    .await?;
    sqlx::query("INSERT INTO stays (conversation, device, joined, acked) VALUES (?1, ?2, 0, 0)")
        .bind(new.id.as_bytes().as_slice())
        .bind(new.creator.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn owe_renewal(
    connection: &mut SqliteConnection,
    id: ConversationId,
    due: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE conversations SET renew_at = ?2 WHERE id = ?1")
        .bind(id.as_bytes().as_slice())
        .bind(integer(due.get()))
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn yield_turn(
    connection: &mut SqliteConnection,
    id: ConversationId,
    until: UtcMillis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE conversations SET yield_until = ?2 WHERE id = ?1")
        .bind(id.as_bytes().as_slice())
        .bind(integer(until.get()))
        .execute(connection)
        .await?;
    Ok(())
}
