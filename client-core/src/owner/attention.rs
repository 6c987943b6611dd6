//! When somebody last asked an open vault for something.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Whether somebody is asking, and when somebody last did, by a clock that never goes back.
#[derive(Debug)]
pub(super) struct Attention(Mutex<State>);

#[derive(Debug)]
struct State {
    /// How many commands are being carried out.
    asking: u32,
    /// When the last one began or ended.
    last: Duration,
}

/// A command that is being carried out.
pub(super) struct Asking<'a>(&'a Attention, fn() -> Duration);

impl Attention {
    /// Somebody has just opened it.
    pub(super) fn new(now: Duration) -> Self {
        Self(Mutex::new(State { asking: 0, last: now }))
    }

    /// A person asks for something, until this is dropped.
    pub(super) fn asks(&self, clock: fn() -> Duration) -> Asking<'_> {
        self.change(|state| {
            state.asking += 1;
            state.last = clock();
        });
        Asking(self, clock)
    }

    /// For how long nobody has asked for anything.
    pub(super) fn unattended(&self, now: Duration) -> Duration {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.asking > 0 { Duration::ZERO } else { now.saturating_sub(state.last) }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let now = (self.1)();
        self.0.change(|state| {
            state.asking = state.asking.saturating_sub(1);
            state.last = now;
        });
    }
}
