//! A new issuers' list: in force with all that follows from it, in one transaction.
//!
//! Whether it goes on from the one before is judged by the organisation, which the caller holds still meanwhile.

use wardline_identity::{CertificateError, OrganisationError as InvalidOrganisation};
use wardline_identity::{
    DateCheck, DeviceCertificate, InvitationError, Organisation, RecordAct, RevocationList, Role,
};
use wardline_proto::relay::SignedStatement;
use wardline_proto::{ConversationId, Digest, InvitationId, UtcMillis, fault};

use super::issue::certified;
use super::{
    EnrolmentStatus, OrganisationError, OrganisationPin, OrganisationRefusal, OrganisationStorage,
    StoredInvitation,
};
use crate::domain::record::record;

/// A list that goes on from the relay's, and the device that is to go on by it.
#[derive(Debug, Clone)]
pub struct NewIssuers {
    /// The organisation by the list.
    pub organisation: Organisation,
    /// An administrator's new device.
    pub first: Option<DeviceCertificate>,
}

/// What was done with a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuersTaken {
    /// The enrolments that have ended by it.
    pub refused: Vec<InvitationId>,
    /// The conversations that a device need not leave any more whose hold has ended by it.
    pub freed: Vec<ConversationId>,
}

/// Judges a list against the one in force; `None`: it is that one.
///
/// # Errors
/// [`OrganisationRefusal::IssuersConflict`], [`OrganisationRefusal::IssuersInvalid`].
pub fn judge_issuers(
    current: &Organisation,
    list: &SignedStatement,
) -> Result<Option<Organisation>, OrganisationRefusal> {
    let number = current.issuers_number();
    match current.succeeded_by(list) {
        Ok(None) => Ok(None),
        Ok(Some(next)) if next.issuers_number() == number.saturating_add(1) => Ok(Some(next)),
        // Somebody else was first; whoever signs on top of theirs forgets nothing.
        Ok(Some(_)) if fault::planted("mutant.issuers_skip") => {
            current.succeeded_by(list).map_err(|_| OrganisationRefusal::IssuersConflict { number })
        }
        Ok(Some(_))
        | Err(InvalidOrganisation::IssuersOlder { .. } | InvalidOrganisation::IssuersFork { .. }) => {
            Err(OrganisationRefusal::IssuersConflict { number })
        }
        Err(_) => Err(OrganisationRefusal::IssuersInvalid),
    }
}

/// Judges the device that comes with a list.
///
/// # Errors
/// [`OrganisationRefusal::FirstDeviceInvalid`].
pub fn judge_first(
    organisation: &Organisation,
    certificate: &[u8],
    now: UtcMillis,
) -> Result<DeviceCertificate, OrganisationRefusal> {
    let invalid = OrganisationRefusal::FirstDeviceInvalid;
    let device = organisation.verify_device(certificate, DateCheck::At(now)).map_err(|_| invalid)?;
    let by_issuer_in_force =
        organisation.issuers().iter().any(|issuer| *issuer.fingerprint() == device.issuer());
    let is_member = device.as_member().is_ok();
    if device.role() != Role::Administrator || !by_issuer_in_force || !is_member {
        return Err(invalid);
    }
    Ok(device)
}

/// A strike was signed on top of the revocation list in force, and no list of issuers leaves the relay with one that does not count.
///
/// Between the tool's reading and its strike whoever is struck may sign one more. After the strike nobody could sign on top of that,
/// and nobody could be revoked any more.
fn leaves_the_list(
    next: &Organisation,
    in_force: Option<&RevocationList>,
) -> Result<(), OrganisationRefusal> {
    let strikes = next.struck().iter().any(|struck| struck.since() == next.issuers_number());
    let leaves = match in_force {
        Some(list) if strikes => next.standing().is_some_and(|standing| standing.is(list)),
        Some(list) => next.verify_revocation_list(list.statement(), DateCheck::Skip).is_ok(),
        None => !strikes || next.standing().is_none(),
    };
    if leaves || fault::planted("mutant.strike_orphans") {
        return Ok(());
    }
    let (number, acts) = in_force.map_or((0, 0), |list| (list.number(), list.acts()));
    Err(OrganisationRefusal::ListConflict { number, acts })
}

