//! Send: an application message.

use bytes::Bytes;
use wardline_identity::Policy;
use wardline_proto::{ClientMessageId, ConversationId, DeviceId, Digest, Epoch, UtcMillis, fault};

use super::{
    ConversationError, ConversationStorage, EntryKind, LIFE_SECONDS, MESSAGES_PER_EPOCH_MAX, NewEntry,
    Receipt, expires_at,
};
use crate::domain::membership::EPOCH_SECONDS;

/// A message whose header fits its request.
#[derive(Debug, Clone)]
pub struct Message {
    /// The conversation.
    pub conversation: ConversationId,
    /// The caller.
    pub sender: DeviceId,
    /// Chosen once by the caller.
    pub id: ClientMessageId,
    /// The epoch in its header.
    pub epoch: Epoch,
    /// The life in its authenticated data.
    pub life_seconds: u32,
    /// The MLSMessage.
    pub body: Bytes,
    /// SHA-256 of the MLSMessage.
    pub sha256: Digest,
}

/// A message that is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Where it stands.
    pub receipt: Receipt,
    /// Whether it was stored now.
    pub fresh: bool,
}

/// Appends the message; one whose id is known gets the answer it had. The order of the checks is the contract.
///
/// # Errors
/// - [`ConversationError::NotAMember`], [`ConversationError::Closed`], [`ConversationError::RevocationPending`],
///   [`ConversationError::EpochConflict`], [`ConversationError::LifeOutOfRange`],
///   [`ConversationError::Forbidden`], [`ConversationError::EpochFull`], in this order.
pub async fn send<S: ConversationStorage>(
    storage: &mut S,
    message: &Message,
    policy: &Policy,
    now: UtcMillis,
) -> Result<Sent, ConversationError> {
    let view = storage.send_view(message.conversation, message.sender, message.id).await?;
    // 1. Known: also for one who is out by now, so that a lost answer is never a lost message.
    let known = view.known.filter(|_| !fault::planted("mutant.skip_known"));
    if let Some(receipt) = known {
        return Ok(Sent { receipt, fresh: false });
    }
    // 2. Member.
    let place = view.place.ok_or(ConversationError::NotAMember)?;
    // 3. Open.
    if place.closed {
        return Err(ConversationError::Closed { successor: place.successor });
    }
    // 4. Fence.
    if place.fenced && !fault::planted("relay.no_fence") {
        return Err(ConversationError::RevocationPending);
    }
    // 5. Epoch.
    if place.epoch != message.epoch && !fault::planted("mutant.skip_send_epoch") {
        return Err(ConversationError::EpochConflict { current: place.epoch });
    }
    // 6. Life.
    let life_seconds = message.life_seconds;
    if !LIFE_SECONDS.contains(&life_seconds) {
        return Err(ConversationError::LifeOutOfRange { life_seconds });
    }
    // 7. What the organisation permits.
    let length = match fault::planted("mutant.any_length") {
        true => Ok(()),
        false => policy.permits_ciphertext(message.body.len()),
    };
    let permitted = policy.permits_life(life_seconds).and(length);
    permitted.map_err(|forbidden| ConversationError::Forbidden { forbidden, policy: policy.number })?;
    // 8. The members' ratchets reach only so far.
    if place.sent_in_epoch >= MESSAGES_PER_EPOCH_MAX {
        return Err(ConversationError::EpochFull);
    }
    let kind = EntryKind::Message;
    // In the log's order time never goes back, whatever the clock does.
    let stamp = now.max(place.head_stamp);
    let receipt =
        NewEntry::receipt_after(place.head, &place.chain, (kind, life_seconds, message.sha256), stamp);
    let entry = NewEntry {
        conversation: message.conversation,
        kind,
        epoch: message.epoch,
        life_seconds,
        expires_at: expires_at(stamp, life_seconds),
        sender: message.sender,
        message_sha256: message.sha256,
        body: message.body.clone(),
        receipt,
    };
    storage.append_message(&entry, message.id).await?;
    if !place.has_message {
        // The epoch's first: from now on it is owed a commit when it is a day old.
        let due = place.epoch_at.plus_seconds(EPOCH_SECONDS).max(now);
        storage.owe_renewal(message.conversation, due).await?;
    }
    Ok(Sent { receipt, fresh: true })
}

