//! Catching the relay in a lie (design 2: hostile relay; P5).
//!
//! What cannot have happened with an honest relay is kept in the vault with the entry's number and what shows it, before
//! anything else is done; people see it in the conversation. Nobody is accused but the relay, nobody is removed, and what
//! can go on goes on: an entry that is missing or damaged is asked for again once over a new stream, and meanwhile only its
//! own conversation waits.

mod entry;
mod greeting;
mod package;
mod place;
mod record;
mod shown;
mod task;
mod uninvited;

pub(crate) use self::{
    entry::{
        compare_logs, damaged, false_author, false_removal, joined_elsewhere, left_out, look, own_altered,
        repeated,
    },
    greeting::{
        false_issuers, false_list, greeted, hidden_list, issuers_number, no_such_list, older_issuers,
    },
    package::{one_time, package_twice, spent},
    place::{Compared, place},
    record::{ShownHead, record_forked, record_shortened, record_unlike_its_head},
    shown::{first, record_is_doubted, relay_fault_count, relay_faults, see_relay_faults, shown},
    task::look_at_task,
    uninvited::{forget_uninvited, is_uninvited, show_uninvited, uninvited},
};

use serde_json::Value;
use wardline_proto::{ConversationId, UtcMillis};

use super::core::Core;
use crate::{
    error::CoreError,
    vault::{
        Transaction,
        tables::relay_faults::{self, RelayFaultKind, RelayFaultRow},
    },
};

/// The span within which two honest clocks agree, in milliseconds (design 4.6).
pub(crate) const CLOCKS_AGREE_MS: u64 = 300_000;

/// What was noticed.
pub(crate) struct Suspicion<'a> {
    /// The conversation; `None` for what concerns all of them.
    pub conversation: Option<ConversationId>,
    /// What the relay did.
    pub kind: RelayFaultKind,
    /// The entry or list; 0 if it is about none.
    pub number: u64,
    /// The user who saw otherwise, or whom it is about; may be empty.
    pub about: &'a str,
    /// What shows it.
    pub evidence: Value,
}

impl Suspicion<'_> {
    /// Keeps it with the step under way; answers whether it is new.
    pub(crate) async fn note(&self, tx: &mut Transaction<'_>, now: UtcMillis) -> Result<bool, CoreError> {
        let row = RelayFaultRow {
            conversation: self.conversation,
            kind: self.kind,
            number: self.number,
            about: self.about.to_owned(),
            noticed: now,
            times: 1,
            evidence: self.evidence.to_string(),
            seen: None,
        };
        let new = relay_faults::note(tx, &row).await?;
        if new {
            tracing::warn!(kind = self.kind.as_str(), number = self.number, "the relay was caught in a lie");
        }
        Ok(new)
    }

    /// Keeps it in a step of its own; answers whether it is new.
    pub(crate) async fn note_alone(&self, core: &Core) -> Result<bool, CoreError> {
        let now = core.clock.now();
        let mut tx = core.vault.begin("note_relay_fault").await?;
        let new = self.note(&mut tx, now).await?;
        tx.commit().await?;
        Ok(new)
    }
}
