//! `ListDevices`: certificates and connections from memory, the rest from the store, a page at a time.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use tonic::{Request, Status};
use wardline_identity::{DeviceCertificate, UserId};
use wardline_proto::relay::{ListDevicesRequest, ListDevicesResponse, ListedDevice};
use wardline_proto::{DeviceId, fault};

use crate::domain::revocation::{Presence, RevocationView as _};
use crate::service::authorise::Oversight;
use crate::service::{authorise, decode, status};
use crate::state::Relay;
use crate::store::StoreError;

pub(super) async fn answer(
    relay: &Relay,
    request: &Request<ListDevicesRequest>,
) -> Result<ListDevicesResponse, Status> {
    let (certificate, oversight) = authorise::oversight(relay, request)?;
    // Who may put others' devices on hold has to find them; where they are and when is none of their business.
    let responds = matches!(oversight, Oversight::Own(_))
        && (relay.revocations.is_responder(certificate.user()) || fault::planted("relay.any_hold"));
    let oversight = if responds { Oversight::All } else { oversight };
    let asked = request.get_ref();
    let user = Some(&asked.user_id).filter(|user| !user.is_empty()).map(|user| UserId::parse(user));
    let user = user.transpose().map_err(|error| status::field_invalid("user_id", &error.to_string()))?;
    let after = match asked.after_device_id.is_empty() {
        true => Bound::Unbounded,
        false => Bound::Excluded(decode::id::<DeviceId>("after_device_id", &asked.after_device_id)?),
    };
    let user = oversight.of_user(user)?;

    let mut page: Vec<(DeviceId, Arc<DeviceCertificate>)> = {
        let newest = relay.devices.newest(user.as_ref());
        let behind = newest.range((after, Bound::Unbounded)).take(PAGE_MAX + 1);
        behind.map(|(device, certificate)| (*device, Arc::clone(certificate))).collect()
    };
    let more = page.len() > PAGE_MAX;
    page.truncate(PAGE_MAX);
    let present = present(relay, page.iter().map(|(device, _)| *device).collect()).await?;
    let own = certificate.user().clone();
    let listed = page.into_iter().zip(present).map(|((device, certificate), presence)| {
        let der = Bytes::copy_from_slice(certificate.der());
        if responds && *certificate.user() != own {
            return ListedDevice { certificate: der, ..ListedDevice::default() };
        }
        ListedDevice {
            certificate: der,
            last_seen_at: presence.last_seen_at.map(Into::into),
            connected: relay.connections.count_of(&device) > 0,
            conversations: presence.conversations,
            software: relay.connections.said_by(&device).or(presence.software).unwrap_or_default(),
        }
    });
    if fault::planted("relay.lists_nobody") {
        return Ok(ListDevicesResponse::default());
    }
    Ok(ListDevicesResponse { devices: listed.collect(), more })
}

/// One of each, in the same order.
async fn present(relay: &Relay, devices: Vec<DeviceId>) -> Result<Vec<Presence>, StoreError> {
    let read = relay.store.read("list_devices", move |tx| {
        Box::pin(async move {
            let mut present = Vec::with_capacity(devices.len());
            for device in devices {
                present.push(tx.presence(device).await?);
            }
            Ok(present)
        })
    });
    read.await
}

/// As in the .proto: how many devices a page holds.
const PAGE_MAX: usize = 500;
