//! What goes wrong between a device and its relay, by order.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Trace;

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
    /// The next answer takes so many milliseconds longer.
    DelayAnswer(u64),
    /// The stream ends after so many events more.
    CutStream(u32),
    /// The next event comes so many milliseconds later.
    DelayEvent(u64),
    /// The next event comes twice.
    RepeatEvent,
    /// The next event comes after the one behind it.
    SwapEvents,
}

/// A fault that no device can mend, for trying the judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// Messages with this number are not delivered.
    DropEntry(u64),
    /// Messages are acknowledged and not carried out, from the next one on.
    AcknowledgeUnsent,
}

/// The faults that wait for one device, and whom to tell of what happens.
#[derive(Debug, Default)]
pub struct Faults {
    waiting: Mutex<Waiting>,
    told: Option<(String, Arc<Trace>)>,
}

#[derive(Debug, Default)]
struct Waiting {
    calls: VecDeque<Fault>,
    events: VecDeque<Fault>,
    stream: Option<u32>,
    planted: Option<Planted>,
}

impl Faults {
    /// For a device of this name, whose steps go into a trace.
    #[must_use]
    pub fn told(who: &str, trace: &Arc<Trace>) -> Self {
        Self { told: Some((who.to_owned(), trace.clone())), ..Self::default() }
    }

    /// Has something go wrong next.
    pub fn push(&self, fault: Fault) {
        let mut waiting = self.waiting();
        match fault {
            Fault::CutStream(events) => waiting.stream = Some(events),
            Fault::DelayEvent(_) | Fault::RepeatEvent | Fault::SwapEvents => waiting.events.push_back(fault),
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
        waiting.events.clear();
        waiting.stream = None;
    }

    pub(super) fn say(&self, what: &str) {
        if let Some((who, trace)) = &self.told {
            trace.say(who, what);
        }
    }

    pub(super) fn next_call(&self) -> Option<Fault> {
        self.waiting().calls.pop_front()
    }

    pub(super) fn next_event(&self) -> Option<Fault> {
        self.waiting().events.pop_front()
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
