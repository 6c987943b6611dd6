//! The first conversation, by hand: every step is the real program in its own process, against a real relay.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails is a test that fails")]

mod failures;
mod objects;
mod outbox;
mod scene;
