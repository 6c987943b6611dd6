//! What a device reads of one conversation: Welcome, entries, removal, in this order, stay by stay.
//!
//! A device reads from the entry that let it in to the one that let it out, both inclusive. A device that one
//! commit removes and adds anew reads on from its Welcome: that commit ends its old stay without a word.

use wardline_proto::{ConversationId, DeviceId, EntryNumber, UtcMillis};

use super::{Budget, ConversationError, ConversationView, Delivery, Entry, Stay};
use crate::domain::membership::{CLOSED_TOLD_SECONDS, Closure, MembershipView};

/// How far a device's stream has come in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedPosition {
    /// The last entry that it has or that was sent to it.
    pub read: EntryNumber,
    /// The stay whose Welcome was sent.
    pub welcomed: Option<EntryNumber>,
    /// The stay whose end was told, by its last entry.
    pub removed: Option<EntryNumber>,
    /// Whether it was told that the log is closed, and what was told to go on from it.
    pub closed: Option<Option<ConversationId>>,
}

impl FeedPosition {
    /// Behind `read`; nothing was told.
    #[must_use]
    pub const fn after(read: EntryNumber) -> Self {
        Self { read, welcomed: None, removed: None, closed: None }
    }
}

/// One thing to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedEvent {
    /// The device was added.
    Welcome(Box<Delivery>),
    /// An entry.
    Entry(Box<Entry>),
    /// The device was removed by this entry, which came before.
    Removed(EntryNumber),
    /// The log is closed; every entry came before.
    Closed(Box<Closure>),
}

/// Some things to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedBatch {
    /// In order.
    pub events: Vec<FeedEvent>,
    /// Where the device is after them.
    pub position: FeedPosition,
    /// Whether there is more now.
    pub more: bool,
}

/// Reads on from `position`: at most one budget of entries, and at most one stay with its Welcome.
///
/// # Errors
/// Only those of the store.
pub async fn read_feed<V: ConversationView + MembershipView>(
    view: &mut V,
    device: DeviceId,
    conversation: ConversationId,
    position: FeedPosition,
    budget: Budget,
) -> Result<FeedBatch, ConversationError> {
    let stays = view.stays(conversation, device).await?;
    let mut batch = FeedBatch { events: Vec::new(), position, more: false };
    for (stay, next) in stays.iter().zip(stays.iter().skip(1).map(Some).chain([None])) {
        if is_over(stay, &batch.position) {
            continue;
        }
        welcome_first(view, conversation, stay, &mut batch).await?;
        let added_anew = next.is_some_and(|next| Some(next.joined) == stay.departed);
        let end = if added_anew { before(stay.end()) } else { stay.end() };
        let from = batch.position.read.next().max(stay.joined);
        let entries = view.entries(conversation, from, end, budget).await?;
        if let Some(last) = entries.last() {
            batch.position.read = last.receipt.number;
            batch.events.extend(entries.into_iter().map(|entry| FeedEvent::Entry(Box::new(entry))));
            if batch.position.read < end {
                batch.more = true;
                return Ok(batch);
            }
        }
        match stay.departed {
            Some(departed) if !added_anew => {
                batch.position.removed = Some(departed);
                batch.events.push(FeedEvent::Removed(departed));
            }
            _ => {}
        }
        // One stay a batch: a Welcome has up to 2 MiB, and an insider makes as many stays of a device as it likes.
        if next.is_some() && !batch.events.is_empty() {
            batch.more = true;
            return Ok(batch);
        }
    }
    if let Some(stay) = stays.last().filter(|stay| stay.closed) {
        tell_closed(view, (device, stay), conversation, budget.now, &mut batch).await?;
    }
    Ok(batch)
}

