//! `ClaimKeyPackages`.

use tonic::{Request, Status};
use wardline_proto::relay::{ClaimKeyPackagesRequest, ClaimKeyPackagesResponse, ClaimedKeyPackage};

use crate::domain::key_package::{Claim, ClaimOutcome, claim};
use crate::service::{authorise, decode, status, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<ClaimKeyPackagesRequest>,
) -> Result<ClaimKeyPackagesResponse, Status> {
    let member = authorise::member(relay, &request)?;
    let request = request.into_inner();
    if request.device_ids.len() > DEVICES_MAX {
        return Err(status::field_invalid("device_ids", "at most 500"));
    }
    let request_id = <[u8; 16]>::try_from(request.request_id.as_ref())
        .map_err(|_| status::field_invalid("request_id", "16 bytes"))?;
    let devices = request.device_ids.iter().map(|device| decode::id("device_ids", device));
    let asked = Claim {
        claimer: member.certificate.device(),
        request: request_id,
        devices: devices.collect::<Result<_, _>>()?,
        suite: decode::suite("cipher_suite", request.cipher_suite)?,
    };

    let live = relay.live.clone();
    let outcome = write::for_device(
        relay,
        asked.claimer,
        "claim_key_packages",
        move |tx, now| Box::pin(async move { claim(tx, &asked, now).await }),
        move |outcome: &ClaimOutcome| outcome.low.iter().for_each(|device| live.wake_low(*device)),
    )
    .await?;
    let key_packages = outcome
        .handouts
        .into_iter()
        .map(|handout| ClaimedKeyPackage { device_id: handout.device.to_wire(), key_package: handout.bytes });
    Ok(ClaimKeyPackagesResponse { key_packages: key_packages.collect() })
}

/// As in the .proto.
const DEVICES_MAX: usize = 500;
