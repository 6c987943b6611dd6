//! Samples and their percentiles.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Values of one kind, in the order they were taken.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Takes one.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// Takes a span, in milliseconds.
    pub fn push_span(&mut self, span: Duration) {
        self.push(millis(span));
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The value that `hundredths` of a hundred are not above (nearest rank); 0 if there is none.
    #[must_use]
    pub fn percentile(&self, hundredths: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() * hundredths).div_ceil(100).clamp(1, sorted.len().max(1));
        sorted.get(rank - 1).copied().unwrap_or_default()
    }

    /// The median.
    #[must_use]
    pub fn p50(&self) -> f64 {
        self.percentile(50)
    }

    /// The 99th percentile.
    #[must_use]
    pub fn p99(&self) -> f64 {
        self.percentile(99)
    }
}

/// A span in milliseconds.
#[must_use]
pub fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_taken() {
        let mut samples = Samples::default();
        assert_eq!(samples.p50().to_bits(), 0.0_f64.to_bits());
        (1..=200).rev().for_each(|value| samples.push(f64::from(value)));
        assert_eq!((samples.p50(), samples.p99(), samples.percentile(100)), (100.0, 198.0, 200.0));
        assert_eq!(samples.count(), 200);
    }
}
