//! GetWinner: which commit ended an epoch, for a device that does not know what became of its own.

use wardline_proto::{ConversationId, DeviceId, Epoch};

use super::{ConversationError, ConversationView, Entry};

/// What ended an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Winner {
    /// This commit.
    Commit(Box<Entry>),
    /// Nothing yet.
    Open,
}

/// The commit that ended `epoch`. A device learns of those entries only that it may read.
///
/// # Errors
/// [`ConversationError::NotAMember`]: the device is not in the conversation, or was not at that entry.
pub async fn winner<V: ConversationView>(
    view: &mut V,
    device: DeviceId,
    conversation: ConversationId,
    epoch: Epoch,
) -> Result<Winner, ConversationError> {
    let stays = view.stays(conversation, device).await?;
    let entry = view.commit_entry(conversation, epoch).await?;
    let may = match &entry {
        Some(entry) => stays.iter().any(|s| (s.joined..=s.end()).contains(&entry.receipt.number)),
        None => stays.iter().any(|stay| stay.departed.is_none()),
    };
    match entry {
        _ if !may => Err(ConversationError::NotAMember),
        Some(entry) => Ok(Winner::Commit(Box::new(entry))),
        None => Ok(Winner::Open),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ward::{Says, WARD, Ward, device};

    async fn ask(ward: &Ward, reader: u8, epoch: u64) -> Result<Winner, ConversationError> {
        let (reader, epoch) = (device(reader), Epoch::new(epoch));
        let read = ward
            .store
            .read("winner", move |tx| Box::pin(async move { winner(tx, reader, WARD, epoch).await }));
        read.await
    }

    #[tokio::test]
    async fn a_member_learns_who_ended_an_epoch_and_that_the_current_one_lasts() {
        let ward = Ward::with(&[1, 2]).await;
        ward.update(2, 1, &[1, 2]).await.unwrap();
        let Winner::Commit(entry) = ask(&ward, 1, 1).await.unwrap() else { panic!("it ended") };
        assert_eq!((entry.receipt.number.get(), entry.sender), (2, device(2)));
        assert_eq!(ask(&ward, 1, 2).await.unwrap(), Winner::Open);
        assert_eq!(ask(&ward, 1, 99).await.unwrap(), Winner::Open);
    }

    #[tokio::test]
    async fn nobody_learns_of_entries_that_are_not_theirs() {
        let ward = Ward::with(&[1, 2]).await;
        ward.commit(1, 1, Says { leaves: &[2], roster: &[1], ..Says::default() }).await.unwrap();
        ward.update(1, 2, &[1]).await.unwrap();
        assert!(ask(&ward, 2, 1).await.is_ok(), "what let it out");
        for (reader, epoch) in [(2, 2), (2, 3), (9, 0), (9, 9)] {
            let refused = ask(&ward, reader, epoch).await;
            assert!(matches!(refused, Err(ConversationError::NotAMember)), "{reader} {epoch}");
        }
    }
}