/// Once a stream, and again when the successor is made; not to one who is in that. Whom the commit put out that closed the log,
/// or a later one while they could not follow, is told as well: they may go on with the others.
async fn tell_closed<V: MembershipView>(
    view: &mut V,
    (device, stay): (DeviceId, &Stay),
    conversation: ConversationId,
    now: UtcMillis,
    batch: &mut FeedBatch,
) -> Result<(), ConversationError> {
    let Some(closure) = view.closure_for(conversation, device).await? else { return Ok(()) };
    if stay.departed.is_some_and(|departed| departed < closure.number) {
        return Ok(());
    }
    let is_told = batch.position.closed == Some(closure.successor);
    if !is_told && now < closure.at.plus_seconds(CLOSED_TOLD_SECONDS) {
        batch.position.closed = Some(closure.successor);
        batch.events.push(FeedEvent::Closed(Box::new(closure)));
    }
    Ok(())
}

/// Whether a stay has ended and nothing of it is left to say.
fn is_over(stay: &Stay, position: &FeedPosition) -> bool {
    stay.departed.is_some_and(|departed| {
        let told = position.removed.is_some_and(|removed| removed >= departed);
        let stored = stay.acked >= departed;
        let passed = position.read > departed;
        told || stored || passed
    })
}

async fn welcome_first<V: ConversationView>(
    view: &mut V,
    conversation: ConversationId,
    stay: &Stay,
    batch: &mut FeedBatch,
) -> Result<(), ConversationError> {
    let sent = batch.position.welcomed.is_some_and(|welcomed| welcomed >= stay.joined);
    if sent || batch.position.read >= stay.joined {
        return Ok(());
    }
    batch.position.welcomed = Some(stay.joined);
    // Gone after 90 days: then the device reads ciphertext it cannot open, and says so.
    if let Some(delivery) = view.delivery(conversation, stay.joined).await? {
        batch.events.push(FeedEvent::Welcome(Box::new(delivery)));
    }
    Ok(())
}

