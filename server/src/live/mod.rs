//! Who is connected now, and waking them: one stream a device, nothing kept that the store does not know.
//!
//! A wake says only where to look; the stream reads the store. So a wake that comes twice, or late, costs a read
//! and never an entry. Streams register before they read, writers wake after they commit: none is missed.

mod stream;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use wardline_proto::{ConversationId, DeviceId};

use stream::Bell;
pub use stream::{Asked, LiveStream, News, OpeningStream};

/// The connected devices. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Live {
    shared: Arc<Mutex<Registry>>,
}

#[derive(Debug, Default)]
struct Registry {
    /// The newest stream of each device, and what it listens to.
    streams: HashMap<DeviceId, (Arc<Bell>, BTreeSet<ConversationId>)>,
    /// Devices whose stream has been sent everything that was there: they can be asked for something.
    ready: BTreeSet<DeviceId>,
    /// Streams that have not taken over yet.
    opening: HashMap<DeviceId, Vec<Arc<Bell>>>,
    /// Which of them listen to a conversation.
    listeners: HashMap<ConversationId, BTreeMap<DeviceId, Arc<Bell>>>,
    /// Whether the relay is stopping.
    stopping: bool,
}

impl Live {
    /// Begins a stream of a device: it is rung for joins from now on. The one that the device has goes on until
    /// this one takes over.
    pub fn open(&self, device: DeviceId) -> OpeningStream {
        let bell = Arc::new(Bell::default());
        self.registry().opening.entry(device).or_default().push(Arc::clone(&bell));
        OpeningStream::new(self.clone(), device, bell)
    }

    /// The opening stream becomes the device's stream; the one it had is told that it was replaced.
    fn take_over(&self, device: DeviceId, bell: &Arc<Bell>, conversations: &[ConversationId]) {
        let mut registry = self.registry();
        if registry.stopping {
            bell.stop();
        }
        if let Some(before) = registry.forget(device) {
            before.replace();
        }
        registry.drop_opening(device, bell);
        registry.streams.insert(device, (Arc::clone(bell), BTreeSet::new()));
        let joined = bell.conversations();
        let all = conversations.iter().copied().chain(joined);
        all.for_each(|conversation| registry.listen(device, conversation));
    }

    fn give_up(&self, device: DeviceId, bell: &Arc<Bell>) {
        self.registry().drop_opening(device, bell);
    }

    /// A conversation has new entries.
    pub fn wake_conversation(&self, conversation: ConversationId) {
        if let Some(listeners) = self.registry().listeners.get(&conversation) {
            listeners.values().for_each(|bell| bell.entries_in(conversation));
        }
    }

    /// A device came into a conversation: it is rung, and from now on with the others.
    pub fn wake_joined(&self, device: DeviceId, conversation: ConversationId) {
        let mut registry = self.registry();
        registry.opening.get(&device).into_iter().flatten().for_each(|bell| bell.entries_in(conversation));
        if let Some((bell, _)) = registry.streams.get(&device) {
            bell.entries_in(conversation);
            registry.listen(device, conversation);
        }
    }

    /// A device went out of a conversation: it is rung for the last time.
    pub fn wake_departed(&self, device: DeviceId, conversation: ConversationId) {
        let mut registry = self.registry();
        if let Some((bell, listens)) = registry.streams.get_mut(&device) {
            bell.entries_in(conversation);
            listens.remove(&conversation);
            registry.drop_listener(device, conversation);
        }
    }

    /// A device should publish KeyPackages.
    pub fn wake_low(&self, device: DeviceId) {
        if let Some((bell, _)) = self.registry().streams.get(&device) {
            bell.key_packages_low();
        }
    }

    /// A person's new device waits for a confirmation of the members of these conversations.
    pub fn wake_replacement(&self, conversations: &[ConversationId]) {
        let registry = self.registry();
        let listeners = conversations.iter().filter_map(|conversation| registry.listeners.get(conversation));
        listeners.flat_map(BTreeMap::values).for_each(|bell| bell.replacement_waits());
    }

    /// A newer revocation list is in force: everybody is told.
    pub fn wake_revocations(&self) {
        self.registry().streams.values().for_each(|(bell, _)| bell.revocations());
    }

    /// A newer issuers' list is in force: everybody is told.
    pub fn wake_issuers(&self) {
        self.registry().streams.values().for_each(|(bell, _)| bell.issuers());
    }

