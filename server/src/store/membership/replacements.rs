//! Tables `replacements` and `replacements_waiting`: new devices that were invited in place of lost ones.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;
use wardline_proto::{ConversationId, DeviceId, InvitationId};

use crate::domain::membership::WaitingReplacement;
use crate::store::{StoreError, row::Columns as _};

/// Notes that a device was invited in place of another, and where it waits; returns those conversations.
pub(in crate::store) async fn keep(
    connection: &mut SqliteConnection,
    device: DeviceId,
    replaces: DeviceId,
    invitation: InvitationId,
) -> Result<Vec<ConversationId>, StoreError> {
    sqlx::query(
        "INSERT INTO replacements (device, replaces, invitation_id) VALUES (?1, ?2, ?3)
         ON CONFLICT (device) DO NOTHING",
    )
    .bind(device.as_bytes().as_slice())
    .bind(replaces.as_bytes().as_slice())
    .bind(invitation.as_bytes().as_slice())
    .execute(&mut *connection)
    .await?;
    let rows = sqlx::query(
        "INSERT INTO replacements_waiting (conversation, device)
         SELECT conversation, ?1 FROM stays WHERE device = ?2 AND departed IS NULL
         ON CONFLICT DO NOTHING RETURNING conversation",
    )
    .bind(device.as_bytes().as_slice())
    .bind(replaces.as_bytes().as_slice())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| row.conversation("conversation")).collect()
}

/// It waits where the replaced device is in and it is not.
pub(super) async fn settle(connection: &mut SqliteConnection, id: ConversationId) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM replacements_waiting AS w
          WHERE conversation = ?1
            AND (EXISTS (SELECT 1 FROM stays s WHERE s.conversation = ?1 AND s.device = w.device
                            AND s.departed IS NULL)
                 OR NOT EXISTS (SELECT 1 FROM replacements r JOIN stays s ON s.device = r.replaces
                                 WHERE r.device = w.device AND s.conversation = ?1 AND s.departed IS NULL))",
    )
    .bind(id.as_bytes().as_slice())
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO replacements_waiting (conversation, device)
         SELECT s.conversation, r.device FROM stays s JOIN replacements r ON r.replaces = s.device
          WHERE s.conversation = ?1 AND s.departed IS NULL
            AND NOT EXISTS (SELECT 1 FROM stays o WHERE o.conversation = ?1 AND o.device = r.device
                               AND o.departed IS NULL)
         ON CONFLICT DO NOTHING",
    )
    .bind(id.as_bytes().as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

/// In open logs, where the person has no other device than the replaced, for members who are other people.
pub(super) async fn waiting_for(
    connection: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Vec<WaitingReplacement>, StoreError> {
    let rows = sqlx::query(WAITING).bind(device.as_bytes().as_slice()).fetch_all(connection).await?;
    let mut waiting: BTreeMap<DeviceId, WaitingReplacement> = BTreeMap::new();
    for row in &rows {
        let conversation = row.conversation("conversation")?;
        let fresh = WaitingReplacement {
            conversations: Vec::new(),
            certificate: row.blob("certificate")?.into(),
            record: row.blob("record")?.into(),
            enrolled_at: row.instant("judged_at")?,
        };
        waiting.entry(row.device("device")?).or_insert(fresh).conversations.push(conversation);
    }
    Ok(waiting.into_values().collect())
}

const WAITING: &str = "/* waiting_replacements */
    SELECT w.conversation, w.device, e.certificate, e.judged_at, i.record
      FROM stays mine
      JOIN replacements_waiting w ON w.conversation = mine.conversation
      JOIN conversations c ON c.id = mine.conversation AND c.closed_number IS NULL
      JOIN replacements r ON r.device = w.device
      JOIN enrolments e ON e.invitation_id = r.invitation_id AND e.state = 2
      JOIN invitations i ON i.invitation_id = r.invitation_id
      JOIN devices d ON d.device_id = w.device AND d.revoked_at IS NULL
     WHERE mine.device = ?1 AND mine.departed IS NULL
       AND d.user_id <> COALESCE((SELECT user_id FROM devices WHERE device_id = ?1), '')
       AND NOT EXISTS (SELECT 1 FROM devices o JOIN stays s ON s.device = o.device_id
                        WHERE o.user_id = d.user_id AND o.device_id <> r.replaces
                          AND s.conversation = mine.conversation AND s.departed IS NULL)
     ORDER BY w.device, w.conversation";
