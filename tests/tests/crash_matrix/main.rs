//! The crash matrix (`docs/crash-matrix.md`): each row is a test here. A real process is made to die at the row's place;
//! then it is shown what is on the disk, and that everything goes on as if nothing had been: nothing lost, nothing
//! twice, nothing stuck.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a step that fails is a test that fails")]

mod committing;
mod going_on;
mod joining;
mod mending;
mod receiving;
mod relaying;
mod scene;
mod sending;
mod table;
