//! A conversation as far as its tasks need it, from the tables of all.

use std::collections::HashMap;

use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};
use wardline_identity::UserId;
use wardline_proto::{ConversationId, DeviceId, EntryNumber, UtcMillis};

use super::tasks;
use crate::domain::membership::{Barren, Circle, Member, PutOut, Reporter, TaskKind};
use crate::store::{
    StoreError,
    conversation::stays,
    row::{Columns as _, integer},
};

pub(super) async fn read(
    connection: &mut SqliteConnection,
    id: ConversationId,
) -> Result<Option<Circle>, StoreError> {
    let row = sqlx::query(
        "SELECT c.closed_number, n.id AS next, n.creator, n.created_at, n.epoch
           FROM conversations c LEFT JOIN conversations n ON n.id = c.successor WHERE c.id = ?1",
    )
    .bind(id.as_bytes().as_slice())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let barren = match row.conversation_or_null("next")? {
        Some(conversation) if row.number("epoch")? == 0 => Some(Barren {
            conversation,
            creator: row.device("creator")?,
            made_at: row.instant("created_at")?,
        }),
        _ => None,
    };
    let reports = reporters(connection, id).await?;
    let first_reported = reports.iter().map(|report| report.number).min();
    let put_out = match first_reported {
        Some(number) => put_out(connection, id, number).await?,
        None => Vec::new(),
    };
    let tasks = tasks::of_conversation(connection, id).await?;
    // Only who renews in turn needs to know who committed when.
    let in_turn = tasks.iter().any(|task| matches!(task.kind, TaskKind::Renew { .. }));
    let committed = if in_turn { commits(connection, id).await? } else { HashMap::new() };
    Ok(Some(Circle {
        conversation: id,
        closed: row.number_or_null("closed_number")?.map(EntryNumber::new),
        barren,
        members: members(connection, id, &committed).await?,
        put_out,
        fence: stays::fence(connection, id).await?,
        tasks,
        reports,
    }))
}

async fn members(
    connection: &mut SqliteConnection,
    id: ConversationId,
    committed: &HashMap<DeviceId, UtcMillis>,
) -> Result<Vec<Member>, StoreError> {
    let rows = sqlx::query(
        "SELECT s.device, s.joined, s.acked, COALESCE(d.user_id, hex(s.device)) AS user_id,
                (SELECT MIN(p.joined) FROM stays p
                  WHERE p.conversation = s.conversation AND p.device = s.device) AS first_joined
           FROM stays s LEFT JOIN devices d ON d.device_id = s.device
          WHERE s.conversation = ?1 AND s.departed IS NULL",
    )
    .bind(id.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| member(row, committed)).collect()
}

fn member(row: &SqliteRow, committed: &HashMap<DeviceId, UtcMillis>) -> Result<Member, StoreError> {
    let device = row.device("device")?;
    Ok(Member {
        device,
        user: row.try_get("user_id")?,
        joined: row.entry_number("joined")?,
        first_joined: row.entry_number("first_joined")?,
        acked: row.entry_number("acked")?,
        committed_at: committed.get(&device).copied(),
    })
}

/// Whose last stay ended at this entry or after it.
async fn put_out(
    connection: &mut SqliteConnection,
    id: ConversationId,
    from: EntryNumber,
) -> Result<Vec<PutOut>, StoreError> {
    let rows = sqlx::query(
        "SELECT s.device, s.joined, s.acked, s.departed, s.joined AS first_joined,
                COALESCE(d.user_id, hex(s.device)) AS user_id
           FROM stays s LEFT JOIN devices d ON d.device_id = s.device
          WHERE s.conversation = ?1 AND s.departed >= ?2
            AND NOT EXISTS (SELECT 1 FROM stays n
                             WHERE n.conversation = s.conversation AND n.device = s.device AND n.joined > s.joined)",
    )
    .bind(id.as_bytes().as_slice())
    .bind(integer(from.get()))
    .fetch_all(connection)
    .await?;
    let none = HashMap::new();
    rows.iter()
        .map(|row| Ok(PutOut { member: member(row, &none)?, departed: row.entry_number("departed")? }))
        .collect()
}

/// When each device last committed.
async fn commits(
    connection: &mut SqliteConnection,
    id: ConversationId,
) -> Result<HashMap<DeviceId, UtcMillis>, StoreError> {
    let rows = sqlx::query(
        "SELECT sender, MAX(taken_at) AS taken_at FROM entries
          WHERE conversation = ?1 AND kind = 1 GROUP BY sender",
    )
    .bind(id.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok((row.device("sender")?, row.instant("taken_at")?))).collect()
}

/// Reports whose commit is in the log.
async fn reporters(
    connection: &mut SqliteConnection,
    id: ConversationId,
) -> Result<Vec<Reporter>, StoreError> {
    let rows = sqlx::query(
        "SELECT r.device, r.user_id, r.number, e.sender, COALESCE(d.user_id, hex(e.sender)) AS author_user
           FROM reports r JOIN entries e ON e.conversation = r.conversation AND e.number = r.number
           LEFT JOIN devices d ON d.device_id = e.sender
          WHERE r.conversation = ?1",
    )
    .bind(id.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Reporter {
                device: row.device("device")?,
                user: row.try_get("user_id")?,
                number: row.entry_number("number")?,
                author: row.device("sender")?,
                author_user: row.try_get("author_user")?,
            })
        })
        .collect()
}

/// A person's devices that are in.
pub(super) async fn devices_of(
    connection: &mut SqliteConnection,
    id: ConversationId,
    user: &UserId,
) -> Result<Vec<DeviceId>, StoreError> {
    let rows = sqlx::query(
        "SELECT s.device FROM devices d JOIN stays s ON s.device = d.device_id
          WHERE d.user_id = ?2 AND s.conversation = ?1 AND s.departed IS NULL",
    )
    .bind(id.as_bytes().as_slice())
    .bind(user.as_str())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| row.device("device")).collect()
}

/// When a device was let in.
pub(super) async fn let_in(
    connection: &mut SqliteConnection,
    id: ConversationId,
    device: DeviceId,
    from: UtcMillis,
    to: UtcMillis,
) -> Result<Vec<UtcMillis>, StoreError> {
    let rows = sqlx::query(
        "SELECT e.taken_at FROM stays s
           JOIN entries e ON e.conversation = s.conversation AND e.number = s.joined AND e.kind = 1
          WHERE s.conversation = ?1 AND s.device = ?2 AND e.taken_at BETWEEN ?3 AND ?4 ORDER BY e.taken_at",
    )
    .bind(id.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .bind(integer(from.get()))
    .bind(integer(to.get()))
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| row.instant("taken_at")).collect()
}
