//! Table `intents`: changes of a conversation that this device wants, until the log shows them.
//!
//! What is stored is the wish ("add nurse-b"), not the commit: a commit that loses its epoch is made again from
//! the wish.

use serde::{Deserialize, Serialize};
use sqlx::{Row as _, sqlite::SqliteRow};
use wardline_proto::{ConversationId, UtcMillis};

use super::{corrupt, fixed, pending_commits, stored, unsigned};
use crate::{
    api::Failure,
    vault::{Transaction, VaultError},
};

/// What this device wants of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wish {
    /// All devices of these users are in.
    Add {
        /// User ids.
        users: Vec<String>,
    },
    /// This other device of the own person is in: it was approved here.
    AddOwnDevice {
        /// The device, hex.
        device: String,
        /// The encoded signed `DeviceApproval`.
        approval: Vec<u8>,
    },
    /// No device of this user is in.
    Remove {
        /// The user id.
        user: String,
    },
    /// No device of this user is in, because they said so.
    LetGo {
        /// The user id.
        user: String,
        /// The encoded signed `Leave`.
        leave: Vec<u8>,
    },
    /// The epoch is new: this device has sent all it may in the one before.
    Renew,
    /// The leaf of this device is of its newest certificate.
    RenewLeaf,
    /// The conversation has this name.
    Rename {
        /// The name.
        name: String,
    },
    /// Messages of the conversation are kept for so long at most.
    Retain {
        /// In seconds.
        seconds: u32,
    },
    /// Devices that cannot follow are taken out and in again, in one commit.
    AddAnew {
        /// The encoded signed `OutOfStep` of each.
        reports: Vec<Vec<u8>>,
    },
    /// The people of a closed log are in its successor.
    Restore {
        /// User and device (hex) of each.
        members: Vec<(String, String)>,
    },
    /// The closed log goes on in a new conversation.
    Succeed {
        /// The commit that could not be followed.
        number: u64,
        /// The encoded signed `OutOfStep`s that closed it.
        reports: Vec<Vec<u8>>,
    },
    /// No device is in that the revocation list names.
    RemoveRevoked,
    /// What members did wrong is put right: devices and settings as they should be, their authors out, the
    /// relay's roster true.
    Correct,
    /// Devices that were removed beyond anybody's rights are back.
    Mend {
        /// The commit that removed them.
        number: u64,
        /// Their user.
        user: String,
        /// The devices, hex.
        devices: Vec<String>,
    },
    /// Devices that were taken out because of a hold that has ended are back, unless another of their person's is in by then.
    AddBack {
        /// Their user.
        user: String,
        /// The devices, hex.
        devices: Vec<String>,
    },
    /// A further device of a person is in: one of their devices approved it.
    AddDevice {
        /// The user id.
        user: String,
        /// The device, hex.
        device: String,
        /// The encoded signed `DeviceApproval`.
        approval: Vec<u8>,
    },
    /// A person's new device is in and the one it replaces out: a member confirmed it.
    LetBack {
        /// The user id.
        user: String,
        /// The new device, hex.
        device: String,
        /// The device it replaces, hex.
        replaces: String,
        /// The encoded signed `Confirmation`.
        confirmation: Vec<u8>,
    },
}

/// How a wish ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The log shows it.
    Done,
    /// It cannot be.
    Failed(Failure),
}

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct IntentRow {
    /// Its place.
    pub intent: i64,
    /// The conversation.
    pub conversation: ConversationId,
    /// The wish.
    pub wish: Wish,
    /// Under which packages are claimed for it.
    pub request: [u8; 16],
    /// When it was wished for.
    pub created: UtcMillis,
    /// Not to be tried before.
    pub not_before: UtcMillis,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
}

impl IntentRow {
    /// Whether it may be tried now. A wish from the future was made before the clock was set back: what was to wait a
    /// moment must not wait until that future comes.
    pub(crate) fn is_due(&self, now: UtcMillis) -> bool {
        self.not_before <= now || now < self.created
    }
}

fn parse(row: &SqliteRow) -> Result<IntentRow, VaultError> {
    let wish: String = row.try_get("wish")?;
    let request: Vec<u8> = row.try_get("request_id")?;
    let outcome: Option<String> = row.try_get("outcome")?;
    Ok(IntentRow {
        intent: row.try_get("intent_id")?,
        conversation: fixed(row, "conversation_id")?,
        wish: serde_json::from_str(&wish).map_err(|_| corrupt())?,
        request: request.as_slice().try_into().map_err(|_| corrupt())?,
        created: UtcMillis::new(unsigned(row, "created_ms")?),
        not_before: UtcMillis::new(unsigned(row, "not_before_ms")?),
        outcome: outcome.map(|text| serde_json::from_str(&text).map_err(|_| corrupt())).transpose()?,
    })
}

