//! What happened in a scene, in order: the same scene has the same trace.
//!
//! A line names a virtual instant, a device and what came of a step, never a key or a ciphertext: those are drawn
//! anew each time.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

/// The lines so far.
#[derive(Debug)]
pub struct Trace {
    begun: Instant,
    lines: Mutex<Vec<String>>,
}

impl Trace {
    /// An empty one that begins now.
    #[must_use]
    pub fn begin() -> Self {
        Self { begun: Instant::now(), lines: Mutex::default() }
    }

    /// Adds a line.
    pub fn say(&self, who: &str, what: &str) {
        let millis = self.begun.elapsed().as_millis();
        self.lines().push(format!("{millis:>7} {who}: {what}"));
    }

    /// A digest of all of it.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.lines().hash(&mut hasher);
        hasher.finish()
    }

    /// All of it.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        self.lines().clone()
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
