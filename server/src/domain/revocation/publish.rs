//! PublishRevocationList: a compare-and-set on the list's number.
//!
//! List, acts, fences and the answer are one transaction: it is wholly in force, or it was never acknowledged.

use bytes::Bytes;
use wardline_identity::{
    Adoption, OrganisationId, RecordAct, RevocationAct, RevocationError, RevocationKind, RevocationList,
    RevocationRegister,
};
use wardline_proto::relay::SignedStatement;
use wardline_proto::{ConversationId, InvitationId, UtcMillis, fault};

use super::apply::{abandon, fences};
use super::hold::all_taken_up;
use super::{RevocationRefusal, RevocationStorage};
use crate::domain::record::record;

/// A list whose signature was checked, with the acts that the relay may lack.
#[derive(Debug, Clone)]
pub struct NewList {
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The list.
    pub list: RevocationList,
    /// The acts.
    pub acts: Vec<RevocationAct>,
}

/// The relay's answer to a list.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The encoded response, which is the same whenever the same list comes.
    pub response: Bytes,
    /// The signed RevocationAnswer in it.
    pub statement: SignedStatement,
    /// The certificate that verifies it, DER.
    pub certificate: Bytes,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// How the list compares with the one before.
    pub adoption: Adoption,
    /// The encoded answer: the same whenever the same list comes.
    pub answer: Bytes,
    /// The conversations that are owed something by it.
    pub touched: Vec<ConversationId>,
    /// The enrolments that it has ended.
    pub refused: Vec<InvitationId>,
}

/// Takes a list that goes on from the relay's. `answer` makes the answer: of the list, the instant, and the conversations of
/// each act's device.
///
/// # Errors
/// [`RevocationRefusal::Conflict`], [`RevocationRefusal::List`], [`RevocationRefusal::HoldsPending`].
pub async fn publish<S: RevocationStorage>(
    storage: &mut S,
    new: &NewList,
    now: UtcMillis,
    answer: impl FnOnce(&[(RevocationAct, Vec<ConversationId>)]) -> Answer + Send,
) -> Result<Published, RevocationRefusal> {
    let NewList { organisation, list, acts } = new;
    // 1. What is in force already, or was: the acts beside it came before, and cost nothing.
    let current = storage.revocation_list().await?;
    let number = current.as_ref().map_or(0, RevocationList::number);
    let answered = if list.number() <= number { storage.revocation_answer(list).await? } else { None };
    if list.number() < number
        && !fault::planted("mutant.answered_once")
        && let Some(answer) = answered
    {
        return Ok(known(Adoption::Known, answer));
    }
    let newer = list.number() > number || fault::planted("mutant.acts_first");
    let acts: &[RevocationAct] = if newer { acts } else { &[] };
    // 2. What it goes on from, as far as it matters.
    let mut register = goes_on_from(storage, organisation, current, acts).await?;
    let first = register.acts().saturating_add(1);
    let conflict = RevocationRefusal::Conflict { number, acts: register.acts() };
    let adoption = register.adopt(list.clone(), acts).map_err(|error| match error {
        RevocationError::Older { .. } | RevocationError::Gap { .. } | RevocationError::Fork { .. } => {
            conflict
        }
        other => RevocationRefusal::List(other),
    })?;
    if adoption == Adoption::Newer {
        all_taken_up(storage, list, acts).await?;
    }
    if adoption != Adoption::Known {
        storage.keep_revocation_list(list).await?;
    }
    // 3. The same list: the same answer.
    if let Some(answer) = answered {
        return Ok(known(adoption, answer));
    }
    // 4. All of it or nothing.
    let (mut done, mut refused) = (Vec::with_capacity(acts.len()), Vec::new());
    for (number, act) in (first..).zip(acts) {
        storage.keep_act(number, act).await?;
        if act.kind == RevocationKind::Revoked {
            refused.extend(storage.end_device(act.device, now).await?);
        }
        done.push((*act, fences(storage, list.number(), act, now).await?));
    }
    let Answer { response: answer, statement, certificate } = answer(&done);
    storage.keep_revocation_answer(list, &answer).await?;
    let in_force = RecordAct::ListInForce {
        list: list.statement().clone(),
        acts: acts.to_vec(),
        answer: statement,
        relay_certificate: certificate,
    };
    record(storage, now, in_force).await?;
    for (act, _) in &done {
        abandon(storage, act, now).await?;
    }
    fault::crash("crash.list_published");
    let touched = done.into_iter().flat_map(|(_, conversations)| conversations).collect();
    Ok(Published { adoption, answer, touched, refused })
}

/// What was answered to the same list before.
fn known(adoption: Adoption, answer: Bytes) -> Published {
    Published { adoption, answer, touched: Vec::new(), refused: Vec::new() }
}

/// The relay's list, with what was done last to the devices of these acts.
async fn goes_on_from<S: RevocationStorage>(
    storage: &mut S,
    organisation: &OrganisationId,
    current: Option<RevocationList>,
    acts: &[RevocationAct],
) -> Result<RevocationRegister, RevocationRefusal> {
    let Some(current) = current else { return Ok(RevocationRegister::new(organisation)) };
    let mut last = Vec::with_capacity(acts.len());
    for (number, act) in (current.acts().saturating_add(1)..).zip(acts) {
        // What was carried out for good is not undone by an act that was signed in time.
        if act.kind == RevocationKind::Reinstated && storage.is_ended(act.device).await? {
            return Err(RevocationRefusal::List(RevocationError::Act { number }));
        }
        last.extend(storage.listed_act(act.device).await?);
    }
    Ok(RevocationRegister::restore(current, last))
}