#[cfg(test)]
mod tests {
    use wardline_identity::{Forbidden, Rules};
    use wardline_proto::{
        ChainHash, ChainLink, EntryNumber,
        in_place::{arm, disarm},
    };

    use super::*;
    use crate::domain::conversation::{FeedEvent, FeedPosition};
    use crate::domain::ward::{Says, WARD, Ward, message_id};

    #[tokio::test]
    async fn entries_are_numbered_and_chained_from_the_conversations_own_start() {
        let ward = Ward::with(&[1]).await;
        let message = ward.message(1, 1, 0);
        let link = ChainLink {
            number: EntryNumber::new(1),
            kind: 2,
            life_seconds: message.life_seconds,
            stamp: ward.now(),
            message: message.sha256,
        };
        let first = ward.send(message).await.unwrap();
        assert_eq!(first.number, EntryNumber::new(1));
        assert_eq!(first.chain, ChainHash::genesis(&WARD).append(&link));
        assert_eq!(ward.post(1, 0).await.unwrap().number, EntryNumber::new(2));
    }

    #[tokio::test]
    async fn a_known_id_gets_the_same_answer_whatever_has_changed_since() {
        let ward = Ward::with(&[1, 2]).await;
        let message = ward.message(2, 7, 1);
        let first = ward.send(message.clone()).await.unwrap();
        ward.pass(10);
        assert_eq!(ward.send(message.clone()).await.unwrap(), first);
        assert_eq!(ward.send(ward.message(2, 7, 1)).await.unwrap(), first, "encrypted again");
        arm("mutant.skip_known");
        let unknown = ward.send(message.clone()).await;
        disarm("mutant.skip_known");
        assert!(unknown.is_err(), "the guard taken away: the database stands behind, and has no answer");
        let out = Says { leaves: &[2], roster: &[1], ..Says::default() };
        ward.commit(1, 1, out).await.unwrap();
        let ward = ward.reopened().await;
        assert_eq!(ward.send(message).await.unwrap(), first, "out by now, and the relay restarted");
        assert!(matches!(ward.post(2, 2).await, Err(ConversationError::NotAMember)));
    }

    #[tokio::test]
    async fn stamps_never_go_back_and_lives_are_counted_from_them() {
        let ward = Ward::with(&[1]).await;
        let first = ward.post(1, 0).await.unwrap();
        ward.set_back(7_200);
        let message = ward.message(1, 7, 0);
        let second = ward.send(message.clone()).await.unwrap();
        assert_eq!(second.stamp, first.stamp, "the clock was set back by two hours");
        let (message, now) = (Message { id: message_id(8), ..message }, ward.now());
        let expiry = ward.store.write("expiry", move |tx| {
            Box::pin(async move {
                let sent = send(tx, &message, &Policy::UNSET, now).await?;
                let place = tx.send_view(WARD, message.sender, message_id(9)).await?.place;
                Ok::<_, ConversationError>((sent.receipt.stamp, place.map(|place| place.head_stamp)))
            })
        });
        assert_eq!(expiry.await.unwrap(), (first.stamp, Some(first.stamp)));
        // Their life is an hour: were it counted from the clock, nobody would have got them.
        ward.pass(7_200);
        let bodies = ward.read(1, FeedPosition::after(EntryNumber::ZERO), 9).await.events;
        let there = |event: &FeedEvent| matches!(event, FeedEvent::Entry(entry) if entry.body.is_some());
        assert_eq!(bodies.iter().filter(|event| there(event)).count(), 3);
        ward.pass(1);
        assert_eq!(ward.post(1, 0).await.unwrap().stamp, ward.now(), "the control: the clock goes on");
    }

