//! Waiting between attempts: doubling from a quarter of a second to half a minute, with full jitter, so that a ward
//! full of devices does not come back in one instant after the relay did.

use std::time::Duration;

use wardline_identity::Entropy;

/// The first bound.
const FIRST: Duration = Duration::from_millis(250);
/// The last bound.
const LAST: Duration = Duration::from_secs(30);

/// The state of waiting.
#[derive(Debug)]
pub(crate) struct Backoff {
    bound: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { bound: FIRST }
    }

    /// An attempt went well: the next wait is short again.
    pub(crate) fn reset(&mut self) {
        self.bound = FIRST;
    }

    /// How long to wait now: a random part of the bound, at least a tenth of it.
    pub(crate) fn next(&mut self, entropy: &dyn Entropy) -> Duration {
        let bound = self.bound;
        self.bound = (bound * 2).min(LAST);
        let random = entropy.array::<1>().map_or(255, |[byte]| byte);
        bound / 10 + bound * u32::from(random) / 284
    }
}

#[cfg(test)]
mod tests {
    use wardline_identity::SystemEntropy;

    use super::*;

    #[test]
    fn waits_grow_to_half_a_minute_and_no_further() {
        let mut backoff = Backoff::new();
        for _ in 0..20 {
            assert!(backoff.next(&SystemEntropy) <= LAST);
        }
        assert_eq!(backoff.bound, LAST);
        backoff.reset();
        assert!(backoff.next(&SystemEntropy) <= FIRST);
    }
}
