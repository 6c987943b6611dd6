//! The organisation's devices, as the relay lists them and the certificates prove.

use std::sync::Arc;

use wardline_identity::{DateCheck, DeviceCertificate, UserId, device_id_parse};
use wardline_proto::{
    DeviceId, UtcMillis,
    relay::{ListDevicesRequest, ListedDevice},
};

use super::Session;
use crate::{
    api::{Failure, FailureKind},
    error::CoreError,
    relay::Relay,
};

/// How many digits name a device at least.
const DIGITS_MIN: usize = 4;

/// A device of the organisation.
pub(crate) struct Listed {
    /// Its newest certificate, verified but for its dates.
    pub certificate: DeviceCertificate,
    /// When it last had a connection, as the relay says.
    pub last_seen: Option<UtcMillis>,
    /// Whether it has one now.
    pub connected: bool,
    /// In how many conversations it is.
    pub conversations: u32,
    /// What its client says it is.
    pub software: Option<String>,
}

impl Listed {
    /// Its id.
    pub(crate) fn device(&self) -> DeviceId {
        self.certificate.device()
    }
}

/// Asks for the devices of a person, or of all, by id. The relay cannot invent one (P2).
pub(crate) async fn devices(
    session: &Session,
    relay: &Arc<dyn Relay>,
    user: Option<&UserId>,
) -> Result<Vec<Listed>, CoreError> {
    let mut request = ListDevicesRequest {
        user_id: user.map(ToString::to_string).unwrap_or_default(),
        ..ListDevicesRequest::default()
    };
    let mut devices: Vec<Listed> = Vec::new();
    loop {
        let page = relay.list_devices(request.clone()).await?;
        let before = devices.len();
        let core = session.core().await;
        devices.extend(page.devices.iter().filter_map(|one| {
            let certificate =
                core.device.organisation.verify_device(&one.certificate, DateCheck::Skip).ok()?;
            let asked = user.is_none_or(|user| certificate.user() == user);
            asked.then(|| listed(one, certificate))
        }));
        drop(core);
        // By id: a relay that goes round in a circle is left at once.
        if !page.devices.is_empty() && !devices.is_sorted_by(|one, next| one.device() < next.device()) {
            return Err(CoreError::Protocol("does not list devices in order"));
        }
        match devices.last() {
            Some(last) if page.more && devices.len() > before => {
                request.after_device_id = last.device().to_wire();
            }
            _ => return Ok(devices),
        }
    }
}

fn listed(one: &ListedDevice, certificate: DeviceCertificate) -> Listed {
    Listed {
        certificate,
        last_seen: one.last_seen_at.as_ref().map(UtcMillis::from),
        connected: one.connected,
        conversations: one.conversations,
        software: Some(one.software.clone()).filter(|said| !said.is_empty()),
    }
}

/// The one device that a text names: its id, or the first digits of it.
pub(crate) fn named<'a>(devices: &'a [Listed], text: &str) -> Result<&'a Listed, CoreError> {
    let prefix =
        device_id_parse(text).map_or_else(|_| text.to_ascii_lowercase(), |device| device.to_string());
    let long_enough = prefix.len() >= DIGITS_MIN;
    let fits = |one: &&Listed| long_enough && one.device().to_string().starts_with(&prefix);
    let matching: Vec<&Listed> = devices.iter().filter(fits).collect();
    let why = match matching.as_slice() {
        [device] => return Ok(device),
        [] if !long_enough => {
            format!("A device is named by at least the first {DIGITS_MIN} digits of its id.")
        }
        [] => "No device of the organisation has an id that begins so.".to_owned(),
        several => {
            let each = several.iter().take(5).map(|one| {
                let (user, name) = (one.certificate.user(), one.certificate.device_name());
                format!("{:.12} is {user}'s “{name}”", one.device().to_string())
            });
            format!("{}.", each.collect::<Vec<_>>().join(", "))
        }
    };
    Err(Failure::new(
        FailureKind::Unknown,
        format!("“{text}” names {} devices, not one.", matching.len()),
        why,
        "List them: wardline admin device list.",
    )
    .into())
}
