//! Ack: a device says how far it has stored a log.

use std::collections::BTreeMap;

use wardline_proto::{ConversationId, DeviceId, EntryNumber, fault};

use super::{ConversationError, ConversationStorage};

/// One cursor to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorMove {
    /// The conversation.
    pub conversation: ConversationId,
    /// The last entry the device has.
    pub number: EntryNumber,
}

/// Moves the cursors forward; one that is further already stays. All of them or none.
///
/// # Errors
/// - [`ConversationError::NotAMember`]: the device never was in one of them.
/// - [`ConversationError::CursorBeyondHead`]: past the last entry that the device may see.
pub async fn ack<S: ConversationStorage>(
    storage: &mut S,
    device: DeviceId,
    moves: &[CursorMove],
) -> Result<(), ConversationError> {
    for (conversation, number) in furthest(moves) {
        let stays = storage.stays(conversation, device).await?;
        let head = stays.last().ok_or(ConversationError::NotAMember)?.end();
        let beyond = fault::planted("mutant.ack_beyond");
        if number > head && !beyond {
            return Err(ConversationError::CursorBeyondHead { conversation, head });
        }
        for stay in stays {
            let reached = if beyond { number } else { number.min(stay.end()) };
            if number >= stay.joined && reached > stay.acked {
                storage.acknowledge(conversation, device, stay.joined, reached).await?;
            }
        }
    }
    Ok(())
}

/// The furthest move of each conversation: it is looked up once, however often it is named.
fn furthest(moves: &[CursorMove]) -> BTreeMap<ConversationId, EntryNumber> {
    let mut furthest = BTreeMap::new();
    for CursorMove { conversation, number } in moves.iter().copied() {
        let highest = furthest.entry(conversation).or_insert(number);
        *highest = number.max(*highest);
    }
    furthest
}

#[cfg(test)]
mod tests {
    use wardline_proto::in_place::{arm, disarm};

    use super::*;
    use crate::domain::conversation::{FeedEvent, FeedPosition};
    use crate::domain::ward::{Says, Ward};

    #[tokio::test]
    async fn a_cursor_moves_forward_only_and_never_past_the_head() {
        let ward = Ward::with(&[1, 2]).await;
        ward.post(1, 1).await.unwrap();
        ward.ack(2, 2).await.unwrap();
        ward.ack(2, 1).await.unwrap();
        assert_eq!(ward.stays(2).await[0].acked, EntryNumber::new(2));
        let refused = ward.ack(2, 3).await;
        assert!(matches!(refused, Err(ConversationError::CursorBeyondHead { head, .. }) if head.get() == 2));
        assert!(matches!(ward.ack(9, 1).await, Err(ConversationError::NotAMember)));
    }

    /// A device acknowledges more than there is, and then a message comes. Whether it reads that from where it says it is.
    async fn reads_on() -> bool {
        let ward = Ward::with(&[1, 2]).await;
        drop(ward.ack(2, 2).await);
        let sent = ward.post(1, 1).await.unwrap();
        let acked = ward.stays(2).await[0].acked;
        let batch = ward.read(2, FeedPosition::after(acked), 9).await;
        let is_it = |event: &FeedEvent| matches!(event, FeedEvent::Entry(entry) if entry.receipt == sent);
        batch.events.iter().any(is_it)
    }

    #[tokio::test]
    async fn what_comes_after_an_ack_past_the_head_is_read_all_the_same() {
        assert!(reads_on().await);
        arm("mutant.ack_beyond");
        let reads = reads_on().await;
        disarm("mutant.ack_beyond");
        assert!(!reads, "the guard taken away: it is held to have it");
    }

    #[test]
    fn a_conversation_named_a_thousand_times_is_moved_once_to_its_furthest() {
        let to = |conversation: u8, number| CursorMove {
            conversation: ConversationId::from_bytes([conversation; 16]),
            number: EntryNumber::new(number),
        };
        let moves: Vec<_> = (0..1_000).map(|n| to(1, n % 700)).chain([to(2, 5)]).collect();
        let expected = [to(1, 699), to(2, 5)].map(|to| (to.conversation, to.number));
        assert_eq!(furthest(&moves), expected.into());
    }

    #[tokio::test]
    async fn one_who_is_out_acks_to_its_own_end_and_may_repeat_it() {
        let ward = Ward::with(&[1, 2]).await;
        ward.commit(1, 1, Says { leaves: &[2], roster: &[1], ..Says::default() }).await.unwrap();
        ward.post(1, 2).await.unwrap();
        assert!(matches!(ward.ack(2, 3).await, Err(ConversationError::CursorBeyondHead { .. })));
        ward.ack(2, 2).await.unwrap();
        ward.ack(2, 2).await.unwrap();
    }
}
