//! A device's stream, pulled by its reader.
//!
//! Nothing is read from the store before what was read is on its way, so a slow reader costs one batch of memory
//! and no more. Conversations take turns, one batch each. Order within a conversation: Welcome, entries, removal;
//! across conversations there is none.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use tonic::Status;
use wardline_identity::DeviceCertificate;
use wardline_proto::UtcMillis;
use wardline_proto::relay::subscribe_response::Event;
use wardline_proto::relay::{CaughtUp, HoldsPending, KeyPackagesLow, Removed};
use wardline_proto::{ConversationId, DeviceId, EntryNumber, Reason};

use super::{lies, place, replacements::Replacements, tasks};
use crate::domain::conversation::{
    Budget, ConversationError, ConversationView as _, FeedEvent, FeedPosition, Unfinished, read_feed,
};
use crate::domain::key_package::{KeyPackageError, is_low, stock};
use crate::live::{Asked, LiveStream, News};
use crate::service::conversation::wire;
use crate::service::{
    authorise, greeting,
    status::{self, Refusal},
};
use crate::state::Relay;

/// Where each log stands that a device reads.
type Cursors = HashMap<ConversationId, EntryNumber>;

pub(super) struct Feed {
    relay: Arc<Relay>,
    certificate: Arc<DeviceCertificate>,
    /// What its client says it is.
    software: String,
    live: LiveStream,
    /// Read and not yet sent.
    ready: VecDeque<Event>,
    /// Conversations that may have more, in turn, each once.
    turns: VecDeque<ConversationId>,
    positions: HashMap<ConversationId, FeedPosition>,
    /// The cursors that were named and not answered yet.
    named: Cursors,
    /// Logs that are not sent as far as they went when the stream opened; `None` once that was said.
    behind: Option<BTreeMap<ConversationId, EntryNumber>>,
    /// Whether to say that KeyPackages run low.
    low: bool,
    /// What the device was asked for and not told yet.
    asked: VecDeque<Asked>,
    /// The replacements that it was told of.
    replacements: Replacements,
}

impl Feed {
    /// Opens the stream of a device; the one it had ends, once nothing can go wrong with this one.
    pub(super) async fn open(
        relay: &Arc<Relay>,
        (certificate, software): (Arc<DeviceCertificate>, String),
        cursors: Cursors,
    ) -> Result<Self, Status> {
        let device = certificate.device();
        // From here on joins are rung for; what is open now is read after it is listened to.
        let opening = relay.live.open(device);
        let open = unfinished(relay, device).await?;
        let conversations: Vec<_> = open.iter().map(|log| log.conversation).collect();
        let live = opening.take_over(&conversations);
        let start = |log: &Unfinished| {
            let read = cursors.get(&log.conversation).copied().unwrap_or(log.acked);
            (log.conversation, FeedPosition::after(read))
        };
        let mut behind: BTreeMap<_, _> = open.iter().map(|log| (log.conversation, log.end)).collect();
        let positions = open.iter().map(start).collect();
        // What it names and has nothing to read of is answered as well: this relay may not know of it any more.
        let known: HashSet<_> = conversations.iter().copied().collect();
        let mut unknown: Vec<_> = cursors.keys().copied().filter(|named| !known.contains(named)).collect();
        unknown.sort_unstable();
        unknown.truncate(UNKNOWN_MAX);
        behind.extend(unknown.iter().map(|named| (*named, EntryNumber::ZERO)));
        Ok(Self {
            relay: Arc::clone(relay),
            certificate,
            software,
            live,
            ready: VecDeque::new(),
            turns: conversations.into_iter().chain(unknown).collect(),
            positions,
            named: cursors,
            behind: Some(behind),
            low: false,
            asked: VecDeque::new(),
            replacements: Replacements::default(),
        })
    }

    /// Puts an event at the end of those that are ready.
    pub(super) fn say(&mut self, event: Event) {
        self.ready.push_back(event);
    }

    /// The next event; waits for one. An error ends the stream.
    pub(super) async fn next(&mut self) -> Result<Event, Status> {
        loop {
            self.hear(self.live.look())?;
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            if self.behind.as_ref().is_some_and(BTreeMap::is_empty) {
                self.behind = None;
                self.low |= self.runs_low().await?;
                self.live.caught_up();
                self.relay.tasks.ready(self.certificate.device());
                return Ok(Event::CaughtUp(CaughtUp {}));
            }
            if let Some(conversation) = self.turns.pop_front() {
                self.read(conversation).await?;
            } else if self.low && self.behind.is_none() {
                self.low = false;
                return Ok(Event::KeyPackagesLow(KeyPackagesLow {}));
            } else if let Some(asked) = self.asked.pop_front() {
                let event = tasks::read(&self.relay, asked).await?;
                self.ready.extend(event.map(Event::Task));
            } else if self.behind.is_none() && self.replacements.may_be_new() {
                let device = self.certificate.device();
                let new = self.replacements.read(&self.relay, device).await?;
                self.ready.extend(new.into_iter().map(Event::Replacement));
            } else {
                let news = self.live.wait().await;
                self.hear(news)?;
            }
        }
    }

