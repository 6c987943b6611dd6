//! Opening an invitation, and withdrawing it: is the record one of ours, in force, and new?

use wardline_identity::{DateCheck, Organisation};
use wardline_proto::relay::SignedStatement;
use wardline_proto::{InvitationId, UtcMillis};

use super::{
    INVITATION_AGE_DAYS, INVITATIONS_MAX, OrganisationError, OrganisationRefusal, OrganisationStorage, Step,
};

/// A record that verifies.
#[derive(Debug, Clone, PartialEq)]
pub struct NewInvitation {
    /// Its id.
    pub id: InvitationId,
    /// As signed.
    pub record: SignedStatement,
}

/// Checks a record against the organisation. An expired one is refused: nobody could use it.
///
/// # Errors
/// [`OrganisationRefusal::RecordInvalid`], [`OrganisationRefusal::InvitationExpired`].
pub fn judge_record(
    organisation: &Organisation,
    statement: SignedStatement,
    now: UtcMillis,
) -> Result<NewInvitation, OrganisationRefusal> {
    // Expiry apart, so that it has a reason of its own.
    let undated = organisation
        .verify_invitation(&statement, DateCheck::Skip)
        .map_err(|_| OrganisationRefusal::RecordInvalid)?;
    if undated.expires_at() <= now {
        return Err(OrganisationRefusal::InvitationExpired);
    }
    let record = organisation
        .verify_invitation(&statement, DateCheck::At(now))
        .map_err(|_| OrganisationRefusal::RecordInvalid)?;
    Ok(NewInvitation { id: record.invitation_id(), record: statement })
}

/// Opens the invitation, if its id is new.
///
/// # Errors
/// [`OrganisationRefusal::InvitationTaken`], [`OrganisationRefusal::InvitationsFull`].
pub async fn publish<S: OrganisationStorage>(
    storage: &mut S,
    invitation: &NewInvitation,
    now: UtcMillis,
) -> Result<Step<()>, OrganisationError> {
    match storage.invitation(invitation.id).await? {
        Some(published) if published.record.body == invitation.record.body => return Ok(Step::Made(())),
        Some(_) => return Err(OrganisationRefusal::InvitationTaken.into()),
        None => {}
    }
    if storage.invitation_count(listed_since(now)).await? >= INVITATIONS_MAX {
        return Err(OrganisationRefusal::InvitationsFull.into());
    }
    storage.open_invitation(invitation, now).await?;
    Ok(Step::Make)
}

/// From when on invitations are listed.
#[must_use]
pub const fn listed_since(now: UtcMillis) -> UtcMillis {
    UtcMillis::new(now.get().saturating_sub(INVITATION_AGE_DAYS * 24 * 60 * 60 * 1000))
}

/// Withdraws an invitation.
///
/// # Errors
/// [`OrganisationRefusal::InvitationUnknown`], and as [`StoredInvitation::cancel`](super::StoredInvitation::cancel).
pub async fn cancel<S: OrganisationStorage>(
    storage: &mut S,
    id: InvitationId,
    now: UtcMillis,
) -> Result<(), OrganisationError> {
    let invitation = storage.invitation(id).await?.ok_or(OrganisationRefusal::InvitationUnknown)?;
    match invitation.cancel()? {
        Step::Made(()) => Ok(()),
        Step::Make => Ok(storage.cancel_invitation(id, now).await?),
    }
}