    /// Asks a device to do something for a conversation, if it is connected.
    pub fn ask(&self, device: DeviceId, asked: Asked) {
        if let Some((bell, _)) = self.registry().streams.get(&device) {
            bell.task(asked);
        }
    }

    /// The devices in a conversation that are connected and have been sent what was there.
    #[must_use]
    pub fn ready_in(&self, conversation: ConversationId) -> BTreeSet<DeviceId> {
        let registry = self.registry();
        let listeners = registry.listeners.get(&conversation).into_iter().flat_map(BTreeMap::keys);
        listeners.filter(|device| registry.ready.contains(device)).copied().collect()
    }

    /// The conversations that a connected device listens to.
    #[must_use]
    pub fn conversations_of(&self, device: DeviceId) -> BTreeSet<ConversationId> {
        self.registry().streams.get(&device).map(|(_, listens)| listens.clone()).unwrap_or_default()
    }

    fn caught_up(&self, device: DeviceId, bell: &Arc<Bell>) {
        let mut registry = self.registry();
        if registry.is_newest(device, bell) {
            registry.ready.insert(device);
        }
    }

    /// How many streams are open.
    #[must_use]
    pub fn stream_count(&self) -> usize {
        self.registry().streams.len()
    }

    /// Ends all streams, and those that are opened from now on: the relay is stopping.
    pub fn stop(&self) {
        let mut registry = self.registry();
        registry.stopping = true;
        registry.streams.values().for_each(|(bell, _)| bell.stop());
    }

    fn listen(&self, device: DeviceId, bell: &Arc<Bell>, conversations: &[ConversationId]) {
        let mut registry = self.registry();
        if !registry.is_newest(device, bell) {
            return;
        }
        conversations.iter().for_each(|conversation| registry.listen(device, *conversation));
    }

    fn close(&self, device: DeviceId, bell: &Arc<Bell>) {
        let mut registry = self.registry();
        if registry.is_newest(device, bell) {
            registry.forget(device);
        }
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        // Every change below is one insert or removal: a panic elsewhere leaves nothing half done.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    fn is_newest(&self, device: DeviceId, bell: &Arc<Bell>) -> bool {
        self.streams.get(&device).is_some_and(|(newest, _)| Arc::ptr_eq(newest, bell))
    }

    fn listen(&mut self, device: DeviceId, conversation: ConversationId) {
        if let Some((bell, listens)) = self.streams.get_mut(&device) {
            listens.insert(conversation);
            self.listeners.entry(conversation).or_default().insert(device, Arc::clone(bell));
        }
    }

    fn drop_listener(&mut self, device: DeviceId, conversation: ConversationId) {
        if let Some(listeners) = self.listeners.get_mut(&conversation) {
            listeners.remove(&device);
            if listeners.is_empty() {
                self.listeners.remove(&conversation);
            }
        }
    }

    fn drop_opening(&mut self, device: DeviceId, bell: &Arc<Bell>) {
        if let Some(opening) = self.opening.get_mut(&device) {
            opening.retain(|other| !Arc::ptr_eq(other, bell));
            if opening.is_empty() {
                self.opening.remove(&device);
            }
        }
    }

    /// Takes a device's stream out, with everything it listens to.
    fn forget(&mut self, device: DeviceId) -> Option<Arc<Bell>> {
        self.ready.remove(&device);
        let (bell, listens) = self.streams.remove(&device)?;
        listens.into_iter().for_each(|conversation| self.drop_listener(device, conversation));
        Some(bell)
    }
}

/// Conversations with news, each once however often it was woken.
type Woken = BTreeSet<ConversationId>;

#[cfg(test)]
mod tests {
    use wardline_proto::{Epoch, UtcMillis};

    use super::*;
    use crate::domain::membership::{Task, TaskKind};

    const NOW: UtcMillis = UtcMillis::new(1_800_000_000_000);

    const PHONE: DeviceId = DeviceId::from_bytes([1; 16]);
    const TABLET: DeviceId = DeviceId::from_bytes([2; 16]);
    const WARD: ConversationId = ConversationId::from_bytes([7; 16]);

    #[tokio::test]
    async fn a_wake_before_the_wait_is_not_lost_and_two_are_one() {
        let live = Live::default();
        let stream = live.open(PHONE).take_over(&[WARD]);
        live.wake_conversation(WARD);
        live.wake_conversation(WARD);
        assert_eq!(stream.wait().await, News { conversations: [WARD].into(), ..News::default() });
        live.wake_low(PHONE);
        assert_eq!(stream.wait().await, News { key_packages_low: true, ..News::default() });
    }

