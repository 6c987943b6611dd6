//! A lying member does no lasting harm: real clients, of which one tells planted lies, against a real relay. Within
//! twenty seconds the others talk on, nothing acknowledged is lost or doubled, and the liar is named.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails is a test that fails")]

mod correction;
mod devices;
mod door;
mod mutants;
mod noise;
mod races;
mod scene;
