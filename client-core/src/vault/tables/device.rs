//! Table `device`: who this installation is. One row.

use sqlx::Row as _;
use wardline_proto::DeviceId;
use zeroize::Zeroizing;

use super::{corrupt, fixed};
use crate::vault::{Transaction, VaultError};

/// Who this installation is, as stored.
pub(crate) struct DeviceRow {
    /// The device.
    pub device: DeviceId,
    /// Its user, as in the certificate's URI.
    pub user: String,
    /// The name people see.
    pub display_name: String,
    /// What its owner calls it.
    pub device_name: String,
    /// The role's text.
    pub role: String,
    /// Seed of the device key: TLS client, MLS leaf and statements.
    pub key_seed: Zeroizing<[u8; 32]>,
    /// SHA-256 of the root certificate: the pin.
    pub root_fingerprint: [u8; 32],
    /// Where the relay is, "host:port".
    pub addresses: Vec<String>,
    /// Encoded `Organisation`, verified against the pin.
    pub organisation: Vec<u8>,
    /// DER; none while enrolling.
    pub certificate: Option<Vec<u8>>,
    /// The invitation, a secret; none once enrolled.
    pub invitation: Option<Zeroizing<String>>,
}

/// The row, if the vault belongs to a device already.
pub(crate) async fn load(tx: &mut Transaction<'_>) -> Result<Option<DeviceRow>, VaultError> {
    let row = sqlx::query("SELECT * FROM device").fetch_optional(tx.connection()).await?;
    let Some(row) = row else { return Ok(None) };
    let seed = |bytes: Vec<u8>| -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let bytes = Zeroizing::new(bytes);
        Ok(Zeroizing::new(bytes.as_slice().try_into().map_err(|_| corrupt())?))
    };
    let root: Vec<u8> = row.try_get("root_fingerprint")?;
    let addresses: String = row.try_get("addresses")?;
    let invitation: Option<String> = row.try_get("invitation")?;
    Ok(Some(DeviceRow {
        device: fixed(&row, "device_id")?,
        user: row.try_get("user_id")?,
        display_name: row.try_get("display_name")?,
        device_name: row.try_get("device_name")?,
        role: row.try_get("role")?,
        key_seed: seed(row.try_get("key_seed")?)?,
        root_fingerprint: root.as_slice().try_into().map_err(|_| corrupt())?,
        addresses: addresses.lines().map(str::to_owned).collect(),
        organisation: row.try_get("organisation")?,
        certificate: row.try_get("certificate")?,
        invitation: invitation.map(Zeroizing::new),
    }))
}

/// Writes the row for the first time.
pub(crate) async fn insert(tx: &mut Transaction<'_>, device: &DeviceRow) -> Result<(), VaultError> {
    sqlx::query(
        "INSERT INTO device (only, device_id, user_id, display_name, device_name, role, key_seed,
                             root_fingerprint, addresses, organisation, certificate, invitation)
         VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(device.device.as_bytes().as_slice())
    .bind(&device.user)
    .bind(&device.display_name)
    .bind(&device.device_name)
    .bind(&device.role)
    .bind(device.key_seed.as_slice())
    .bind(device.root_fingerprint.as_slice())
    .bind(device.addresses.join("\n"))
    .bind(&device.organisation)
    .bind(device.certificate.as_deref())
    .bind(device.invitation.as_ref().map(|text| text.as_str()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Stores the certificate and forgets the invitation's secret.
pub(crate) async fn certify(tx: &mut Transaction<'_>, certificate: &[u8]) -> Result<(), VaultError> {
    sqlx::query("UPDATE device SET certificate = ?, invitation = NULL")
        .bind(certificate)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Replaces the organisation by a newer one.
pub(crate) async fn store_organisation(
    tx: &mut Transaction<'_>,
    organisation: &[u8],
) -> Result<(), VaultError> {
    sqlx::query("UPDATE device SET organisation = ?").bind(organisation).execute(tx.connection()).await?;
    Ok(())
}
