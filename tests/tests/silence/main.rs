//! What is not said: no secret, message or name in any log or file, also at `trace`; and on bad disks nothing is
//! lost and the failure is named.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails is a test that fails")]

mod disks;
mod keys;
mod mounts;
mod needles;
mod plaintext;
mod relay_disks;
