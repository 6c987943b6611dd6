//! PublishRevocationList: a compare-and-set on the list's number.
//!
//! List, acts, fences and the answer are one transaction: it is wholly in force, or it was never acknowledged.

use bytes::Bytes;
use wardline_identity::{
    Adoption, OrganisationId, RevocationAct, RevocationError, RevocationList, RevocationRegister,
};
use wardline_proto::{ConversationId, UtcMillis, fault};

use super::{RevocationRefusal, RevocationStorage, apply::apply};

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

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// How the list compares with the one before.
    pub adoption: Adoption,
    /// The encoded answer: the same whenever the same list comes.
    pub answer: Bytes,
    /// The conversations that are owed something by it.
    pub touched: Vec<ConversationId>,
}

/// Takes a list that goes on from the relay's. `answer` makes the answer: of the list, the instant, and the conversations of
/// each act's device.
///
/// # Errors
/// [`RevocationRefusal::Conflict`], [`RevocationRefusal::List`].
pub async fn publish<S: RevocationStorage>(
    storage: &mut S,
    new: &NewList,
    now: UtcMillis,
    answer: impl FnOnce(&[(RevocationAct, Vec<ConversationId>)]) -> Bytes + Send,
) -> Result<Published, RevocationRefusal> {
    let NewList { organisation, list, acts } = new;
    // 1. What it goes on from, as far as it matters.
    let mut register = match storage.revocation_list().await? {
        None => RevocationRegister::new(organisation),
        Some(current) => {
            let mut last = Vec::with_capacity(acts.len());
            for act in acts {
                last.extend(storage.last_act(act.device).await?);
            }
            RevocationRegister::restore(current, last)
        }
    };
    let (number, first) = (register.number(), register.acts().saturating_add(1));
    let conflict = RevocationRefusal::Conflict { number, acts: register.acts() };
    // Who asks again has sent the acts before.
    let known = list.number() == number;
    let adoption =
        register.adopt(list.clone(), if known { &[] } else { acts }).map_err(|error| match error {
            RevocationError::Older { .. } | RevocationError::Gap { .. } | RevocationError::Fork { .. } => {
                conflict
            }
            other => RevocationRefusal::List(other),
        })?;
    if adoption != Adoption::Known {
        storage.keep_revocation_list(list).await?;
    }
    // 2. The same list: the same answer.
    if let Some(answer) = storage.revocation_answer(list.number()).await? {
        return Ok(Published { adoption, answer, touched: Vec::new() });
    }
    // 3. All of it or nothing.
    let mut done = Vec::with_capacity(acts.len());
    for (number, act) in (first..).zip(acts).filter(|_| !known) {
        storage.keep_act(number, act).await?;
        done.push((*act, apply(storage, act, now).await?));
    }
    let answer = answer(&done);
    storage.keep_revocation_answer(list.number(), &answer).await?;
    fault::crash("crash.list_published");
    let touched = done.into_iter().flat_map(|(_, conversations)| conversations).collect();
    Ok(Published { adoption, answer, touched })
}