    #[tokio::test]
    async fn an_id_is_its_devices_own() {
        let ward = Ward::with(&[1, 2]).await;
        let first = ward.send(ward.message(1, 7, 1)).await.unwrap();
        let second = ward.send(ward.message(2, 7, 1)).await.unwrap();
        assert_ne!(first.number, second.number);
    }

    #[tokio::test]
    async fn each_refusal_stores_nothing_and_the_next_honest_message_goes_through() {
        let ward = Ward::with(&[1, 2]).await;
        let before = ward.stays(1).await;
        assert!(matches!(ward.post(3, 1).await, Err(ConversationError::NotAMember)));
        for epoch in [0, 2, u64::MAX] {
            let refused = ward.post(1, epoch).await;
            assert!(
                matches!(refused, Err(ConversationError::EpochConflict { current }) if current == Epoch::new(1))
            );
        }
        for life_seconds in [0, 299, 31_536_001, u32::MAX] {
            let refused = ward.send(Message { life_seconds, ..ward.message(1, 1, 1) }).await;
            assert!(matches!(refused, Err(ConversationError::LifeOutOfRange { .. })), "{life_seconds}");
        }
        assert_eq!(ward.stays(1).await, before);
        for life_seconds in [300, 31_536_000] {
            let id = u64::from(life_seconds);
            assert!(ward.send(Message { life_seconds, ..ward.message(1, id, 1) }).await.is_ok());
        }
    }

    #[tokio::test]
    async fn what_the_policy_does_not_permit_is_refused_unless_it_was_taken_before() {
        let ward = Ward::with(&[1]).await;
        let rules = Rules {
            life_seconds_max: 3_599,
            life_seconds_default: 300,
            text_bytes_max: 1_000,
            ..Policy::UNSET.rules
        };
        let policy = Policy { number: 4, rules };
        let before = ward.message(1, 1, 0);
        let first = ward.send(before.clone()).await.unwrap();
        let stands = ward.stays(1).await;
        let refused = ward.send_under(policy.clone(), ward.message(1, 2, 0)).await;
        let life = Forbidden::Life(3_599);
        assert!(
            matches!(refused, Err(ConversationError::Forbidden { forbidden, policy: 4 }) if forbidden == life)
        );
        let long = Message { life_seconds: 300, body: vec![7; 5_097].into(), ..ward.message(1, 3, 0) };
        let refused = ward.send_under(policy.clone(), long.clone()).await;
        let text = Forbidden::Text(1_000);
        assert!(
            matches!(refused, Err(ConversationError::Forbidden { forbidden, policy: 4 }) if forbidden == text)
        );
        assert_eq!(ward.stays(1).await, stands);
        arm("mutant.any_length");
        let taken = ward.send_under(policy.clone(), Message { id: message_id(4), ..long }).await;
        disarm("mutant.any_length");
        assert!(taken.is_ok(), "the guard taken away");
        assert_eq!(ward.send_under(policy.clone(), before).await.unwrap(), first, "its answer was lost");
        let short = Message { life_seconds: 3_599, ..ward.message(1, 2, 0) };
        assert!(ward.send_under(policy, short).await.is_ok(), "the control");
    }

    #[tokio::test]
    async fn the_2049th_message_of_an_epoch_is_refused_until_a_commit() {
        let ward = Ward::with(&[1, 2]).await;
        for chunk in 0..16 {
            let sends = (0..128).map(|n| ward.send(ward.message(1, 1 + chunk * 128 + n, 1)));
            assert!(futures::future::join_all(sends).await.iter().all(Result::is_ok));
        }
        assert!(matches!(ward.post(1, 1).await, Err(ConversationError::EpochFull)));
        assert!(ward.post(2, 1).await.is_ok(), "each device has its own count");
        ward.update(2, 1, &[1, 2]).await.unwrap();
        assert!(ward.post(1, 2).await.is_ok());
    }
}