fn before(number: EntryNumber) -> EntryNumber {
    EntryNumber::new(number.get().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::conversation::Commit;
    use crate::domain::ward::{Says, Ward};

    /// A batch in short: "w1 1 2 r2" is Welcome at 1, entries 1 and 2, removed at 2.
    fn short(events: &[FeedEvent]) -> String {
        let words: Vec<_> = events
            .iter()
            .map(|event| match event {
                FeedEvent::Welcome(delivery) => format!("w{}", delivery.receipt.number),
                FeedEvent::Entry(entry) => entry.receipt.number.to_string(),
                FeedEvent::Removed(number) => format!("r{number}"),
                FeedEvent::Closed(closure) => format!("c{}", closure.number),
            })
            .collect();
        words.join(" ")
    }

    /// Everything for `reader` behind entry `read`, three entries at a time.
    async fn feed(ward: &Ward, reader: u8, read: u64) -> String {
        let mut position = FeedPosition::after(EntryNumber::new(read));
        let mut all = Vec::new();
        loop {
            let batch = ward.read(reader, position, 3).await;
            all.extend(batch.events);
            position = batch.position;
            if !batch.more {
                let rest = ward.read(reader, position, 3).await;
                assert_eq!(rest.events, [], "nothing is sent twice");
                return short(&all);
            }
        }
    }

    #[tokio::test]
    async fn a_device_reads_from_the_entry_that_let_it_in_to_the_one_that_let_it_out() {
        let ward = Ward::with(&[1, 2]).await;
        ward.post(1, 1).await.unwrap();
        ward.commit(1, 1, Says { joins: &[3], roster: &[1, 2, 3], ..Says::default() }).await.unwrap();
        ward.post(3, 2).await.unwrap();
        ward.commit(1, 2, Says { leaves: &[2], roster: &[1, 3], ..Says::default() }).await.unwrap();
        ward.post(1, 3).await.unwrap();
        assert_eq!(feed(&ward, 1, 0).await, "1 2 3 4 5 6");
        assert_eq!(feed(&ward, 2, 0).await, "w1 1 2 3 4 5 r5");
        assert_eq!(feed(&ward, 3, 0).await, "w3 3 4 5 6");
        assert_eq!(feed(&ward, 9, 0).await, "");
    }

    #[tokio::test]
    async fn a_cursor_spares_what_is_read_and_the_welcome_with_it() {
        let ward = Ward::with(&[1, 2]).await;
        ward.post(1, 1).await.unwrap();
        ward.post(1, 1).await.unwrap();
        assert_eq!(feed(&ward, 2, 1).await, "2 3");
        assert_eq!(feed(&ward, 2, 3).await, "");
    }

    #[tokio::test]
    async fn one_who_comes_back_reads_both_stays_and_nothing_between() {
        let ward = Ward::with(&[1, 2]).await;
        ward.commit(1, 1, Says { leaves: &[2], roster: &[1], ..Says::default() }).await.unwrap();
        ward.post(1, 2).await.unwrap();
        ward.commit(1, 2, Says { joins: &[2], roster: &[1, 2], ..Says::default() }).await.unwrap();
        ward.post(1, 3).await.unwrap();
        assert_eq!(feed(&ward, 2, 0).await, "w1 1 2 r2 w4 4 5");
        assert_eq!(feed(&ward, 2, 2).await, "r2 w4 4 5", "told again until it says that it has it");
        ward.ack(2, 2).await.unwrap();
        assert_eq!(feed(&ward, 2, 2).await, "w4 4 5");
    }

    #[tokio::test]
    async fn one_who_is_added_anew_reads_on_from_its_welcome() {
        let ward = Ward::with(&[1, 2]).await;
        ward.post(1, 1).await.unwrap();
        ward.commit(1, 1, Says { joins: &[2], leaves: &[2], roster: &[1, 2], ..Says::default() })
            .await
            .unwrap();
        ward.post(1, 2).await.unwrap();
        assert_eq!(feed(&ward, 2, 0).await, "w1 1 2 w3 3 4");
        assert_eq!(feed(&ward, 2, 2).await, "w3 3 4");
        assert_eq!(feed(&ward, 2, 3).await, "4");
        ward.ack(2, 4).await.unwrap();
        assert!(ward.stays(2).await.iter().all(|stay| stay.acked == stay.end()));
    }

    #[tokio::test]
    async fn a_device_that_was_added_a_hundred_times_is_sent_one_welcome_at_a_time() {
        let ward = Ward::with(&[1, 2]).await;
        for epoch in 1..=100 {
            ward.pass(60);
            ward.commit(1, epoch, Says { joins: &[2], leaves: &[2], roster: &[1, 2], ..Says::default() })
                .await
                .unwrap();
        }
        let welcomes = |events: &[FeedEvent]| {
            events.iter().filter(|event| matches!(event, FeedEvent::Welcome(_))).count()
        };
        let (mut position, mut seen) = (FeedPosition::after(EntryNumber::ZERO), 0);
        loop {
            let batch = ward.read(2, position, 99).await;
            assert!(welcomes(&batch.events) <= 1, "{}", short(&batch.events));
            seen += welcomes(&batch.events);
            position = batch.position;
            if !batch.more {
                break;
            }
        }
        assert_eq!(seen, 101, "the control: each of them comes, in its turn");
        assert_eq!(position.read, EntryNumber::new(101));
    }

    #[tokio::test]
    async fn an_authors_statement_counts_as_much_as_a_body() {
        let ward = Ward::with(&[1]).await;
        for epoch in 0..3 {
            let commit = ward.commit_of(1, epoch, Says { roster: &[1], ..Says::default() }, vec![]);
            ward.hand_in(Commit { author: vec![7; 600_000].into(), ..commit }).await.unwrap();
        }
        // A budget of 1 MiB: the second would be beyond it.
        let batch = ward.read(1, FeedPosition::after(EntryNumber::ZERO), 99).await;
        assert_eq!((short(&batch.events).as_str(), batch.more), ("1", true));
        assert_eq!(feed(&ward, 1, 0).await, "1 2 3", "the control");
    }

    #[tokio::test]
    async fn an_expired_body_is_not_sent_and_its_entry_is() {
        let ward = Ward::with(&[1, 2]).await;
        ward.post(1, 1).await.unwrap();
        let bodies = async || {
            let batch = ward.read(2, FeedPosition::after(EntryNumber::new(1)), 9).await;
            let [FeedEvent::Entry(entry)] = batch.events.as_slice() else { panic!("one entry") };
            entry.body.is_some()
        };
        assert!(bodies().await);
        ward.pass(3_600);
        assert!(!bodies().await);
    }
}
