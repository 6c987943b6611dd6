//! Table `tasks`.

use bytes::Bytes;
use prost::Message as _;
use sqlx::{SqliteConnection, sqlite::SqliteRow};
use wardline_identity::UserId;
use wardline_proto::relay::{Confirmation, SignedStatement};
use wardline_proto::{ConversationId, DeviceId, EntryNumber, Epoch};

use crate::domain::membership::{Task, TaskKind};
use crate::store::{
    StoreError,
    row::{Columns as _, integer},
};

pub(super) async fn of_conversation(
    connection: &mut SqliteConnection,
    id: ConversationId,
) -> Result<Vec<Task>, StoreError> {
    let rows = sqlx::query(
        "SELECT kind, subject, ground, made_at FROM tasks WHERE conversation = ?1 ORDER BY kind, subject",
    )
    .bind(id.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| Ok(Task { conversation: id, kind: kind(row)?, made_at: row.instant("made_at")? }))
        .collect()
}

fn kind(row: &SqliteRow) -> Result<TaskKind, StoreError> {
    let unreadable = || StoreError::Unreadable { column: "subject" };
    let subject = row.blob("subject")?;
    let device = || DeviceId::try_from(subject.as_slice()).map_err(|_| unreadable());
    let number = || subject.as_slice().try_into().map(u64::from_be_bytes).map_err(|_| unreadable());
    let ground = || row.blob("ground").map(Bytes::from);
    Ok(match row.number("kind")? {
        1 => {
            let user = std::str::from_utf8(&subject).ok().and_then(|user| UserId::parse(user).ok());
            TaskKind::LetGo { user: user.ok_or_else(unreadable)?, ground: ground()? }
        }
        2 => TaskKind::AddDevice { device: device()?, ground: ground()? },
        3 => {
            let ground = ground()?;
            let replaces = replaced(&ground).ok_or(StoreError::Unreadable { column: "ground" })?;
            TaskKind::LetBack { device: device()?, replaces, ground }
        }
        4 => TaskKind::AddAnew { number: EntryNumber::new(number()?) },
        5 => TaskKind::Renew { epoch: Epoch::new(number()?) },
        6 => TaskKind::Succeed { number: EntryNumber::new(number()?) },
        7 => TaskKind::Remove,
        8 => confirm(&subject).ok_or_else(unreadable)?,
        _ => return Err(StoreError::Unreadable { column: "kind" }),
    })
}

/// A number in eight bytes, and its author.
fn confirm(subject: &[u8]) -> Option<TaskKind> {
    let (number, author) = subject.split_first_chunk()?;
    let number = EntryNumber::new(u64::from_be_bytes(*number));
    Some(TaskKind::Confirm { number, author: DeviceId::try_from(author).ok()? })
}

/// The replaced device that a Confirmation names.
fn replaced(ground: &Bytes) -> Option<DeviceId> {
    let statement = SignedStatement::decode(ground.clone()).ok()?;
    let confirmation = Confirmation::decode(statement.body).ok()?;
    DeviceId::try_from(&confirmation.replaces_device_id).ok()
}

pub(super) async fn keep(connection: &mut SqliteConnection, task: &Task) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO tasks (conversation, kind, subject, ground, made_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (conversation, kind, subject) DO UPDATE SET ground = ?4, made_at = ?5
          WHERE ground IS NOT ?4",
    )
    .bind(task.conversation.as_bytes().as_slice())
    .bind(i64::from(task.kind.number()))
    .bind(task.kind.subject())
    .bind(task.kind.ground().map(AsRef::<[u8]>::as_ref))
    .bind(integer(task.made_at.get()))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn end(
    connection: &mut SqliteConnection,
    id: ConversationId,
    kind: &TaskKind,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM tasks WHERE conversation = ?1 AND kind = ?2 AND subject = ?3")
        .bind(id.as_bytes().as_slice())
        .bind(i64::from(kind.number()))
        .bind(kind.subject())
        .execute(connection)
        .await?;
    Ok(())
}

/// Kinds 2 and 3: their grounds name no conversation.
pub(super) async fn move_those_who_wait(
    connection: &mut SqliteConnection,
    from: ConversationId,
    to: ConversationId,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE OR REPLACE tasks SET conversation = ?2 WHERE conversation = ?1 AND kind IN (2, 3)")
        .bind(from.as_bytes().as_slice())
        .bind(to.as_bytes().as_slice())
        .execute(connection)
        .await?;
    Ok(())
}
