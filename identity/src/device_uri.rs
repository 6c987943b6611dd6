//! `wardline://<organisation>/<user>/<device-uuid>`: how a certificate names its device.
//!
//! There is one spelling per device: what parses is exactly what would be built.

use std::fmt;

use uuid::{Uuid, Variant};
use wardline_proto::DeviceId;

use crate::{Entropy, EntropyError, NameError, OrganisationId, UserId};

/// A device's name in its certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeviceUri {
    /// The organisation.
    pub organisation: OrganisationId,
    /// The person or service.
    pub user: UserId,
    /// The device, a version 4 UUID.
    pub device: DeviceId,
}

impl DeviceUri {
    /// Reads the one spelling there is.
    ///
    /// # Errors
    /// [`NameError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let mut parts = text.strip_prefix("wardline://").ok_or(BAD_URI)?.split('/');
        let (Some(organisation), Some(user), Some(device), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BAD_URI);
        };
        Ok(Self {
            organisation: OrganisationId::parse(organisation)?,
            user: UserId::parse(user)?,
            device: device_id_parse(device)?,
        })
    }
}

impl fmt::Display for DeviceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = Uuid::from_bytes(*self.device.as_bytes());
        write!(f, "wardline://{}/{}/{}", self.organisation, self.user, device.hyphenated())
    }
}

/// A new device's id: a version 4 UUID.
///
/// # Errors
/// [`EntropyError`] if there is no randomness.
pub fn device_id_new(entropy: &dyn Entropy) -> Result<DeviceId, EntropyError> {
    let uuid = uuid::Builder::from_random_bytes(entropy.array()?).into_uuid();
    Ok(DeviceId::from_bytes(uuid.into_bytes()))
}

/// The usual text of a device's id: lowercase hex in groups 8-4-4-4-12.
#[must_use]
pub fn device_id_text(device: &DeviceId) -> String {
    Uuid::from_bytes(*device.as_bytes()).hyphenated().to_string()
}

/// Reads what [`device_id_text`] writes, in that spelling only.
///
/// # Errors
/// [`NameError`] for another spelling or a UUID that is not of version 4.
pub fn device_id_parse(text: &str) -> Result<DeviceId, NameError> {
    let uuid = Uuid::try_parse(text).map_err(|_| BAD_ID)?;
    let device = device_id_checked(DeviceId::from_bytes(uuid.into_bytes()))?;
    if device_id_text(&device) == text { Ok(device) } else { Err(BAD_ID) }
}

/// A device id from the wire, if it is a version 4 UUID (RFC 9562 §5.4).
pub(crate) fn device_id_checked(device: DeviceId) -> Result<DeviceId, NameError> {
    let uuid = Uuid::from_bytes(*device.as_bytes());
    let random = uuid.get_version_num() == 4 && uuid.get_variant() == Variant::RFC4122;
    if random { Ok(device) } else { Err(BAD_ID) }
}

const BAD_URI: NameError =
    NameError { what: "device URI", rule: "is wardline://<organisation>/<user>/<device id>" };
const BAD_ID: NameError = NameError { what: "device id", rule: "is a version 4 UUID in lowercase" };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    const GOOD: &str = "wardline://st-example/dr.a/5f0e8a3c-7d1b-4c2e-9a4f-0123456789ab";

    #[test]
    fn a_uri_has_one_spelling() {
        assert_eq!(DeviceUri::parse(GOOD).unwrap().to_string(), GOOD);
        let bad = [
            GOOD.to_uppercase(),
            GOOD.replace("wardline", "wardlines"),
            GOOD.replace("://", ":/"),
            GOOD.replace("9ab", "9AB"),
            GOOD.replace("-4c2e", "-1c2e"),
            GOOD.replace("-9a4f", "-ca4f"),
            GOOD.replace("5f0e8a3c-7d1b-4c2e-9a4f-0123456789ab", "5f0e8a3c7d1b4c2e9a4f0123456789ab"),
            GOOD.replace("dr.a", ""),
            GOOD.replace("dr.a", "dr%2Ea"),
            format!("{GOOD}/"),
            format!("{GOOD}/x"),
            format!("{GOOD}?x"),
            format!(" {GOOD}"),
            "wardline://st-example/relay".to_owned(),
        ];
        for text in bad {
            assert!(DeviceUri::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_new_device_id_is_a_version_4_uuid_and_reads_back() {
        for _ in 0..64 {
            let device = device_id_new(&SystemEntropy).unwrap();
            assert_eq!(device_id_checked(device), Ok(device));
            assert_eq!(device_id_parse(&device_id_text(&device)), Ok(device));
        }
    }
}
