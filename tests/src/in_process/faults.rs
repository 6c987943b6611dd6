//! What goes wrong between a device and its relay, by order.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// One thing that goes wrong, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The next call does not reach the relay.
    LoseRequest,
    /// The next call is carried out; its answer does not come back.
    LoseAnswer,
    /// The next call reaches the relay twice; the second answer comes back.
    Duplicate,
    /// The next call takes so many milliseconds longer.
    Delay(u64),
    /// The stream ends after so many events more.
    CutStream(u32),
}

/// A fault that no device can mend, for trying the judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// Messages with this number are not delivered.
    DropEntry(u64),
    /// Messages are acknowledged and not carried out, from the next one on.
    AcknowledgeUnsent,
}

/// How many of the last refusals are remembered.
const HEARD_MAX: usize = 12;

/// The faults that wait for one device, and what its relay last refused.
#[derive(Debug, Default)]
pub struct Faults {
    waiting: Mutex<Waiting>,
    heard: Mutex<VecDeque<String>>,
}

#[derive(Debug, Default)]
struct Waiting {
    calls: VecDeque<Fault>,
    stream: Option<u32>,
    planted: Option<Planted>,
}

impl Faults {
    /// Has something go wrong next.
    pub fn push(&self, fault: Fault) {
        let mut waiting = self.waiting();
        match fault {
            Fault::CutStream(events) => waiting.stream = Some(events),
            fault => waiting.calls.push_back(fault),
        }
    }

    /// Plants a fault that stays.
    pub fn plant(&self, planted: Planted) {
        self.waiting().planted = Some(planted);
    }

    /// Nothing goes wrong any more, but for what was planted.
    pub fn heal(&self) {
        let mut waiting = self.waiting();
        waiting.calls.clear();
        waiting.stream = None;
    }

    /// The last refusals, the newest last: for whoever looks into a schedule that failed.
    #[must_use]
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(super) fn hear(&self, refusal: String) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() == HEARD_MAX {
            heard.pop_front();
        }
        heard.push_back(refusal);
    }

    pub(super) fn next_call(&self) -> Option<Fault> {
        self.waiting().calls.pop_front()
    }

    pub(super) fn planted(&self) -> Option<Planted> {
        self.waiting().planted
    }

    /// Whether the stream ends before this event.
    pub(super) fn cuts_stream(&self) -> bool {
        let mut waiting = self.waiting();
        match waiting.stream {
            None => false,
            Some(0) => {
                waiting.stream = None;
                true
            }
            Some(events) => {
                waiting.stream = Some(events - 1);
                false
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
