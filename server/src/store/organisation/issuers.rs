//! Table `issuers_list`: who may issue, as the root signed it.

use prost::Message as _;
use sqlx::SqliteConnection;
use wardline_proto::relay::SignedStatement;

use super::invitations::statement;
use crate::store::StoreError;
use crate::store::row::integer;

/// The list in force; `None` before the first that was kept here.
pub(super) async fn read(connection: &mut SqliteConnection) -> Result<Option<SignedStatement>, StoreError> {
    let row =
        sqlx::query("SELECT statement FROM issuers_list WHERE one = 1").fetch_optional(connection).await?;
    row.as_ref().map(|row| statement(row, "statement")).transpose()
}

/// Keeps a list in place of the one before.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    number: u64,
    list: &SignedStatement,
) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO issuers_list (one, number, statement) VALUES (1, ?1, ?2)")
        .bind(integer(number))
        .bind(list.encode_to_vec())
        .execute(connection)
        .await?;
    Ok(())
}
