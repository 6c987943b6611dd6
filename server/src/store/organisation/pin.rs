//! Table `organisation`: which organisation this database belongs to.

use sqlx::{Row as _, SqliteConnection};
use wardline_proto::UtcMillis;

use crate::domain::organisation::OrganisationPin;
use crate::store::StoreError;
use crate::store::row::{Columns as _, integer};

/// The pin, if there is one.
pub(super) async fn read(connection: &mut SqliteConnection) -> Result<Option<OrganisationPin>, StoreError> {
    let row = sqlx::query("SELECT root_fingerprint, organisation_id, issuers_number FROM organisation")
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(OrganisationPin {
        root: row.digest("root_fingerprint")?,
        organisation_id: row.try_get("organisation_id")?,
        issuers_number: row.number("issuers_number")?,
    }))
}

/// Writes the first pin, or moves the issuers' number of the same organisation. True: it did either.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    pin: &OrganisationPin,
    now: UtcMillis,
) -> Result<bool, StoreError> {
    let written = sqlx::query(
        "INSERT INTO organisation (one, root_fingerprint, organisation_id, issuers_number, pinned_at)
         VALUES (1, ?1, ?2, ?3, ?4)
         ON CONFLICT (one) DO UPDATE SET issuers_number = excluded.issuers_number
          WHERE issuers_number < excluded.issuers_number",
    )
    .bind(pin.root.as_bytes().as_slice())
    .bind(&pin.organisation_id)
    .bind(integer(pin.issuers_number))
    .bind(integer(now.get()))
    .execute(connection)
    .await?;
    Ok(written.rows_affected() > 0)
}
