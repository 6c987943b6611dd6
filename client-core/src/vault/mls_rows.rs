//! Table `mls_rows`: what the mls room keeps, as opaque rows.
//!
//! A row belongs to a conversation or, with an empty group id, to the device (its KeyPackages). Values are
//! secrets: they are held in memory that is wiped.

use std::sync::Arc;

use sqlx::Row as _;
use wardline_proto::ConversationId;
use zeroize::Zeroizing;

use super::{Transaction, VaultError};

/// Whose rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The device's own: private keys of its KeyPackages.
    Device,
    /// One conversation's group state.
    Conversation(ConversationId),
}

impl Scope {
    fn group_id(&self) -> &[u8] {
        match self {
            Self::Device => &[],
            Self::Conversation(conversation) => conversation.as_bytes(),
        }
    }
}

/// A row's value: wiped when the last holder drops it.
pub type Value = Arc<Zeroizing<Vec<u8>>>;

/// Where a row is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Whose row.
    pub scope: Scope,
    /// What kind of object, 1–255.
    pub kind: u8,
    /// Which of its kind; empty where there is one.
    pub key: Vec<u8>,
}

/// What one unit of work changes. Order: the purged conversations first, then the rows.
#[derive(Clone, Default)]
pub struct Changes {
    /// Conversations all of whose rows go.
    pub purged: Vec<ConversationId>,
    /// Rows to write, or to delete where there is no value.
    pub rows: Vec<(Place, Option<Value>)>,
}

/// All rows of a scope.
///
/// # Errors
/// [`VaultError`].
pub async fn load(tx: &mut Transaction<'_>, scope: Scope) -> Result<Vec<(Place, Value)>, VaultError> {
    let rows = sqlx::query("SELECT kind, key, value FROM mls_rows WHERE group_id = ?")
        .bind(scope.group_id().to_vec())
        .fetch_all(tx.connection())
        .await?;
    rows.into_iter()
        .map(|row| {
            let place = Place { scope, kind: row.try_get("kind")?, key: row.try_get("key")? };
            let value = Zeroizing::new(row.try_get::<Vec<u8>, _>("value")?);
            Ok((place, Arc::new(value)))
        })
        .collect()
}

/// Writes what a unit of work changed.
///
/// # Errors
/// [`VaultError`].
pub async fn write(tx: &mut Transaction<'_>, changes: &Changes) -> Result<(), VaultError> {
    for conversation in &changes.purged {
        sqlx::query("DELETE FROM mls_rows WHERE group_id = ?")
            .bind(conversation.as_bytes().to_vec())
            .execute(tx.connection())
            .await?;
    }
    for (place, value) in &changes.rows {
        let statement = match value {
            Some(_) => {
                "INSERT INTO mls_rows (group_id, kind, key, value) VALUES (?, ?, ?, ?)
                 ON CONFLICT (group_id, kind, key) DO UPDATE SET value = excluded.value"
            }
            None => "DELETE FROM mls_rows WHERE group_id = ? AND kind = ? AND key = ?",
        };
        let mut query = sqlx::query(statement)
            .bind(place.scope.group_id().to_vec())
            .bind(place.kind)
            .bind(place.key.clone());
        if let Some(value) = value {
            query = query.bind(value.to_vec());
        }
        query.execute(tx.connection()).await?;
    }
    Ok(())
}

/// How many rows a conversation has: 0 after it was deleted.
///
/// # Errors
/// [`VaultError`].
pub async fn count(tx: &mut Transaction<'_>, scope: Scope) -> Result<u64, VaultError> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM mls_rows WHERE group_id = ?")
        .bind(scope.group_id().to_vec())
        .fetch_one(tx.connection())
        .await?;
    Ok(u64::try_from(count).unwrap_or_default())
}
