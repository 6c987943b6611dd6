//! One time for everything: tokio's timers and the clock that relay and clients read move together, when told.
//!
//! tokio would leap to the next timer whenever nothing runs in its runtime; but databases work on threads of their own,
//! so a leap would end every wait for them. A task that never ends keeps it from that, and a pump moves time in small
//! steps, with a moment for the databases after each. Seconds of waiting then take a hundredth of that.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use tokio::task::JoinHandle;
use wardline_identity::ManualClock;

/// A step: well below every timeout of clients and relay.
const STEP: Duration = Duration::from_millis(10);
/// What databases get for each step.
const MOMENT: Duration = Duration::from_micros(150);

/// Moves time while it lives.
pub(crate) struct VirtualTime {
    clock: Arc<ManualClock>,
    pump: JoinHandle<()>,
    /// Its end ends the task that keeps tokio from leaping.
    _no_leaps: mpsc::Sender<()>,
}

impl VirtualTime {
    /// Takes over the time of a runtime of one thread.
    pub(crate) fn begin(clock: Arc<ManualClock>) -> Self {
        tokio::time::pause();
        let (sender, receiver) = mpsc::channel::<()>();
        drop(tokio::task::spawn_blocking(move || receiver.recv()));
        let pumped = clock.clone();
        let pump = tokio::spawn(async move {
            loop {
                step(&pumped, STEP).await;
                tokio::task::yield_now().await;
                thread::sleep(MOMENT);
            }
        });
        Self { clock, pump, _no_leaps: sender }
    }

    /// All clocks leap.
    pub(crate) async fn leap(&self, seconds: u64) {
        step(&self.clock, Duration::from_secs(seconds)).await;
    }
}

impl Drop for VirtualTime {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

async fn step(clock: &ManualClock, by: Duration) {
    clock.advance_millis(u64::try_from(by.as_millis()).unwrap_or(u64::MAX));
    tokio::time::advance(by).await;
}
