//! Crowds at the relay: more of everything than it has room for, and the others are served all the while.
//!
//! The relay is a process of its own, the sockets are real, and the others are devices that send messages at a steady
//! pace, over both doors, from a thread of their own. What is asserted of them: every message is taken, and their p99 is
//! at most three times what it was just before. Of the relay: what it holds stays within a stated bound, and its limits
//! are answered with when to come again. Each limit is then taken away (`mutant.…`), and the check must notice.
//!
//! The crowds are small by default, so that the whole file takes less than a minute; `WARDLINE_CROWDS=full` (`just
//! crowds`) makes them 10,000 half-open connections and 2,000 idle devices. Each process may have 20,000 files; both
//! sizes stay below.

#![allow(clippy::panic, reason = "a scene that is not as it should be ends there")]

mod attack;
mod floods;
mod half_open;
mod house;
mod idle;
mod others;
mod readers;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Scenes measure time: one after the other.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many, by default and in full.
pub(crate) fn size<T>(usual: T, full: T) -> T {
    if std::env::var_os("WARDLINE_CROWDS").is_some_and(|size| size == "full") { full } else { usual }
}
