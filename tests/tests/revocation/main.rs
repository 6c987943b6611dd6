//! Revoking a device, by hand: a real relay, real devices and the real command line (design 4.4).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails is a test that fails")]

mod admin_status;
mod administrators;
mod appoint;
mod attack;
mod colluder;
mod committer;
mod crash;
mod declared;
mod fresh;
mod guide;
mod held;
mod hostile;
mod instant;
mod issuers;
mod record;
mod scene;
mod strikes;
#[path = "../attacker/tap.rs"]
mod tap;
