//! The use-cases of a conversation, one file a verb, over one device's vault and MLS state.
//!
//! [`Core`] is that state; whoever holds it drives it alone. Each step is one vault transaction: MLS state,
//! messages, outbox and cursor change together or not at all, and after a step that failed the memory of the
//! group is dropped and read again.

pub(crate) mod add_anew;
mod again;
mod ask_in;
mod asked;
#[cfg(test)]
pub(crate) mod broken_test;
mod closed;
mod commit;
mod complete;
mod confirm;
mod continuation;
mod core;
mod correct;
mod create;
mod detail;
mod event;
mod expected;
mod former;
mod grounds;
mod hold;
mod instead;
mod join;
mod judge;
mod lies;
mod line;
mod merged;
mod permitted;
mod plan;
pub(crate) mod recall;
mod receive;
mod receive_commit;
mod receive_message;
mod reinstated;
mod replacement;
mod report;
mod retention_time;
pub(crate) mod revoked;
mod roster;
mod ruling;
mod said_anew;
mod seal;
mod settle;
mod spent;
mod standing;
mod statements;
#[cfg(test)]
mod statements_test;
mod struck;
mod successor;
mod suspicion;
mod take_over;
mod voice;
mod waits;
mod went;
mod words;

pub(crate) use self::{
    asked::asked,
    closed::closed,
    commit::{Change, Staged, stage},
    complete::{Completed, complete, missing},
    confirm::confirmation,
    core::{Core, Device, KnownList, random},
    create::create,
    detail::{detail, find, list, read},
    hold::Hold,
    join::join,
    permitted::{life_refusal, longest_life, policy, silenced, software, text_refusal},
    plan::{Plan, nobody, plan},
    recall::recallable,
    receive::{Effect, encode, receive, removed},
    replacement::{Waiting, is_in, note_replacement, waiting},
    report::{declared, look_again, not_in, report, report_by},
    retention_time::RetentionTime,
    roster::code_of,
    seal::{Sealed, TEXT_BYTES_MAX, seal},
    settle::{abandon, withdraw},
    statements::{approval_statement, confirmation_statement, devices, leave_statement},
    struck::strangers_by,
    successor::{is_left_empty, may_be_asked, waits_for_closing},
    suspicion::{
        Compared, ShownHead, false_issuers, false_list, greeted, hidden_list, issuers_number, no_such_list,
        older_issuers, place, record_forked, record_is_doubted, record_shortened, record_unlike_its_head,
        relay_fault_count, relay_faults, see_relay_faults, uninvited,
    },
    take_over::{created, not_first},
    voice::{EarlierKey, Voice},
    waits::look_at_early,
};
