//! Wakes the job that asks members for what conversations are owed.
//!
//! A ring says only where to look; the job reads the store. It is rung after the change is on disk.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use wardline_proto::{ConversationId, DeviceId, EntryNumber};

/// The bell of one relay. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct TaskBell {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    rung: Mutex<Rung>,
    notify: Notify,
}

/// What was rung for since the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rung {
    /// Conversations that are owed something new.
    pub owed: BTreeSet<ConversationId>,
    /// What is to be asked of everybody again: somebody has said anew that they cannot follow, or in another way.
    pub said_anew: BTreeSet<(ConversationId, EntryNumber)>,
    /// Conversations with a new commit, or that somebody has further than before, whether they are owed anything or not.
    pub moved: BTreeSet<ConversationId>,
    /// Devices that can be asked from now on.
    pub ready: BTreeSet<DeviceId>,
    /// Devices that can be let in from now on: they have packages again.
    pub packed: BTreeSet<DeviceId>,
}

impl Rung {
    /// Takes in more.
    pub fn add(&mut self, more: Self) {
        self.owed.extend(more.owed);
        self.said_anew.extend(more.said_anew);
        self.moved.extend(more.moved);
        self.ready.extend(more.ready);
        self.packed.extend(more.packed);
    }
}

impl TaskBell {
    /// A conversation is owed something new.
    pub fn owed(&self, conversation: ConversationId) {
        self.ring(|rung| rung.owed.insert(conversation));
    }

    /// A device says that it cannot follow a commit.
    pub fn said_anew(&self, conversation: ConversationId, number: EntryNumber) {
        self.ring(|rung| rung.said_anew.insert((conversation, number)));
    }

    /// A commit is in a conversation's log, or somebody says how far they have it.
    pub fn moved(&self, conversation: ConversationId) {
        self.ring(|rung| rung.moved.insert(conversation));
    }

    /// A device can be asked.
    pub fn ready(&self, device: DeviceId) {
        self.ring(|rung| rung.ready.insert(device));
    }

    /// A device has published packages.
    pub fn packed(&self, device: DeviceId) {
        self.ring(|rung| rung.packed.insert(device));
    }

    fn ring(&self, change: impl FnOnce(&mut Rung) -> bool) {
        change(&mut self.rung());
        self.shared.notify.notify_one();
    }

    /// What was rung for since the last look; may be nothing.
    #[must_use]
    pub fn take(&self) -> Rung {
        std::mem::take(&mut self.rung())
    }

    /// Waits until something was rung for. Safe to drop at any point; there is one who waits.
    pub async fn heard(&self) {
        while *self.rung() == Rung::default() {
            self.shared.notify.notified().await;
        }
    }

    fn rung(&self) -> MutexGuard<'_, Rung> {
        self.shared.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
