//! Importing a bundle that was checked: the pin, the issuers' list, and the founder's device.
//!
//! A list that came by a call may be newer than the bundle's: then that one stays.

use wardline_identity::{DeviceCertificate, Organisation};
use wardline_proto::UtcMillis;

use super::{
    NewIssuers, OrganisationError, OrganisationRefusal, OrganisationStorage, issue::certified, take_issuers,
};
use crate::domain::record::record;

/// Pins the organisation, takes its issuers' list, unless it is the one in force, and makes its founder's device known, if its
/// certificate is good. The same again changes nothing.
///
/// # Errors
/// [`OrganisationRefusal::DeviceTaken`]: the founder's device id is another person's.
pub async fn import<S: OrganisationStorage>(
    storage: &mut S,
    organisation: Organisation,
    is_new: bool,
    founder: Option<&DeviceCertificate>,
    now: UtcMillis,
) -> Result<(), OrganisationError> {
    if is_new {
        take_issuers(storage, &NewIssuers { organisation, first: None }, now).await?;
    }
    let Some(founder) = founder else { return Ok(()) };
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
