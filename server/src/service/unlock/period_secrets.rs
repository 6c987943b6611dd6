//! `GetPeriodSecrets`, and what `ConfirmUnlock` answers with: a device's shares of the secrets of periods.

use std::sync::Arc;

use tonic::{Request, Status};
use wardline_proto::relay::{GetPeriodSecretsRequest, GetPeriodSecretsResponse, PeriodSecret};
use wardline_proto::{DeviceId, Period, fault::planted};

use crate::domain::period::{Share, ends_ahead, make_ahead, parse, shares};
use crate::service::authorise;
use crate::state::Relay;
use crate::store::StoreError;

pub(super) async fn answer(
    relay: &Relay,
    request: Request<GetPeriodSecretsRequest>,
) -> Result<GetPeriodSecretsResponse, Status> {
    let device = authorise::device(relay, &request)?.device();
    let periods = parse(&request.into_inner().period_ends_ms)?;
    Ok(GetPeriodSecretsResponse { secrets: of(relay, device, &periods).await? })
}

/// A device's shares of the secrets of those periods that are not over. Those that were not made yet are made, where any message may
/// end with them.
pub(super) async fn of(
    relay: &Relay,
    device: DeviceId,
    periods: &[Period],
) -> Result<Vec<PeriodSecret>, Status> {
    let now = relay.clock.now();
    let read = async || {
        let periods = periods.to_vec();
        let read = relay.store.read("period_secrets", move |tx| {
            Box::pin(async move { shares(tx, device, &periods, now).await })
        });
        read.await.map_err(|error: StoreError| Status::from(error))
    };
    let mut found = read().await?;
    let missing = |(period, share): &(Period, Option<_>)| share.is_none().then_some(*period);
    let unmade: Vec<Period> = found.iter().filter_map(missing).collect();
    let ahead = if unmade.is_empty() { Vec::new() } else { ends_ahead(now) };
    if unmade.iter().any(|period| ahead.binary_search(period).is_ok()) {
        let entropy = Arc::clone(&relay.entropy);
        let made = relay
            .store
            .write("make_periods", move |tx| Box::pin(async move { make_ahead(tx, &*entropy, now).await }));
        made.await?;
        found = read().await?;
    }
    let given = |(period, share): (Period, Option<Share>)| {
        share.map(|share| PeriodSecret { period_ends_ms: period.end().get(), secret: share.to_vec().into() })
    };
    // A list may have named it since the call began: what was read then stays here.
    if !planted("mutant.secrets_after") {
        authorise::in_force(relay, device)?;
    }
    Ok(found.into_iter().filter_map(given).collect())
}
