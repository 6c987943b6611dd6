//! Importing a bundle that was checked: the pin, and the founder's device.

use wardline_identity::DeviceCertificate;
use wardline_proto::UtcMillis;

use super::{OrganisationError, OrganisationPin, OrganisationRefusal, OrganisationStorage};

/// Pins the organisation and makes its founder's device known. The same again changes nothing.
///
/// # Errors
/// [`OrganisationRefusal::DeviceTaken`]: the founder's device id is another person's.
pub async fn import<S: OrganisationStorage>(
    storage: &mut S,
    pin: &OrganisationPin,
    founder: &DeviceCertificate,
    now: UtcMillis,
) -> Result<(), OrganisationError> {
    storage.keep_pin(pin, now).await?;
    match storage.device_owner(founder.device()).await? {
        // Also if it was revoked: it stays so.
        Some(owner) if owner.user == *founder.user() => Ok(()),
        Some(_) => Err(OrganisationRefusal::DeviceTaken.into()),
        None => Ok(storage.keep_device(founder, now).await?),
    }
}
