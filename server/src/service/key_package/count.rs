//! `CountKeyPackages`.

use tonic::{Request, Status};
use wardline_proto::relay::{CountKeyPackagesRequest, CountKeyPackagesResponse, KeyPackageCount};

use crate::domain::key_package::{KeyPackageError, stock};
use crate::service::authorise;
use crate::state::Relay;

pub(super) async fn answer(
    relay: &Relay,
    request: &Request<CountKeyPackagesRequest>,
) -> Result<CountKeyPackagesResponse, Status> {
    let certificate = authorise::member(relay, request)?.certificate;
    // Those of a certificate before it are as good as gone: they go with the first that are published by this one.
    let (device, from) = (certificate.device(), certificate.not_after());
    let read = relay.store.read("count_key_packages", move |tx| Box::pin(stock(tx, device, from)));
    let stock: Result<_, KeyPackageError> = read.await;
    let counts = stock?.into_iter().map(|stock| KeyPackageCount {
        cipher_suite: u32::from(stock.suite.code()),
        // At most 100: the domain stores no more.
        one_time: u32::try_from(stock.one_time).unwrap_or(u32::MAX),
        unused_last_resort: stock.unused_last_resort,
    });
    Ok(CountKeyPackagesResponse { counts: counts.collect() })
}
