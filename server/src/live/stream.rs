//! One device's end: what it was woken for since it last looked.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use wardline_proto::{ConversationId, DeviceId, UtcMillis};

use super::{Live, Woken};
use crate::domain::membership::TaskId;

/// What happened since the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// Conversations that may have entries.
    pub conversations: Woken,
    /// Whether KeyPackages run low.
    pub key_packages_low: bool,
    /// Whether a person's new device may wait for a confirmation.
    pub replacement: bool,
    /// Whether a newer issuers' list is in force.
    pub issuers: bool,
    /// Whether a newer revocation list is in force.
    pub revocations: bool,
    /// What the device is asked for.
    pub tasks: BTreeSet<Asked>,
    /// Whether a newer stream took over. Stays true.
    pub replaced: bool,
    /// Whether the relay is stopping. Stays true.
    pub stopping: bool,
}

/// A task that is asked of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// For which conversation.
    pub conversation: ConversationId,
    /// Which.
    pub task: TaskId,
    /// Until when it is asked of this device alone.
    pub until: UtcMillis,
}

impl News {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Rung by writers, heard by one stream.
#[derive(Debug, Default)]
pub(super) struct Bell {
    news: Mutex<News>,
    rung: Notify,
}

impl Bell {
    pub(super) fn entries_in(&self, conversation: ConversationId) {
        self.ring(|news| {
            news.conversations.insert(conversation);
        });
    }

    pub(super) fn key_packages_low(&self) {
        self.ring(|news| news.key_packages_low = true);
    }

    pub(super) fn replacement_waits(&self) {
        self.ring(|news| news.replacement = true);
    }

    pub(super) fn issuers(&self) {
        self.ring(|news| news.issuers = true);
    }

    pub(super) fn revocations(&self) {
        self.ring(|news| news.revocations = true);
    }

    pub(super) fn task(&self, asked: Asked) {
        self.ring(|news| {
            news.tasks.insert(asked);
        });
    }

    pub(super) fn replace(&self) {
        self.ring(|news| news.replaced = true);
    }

    pub(super) fn stop(&self) {
        self.ring(|news| news.stopping = true);
    }

    fn ring(&self, change: impl FnOnce(&mut News)) {
        change(&mut self.news());
        self.rung.notify_one();
    }

    /// Where there is news that nobody took yet.
    pub(super) fn conversations(&self) -> Woken {
        self.news().conversations.clone()
    }

    fn take(&self) -> News {
        let mut news = self.news();
        let (replaced, stopping) = (news.replaced, news.stopping);
        std::mem::replace(&mut news, News { replaced, stopping, ..News::default() })
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that reads where it begins, beside the one that the device may have. Dropping it ends nothing.
#[derive(Debug)]
#[must_use]
pub struct OpeningStream {
    live: Live,
    device: DeviceId,
    bell: Arc<Bell>,
}

impl OpeningStream {
    pub(super) fn new(live: Live, device: DeviceId, bell: Arc<Bell>) -> Self {
        Self { live, device, bell }
    }

    /// Becomes the device's stream; the one it had ends. It listens to these conversations, and to those that
    /// the device has joined meanwhile.
    #[must_use]
    pub fn take_over(self, conversations: &[ConversationId]) -> LiveStream {
        self.live.take_over(self.device, &self.bell, conversations);
        LiveStream { live: self.live.clone(), device: self.device, bell: Arc::clone(&self.bell) }
    }
}

impl Drop for OpeningStream {
    fn drop(&mut self) {
        // After taking over there is nothing to give up.
        self.live.give_up(self.device, &self.bell);
    }
}

/// A device's open stream. Dropping it closes it.
#[derive(Debug)]
pub struct LiveStream {
    live: Live,
    device: DeviceId,
    bell: Arc<Bell>,
}

impl LiveStream {
    /// Whose it is.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// Wants to be woken for these conversations too. Call it before reading them.
    pub fn listen(&self, conversations: &[ConversationId]) {
        self.live.listen(self.device, &self.bell, conversations);
    }

    /// Everything that was in the logs when the stream opened has been sent: the device can be asked for something.
    pub fn caught_up(&self) {
        self.live.caught_up(self.device, &self.bell);
    }

    /// What happened since the last look; may be nothing.
    #[must_use]
    pub fn look(&self) -> News {
        self.bell.take()
    }

    /// Waits until something happened. Safe to drop at any point.
    pub async fn wait(&self) -> News {
        loop {
            let news = self.look();
            if !news.is_empty() {
                return news;
            }
            self.bell.rung.notified().await;
        }
    }
}

impl Drop for LiveStream {
    fn drop(&mut self) {
        self.live.close(self.device, &self.bell);
    }
}
