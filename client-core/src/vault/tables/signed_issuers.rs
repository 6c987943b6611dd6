//! Table `signed_issuers`: the issuers' list that the root has signed on this machine and that is not known to be in force. At most
//! one row.

use prost::Message as _;
use sqlx::Row as _;
use wardline_proto::relay::PublishIssuersListRequest;

use super::corrupt;
use crate::vault::{Transaction, VaultError};

/// The list with the device that comes with it, if one is under way.
pub(crate) async fn load(tx: &mut Transaction<'_>) -> Result<Option<PublishIssuersListRequest>, VaultError> {
    let row = sqlx::query("SELECT request FROM signed_issuers").fetch_optional(tx.connection()).await?;
    let Some(row) = row else { return Ok(None) };
    let bytes: Vec<u8> = row.try_get("request")?;
    PublishIssuersListRequest::decode(bytes.as_slice()).map(Some).map_err(|_| corrupt())
}

/// Stores one in place of another.
pub(crate) async fn store(
    tx: &mut Transaction<'_>,
    request: &PublishIssuersListRequest,
) -> Result<(), VaultError> {
    sqlx::query("INSERT OR REPLACE INTO signed_issuers (only, request) VALUES (1, ?)")
        .bind(request.encode_to_vec())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// None is under way any more.
pub(crate) async fn delete(tx: &mut Transaction<'_>) -> Result<(), VaultError> {
    sqlx::query("DELETE FROM signed_issuers").execute(tx.connection()).await?;
    Ok(())
}