/// Stores a wish; answers its place.
pub(crate) async fn insert(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    wish: &Wish,
    request: &[u8; 16],
    now: UtcMillis,
    not_before: UtcMillis,
) -> Result<i64, VaultError> {
    let wish = serde_json::to_string(wish).map_err(|_| corrupt())?;
    let done = sqlx::query(
        "INSERT INTO intents (conversation_id, wish, request_id, created_ms, not_before_ms)
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(conversation.as_bytes().as_slice())
    .bind(wish)
    .bind(request.as_slice())
    .bind(stored(now.get()))
    .bind(stored(not_before.get()))
    .execute(tx.connection())
    .await?;
    Ok(done.last_insert_rowid())
}

/// One wish.
pub(crate) async fn find(tx: &mut Transaction<'_>, intent: i64) -> Result<Option<IntentRow>, VaultError> {
    let row = sqlx::query("SELECT * FROM intents WHERE intent_id = ?")
        .bind(intent)
        .fetch_optional(tx.connection())
        .await?;
    row.as_ref().map(parse).transpose()
}

/// The open wishes: what has to be put right first, then who must not be in, then who was in before a log broke, then in the order they were made.
pub(crate) async fn open(tx: &mut Transaction<'_>) -> Result<Vec<IntentRow>, VaultError> {
    let rows = sqlx::query(
        "SELECT * FROM intents WHERE outcome IS NULL
              ORDER BY wish <> '\"correct\"', wish <> '\"remove_revoked\"', wish NOT LIKE '{\"restore\":%', intent_id",
    )
    .fetch_all(tx.connection())
    .await?;
    rows.iter().map(parse).collect()
}

/// The same of one conversation.
pub(crate) async fn open_in(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<Vec<IntentRow>, VaultError> {
    let rows = sqlx::query(
        "SELECT * FROM intents WHERE outcome IS NULL AND conversation_id = ?
              ORDER BY wish <> '\"correct\"', wish <> '\"remove_revoked\"', wish NOT LIKE '{\"restore\":%', intent_id",
    )
    .bind(conversation.as_bytes().as_slice())
    .fetch_all(tx.connection())
    .await?;
    rows.iter().map(parse).collect()
}

/// The open wishes whose time has come and in whose conversation no commit is under way, in the order of [`open`].
pub(crate) async fn grantable(
    tx: &mut Transaction<'_>,
    now: UtcMillis,
) -> Result<Vec<IntentRow>, VaultError> {
    let under_way = pending_commits::conversations(tx).await?;
    let mut wishes = open(tx).await?;
    wishes.retain(|wish| wish.is_due(now) && !under_way.contains(&wish.conversation));
    Ok(wishes)
}

/// A wish is to be tried now.
pub(crate) async fn hasten(tx: &mut Transaction<'_>, intent: i64, now: UtcMillis) -> Result<(), VaultError> {
    sqlx::query("UPDATE intents SET not_before_ms = MIN(not_before_ms, ?) WHERE intent_id = ?")
        .bind(stored(now.get()))
        .bind(intent)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Ends a wish.
pub(crate) async fn end(tx: &mut Transaction<'_>, intent: i64, outcome: &Outcome) -> Result<(), VaultError> {
    let outcome = serde_json::to_string(outcome).map_err(|_| corrupt())?;
    sqlx::query("UPDATE intents SET outcome = ? WHERE intent_id = ?")
        .bind(outcome)
        .bind(intent)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// A wish is for another conversation from now on: the one in which its own goes on.
pub(crate) async fn move_to(
    tx: &mut Transaction<'_>,
    intent: i64,
    conversation: &ConversationId,
) -> Result<(), VaultError> {
    sqlx::query("UPDATE intents SET conversation_id = ? WHERE intent_id = ?")
        .bind(conversation.as_bytes().as_slice())
        .bind(intent)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Ends the open wishes of a conversation that `which` picks.
pub(crate) async fn end_where(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    outcome: &Outcome,
    which: impl Fn(&Wish) -> bool,
) -> Result<(), VaultError> {
    for row in open_in(tx, conversation).await? {
        if which(&row.wish) {
            end(tx, row.intent, outcome).await?;
        }
    }
    Ok(())
}

/// Deletes wishes that ended more than a week ago.
pub(crate) async fn prune(tx: &mut Transaction<'_>, now: UtcMillis) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM intents WHERE outcome IS NOT NULL AND created_ms < ?")
        .bind(stored(now.get().saturating_sub(7 * 86_400_000)))
        .execute(tx.connection())
        .await?;
    Ok(())
}
