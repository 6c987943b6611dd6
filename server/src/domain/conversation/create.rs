//! CreateConversation: an empty log with its creator as the only member.

use wardline_proto::UtcMillis;

use super::{ConversationError, ConversationStorage, NewConversation};

/// A conversation that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Created {
    /// When it was made.
    pub at: UtcMillis,
    /// Whether that was now.
    pub fresh: bool,
}

/// Opens the log; the same creator asking again gets the first answer.
///
/// # Errors
/// [`ConversationError::Exists`]: the id is another device's, or has another suite.
pub async fn create<S: ConversationStorage>(
    storage: &mut S,
    new: &NewConversation,
) -> Result<Created, ConversationError> {
    match storage.conversation(new.id).await? {
        None => {
            storage.open(new).await?;
            Ok(Created { at: new.created_at, fresh: true })
        }
        Some(old) if old.creator == new.creator && old.suite == new.suite => {
            Ok(Created { at: old.created_at, fresh: false })
        }
        Some(_) => Err(ConversationError::Exists),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ward::Ward;

    #[tokio::test]
    async fn a_conversation_is_made_once_and_its_creator_may_ask_again() {
        let ward = Ward::empty().await;
        let first = ward.create(1).await.unwrap();
        ward.pass(10);
        assert!(first.fresh);
        assert_eq!(ward.create(1).await.unwrap(), Created { fresh: false, ..first });
        assert!(matches!(ward.create(2).await, Err(ConversationError::Exists)));
        assert_eq!(ward.stays(2).await, []);
        assert!(ward.post(1, 0).await.is_ok());
    }
}