    #[tokio::test]
    async fn a_newer_stream_of_the_device_replaces_the_older_and_only_that() {
        let live = Live::default();
        let (older, other) = (live.open(PHONE).take_over(&[WARD]), live.open(TABLET).take_over(&[]));
        let newer = live.open(PHONE).take_over(&[WARD]);
        assert!(older.wait().await.replaced);
        drop(older);
        live.wake_conversation(WARD);
        assert_eq!(newer.wait().await.conversations, [WARD].into());
        live.wake_low(TABLET);
        assert!(!other.wait().await.replaced);
    }

    #[tokio::test]
    async fn a_stream_that_never_takes_over_ends_nothing() {
        let live = Live::default();
        let older = live.open(PHONE).take_over(&[WARD]);
        let opening = live.open(PHONE);
        assert_eq!(older.look(), News::default());
        drop(opening);
        assert!(live.registry().opening.is_empty(), "nothing stays of it");
        live.wake_conversation(WARD);
        let heard = older.wait().await;
        assert_eq!(heard, News { conversations: [WARD].into(), ..News::default() }, "it listens on");
        drop(live.open(PHONE).take_over(&[]));
        assert!(older.wait().await.replaced, "the control");
    }

    #[tokio::test]
    async fn a_join_between_opening_and_taking_over_is_heard_and_listened_to() {
        let live = Live::default();
        let opening = live.open(PHONE);
        live.wake_joined(PHONE, WARD);
        let stream = opening.take_over(&[]);
        assert_eq!(stream.look().conversations, [WARD].into());
        live.wake_conversation(WARD);
        assert_eq!(stream.look().conversations, [WARD].into());
        assert!(live.registry().opening.is_empty());
    }

    #[tokio::test]
    async fn only_a_device_that_was_sent_everything_is_ready_and_only_while_it_is_there() {
        let live = Live::default();
        let (phone, tablet) = (live.open(PHONE).take_over(&[WARD]), live.open(TABLET).take_over(&[]));
        assert_eq!(live.ready_in(WARD), [].into());
        phone.caught_up();
        tablet.caught_up();
        assert_eq!(live.ready_in(WARD), [PHONE].into(), "the tablet is not in it");
        let task = Task { conversation: WARD, kind: TaskKind::Renew { epoch: Epoch::new(1) }, made_at: NOW };
        let asked = Asked { conversation: WARD, task: task.id(), until: NOW };
        live.ask(PHONE, asked);
        assert_eq!(phone.look().tasks, [asked].into());
        assert_eq!(tablet.look(), News::default(), "one is asked");
        let newer = live.open(PHONE).take_over(&[WARD]);
        assert_eq!(live.ready_in(WARD), [].into(), "the newer stream has not caught up");
        phone.caught_up();
        assert_eq!(live.ready_in(WARD), [].into(), "the older does not speak for it");
        newer.caught_up();
        assert_eq!(live.ready_in(WARD), [PHONE].into());
        drop(newer);
        assert_eq!(live.ready_in(WARD), [].into());
    }

    #[test]
    fn nothing_stays_of_streams_that_ended() {
        let live = Live::default();
        let stream = live.open(PHONE).take_over(&[WARD]);
        stream.caught_up();
        drop(stream);
        assert_eq!(live.stream_count(), 0);
        assert!(live.registry().ready.is_empty());
        assert!(live.registry().listeners.is_empty());
    }

    #[tokio::test]
    async fn one_who_went_out_is_rung_once_more_and_one_who_came_in_from_then_on() {
        let live = Live::default();
        let stream = live.open(PHONE).take_over(&[]);
        live.wake_conversation(WARD);
        assert_eq!(stream.look(), News::default(), "not in it yet");
        live.wake_joined(PHONE, WARD);
        assert_eq!(stream.look().conversations, [WARD].into());
        live.wake_conversation(WARD);
        assert_eq!(stream.look().conversations, [WARD].into());
        live.wake_departed(PHONE, WARD);
        assert_eq!(stream.look().conversations, [WARD].into());
        live.wake_conversation(WARD);
        assert_eq!(stream.look(), News::default());
        assert!(live.registry().listeners.is_empty());
    }

    #[tokio::test]
    async fn stopping_ends_streams_of_now_and_later() {
        let live = Live::default();
        let before = live.open(PHONE).take_over(&[]);
        live.stop();
        let after = live.open(TABLET).take_over(&[]);
        assert!(before.wait().await.stopping);
        assert!(after.wait().await.stopping);
    }
}