/// Puts a list in force that was judged.
///
/// # Errors
/// [`OrganisationRefusal::DeviceIdUsed`] if the id of the first device was ever certified, or revoked;
/// [`OrganisationRefusal::ListConflict`].
pub async fn take_issuers<S: OrganisationStorage>(
    storage: &mut S,
    new: &NewIssuers,
    now: UtcMillis,
) -> Result<IssuersTaken, OrganisationError> {
    let NewIssuers { organisation, first } = new;
    leaves_the_list(organisation, storage.list_in_force().await?.as_ref())?;
    if let Some(first) = first {
        let used = storage.device_owner(first.device()).await?.is_some();
        if used || storage.is_out(first.device()).await? {
            return Err(OrganisationRefusal::DeviceIdUsed.into());
        }
    }
    let pin = OrganisationPin {
        root: Digest::of(organisation.root_der()),
        organisation_id: organisation.id().as_str().to_owned(),
        issuers_number: organisation.issuers_number(),
    };
    storage.keep_pin(&pin, now).await?;
    let list = organisation.issuers_statement().clone();
    storage.keep_issuers_list(organisation.issuers_number(), &list).await?;
    record(storage, now, RecordAct::IssuersListTaken { list }).await?;
    if let Some(first) = first {
        storage.keep_device(first, now).await?;
        record(storage, now, certified(first, None)).await?;
    }
    let refused = withdraw(storage, organisation, now).await?;
    let freed = end_holds(storage, organisation, now).await?;
    fault::crash("crash.issuers_published");
    Ok(IssuersTaken { refused, freed })
}

/// Ends the pending holds whose signer's certificate is no longer good. No issuer could verify them any more, and a list that leaves
/// one out is not taken: nobody could be revoked.
async fn end_holds<S: OrganisationStorage>(
    storage: &mut S,
    organisation: &Organisation,
    now: UtcMillis,
) -> Result<Vec<ConversationId>, OrganisationError> {
    let mut freed = Vec::new();
    for hold in storage.pending_holds().await? {
        if hold.is_struck(organisation) {
            freed.extend(storage.drop_hold(&hold.digest(), now).await?);
        }
    }
    Ok(freed)
}

/// Withdraws what struck issuers have invited: the open invitations, and the claims on them that wait.
async fn withdraw<S: OrganisationStorage>(
    storage: &mut S,
    organisation: &Organisation,
    now: UtcMillis,
) -> Result<Vec<InvitationId>, OrganisationError> {
    let mut refused = Vec::new();
    if fault::planted("mutant.struck_invites") {
        return Ok(refused);
    }
    for StoredInvitation { id, record: statement, enrolment, .. } in storage.undecided().await? {
        let judged = organisation.verify_invitation(&statement, DateCheck::Skip);
        if !matches!(judged, Err(InvitationError::Issuer(CertificateError::IssuerStruck))) {
            continue;
        }
        let act = match enrolment {
            None => {
                storage.cancel_invitation(id, now).await?;
                RecordAct::InvitationWithdrawn { invitation: id, by: None }
            }
            Some(claimed) if claimed.status == EnrolmentStatus::Waiting => {
                storage.keep_refused(id, STRUCK, now).await?;
                refused.push(id);
                RecordAct::EnrolmentRefused { invitation: id, device: claimed.device, by: None }
            }
            Some(_) => continue,
        };
        record(storage, now, act).await?;
    }
    Ok(refused)
}

/// Shown to the person.
const STRUCK: &str = "whoever signed the invitation cannot invite any more; ask for a new one";
