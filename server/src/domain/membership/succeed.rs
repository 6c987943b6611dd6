//! CreateConversation with a predecessor: the conversation that goes on from a closed log. The first one counts.

use wardline_identity::RecordAct;
use wardline_proto::{ConversationId, DeviceId, EntryNumber, UtcMillis, fault};

use super::{
    Barren, Circle, Closure, MembershipStorage, Reporter, SUCCEEDING, Spans, candidates::may_succeed,
    followed::seats,
};
use crate::domain::conversation::{ConversationError, Created, NewConversation, Stay, create};
use crate::domain::record::record;

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
/// [`ConversationError::Exists`], [`ConversationError::NotAMember`] also for the person who wrote that commit while others
/// can, [`ConversationError::EntryMismatch`] unless the
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
    // 2. Of the epoch before, and not put out by that commit, unless it is one of those who cannot follow it.
    let stays = storage.stays(*predecessor, new.creator).await?;
    let circle = storage.circle(*predecessor).await?.ok_or(ConversationError::NotAMember)?;
    let says = circle.reports.iter().any(|one| one.number == *number && one.device == new.creator);
    if !was_in_before(&stays, *number, says) {
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
    let over = |barren: &Barren| now >= barren.made_at.plus_seconds(SUCCEEDING.as_secs());
    if let Some(first) = closure.successor
        && !circle.barren.as_ref().is_some_and(over)
        && !fault::planted("mutant.second_successor")
    {
        return Err(ConversationError::SuccessorExists { successor: first });
    }
    // 6. Not who broke it, while others can.
    if broke_it(&circle, new.creator, *number) && others_can(&circle, *number) {
        return Err(ConversationError::NotAMember);
    }
    let gave_way = closure.successor;
    if let Some(first) = gave_way {
        storage.abandon(first, now).await?;
        storage.set_successor(first, new.id).await?;
    }
    let created = create(storage, new).await?;
    storage.set_successor(*predecessor, new.id).await?;
    let (conversation, successor, by) = (*predecessor, new.id, new.creator);
    record(storage, now, RecordAct::SuccessorNamed { conversation, successor, by }).await?;
    storage.move_tasks(gave_way.unwrap_or(*predecessor), new.id).await?;
    Ok(Succeeded { created, gave_way })
}

/// Whether the device was in the epoch before this commit, which did not put it out, or `says`: it cannot follow it.
fn was_in_before(stays: &[Stay], number: EntryNumber, says: bool) -> bool {
    let spans = Spans::from(stays);
    let put_out = stays.iter().any(|stay| stay.departed == Some(number));
    let was_in = spans.was_before(number) || says && spans.never_went(number);
    was_in && (!put_out || spans.came_with(number) || says)
}

/// Whether the device's person wrote the commit that closed the log.
fn broke_it(circle: &Circle, device: DeviceId, number: EntryNumber) -> bool {
    let user =
        seats(circle).filter(|member| member.device == device).map(|member| member.user.as_str()).next();
    let wrote = |one: &Reporter| one.author == device || user == Some(one.author_user.as_str());
    circle.reports.iter().any(|one| one.number == number && wrote(one))
        && !fault::planted("mutant.breaker_succeeds")
}

fn others_can(circle: &Circle, number: EntryNumber) -> bool {
    seats(circle).any(|member| may_succeed(circle, number, member))
}
