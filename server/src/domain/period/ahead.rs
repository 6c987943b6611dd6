//! Which periods there are, and making their secrets before anybody needs them.

use wardline_identity::{Entropy, EntropyError};
use wardline_proto::{LIFE_SECONDS_MAX, Period, UtcMillis};

use super::{PeriodError, PeriodStorage, Secret};

/// One minute, hour and day in milliseconds.
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How many secrets are in memory at once.
const DRAWN: usize = 500;

/// How much longer than messages live secrets are made ahead.
const AHEAD: u64 = 3 * DAY;

/// The steps of periods, and how far ahead each goes: lives up to a day, to thirty days, to the longest (`wardline_proto::expiry`).
const STEPS: [(u64, u64); 3] =
    [(MINUTE, DAY + AHEAD), (HOUR, 30 * DAY + AHEAD), (DAY, LIFE_SECONDS_MAX as u64 * 1000 + AHEAD)];

/// The periods that messages accepted from `now` on for three days may end with, each once and in order: some 6,800.
#[must_use]
pub fn ends_ahead(now: UtcMillis) -> Vec<Period> {
    let steps = STEPS.into_iter().flat_map(|(step, ahead)| {
        let first = now.get() / step + 1;
        let last = now.get().saturating_add(ahead) / step;
        (first..=last).filter_map(move |number| Period::ending(UtcMillis::new(number.saturating_mul(step))))
    });
    let mut all: Vec<Period> = steps.collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Makes the secrets that are missing. Returns how many.
///
/// # Errors
/// [`PeriodError`].
pub async fn make_ahead<S: PeriodStorage>(
    storage: &mut S,
    entropy: &dyn Entropy,
    now: UtcMillis,
) -> Result<usize, PeriodError> {
    let known = storage.periods().await?;
    let mut missing = ends_ahead(now);
    missing.retain(|period| !known.contains(period));
    for some in missing.chunks(DRAWN) {
        let drawn = some.iter().map(|period| Ok((*period, Secret::draw(entropy)?)));
        let drawn: Vec<(Period, Secret)> = drawn.collect::<Result<_, EntropyError>>()?;
        storage.keep_period_secrets(&drawn).await?;
    }
    Ok(missing.len())
}
