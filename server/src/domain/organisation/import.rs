//! Importing a bundle that was checked: the pin, the issuers' list, and the founder's device.

use wardline_identity::{DeviceCertificate, RecordAct};
use wardline_proto::UtcMillis;
use wardline_proto::relay::SignedStatement;

use super::{OrganisationError, OrganisationPin, OrganisationRefusal, OrganisationStorage, issue::certified};
use crate::domain::record::record;

/// Pins the organisation, takes its issuers' list and makes its founder's device known. The same again changes nothing.
///
/// # Errors
/// [`OrganisationRefusal::DeviceTaken`]: the founder's device id is another person's.
pub async fn import<S: OrganisationStorage>(
    storage: &mut S,
    pin: &OrganisationPin,
    issuers: SignedStatement,
    founder: &DeviceCertificate,
    now: UtcMillis,
) -> Result<(), OrganisationError> {
    if storage.keep_pin(pin, now).await? {
        record(storage, now, RecordAct::IssuersListTaken { list: issuers }).await?;
    }
    match storage.device_owner(founder.device()).await? {
        // Also if it was revoked: it stays so.
        Some(owner) if owner.user == *founder.user() => Ok(()),
        Some(_) => Err(OrganisationRefusal::DeviceTaken.into()),
        None => {
            storage.keep_device(founder, now).await?;
            Ok(record(storage, now, certified(founder, None)).await?)
        }
    }
}
