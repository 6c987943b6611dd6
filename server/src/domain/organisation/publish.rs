//! Opening an invitation, and withdrawing it: is the record one of ours, in force, and new?

use wardline_identity::{DateCheck, InvitationRecord, Organisation, RecordAct};
use wardline_proto::relay::SignedStatement;
use wardline_proto::{DeviceId, InvitationId, UtcMillis};

use super::{
    INVITATION_AGE_DAYS, INVITATIONS_MAX, OrganisationError, OrganisationRefusal, OrganisationStorage, Step,
};
use crate::domain::record::record;

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
    statement: &SignedStatement,
    now: UtcMillis,
) -> Result<InvitationRecord, OrganisationRefusal> {
    // Expiry apart, so that it has a reason of its own.
    let undated = organisation
        .verify_invitation(statement, DateCheck::Skip)
        .map_err(|_| OrganisationRefusal::RecordInvalid)?;
    if undated.expires_at() <= now {
        return Err(OrganisationRefusal::InvitationExpired);
    }
    organisation
        .verify_invitation(statement, DateCheck::At(now))
        .map_err(|_| OrganisationRefusal::RecordInvalid)
}

/// Opens the invitation that the device `by` brings, if its id is new.
///
/// # Errors
/// [`OrganisationRefusal::InvitationTaken`], [`OrganisationRefusal::InvitationsFull`].
pub async fn publish<S: OrganisationStorage>(
    storage: &mut S,
    invited: &InvitationRecord,
    by: DeviceId,
    now: UtcMillis,
) -> Result<Step<()>, OrganisationError> {
    let invitation = NewInvitation { id: invited.invitation_id(), record: invited.statement().clone() };
    match storage.invitation(invitation.id).await? {
        Some(published) if published.record.body == invitation.record.body => return Ok(Step::Made(())),
        Some(_) => return Err(OrganisationRefusal::InvitationTaken.into()),
        None => {}
    }
    if storage.invitation_count(listed_since(now)).await? >= INVITATIONS_MAX {
        return Err(OrganisationRefusal::InvitationsFull.into());
    }
    storage.open_invitation(&invitation, now).await?;
    let published = RecordAct::InvitationPublished {
        invitation: invitation.id,
        record: invited.digest(),
        user: invited.user().clone(),
        role: invited.role(),
        issuer: invited.issuer(),
        by,
        replaces: invited.replaces(),
    };
    record(storage, now, published).await?;
    Ok(Step::Make)
}

/// From when on invitations are listed.
#[must_use]
pub const fn listed_since(now: UtcMillis) -> UtcMillis {
    UtcMillis::new(now.get().saturating_sub(INVITATION_AGE_DAYS * 24 * 60 * 60 * 1000))
}

/// Withdraws an invitation, for the device `by`.
///
/// # Errors
/// [`OrganisationRefusal::InvitationUnknown`], and as [`StoredInvitation::cancel`](super::StoredInvitation::cancel).
pub async fn cancel<S: OrganisationStorage>(
    storage: &mut S,
    id: InvitationId,
    by: DeviceId,
    now: UtcMillis,
) -> Result<(), OrganisationError> {
    let invitation = storage.invitation(id).await?.ok_or(OrganisationRefusal::InvitationUnknown)?;
    match invitation.cancel()? {
        Step::Made(()) => Ok(()),
        Step::Make => {
            storage.cancel_invitation(id, now).await?;
            let withdrawn = RecordAct::InvitationWithdrawn { invitation: id, by: Some(by) };
            Ok(record(storage, now, withdrawn).await?)
        }
    }
}
