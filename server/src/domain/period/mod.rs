//! Period secrets: the relay's part of the keys of messages (design 4.6). When a period is over its secret is deleted, and nothing opens what
//! ended with it, on whatever device it is.
//!
//! Secrets are made ahead, for the longest that any message may live and three days more: so a relay that is restored from a copy of
//! up to three days ago has those by which messages were sealed since.

mod ahead;
mod error;
mod secret;
mod storage;

pub use ahead::{ends_ahead, make_ahead};
pub use error::{PeriodError, PeriodRefusal};
pub use secret::{Secret, Share};
pub use storage::{PeriodStorage, PeriodView};

use std::collections::BTreeSet;

use wardline_proto::{DeviceId, Period, UtcMillis, fault::planted};

use crate::store::StoreError;

/// The most periods that one call names: more than a device can have.
pub const PERIODS_MAX: usize = 8_192;

/// The periods that a call names, each once and in order.
///
/// # Errors
/// [`PeriodRefusal`].
pub fn parse(ends_ms: &[u64]) -> Result<Vec<Period>, PeriodRefusal> {
    if ends_ms.len() > PERIODS_MAX {
        return Err(PeriodRefusal::TooMany { named: ends_ms.len() });
    }
    let period = |end: &u64| Period::ending(UtcMillis::new(*end)).ok_or(PeriodRefusal::NoPeriod);
    let periods: BTreeSet<Period> = ends_ms.iter().map(period).collect::<Result<_, _>>()?;
    Ok(periods.into_iter().collect())
}

/// A device's shares of the secrets of periods, in order, that are not over at `now`; `None` in place of one that was not made yet.
///
/// # Errors
/// A [`StoreError`].
pub async fn shares<V: PeriodView>(
    view: &mut V,
    device: DeviceId,
    periods: &[Period],
    now: UtcMillis,
) -> Result<Vec<(Period, Option<Share>)>, StoreError> {
    let open = |period: &&Period| !period.is_over(now) || planted("mutant.period_outlived");
    let asked: Vec<Period> = periods.iter().filter(open).copied().collect();
    let secrets = view.period_secrets(&asked).await?;
    let share = |period: &Period| secrets.get(period).map(|secret| secret.share(device, *period));
    Ok(asked.iter().map(|period| (*period, share(period))).collect())
}
