//! Conversations of which the relay has another log than this device: over such a connection nothing is taken in,
//! acknowledged or sent there. A relay that has the right one again says so when the next stream opens.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use wardline_proto::ConversationId;

/// Those of the stream that is open.
#[derive(Debug, Default)]
pub(crate) struct Beside(Mutex<BTreeSet<ConversationId>>);

impl Beside {
    /// Nothing is known yet: a connection begins.
    pub(crate) fn clear(&self) {
        self.conversations().clear();
    }

    /// The relay's log of this one is another.
    pub(crate) fn insert(&self, conversation: ConversationId) {
        self.conversations().insert(conversation);
    }

    /// It is this device's again, or this device was let in anew at a place of it.
    pub(crate) fn remove(&self, conversation: &ConversationId) {
        self.conversations().remove(conversation);
    }

    /// Whether it is one of them.
    pub(crate) fn has(&self, conversation: &ConversationId) -> bool {
        self.conversations().contains(conversation)
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<ConversationId> {
        self.conversations().iter().copied().collect()
    }

    fn conversations(&self) -> MutexGuard<'_, BTreeSet<ConversationId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
