//! The use-cases of a conversation, one file a verb, over one device's vault and MLS state.
//!
//! [`Core`] is that state; whoever holds it drives it alone. Each step is one vault transaction: MLS state,
//! messages, outbox and cursor change together or not at all, and after a step that failed the memory of the
//! group is dropped and read again.

mod commit;
mod core;
mod create;
mod detail;
mod event;
mod hold;
mod join;
mod judge;
mod merged;
mod plan;
mod receive;
mod receive_commit;
mod receive_message;
mod roster;
mod seal;
mod settle;
mod statements;
#[cfg(test)]
mod statements_test;

pub(crate) use self::{
    commit::{Change, Staged, stage},
    core::{Core, Device, random},
    create::create,
    detail::{detail, find, list, read},
    join::join,
    plan::{Plan, approvals, missing, nobody, plan},
    receive::{Effect, encode, receive, removed},
    roster::code_of,
    seal::{Sealed, TEXT_BYTES_MAX, life_seconds, seal},
    settle::abandon,
    statements::{approval_statement, devices, leave_statement},
};
