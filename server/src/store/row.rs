//! Columns to the domain's types and back. A value of the wrong shape is the database's fault, never a peer's.

use sqlx::{Row as _, sqlite::SqliteRow};
use wardline_proto::{ConversationId, DeviceId, Digest, EntryNumber, Epoch, IdError, UtcMillis};

use super::StoreError;

/// Reads one column at a time.
pub(in crate::store) trait Columns {
    /// A blob.
    fn blob(&self, column: &'static str) -> Result<Vec<u8>, StoreError>;
    /// A blob or NULL.
    fn blob_or_null(&self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError>;
    /// A number that is never negative.
    fn number(&self, column: &'static str) -> Result<u64, StoreError>;
    /// A number that is never negative, or NULL.
    fn number_or_null(&self, column: &'static str) -> Result<Option<u64>, StoreError>;

    /// A newtype of fixed length.
    fn id<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: for<'a> TryFrom<&'a [u8], Error = IdError>,
    {
        let blob = self.blob(column)?;
        T::try_from(blob.as_slice()).map_err(|_| StoreError::Unreadable { column })
    }

    /// A smaller number.
    fn small<T: TryFrom<u64>>(&self, column: &'static str) -> Result<T, StoreError> {
        T::try_from(self.number(column)?).map_err(|_| StoreError::Unreadable { column })
    }

    /// A conversation's id.
    fn conversation(&self, column: &'static str) -> Result<ConversationId, StoreError> {
        self.id(column)
    }

    /// A conversation's id, or NULL.
    fn conversation_or_null(&self, column: &'static str) -> Result<Option<ConversationId>, StoreError> {
        let blob = self.blob_or_null(column)?;
        let id = blob.map(|blob| ConversationId::try_from(blob.as_slice())).transpose();
        id.map_err(|_| StoreError::Unreadable { column })
    }

    /// A device's id.
    fn device(&self, column: &'static str) -> Result<DeviceId, StoreError> {
        self.id(column)
    }

    /// A digest.
    fn digest(&self, column: &'static str) -> Result<Digest, StoreError> {
        self.id(column)
    }

    /// A place in a log.
    fn entry_number(&self, column: &'static str) -> Result<EntryNumber, StoreError> {
        self.number(column).map(EntryNumber::new)
    }

    /// An epoch.
    fn epoch(&self, column: &'static str) -> Result<Epoch, StoreError> {
        self.number(column).map(Epoch::new)
    }

    /// An instant.
    fn instant(&self, column: &'static str) -> Result<UtcMillis, StoreError> {
        self.number(column).map(UtcMillis::new)
    }
}

impl Columns for SqliteRow {
    fn blob(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn blob_or_null(&self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn number(&self, column: &'static str) -> Result<u64, StoreError> {
        let value: i64 = self.try_get(column)?;
        u64::try_from(value).map_err(|_| StoreError::Unreadable { column })
    }

    fn number_or_null(&self, column: &'static str) -> Result<Option<u64>, StoreError> {
        let value: Option<i64> = self.try_get(column)?;
        value.map(|value| u64::try_from(value).map_err(|_| StoreError::Unreadable { column })).transpose()
    }
}

/// A number as SQLite keeps it. Beyond 2^63 it is the largest: peers' numbers that high match no row, and none of
/// ours gets there.
pub(in crate::store) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
