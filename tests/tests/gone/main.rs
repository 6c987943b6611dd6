//! P4: what has passed its retention is gone, on every copy of every device, whether it is awake or in a drawer.
//!
//! Real clients over real vaults and the relay's own services and database in one process, on a clock that is moved. The attacker is our own
//! code turned round, with the passcode: what the relay gives, it asks for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails is a test that fails")]

mod clocks;
mod drawer;
mod house;
