//! A conversation as far as its tasks need it, from the tables of all.

use std::collections::HashMap;

use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};
use wardline_identity::UserId;
use wardline_proto::{ConversationId, DeviceId, EntryNumber, UtcMillis, closing::COMMITS_BACK, fault};

use super::tasks;
use crate::domain::membership::{Barren, Circle, Member, PutOut, Reporter, Span, Spans, TaskKind};
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
    let tasks = tasks::of_conversation(connection, id).await?;
    // Only who renews in turn needs to know who committed when.
    let in_turn = tasks.iter().any(|task| matches!(task.kind, TaskKind::Renew { .. }));
    let committed = if in_turn { commits(connection, id).await? } else { HashMap::new() };
    let (members, put_out) = seats(connection, id, first_of(&reports), &committed).await?;
    Ok(Some(Circle {
        conversation: id,
        closed: row.number_or_null("closed_number")?.map(EntryNumber::new),
        barren,
        members,
        put_out,
        fence: stays::fence(connection, id).await?,
        tasks,
        reports,
    }))
}

fn first_of(reports: &[Reporter]) -> Option<EntryNumber> {
    reports.iter().map(|report| report.number).min()
}

/// Who is in; and who is out, if it went out at this entry or after it. Each with the stays in which a commit is reported, and
/// the one that it never said was over.
async fn seats(
    connection: &mut SqliteConnection,
    id: ConversationId,
    from: Option<EntryNumber>,
    committed: &HashMap<DeviceId, UtcMillis>,
) -> Result<(Vec<Member>, Vec<PutOut>), StoreError> {
    let rows = sqlx::query(
        "WITH numbers AS MATERIALIZED (SELECT DISTINCT number FROM reports WHERE conversation = ?1)
         SELECT s.device, s.joined, s.acked, s.departed, COALESCE(d.user_id, hex(s.device)) AS user_id
           FROM stays s LEFT JOIN devices d ON d.device_id = s.device
          WHERE s.conversation = ?1
            AND (s.departed IS NULL
                 OR s.acked >= s.joined AND s.acked < s.departed
                 OR s.departed >= ?2
                    AND (EXISTS (SELECT 1 FROM numbers r WHERE r.number BETWEEN s.joined AND s.departed)
                         OR NOT EXISTS (SELECT 1 FROM stays n WHERE n.conversation = s.conversation
                                           AND n.device = s.device AND n.joined > s.joined)))
          ORDER BY s.device, s.joined",
    )
    .bind(id.as_bytes().as_slice())
    .bind(from.map_or(i64::MAX, |from| integer(from.get())))
    .fetch_all(connection)
    .await?;
    let (mut members, mut put_out) = (Vec::new(), Vec::new());
    for stays in rows.chunk_by(|row, next| row.device("device").ok() == next.device("device").ok()) {
        let (Some(last), spans) = (stays.last(), stays.iter().map(span).collect::<Result<Vec<_>, _>>()?)
        else {
            continue;
        };
        let device = last.device("device")?;
        let member = Member {
            device,
            user: last.try_get("user_id")?,
            joined: last.entry_number("joined")?,
            acked: last.entry_number("acked")?,
            spans: Spans::new(spans),
            committed_at: committed.get(&device).copied(),
        };
        match last.number_or_null("departed")? {
            None => members.push(member),
            // It went before all of it.
            Some(departed) if from.is_none_or(|from| departed < from.get()) => {}
            Some(departed) => put_out.push(PutOut { member, departed: EntryNumber::new(departed) }),
        }
    }
    Ok((members, put_out))
}

fn span(row: &SqliteRow) -> Result<Span, StoreError> {
    Ok(Span {
        joined: row.entry_number("joined")?,
        departed: row.number_or_null("departed")?.map(EntryNumber::new),
        acked: row.entry_number("acked")?,
    })
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
        "SELECT r.device, r.user_id, r.number, e.stamp, e.sender, f.number AS far,
                COALESCE(d.user_id, hex(e.sender)) AS author_user
           FROM reports r JOIN entries e ON e.conversation = r.conversation AND e.number = r.number
           LEFT JOIN devices d ON d.device_id = e.sender
           LEFT JOIN entries f ON f.conversation = e.conversation AND f.kind = 1 AND f.epoch = e.epoch + ?2
          WHERE r.conversation = ?1",
    )
    .bind(id.as_bytes().as_slice())
    .bind(integer(COMMITS_BACK + 1))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Reporter {
                device: row.device("device")?,
                user: row.try_get("user_id")?,
                number: row.entry_number("number")?,
                taken: row.instant("stamp")?,
                far: row.number_or_null("far")?.map(EntryNumber::new),
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

/// When a device was let in because it had said that it could not follow.
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
          WHERE s.conversation = ?1 AND s.device = ?2 AND s.asked >= ?5
            AND e.taken_at BETWEEN ?3 AND ?4 ORDER BY e.taken_at",
    )
    .bind(id.as_bytes().as_slice())
    .bind(device.as_bytes().as_slice())
    .bind(integer(from.get()))
    .bind(integer(to.get()))
    .bind(i64::from(!fault::planted("mutant.unasked_count")))
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| row.instant("taken_at")).collect()
}
