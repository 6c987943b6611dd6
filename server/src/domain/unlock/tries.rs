//! Counting tries: durable before the answer, spaced from the fourth, and the pair is destroyed by the eleventh.

use std::time::Duration;

use wardline_identity::{RecordAct, UnlockTry};
use wardline_proto::{UtcMillis, fault::planted};

use crate::domain::record::record;

use super::{LastTry, Pair, UnlockError, UnlockRefusal, UnlockStorage};

pub use wardline_proto::TRIES_MAX;

/// From this try on administrators are told.
const TOLD_FROM: u32 = 5;

/// How long after the last try the next may come, in seconds, by how many count already.
const SPACING: [u64; 10] = [0, 0, 0, 30, 60, 120, 300, 900, 1_800, 3_600];

/// What becomes of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the last one again: answered, and not counted.
    Again,
    /// It counts.
    Counts,
    /// It came too soon; it may come after so long.
    Soon(Duration),
    /// It is one too many.
    TooMany,
}

/// A try that is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// How many are left after it.
    pub left: u32,
}

impl Pair {
    /// Whether the last try was counted at a time that has not come yet: the clock was ahead then, or is behind now.
    #[must_use]
    pub fn is_ahead(&self, now: UtcMillis) -> bool {
        self.last.is_some_and(|last| last.at > now)
    }

    /// What becomes of a try that verifies, at this time. Reads nothing else.
    #[must_use]
    pub fn judge(&self, tried: &UnlockTry, now: UtcMillis) -> Verdict {
        let same = |last: &LastTry| last.id == tried.id && last.blinded == tried.blinded;
        if self.last.as_ref().is_some_and(same) {
            return Verdict::Again;
        }
        if self.tries >= TRIES_MAX && !planted("mutant.tries_unbounded") {
            return Verdict::TooMany;
        }
        let place = usize::try_from(self.tries).unwrap_or(usize::MAX).min(SPACING.len() - 1);
        let (Some(last), false) = (self.last, planted("mutant.tries_unspaced")) else {
            return Verdict::Counts;
        };
        let pause = SPACING[place] * 1_000;
        let passed = now.get().saturating_sub(last.at.get());
        match pause.saturating_sub(passed) {
            0 => Verdict::Counts,
            left => Verdict::Soon(Duration::from_millis(left)),
        }
    }
}

/// Takes a try that verifies against the pair's unlock key. Nothing is evaluated before this is on disk.
///
/// # Errors
/// [`UnlockRefusal::Unknown`], [`UnlockRefusal::Soon`]; [`UnlockRefusal::Closed`] for one too many, which has destroyed the pair: it is
/// stored all the same.
pub async fn take<S: UnlockStorage>(
    storage: &mut S,
    tried: &UnlockTry,
    now: UtcMillis,
) -> Result<Result<Taken, UnlockRefusal>, UnlockError> {
    let Some(pair) = storage.pair(tried.pair).await? else {
        let closed = storage.closed(tried.pair).await?.is_some();
        return Ok(Err(if closed { UnlockRefusal::Closed } else { UnlockRefusal::Unknown }));
    };
    let left = |tries: u32| TRIES_MAX.saturating_sub(tries);
    match pair.judge(tried, now) {
        Verdict::Again => Ok(Ok(Taken { left: left(pair.tries) })),
        Verdict::Soon(retry_after) => {
            // A clock that was ahead makes nobody wait for longer than the pause: it begins now.
            if let Some(last) =
                pair.last.filter(|_| pair.is_ahead(now) && !planted("mutant.waits_for_the_clock"))
            {
                storage.count_try(pair.id, pair.tries, &LastTry { at: now, ..last }).await?;
            }
            Ok(Err(UnlockRefusal::Soon { retry_after }))
        }
        Verdict::TooMany => {
            storage.close_pair(pair.id, now).await?;
            tell(storage, (&pair, pair.tries, true), now).await?;
            Ok(Err(UnlockRefusal::Closed))
        }
        Verdict::Counts => {
            let tries = if planted("mutant.tries_uncounted") { pair.tries } else { pair.tries + 1 };
            let last = LastTry { id: tried.id, blinded: tried.blinded, at: now };
            storage.count_try(pair.id, tries, &last).await?;
            if tries >= TOLD_FROM {
                tell(storage, (&pair, tries, false), now).await?;
            }
            Ok(Ok(Taken { left: left(tries) }))
        }
    }
}

/// Writes it on the record.
async fn tell<S: UnlockStorage>(
    storage: &mut S,
    (pair, tries, closed): (&Pair, u32, bool),
    now: UtcMillis,
) -> Result<(), UnlockError> {
    if planted("mutant.tries_untold") {
        return Ok(());
    }
    let act = RecordAct::VaultTried { device: pair.device, tries, closed };
    Ok(record(storage, now, act).await?)
}

#[cfg(test)]
mod tests {
    use wardline_identity::{OprfKey, SigningKey, SystemEntropy};
    use wardline_proto::{DeviceId, PairId, TryId};

    use super::*;

    const NOW: UtcMillis = UtcMillis::new(1_800_000_000_000);

    fn pair(tries: u32) -> Pair {
        Pair {
            id: PairId::from_bytes([1; 16]),
            device: DeviceId::from_bytes([2; 16]),
            unlock_key: SigningKey::from_seed([3; 32]).public(),
            key: OprfKey::generate(&SystemEntropy).unwrap(),
            tries,
            last: (tries > 0).then_some(LastTry {
                id: TryId::from_bytes([0; 16]),
                blinded: [0; 32],
                at: NOW,
            }),
            generation: 0,
            confirmed: None,
        }
    }

    fn tried(id: u8, blinded: u8) -> UnlockTry {
        UnlockTry {
            pair: PairId::from_bytes([1; 16]),
            id: TryId::from_bytes([id; 16]),
            blinded: [blinded; 32],
        }
    }

    #[test]
    fn three_tries_are_free_and_each_after_them_waits_longer() {
        for (tries, seconds) in (0..).zip(SPACING) {
            let pair = pair(tries);
            let soon = |after: u64| pair.judge(&tried(9, 9), NOW.plus_seconds(after));
            assert_eq!(soon(seconds), Verdict::Counts, "{tries}");
            if seconds > 0 {
                assert_eq!(soon(seconds - 1), Verdict::Soon(Duration::from_secs(1)), "{tries}");
                let back = pair.judge(&tried(9, 9), UtcMillis::new(NOW.get() - 86_400_000));
                assert_eq!(back, Verdict::Soon(Duration::from_secs(seconds)), "a clock that was set back");
            }
        }
    }

    #[test]
    fn the_eleventh_is_one_too_many_and_the_last_again_is_none() {
        assert_eq!(pair(10).judge(&tried(9, 9), NOW.plus_seconds(1_000_000)), Verdict::TooMany);
        for tries in [1, 4, 10] {
            assert_eq!(pair(tries).judge(&tried(0, 0), NOW), Verdict::Again);
            assert_ne!(pair(tries).judge(&tried(0, 1), NOW), Verdict::Again, "another passcode under its id");
        }
    }
}
