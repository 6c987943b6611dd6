//! A conversation's MLS group: one file per verb.
//!
//! Commits carry their proposals by value and always a path, so that every commit renews the committer's
//! keys. A commit of our own is staged, sent, and merged only when the relay has accepted it.

mod commit;
mod create;
mod encrypt;
mod join;
mod merge;
mod process;
mod roster;
mod state;

pub use commit::{CommitMessages, CommitPlan};
pub use create::create;
pub use join::{JoinView, join};
pub use process::{Processed, StagedCommit};
pub use state::{Group, delete, load};