    /// Takes in what happened meanwhile.
    fn hear(&mut self, news: News) -> Result<(), Status> {
        if news.stopping {
            return Err(status::shutting_down());
        }
        if news.replaced {
            let message = "a newer stream of the device took over";
            return Err(Refusal::new(Reason::StreamReplaced, message).into());
        }
        if self.certificate.check_dates(self.relay.clock.now()).is_err() {
            let message = "the certificate is not in force any more";
            return Err(Refusal::new(Reason::CertificateInvalid, message).into());
        }
        authorise::in_force(&self.relay, self.certificate.device())?;
        authorise::not_struck(&self.relay, &self.certificate)?;
        greeting::permitted(&self.software, &self.relay.revocations.policy())?;
        if news.issuers {
            // Before whatever was read meanwhile: the newest of it may be vouched for by a new issuer.
            let list = self.relay.organisation.now().issuers_statement().clone();
            self.ready.push_front(Event::IssuersList(list));
        }
        if news.revocations {
            self.ready.extend(self.relay.revocations.list().map(Event::RevocationList));
            let holds_sha256 = self.relay.revocations.holds_digest();
            if !holds_sha256.is_empty() {
                self.ready.push_back(Event::Holds(HoldsPending { holds_sha256 }));
            }
        }
        self.low |= news.key_packages_low;
        self.asked.extend(news.tasks);
        self.replacements.look_again(news.replacement);
        for conversation in news.conversations {
            if !self.turns.contains(&conversation) {
                self.turns.push_back(conversation);
            }
        }
        Ok(())
    }

    /// Reads one batch of a conversation.
    async fn read(&mut self, conversation: ConversationId) -> Result<(), Status> {
        let device = self.certificate.device();
        if let Some(cursor) = self.named.remove(&conversation).filter(|cursor| *cursor > EntryNumber::ZERO) {
            let place = place::read(&self.relay, device, conversation, cursor).await?;
            self.ready.extend(place.map(Event::Place));
        }
        let start = FeedPosition::after(EntryNumber::ZERO);
        let position = self.positions.get(&conversation).copied().unwrap_or(start);
        let budget =
            Budget { entries: BATCH_ENTRIES_MAX, bytes: BATCH_BYTES_MAX, now: self.relay.clock.now() };
        let read = self
            .relay
            .store
            .read("read_feed", move |tx| Box::pin(read_feed(tx, device, conversation, position, budget)));
        let mut batch = read.await?;
        lies::reorder(&mut batch.events);
        self.positions.insert(conversation, batch.position);
        for event in batch.events {
            let event = match event {
                FeedEvent::Welcome(delivery) => Event::Welcome(wire::welcome(*delivery, conversation)),
                FeedEvent::Entry(entry) => Event::Entry(wire::entry(*entry, device)?),
                FeedEvent::Removed(number) => {
                    let conversation_id = conversation.to_wire();
                    Event::Removed(Removed { conversation_id, number: number.get() })
                }
                FeedEvent::Closed(closure) => Event::Closed(tasks::closed(conversation, *closure)?),
            };
            lies::tell(&mut self.ready, event);
        }
        if batch.more && !self.turns.contains(&conversation) {
            self.turns.push_back(conversation);
        }
        if let Some(behind) = &mut self.behind {
            let reached = behind.get(&conversation).is_some_and(|end| batch.position.read >= *end);
            if reached || !batch.more {
                behind.remove(&conversation);
            }
        }
        Ok(())
    }

    async fn runs_low(&self) -> Result<bool, Status> {
        let device = self.certificate.device();
        let stock = self
            .relay
            .store
            .read("count_key_packages", move |tx| Box::pin(stock(tx, device, UtcMillis::new(0))));
        let stock: Result<_, KeyPackageError> = stock.await;
        Ok(is_low(&stock?))
    }
}

async fn unfinished(relay: &Relay, device: DeviceId) -> Result<Vec<Unfinished>, ConversationError> {
    let read = relay.store.read("open_feed", move |tx| Box::pin(async move { tx.unfinished(device).await }));
    Ok(read.await?)
}

/// How many conversations that the device names and has nothing to read of are answered.
const UNKNOWN_MAX: usize = 1_000;

/// How much is read of a conversation at once; what is beyond the second by one entry is sent all the same.
const BATCH_ENTRIES_MAX: u32 = 64;

/// As [`BATCH_ENTRIES_MAX`]: the memory of a stream whose reader is slow.
const BATCH_BYTES_MAX: u64 = 512 * 1024;
