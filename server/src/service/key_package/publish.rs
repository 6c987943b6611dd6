//! `PublishKeyPackages`.

use bytes::Bytes;
use tonic::{Request, Status};
use wardline_proto::in_place::in_place;
use wardline_proto::relay::{PublishKeyPackagesRequest, PublishKeyPackagesResponse};

use crate::domain::key_package::{Package, Publication, publish};
use crate::mls::{MlsError, PublishedKeyPackage, judge_key_package};
use crate::service::authorise::Member;
use crate::service::{authorise, decode, status, write};
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<PublishKeyPackagesRequest>,
) -> Result<PublishKeyPackagesResponse, Status> {
    let member = authorise::member(relay, &request)?;
    let packages = request.into_inner().key_packages;
    if packages.len() > PACKAGES_MAX {
        return Err(status::field_invalid("key_packages", "at most 200"));
    }
    packages.iter().try_for_each(|package| decode::at_most("key_packages", package, PACKAGE_BYTES_MAX))?;

    let certificate = std::sync::Arc::clone(&member.certificate);
    // Three signatures a package, for up to 200: not on the threads that serve everybody.
    let judged = tokio::task::spawn_blocking(move || judge(&member, &packages));
    let judged = in_place(tokio::task::unconstrained(judged)).await;
    let packages = judged.map_err(|error| status::internal(&error))??;
    let (device, lapses_at) = (certificate.device(), certificate.not_after());
    let tasks = relay.tasks.clone();
    write::for_device(
        relay,
        device,
        "publish_key_packages",
        move |tx, now| {
            let publication = Publication { device, lapses_at, published_at: now, packages };
            Box::pin(async move { publish(tx, &publication).await })
        },
        move |()| tasks.packed(device),
    )
    .await?;
    Ok(PublishKeyPackagesResponse {})
}

fn judge(member: &Member, packages: &[Bytes]) -> Result<Vec<Package>, MlsError> {
    let (certificate, key) = (member.certificate.der(), member.key.as_bytes());
    packages
        .iter()
        .map(|bytes| {
            let PublishedKeyPackage { reference, suite, last_resort, bytes } =
                judge_key_package(bytes, certificate, key)?;
            Ok(Package { reference, suite, last_resort, bytes })
        })
        .collect()
}

/// As in the .proto.
const PACKAGES_MAX: usize = 200;

/// As in the .proto.
const PACKAGE_BYTES_MAX: usize = 16_384;
