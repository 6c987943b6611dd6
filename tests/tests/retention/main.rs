//! How long messages live, by hand: a real relay, real devices and the real command line (design 4.6, 4.7).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails is a test that fails")]

mod policy;
mod recall;
mod scene;
mod settings;
