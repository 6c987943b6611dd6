//! What entries add to the chain: read from `entries`, and kept with the Welcomes whose readers need it.
//!
//! A column of them has 45 bytes each, in order, the last one right before the Welcome's commit: kind u8 ‖ life u32 ‖ stamp
//! u64 ‖ SHA-256, big-endian.

use sqlx::{SqliteConnection, sqlite::SqliteRow};
use wardline_proto::{ChainLink, ConversationId, Digest, EntryNumber, UtcMillis};

use crate::store::{
    StoreError,
    row::{Columns as _, integer},
};

/// Bytes of one link in a column.
const LENGTH: usize = 1 + 4 + 8 + Digest::LENGTH;

pub(super) async fn after(
    connection: &mut SqliteConnection,
    id: ConversationId,
    seen: EntryNumber,
    head: EntryNumber,
) -> Result<Vec<ChainLink>, StoreError> {
    let rows = sqlx::query(
        "SELECT number, kind, life_seconds, stamp, message_sha256 FROM entries
          WHERE conversation = ?1 AND number > ?2 AND number <= ?3 ORDER BY number",
    )
    .bind(id.as_bytes().as_slice())
    .bind(integer(seen.get()))
    .bind(integer(head.get()))
    .fetch_all(connection)
    .await?;
    rows.iter().map(link).collect()
}

fn link(row: &SqliteRow) -> Result<ChainLink, StoreError> {
    let kind = u8::try_from(row.number("kind")?).map_err(|_| StoreError::Unreadable { column: "kind" })?;
    Ok(ChainLink {
        number: row.entry_number("number")?,
        kind,
        life_seconds: row.small("life_seconds")?,
        stamp: row.instant("stamp")?,
        message: row.digest("message_sha256")?,
    })
}

/// As the column has them.
pub(super) fn to_column(links: &[ChainLink]) -> Vec<u8> {
    let mut column = Vec::with_capacity(links.len() * LENGTH);
    for link in links {
        column.push(link.kind);
        column.extend_from_slice(&link.life_seconds.to_be_bytes());
        column.extend_from_slice(&link.stamp.get().to_be_bytes());
        column.extend_from_slice(link.message.as_bytes());
    }
    column
}

/// From the column of the Welcome of this commit.
///
/// # Errors
/// [`StoreError::Unreadable`] for what this relay did not write.
pub(super) fn from_column(column: &[u8], commit: EntryNumber) -> Result<Vec<ChainLink>, StoreError> {
    let unreadable = StoreError::Unreadable { column: "links" };
    let (links, rest) = column.as_chunks::<LENGTH>();
    let first = commit.get().checked_sub(links.len() as u64).filter(|_| rest.is_empty()).ok_or(unreadable)?;
    Ok((first..).zip(links).map(|(number, link)| of_bytes(EntryNumber::new(number), link)).collect())
}

fn of_bytes(number: EntryNumber, bytes: &[u8; LENGTH]) -> ChainLink {
    let [kind, rest @ ..] = bytes;
    let mut life = [0; 4];
    let mut stamp = [0; 8];
    let mut message = [0; Digest::LENGTH];
    life.copy_from_slice(&rest[..4]);
    stamp.copy_from_slice(&rest[4..12]);
    message.copy_from_slice(&rest[12..]);
    ChainLink {
        number,
        kind: *kind,
        life_seconds: u32::from_be_bytes(life),
        stamp: UtcMillis::new(u64::from_be_bytes(stamp)),
        message: Digest::from_bytes(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Vec<ChainLink> {
        let link = |number: u64| ChainLink {
            number: EntryNumber::new(number),
            kind: 2,
            life_seconds: u32::MAX,
            stamp: UtcMillis::new(1_800_000_000_000 + number),
            message: Digest::of(&number.to_be_bytes()),
        };
        (7..=9).map(link).collect()
    }

    #[test]
    fn links_come_back_as_they_were_and_with_their_numbers() {
        let column = to_column(&links());
        assert_eq!(from_column(&column, EntryNumber::new(10)).unwrap(), links());
        assert_eq!(from_column(&[], EntryNumber::new(10)).unwrap(), []);
    }

    #[test]
    fn a_column_of_another_length_is_unreadable() {
        let column = to_column(&links());
        assert!(from_column(&column[1..], EntryNumber::new(10)).is_err());
        assert!(from_column(&column, EntryNumber::new(2)).is_err(), "more than there are before it");
    }
}
