//! Where a log stands at the cursor of a device: what this relay has to show for what the device holds.
//!
//! A relay that came back from an older copy of its database has another entry there, or none; the device compares.

use wardline_proto::{ChainHash, ConversationId, DeviceId, EntryNumber};

use super::{ConversationError, ConversationView, Stay};

/// A place in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The entry.
    pub number: EntryNumber,
    /// The chain hash with it.
    pub chain: ChainHash,
}

/// The log at `cursor`, or at the last entry that `device` may see if that is before it; `None` if that entry is gone.
///
/// # Errors
/// Only those of the store.
pub async fn place<V: ConversationView>(
    view: &mut V,
    device: DeviceId,
    conversation: ConversationId,
    cursor: EntryNumber,
) -> Result<Option<Place>, ConversationError> {
    let stays = view.stays(conversation, device).await?;
    let end = stays.iter().map(Stay::end).max().unwrap_or(EntryNumber::ZERO);
    let number = cursor.min(end);
    if number == EntryNumber::ZERO {
        return Ok(Some(Place { number, chain: ChainHash::genesis(&conversation) }));
    }
    let chain = view.chain_at(conversation, number).await?;
    Ok(chain.map(|chain| Place { number, chain }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ward::{Says, WARD, Ward, device};

    /// What device `of` is told that has read up to `cursor`.
    async fn told(ward: &Ward, of: u8, cursor: u64) -> Option<Place> {
        let cursor = EntryNumber::new(cursor);
        let read = ward.store.read("place", move |tx| Box::pin(place(tx, device(of), WARD, cursor)));
        read.await.unwrap()
    }

    #[tokio::test]
    async fn a_place_is_the_receipt_of_its_entry_and_never_past_what_the_device_may_see() {
        let ward = Ward::with(&[1, 2]).await;
        let second = ward.post(1, 1).await.unwrap();
        let third = ward.commit(1, 1, Says { leaves: &[2], roster: &[1], ..Says::default() }).await;
        third.unwrap();
        ward.post(1, 2).await.unwrap();
        let at = async |of, cursor| told(&ward, of, cursor).await.unwrap();
        assert_eq!(at(1, 2).await, Place { number: second.number, chain: second.chain });
        assert_eq!(at(1, 9).await.number, EntryNumber::new(4), "the head");
        assert_eq!(at(2, 9).await.number, EntryNumber::new(3), "what let it out");
        assert_ne!(at(1, 9).await.chain, at(2, 9).await.chain);
        let nothing = Place { number: EntryNumber::ZERO, chain: ChainHash::genesis(&WARD) };
        assert_eq!(at(9, 4).await, nothing, "one who never was in it learns nothing");
    }
}
