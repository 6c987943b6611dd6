//! CreateConversation with a predecessor: the conversation that goes on from a closed log. The first one counts.

use wardline_proto::{ConversationId, EntryNumber, UtcMillis};

use super::{Closure, MembershipStorage, SUCCEEDING};
use crate::domain::conversation::{ConversationError, Created, NewConversation, Stay, create};

/// A successor to open.
#[derive(Debug, Clone)]
pub struct NewSuccessor {
    /// The conversation.
    pub new: NewConversation,
    /// The closed log.
    pub predecessor: ConversationId,
    /// The commit at which it was closed.
    pub number: EntryNumber,
}

/// A successor that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Succeeded {
    /// When it was made, and whether that was now.
    pub created: Created,
    /// The one that gave way to it.
    pub gave_way: Option<ConversationId>,
}

/// Opens the successor's log. Its maker was in the epoch before the commit that could not be followed. One that its
/// maker left empty for [`SUCCEEDING`] gives way to the next: its log is closed then.
///
/// # Errors
/// [`ConversationError::Exists`], [`ConversationError::NotAMember`], [`ConversationError::EntryMismatch`] unless the
/// log was closed at that commit, [`ConversationError::RevocationPending`] for a device inside the fence,
/// [`ConversationError::SuccessorExists`].
pub async fn succeed<S: MembershipStorage>(
    storage: &mut S,
    successor: &NewSuccessor,
    now: UtcMillis,
) -> Result<Succeeded, ConversationError> {
    let NewSuccessor { new, predecessor, number } = successor;
    // 1. The same again.
    if let Some(old) = storage.conversation(new.id).await? {
        return match old.successor.filter(|_| old.head == EntryNumber::ZERO) {
            _ if old.predecessor != Some(*predecessor) => Err(ConversationError::Exists),
            // It gave way.
            Some(successor) => Err(ConversationError::SuccessorExists { successor }),
            None => {
                let created = create(storage, new).await?;
                Ok(Succeeded { created, gave_way: None })
            }
        };
    }
    // 2. Of the epoch before, and not put out by that commit.
    let stays = storage.stays(*predecessor, new.creator).await?;
    if !was_in_before(&stays, *number) {
        return Err(ConversationError::NotAMember);
    }
    // 3. Closed there.
    let is_it = |closure: &Closure| closure.number == *number && *number != EntryNumber::ZERO;
    let closure = storage.closure(*predecessor).await?.filter(is_it);
    let closure = closure.ok_or(ConversationError::EntryMismatch)?;
    // 4. Fence.
    if storage.fence(*predecessor).await?.contains(&new.creator) {
        return Err(ConversationError::RevocationPending);
    }
    // 5. The first, or in place of one that nobody was let into.
    let gave_way = match closure.successor {
        None => None,
        Some(first) => {
            let barren = storage.circle(*predecessor).await?.and_then(|circle| circle.barren);
            let over = barren.filter(|barren| now >= barren.made_at.plus_seconds(SUCCEEDING.as_secs()));
            if over.is_none() {
                return Err(ConversationError::SuccessorExists { successor: first });
            }
            storage.close(first, EntryNumber::ZERO, now).await?;
            storage.set_successor(first, new.id).await?;
            Some(first)
        }
    };
    let created = create(storage, new).await?;
    storage.set_successor(*predecessor, new.id).await?;
    storage.move_tasks(gave_way.unwrap_or(*predecessor), new.id).await?;
    Ok(Succeeded { created, gave_way })
}

/// Whether the device was in the epoch before this commit, which did not put it out.
fn was_in_before(stays: &[Stay], number: EntryNumber) -> bool {
    let before = |stay: &Stay| {
        let began = stay.joined < number || stay.joined == EntryNumber::ZERO;
        began && stay.departed.is_none_or(|departed| departed >= number)
    };
    let put_out = stays.iter().any(|stay| stay.departed == Some(number));
    let added_anew = stays.iter().any(|stay| stay.joined == number);
    stays.iter().any(before) && (!put_out || added_anew)
}
