//! Table `spent_invitations`: what the registrar has certified, by its own memory (design 4.2).

use sqlx::Row as _;
use wardline_proto::{DeviceId, InvitationId, UtcMillis};

use super::{fixed, stored};
use crate::vault::{Transaction, VaultError};

/// What was issued for an invitation.
pub(crate) struct Spent {
    /// To which device.
    pub device: DeviceId,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
}

/// What was issued for `invitation`, if anything.
pub(crate) async fn find(
    tx: &mut Transaction<'_>,
    invitation: &InvitationId,
) -> Result<Option<Spent>, VaultError> {
    let row = sqlx::query("SELECT device_id, certificate FROM spent_invitations WHERE invitation_id = ?")
        .bind(invitation.as_bytes().as_slice())
        .fetch_optional(tx.connection())
        .await?;
    row.map(|row| Ok(Spent { device: fixed(&row, "device_id")?, certificate: row.try_get("certificate")? }))
        .transpose()
}

/// Notes that `certificate` was issued for `invitation`.
pub(crate) async fn insert(
    tx: &mut Transaction<'_>,
    invitation: &InvitationId,
    spent: &Spent,
    now: UtcMillis,
) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT INTO spent_invitations (invitation_id, device_id, certificate, issued_ms) VALUES (?, ?, ?, ?)",
    )
    .bind(invitation.as_bytes().as_slice())
    .bind(spent.device.as_bytes().as_slice())
    .bind(&spent.certificate)
    .bind(stored(now.get()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Whether a certificate was issued for this device, for any invitation.
pub(crate) async fn knows_device(tx: &mut Transaction<'_>, device: &DeviceId) -> Result<bool, VaultError> {
    let row = sqlx::query("SELECT 1 FROM spent_invitations WHERE device_id = ?")
        .bind(device.as_bytes().as_slice())
        .fetch_optional(tx.connection())
        .await?;
    Ok(row.is_some())
}
