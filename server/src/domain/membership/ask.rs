//! AskMembers: a member's signed word becomes a task in each of its conversations.

use bytes::Bytes;
use wardline_identity::UserId;
use wardline_proto::{ConversationId, DeviceId, Digest, UtcMillis};

use super::{MembershipError, MembershipStorage, Task, TaskKind};
use crate::domain::conversation::ConversationError;

/// What members are asked to do, by a statement of the caller that verifies.
#[derive(Debug, Clone)]
pub struct Request {
    /// The caller.
    pub device: DeviceId,
    /// Whose it is.
    pub user: UserId,
    /// The conversations, each once.
    pub conversations: Vec<ConversationId>,
    /// Why.
    pub ground: Ground,
    /// The encoded statement.
    pub statement: Bytes,
}

/// What a statement permits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// The caller's person leaves this conversation.
    Leave {
        /// Which.
        conversation: ConversationId,
        /// Who.
        user: UserId,
    },
    /// Another device of the caller's person may come in.
    Approval {
        /// Which.
        device: DeviceId,
        /// SHA-256 of its certificate.
        certificate: Digest,
    },
    /// Another person's new device is theirs.
    Confirmation {
        /// Which.
        device: DeviceId,
        /// SHA-256 of its certificate.
        certificate: Digest,
        /// The device it replaces.
        replaces: DeviceId,
    },
}

/// Why a statement is no ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroundFault {
    /// A leave of another person, or of another conversation than the one named.
    #[error("a leave is for the caller's own person and exactly the conversation it names")]
    Leave,
    /// The device is unknown or revoked, or the certificate is another's.
    #[error("the device is not certified by that certificate")]
    Device,
    /// An approval of the caller itself or of another person's device.
    #[error("an approval is for another device of the same person")]
    Approval,
    /// A confirmation of an own device, or of two devices that are not one person's.
    #[error("a confirmation is for two devices of one other person")]
    Confirmation,
}

/// Makes the tasks; those that are done or that cannot be any more are passed over. Returns the conversations that
/// are owed something by it.
///
/// # Errors
/// [`ConversationError::NotAMember`] unless the caller is in all of them, a [`GroundFault`],
/// [`ConversationError::Closed`] for a leave.
pub async fn ask_members<S: MembershipStorage>(
    storage: &mut S,
    request: &Request,
    now: UtcMillis,
) -> Result<Vec<ConversationId>, MembershipError> {
    // 1. The caller is in all of them.
    for conversation in &request.conversations {
        let stays = storage.stays(*conversation, request.device).await?;
        if stays.last().is_none_or(|stay| stay.departed.is_some()) {
            return Err(ConversationError::NotAMember.into());
        }
    }
    // 2. The ground holds.
    let kind = judge(storage, request).await?;
    // 3. One task each.
    let mut owed = Vec::new();
    for conversation in request.conversations.iter().copied() {
        if let Some(closure) = storage.closure(conversation).await? {
            // Who waits to be let in waits for the successor; leaving is said where it goes on.
            match (&request.ground, closure.successor) {
                (Ground::Leave { .. }, successor) => {
                    return Err(ConversationError::Closed { successor }.into());
                }
                (_, Some(_)) => continue,
                (_, None) => {}
            }
        }
        if is_open(storage, conversation, &request.ground).await? {
            storage.keep_task(&Task { conversation, kind: kind.clone(), made_at: now }).await?;
            owed.push(conversation);
        }
    }
    Ok(owed)
}

async fn judge<S: MembershipStorage>(
    storage: &mut S,
    request: &Request,
) -> Result<TaskKind, MembershipError> {
    let ground = request.statement.clone();
    match &request.ground {
        Ground::Leave { conversation, user } => {
            if *user != request.user || request.conversations != [*conversation] {
                return Err(GroundFault::Leave.into());
            }
            Ok(TaskKind::LetGo { user: user.clone(), ground })
        }
        Ground::Approval { device, certificate } => {
            let owner = storage.certified(*device, certificate).await?.ok_or(GroundFault::Device)?;
            if owner != request.user || *device == request.device {
                return Err(GroundFault::Approval.into());
            }
            Ok(TaskKind::AddDevice { device: *device, ground })
        }
        Ground::Confirmation { device, certificate, replaces } => {
            let owner = storage.certified(*device, certificate).await?.ok_or(GroundFault::Device)?;
            let before = storage.owner(*replaces).await?;
            if owner == request.user || before.as_ref() != Some(&owner) || device == replaces {
                return Err(GroundFault::Confirmation.into());
            }
            Ok(TaskKind::LetBack { device: *device, replaces: *replaces, ground })
        }
    }
}

/// Whether there is anything to do in the conversation: the device is not in, and for a confirmation its person has no
/// other device in it than the replaced one.
async fn is_open<S: MembershipStorage>(
    storage: &mut S,
    conversation: ConversationId,
    ground: &Ground,
) -> Result<bool, MembershipError> {
    match ground {
        Ground::Leave { .. } => Ok(true),
        Ground::Approval { device, .. } => Ok(!storage.roster(conversation).await?.contains(device)),
        Ground::Confirmation { device, replaces, .. } => {
            let Some(owner) = storage.owner(*device).await? else { return Ok(false) };
            let others = storage.devices_of(conversation, &owner).await?;
            Ok(others.iter().all(|other| other == replaces))
        }
    }
}
