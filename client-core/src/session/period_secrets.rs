//! The relay's secrets of periods: asked for before something is sealed or opened under one, kept in memory only (design 4.6).

use wardline_proto::{
    Period, UtcMillis, expiry,
    fault::planted,
    relay::{Entry, EntryKind, GetPeriodSecretsRequest, PeriodSecret},
};
use zeroize::Zeroizing;

use super::Session;
use crate::{
    api::{Failure, FailureKind},
    error::CoreError,
    relay::Relay,
    vault::Vault,
};

/// How many periods after one are asked for with it: an hour, a shift, a day, by the step that it may be of.
const AHEAD: [(u32, u32); 3] = [(24 * 60, 1), (60, 8), (1, 60)];

/// Takes what the relay gave.
pub(super) fn take(vault: &Vault, given: Vec<PeriodSecret>) -> Result<(), CoreError> {
    let malformed = CoreError::Protocol("answered with a secret of no period");
    let secret = |given: PeriodSecret| {
        let period = Period::ending(UtcMillis::new(given.period_ends_ms))?;
        Some((period, Zeroizing::new(<[u8; 32]>::try_from(given.secret.as_ref()).ok()?)))
    };
    let secrets: Option<Vec<_>> = given.into_iter().map(secret).collect();
    vault.take_period_secrets(secrets.ok_or(malformed)?);
    Ok(())
}

/// Asks for the secrets of these periods.
async fn ask(relay: &dyn Relay, periods: Vec<Period>) -> Result<Vec<PeriodSecret>, CoreError> {
    if periods.is_empty() {
        return Ok(Vec::new());
    }
    let period_ends_ms = periods.iter().map(|period| period.end().get()).collect();
    Ok(relay.get_period_secrets(GetPeriodSecretsRequest { period_ends_ms }).await?.secrets)
}

/// Asks for the secrets of all periods that have a key in a vault.
pub(super) async fn fetch(vault: &Vault, relay: &dyn Relay) -> Result<(), CoreError> {
    take(vault, ask(relay, vault.periods()).await?)
}

/// Why what came is not taken in: this device cannot tell whether it is over.
pub(super) fn withheld() -> Failure {
    Failure::new(
        FailureKind::Untrusted,
        "A message cannot be kept: the relay gives nothing to seal it with.",
        "The relay says that its time is over; nothing that an administrator's machine has signed, nor this machine's clock, says so.",
        "Check this device's date and time, and that a registrar runs. The message is not lost: it comes again.",
    )
}

/// A period, and those that what comes next may end with.
fn with_next(period: Period) -> Vec<Period> {
    let minutes = period.minutes();
    let step = AHEAD.iter().find(|(step, _)| minutes.is_multiple_of(*step));
    let (step, count) = step.copied().unwrap_or((1, 0));
    let next = |number: u32| minutes.checked_add(number.checked_mul(step)?).map(Period::from_minutes);
    // And the next minute: it may be one of these as well.
    let minute = minutes.checked_add(1).map(Period::from_minutes);
    (0..=count).filter_map(next).chain(minute).collect()
}

impl Session {
    /// Sees to it that an entry can be sealed that comes now, as far as the relay's word about it goes.
    pub(super) async fn prepare(&self, relay: &dyn Relay, entry: &Entry) -> Result<(), CoreError> {
        let nothing = entry.kind() != EntryKind::Message || entry.message.is_empty();
        if nothing || planted("mutant.unprepared") {
            return Ok(());
        }
        let end = expiry(UtcMillis::new(entry.stamp_ms), entry.life_seconds);
        match Period::ending(end) {
            Some(period) => self.have_secret(relay, period).await,
            None => Ok(()),
        }
    }

    /// Asks for the secrets of all periods that have a key here and whose secret is not: the relay may have them by now.
    pub(super) async fn have_secrets(&self, relay: &dyn Relay) -> Result<(), CoreError> {
        let core = self.core().await;
        let periods = core.vault.periods().into_iter();
        let missing: Vec<_> = periods.filter(|period| !core.vault.has_period_secret(*period)).collect();
        drop(core);
        // Not under the lock: it is held for a step, never across a call.
        let given = ask(relay, missing).await?;
        take(&self.core().await.vault, given)
    }

    /// Asks for the secret of a period that is not over, if it is not here.
    pub(super) async fn have_secret(&self, relay: &dyn Relay, period: Period) -> Result<(), CoreError> {
        let core = self.core().await;
        if period.is_over(core.retention_now()) || core.vault.has_period_secret(period) {
            return Ok(());
        }
        drop(core);
        let given = ask(relay, with_next(period)).await?;
        take(&self.core().await.vault, given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next_is_asked_for_by_the_step_that_a_period_may_be_of() {
        let last =
            |minutes| with_next(Period::from_minutes(minutes)).iter().max().unwrap().minutes() - minutes;
        assert_eq!((last(1_440), last(60), last(61)), (1_440, 480, 60));
        assert!(with_next(Period::from_minutes(60)).contains(&Period::from_minutes(61)));
        assert_eq!(with_next(Period::from_minutes(u32::MAX)).len(), 1);
    }
}
