//! How much is measured.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How many samples each question takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// Messages sent on each transport.
    pub send_rounds: usize,
    /// Messages sent before that, not counted.
    pub send_warm_up: usize,
    /// How long the devices are left alone after a message: what they still write (the sender's own entry, the
    /// gathered cursors) must not fall into the next measurement.
    pub pause: Duration,
    /// Rounds of appends.
    pub append_rounds: usize,
    /// Rounds of appends before that, not counted.
    pub append_warm_up: usize,
    /// How many senders append at once.
    pub senders: usize,
    /// How many messages each appends in a round, in process.
    pub appends_in_process: usize,
    /// How many messages each appends in a round, end to end.
    pub appends_end_to_end: usize,
    /// Rows written one a transaction in a round.
    pub rows_alone: usize,
    /// How many people are in each conversation of a device that is revoked.
    pub people: usize,
    /// In how many conversations a device is that is revoked.
    pub revoked_in: [usize; 3],
    /// How many members the conversations have that people are removed from.
    pub removed_from: [usize; 3],
    /// How many are removed from each.
    pub removals: usize,
    /// How many devices are revoked while members are held against the list.
    pub listed: [u64; 3],
}

impl Scale {
    /// For `docs/benchmarks.md`: some ten minutes.
    #[must_use]
    pub const fn full() -> Self {
        Self {
            send_rounds: 300,
            send_warm_up: 20,
            pause: Duration::from_millis(90),
            append_rounds: 9,
            append_warm_up: 1,
            senders: 64,
            appends_in_process: 100,
            appends_end_to_end: 60,
            rows_alone: 400,
            people: 10,
            revoked_in: [1, 20, 200],
            removed_from: [50, 250, 400],
            removals: 9,
            listed: [10, 1_000, 100_000],
        }
    }

    /// For a look: two minutes.
    #[must_use]
    pub const fn quick() -> Self {
        Self {
            send_rounds: 50,
            send_warm_up: 10,
            append_rounds: 3,
            revoked_in: [1, 5, 20],
            removed_from: [5, 10, 50],
            removals: 3,
            ..Self::full()
        }
    }

    /// For tests: everything once or twice, so that it is known to work.
    #[must_use]
    pub const fn smoke() -> Self {
        Self {
            send_rounds: 2,
            send_warm_up: 1,
            pause: Duration::from_millis(20),
            append_rounds: 1,
            append_warm_up: 0,
            senders: 4,
            appends_in_process: 4,
            appends_end_to_end: 3,
            rows_alone: 4,
            people: 3,
            revoked_in: [1, 2, 3],
            removed_from: [3, 3, 4],
            removals: 1,
            listed: [1, 10, 100],
        }
    }
}
