//! What calls may hold of the relay's memory, and how much of it is one device's to hold.
//!
//! Each body's first 64 KiB are free: the number of calls bounds those. What goes beyond is taken in blocks from
//! one budget of the whole relay, of which a device, and all strangers together, may have an eighth: nobody can
//! keep the others from sending.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wardline_proto::fault;

use super::Limits;

/// What is free, and what is taken at once beyond that.
const BLOCK_BYTES: u64 = 64 * 1024;

/// The part of the budget that is a device's.
const SHARE: u64 = 8;

/// Room for the bodies of all requests; clones are the same room.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Semaphore>);

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        Self(blocks(limits.request_memory_bytes))
    }

    /// Nothing yet, on the account of `share`.
    pub(super) fn loan(&self, share: &Share) -> Loan {
        Loan { budget: self.0.clone(), share: share.bodies.clone(), held: Mutex::default() }
    }
}

/// What a device's calls, on all its connections, may hold; clones are the same share.
#[derive(Debug, Clone)]
pub(super) struct Share {
    calls: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
}

impl Share {
    pub(super) fn of_device(limits: &Limits) -> Self {
        let calls = limits.calls_per_device.min(Semaphore::MAX_PERMITS);
        // Never so little that its longest request does not fit.
        let bodies = (limits.request_memory_bytes / SHARE).max(limits.body_bytes);
        let turns = limits.turns_per_device.min(Semaphore::MAX_PERMITS);
        let [calls, turns] = [calls, turns].map(|most| Arc::new(Semaphore::new(most)));
        Self { calls, turns, bodies: blocks(bodies) }
    }

    /// Of all strangers together. Their calls are few on each connection, and their connections are counted.
    pub(super) fn of_strangers(limits: &Limits) -> Self {
        let bodies = (limits.request_memory_bytes / SHARE).max(limits.uncertified_body_bytes);
        let [calls, turns] = [(); 2].map(|()| Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)));
        Self { calls, turns, bodies: blocks(bodies) }
    }

    /// A place for one call.
    pub(super) fn call(&self) -> Option<OwnedSemaphorePermit> {
        if fault::planted("mutant.calls_per_device") {
            return Arc::new(Semaphore::new(1)).try_acquire_owned().ok();
        }
        self.calls.clone().try_acquire_owned().ok()
    }

    /// The caller's turn, first come, first served: what a device asks for at once is worked on a few at a time, so
    /// that others come in between.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        if fault::planted("mutant.turns") {
            return None;
        }
        self.turns.clone().acquire_owned().await.ok()
    }
}

/// What one call's body has taken of the budget; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Loan {
    budget: Arc<Semaphore>,
    share: Arc<Semaphore>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    blocks: u64,
    permits: Vec<OwnedSemaphorePermit>,
}

impl Loan {
    /// Takes what a body of so many bytes needs. `false` if there is not so much.
    pub(super) fn cover(&self, body_bytes: u64) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = body_bytes.div_ceil(BLOCK_BYTES).saturating_sub(1);
        let more = needed.saturating_sub(held.blocks);
        if more == 0 {
            return true;
        }
        let Ok(permits) = u32::try_from(more) else { return false };
        let take = |from: &Arc<Semaphore>| from.clone().try_acquire_many_owned(permits).ok();
        let (Some(budget), Some(share)) = (take(&self.budget), take(&self.share)) else { return false };
        held.permits.extend([budget, share]);
        held.blocks = needed;
        true
    }
}

fn blocks(bytes: u64) -> Arc<Semaphore> {
    let blocks = usize::try_from(bytes / BLOCK_BYTES).unwrap_or(usize::MAX);
    Arc::new(Semaphore::new(blocks.min(Semaphore::MAX_PERMITS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn limits() -> Limits {
        Limits { request_memory_bytes: 16 * MIB, body_bytes: MIB, ..Limits::default() }
    }

    #[test]
    fn a_device_cannot_take_the_memory_of_the_others() {
        let (budget, limits) = (Budget::new(&limits()), limits());
        let (greedy, other) = (Share::of_device(&limits), Share::of_device(&limits));
        let loans: Vec<_> = (0..3).map(|_| budget.loan(&greedy)).collect();
        assert_eq!(loans.iter().filter(|loan| loan.cover(MIB)).count(), 2);
        assert!(budget.loan(&other).cover(MIB));
    }

    #[test]
    fn all_devices_together_stay_within_the_budget_and_give_back() {
        let (budget, limits) = (Budget::new(&limits()), limits());
        let loans: Vec<_> = (0..32).map(|_| budget.loan(&Share::of_device(&limits))).collect();
        let covered = loans.iter().filter(|loan| loan.cover(MIB)).count();
        // 15 blocks each, 256 in all.
        assert_eq!(covered, 17);
        drop(loans);
        assert!(budget.loan(&Share::of_device(&limits)).cover(MIB));
    }

    #[test]
    fn what_is_small_costs_nothing() {
        let limits = Limits { request_memory_bytes: 0, body_bytes: 0, ..Limits::default() };
        let loan = Budget::new(&limits).loan(&Share::of_device(&limits));
        assert!(loan.cover(BLOCK_BYTES));
        assert!(!loan.cover(BLOCK_BYTES + 1));
    }
}
