//! The revocation list: fetched, taken in, and shown to a relay that does not have it (design 4.2, 4.4).
//!
//! A list is judged by its issuer's signature, whoever brings it. It is in the vault before it is in memory, and in memory
//! before anything else is done. One that does not go on from the list at hand changes nothing, and is kept as what the relay
//! did; it is gone on with, for as long as the list at hand lives.

use std::sync::Arc;

use wardline_identity::{Adoption, DateCheck, RevocationAct, RevocationError, RevocationList, StruckIssuer};
use wardline_proto::{
    ConversationId, UtcMillis, fault,
    relay::{
        Entry, EntryKind, GetRevocationListRequest, MembershipTask, PendingHold, SignedStatement,
        membership_task::Task,
    },
};

use super::{Session, greet::Greeted, holds, issuers, record, show_list::show_list};
use crate::{
    conversation::{self, Core, Effect, revoked},
    error::CoreError,
    relay::Relay,
    vault::tables::revocation,
};

/// How old the signature of the list at hand may be when a connection begins, in seconds: a registrar signs it again every
/// hour, and the relay tells of that only once.
const SIGNED_WITHIN: u64 = 3_600;

/// A list as it was fetched, and the acts after some number.
type Fetched = (SignedStatement, Vec<RevocationAct>);

/// The holds that were fetched beside it.
type Beside = Vec<PendingHold>;

/// Fetches the relay's newest list with the acts that this device does not have, and takes it in, and the holds that it does not
/// name. One that is not accepted is noted, and changes nothing.
///
/// # Errors
/// [`CoreError::Revocation`] for a list that does not go on from the one at hand; as for every call.
pub(crate) async fn fetch(session: &Session, relay: &Arc<dyn Relay>) -> Result<Adoption, CoreError> {
    let before = session.core().await.revocations.number();
    let (mut list, mut beside) = download(session, relay).await?;
    if let Some((statement, _)) = &list
        && lags(&*session.core().await, statement)
    {
        // It was in force when it was asked for: since then its issuer was struck, on top of another.
        (list, beside) = download(session, relay).await?;
    }
    let (sent, taken) = match list {
        Some((statement, acts)) => (Some(statement.clone()), adopt(session, statement, &acts).await),
        None if before == 0 => (None, Ok(Adoption::Known)),
        None => (None, Err(RevocationError::Older { current: before }.into())),
    };
    holds::adopt(session, &beside).await?;
    if let Err(CoreError::Revocation(error)) = &taken
        && !refused(session, sent, (before, *error)).await?
    {
        return Ok(Adoption::Known);
    }
    taken
}

/// Takes in a list with the acts after those at hand, in the vault first. More acts than that are fine: another task may have
/// taken some of them in meanwhile. Its maker takes it in once the relay has it.
///
/// # Errors
/// [`CoreError::Revocation`] for one that no issuer signed, or that does not go on from the list at hand; the vault's.
pub(crate) async fn adopt(
    session: &Session,
    statement: SignedStatement,
    acts: &[RevocationAct],
) -> Result<Adoption, CoreError> {
    let mut core = session.core().await;
    let adoption = take_in(&mut core, &statement, acts).await?;
    drop(core);
    if adoption != Adoption::Known {
        record::listed(session, &RevocationList::stored(statement)?).await?;
        session.wake.notify_one();
        session.stepped(&[]);
    }
    Ok(adoption)
}

/// The same, as a step of this device's state.
pub(crate) async fn take_in(
    core: &mut Core,
    statement: &SignedStatement,
    acts: &[RevocationAct],
) -> Result<Adoption, CoreError> {
    // What was taken in stays so, also when its issuer was struck since.
    if core.revocations.list().is_some_and(|list| list.statement() == statement) {
        return Ok(Adoption::Known);
    }
    let list = verify(core, statement)?;
    let first = list.acts().saturating_sub(acts.len() as u64);
    let known = usize::try_from(core.revocations.acts().saturating_sub(first)).unwrap_or(usize::MAX);
    let acts = acts.get(known..).unwrap_or_default();
    // What is at hand goes on being used until the vault has the new one.
    let adoption = core.revocations.outcome(&list, acts)?;
    if adoption == Adoption::Known {
        return Ok(adoption);
    }
    let mut tx = core.vault.begin("adopt_revocation_list").await?;
    let new = if adoption == Adoption::Newer { acts } else { &[] };
    revocation::store(&mut tx, &list, new).await?;
    // One that ends no later than what has ended already is not relied on either.
    let ended = core.revocations.list().map_or(UtcMillis::new(0), RevocationList::fresh_until);
    let outlived = core.list.outlived && list.fresh_until() <= ended;
    if outlived {
        revocation::outlive(&mut tx).await?;
    }
    tx.commit().await?;
    let before = core.revocations.holds().len();
    core.retention.hear_issuer(list.signed_at(), &*core.clock);
    core.revocations.adopt(list, acts)?;
    holds::forget_listed(core, before).await?;
    (core.list.outlived, core.list.refreshed) = (outlived, true);
    Ok(adoption)
}

/// Checks that an issuer in force signed a list.
fn verify(core: &Core, statement: &SignedStatement) -> Result<RevocationList, CoreError> {
    let now = core.clock.now();
    Ok(core.device.organisation.verify_revocation_list(statement, DateCheck::At(now))?)
}

/// The relay's newest list and the acts after those at hand, in as many calls as it takes; `None` if it has none. The list's
/// signature is checked with the first page: without one no more are asked for.
async fn download(session: &Session, relay: &Arc<dyn Relay>) -> Result<(Option<Fetched>, Beside), CoreError> {
    let have = session.core().await.revocations.acts();
    let mut acts = Vec::new();
    loop {
        let known = have.saturating_add(acts.len() as u64);
        let answer = relay.get_revocation_list(GetRevocationListRequest { acts: known }).await?;
        let beside = answer.holds;
        let Some(statement) = answer.list else { return Ok((None, beside)) };
        issuers::before_list(session, relay, &statement).await?;
        let page = answer.acts.iter().map(RevocationAct::read).collect::<Result<Vec<_>, _>>();
        let list = verify(&*session.core().await, &statement);
        // What does not read or verify ends it: it is taken in as little as what is missing then.
        let (Ok(page), Ok(list)) = (page, list) else {
            return Ok((Some((statement, acts)), beside));
        };
        let last = page.is_empty() || known.saturating_add(page.len() as u64) >= list.acts();
        acts.extend(page);
        if last {
            return Ok((Some((statement, acts)), beside));
        }
    }
}

/// The same, and goes on with the list at hand where the relay's is not accepted.
pub(super) async fn catch_up(session: &Session, relay: &Arc<dyn Relay>) -> Result<(), CoreError> {
    match fetch(session, relay).await {
        Ok(_) | Err(CoreError::Revocation(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether a list is one of a struck issuer's that may have been in force before the one that the strike leaves standing. One with
/// a higher number cannot: the relay takes no strike that is not on top of its list.
fn lags(core: &Core, statement: &SignedStatement) -> bool {
    let organisation = &core.device.organisation;
    let Ok(list) = RevocationList::stored(statement.clone()) else { return false };
    let by =
        |struck: &StruckIssuer| struck.certificate().fingerprint().as_bytes().as_slice() == statement.signer;
    let standing = organisation.standing().filter(|standing| !standing.is(&list));
    organisation.struck().iter().any(by) && standing.is_some_and(|standing| list.number() <= standing.number)
}

/// The relay gave a list that is not accepted. Answers whether it should not have: since it was asked for, a newer one may have come
/// another way.
async fn refused(
    session: &Session,
    sent: Option<SignedStatement>,
    (before, error): (u64, RevocationError),
) -> Result<bool, CoreError> {
    let number =
        sent.clone().and_then(|sent| RevocationList::stored(sent).ok()).map_or(0, |list| list.number());
    let older = matches!(error, RevocationError::Older { .. });
    if older && number >= before {
        return Ok(false);
    }
    tracing::warn!(%error, "a revocation list of the relay was refused");
    if matches!(error, RevocationError::OtherIssuers { .. }) {
        conversation::false_issuers(&*session.core().await, (None, sent.as_ref())).await?;
        return Ok(true);
    }
    conversation::false_list(&*session.core().await, sent.as_ref(), older).await?;
    Ok(true)
}

/// The relay's greeting: a higher list than one's own is fetched, a lower one is told of the own, and the time that was
/// signed counts. Answers whether the relay has the list that it named.
pub(crate) async fn greeted(
    session: &Session,
    relay: &Arc<dyn Relay>,
    greeted: &Greeted,
) -> Result<bool, CoreError> {
    note_time(&mut *session.core().await, greeted.time).await?;
    // By the later of the two clocks: a list that is signed again is what this device tells the time by.
    let now = session.clock.now().max(greeted.time);
    let (own, old) = {
        let core = session.core().await;
        let list = core.revocations.list();
        let old = list.is_some_and(|list| list.signed_at().plus_seconds(SIGNED_WITHIN) <= now);
        (core.revocations.number(), old || core.list.outlived)
    };
    let said = greeted.revocation_list_number;
    if said < own {
        show_list(session, relay).await?;
    } else if (said > own || old || holds::differ(session, &greeted.holds_sha256).await)
        && !fault::planted("mutant.list_later")
    {
        catch_up(session, relay).await?;
        let mut core = session.core().await;
        // What was fetched may have ended by that time too.
        if !fault::planted("mutant.any_list_is_fresh") {
            note_time(&mut core, greeted.time).await?;
        }
        return Ok(core.revocations.number() >= said);
    }
    Ok(true)
}

/// A time that the relay has signed. One that is past the end of the list is remembered: it is not relied on again before it
/// is signed again, whatever the clocks say later. It counts up to that end and no further, so that a clock of the relay that was
/// ahead once does not outlast the next signature of an issuer.
async fn note_time(core: &mut Core, time: UtcMillis) -> Result<(), CoreError> {
    let until = core.revocations.list().map(RevocationList::fresh_until);
    let counts = match until {
        Some(until) if !fault::planted("mutant.jumped_clock") => time.min(until),
        _ => time,
    };
    core.list.signed_ms = core.list.signed_ms.max(counts.get());
    let ended = until.is_some_and(|until| until <= time);
    if ended && !core.list.outlived {
        let mut tx = core.vault.begin("outlive_revocation_list").await?;
        revocation::outlive(&mut tx).await?;
        tx.commit().await?;
        core.list.outlived = true;
    }
    Ok(())
}

/// The relay says that a newer list is in force, or that it was signed again.
pub(crate) async fn heard(
    session: &Session,
    relay: &Arc<dyn Relay>,
    statement: SignedStatement,
) -> Result<(), CoreError> {
    let own = session.core().await.revocations.number();
    let number = RevocationList::stored(statement.clone()).map_or(u64::MAX, |list| list.number());
    if number > own {
        return catch_up(session, relay).await;
    }
    issuers::before_list(session, relay, &statement).await?;
    match adopt(session, statement.clone(), &[]).await {
        // A stream that lags is no lie: a newer one has come another way, such as by this device's own order.
        Err(CoreError::Revocation(RevocationError::Older { .. }))
            if !fault::planted("mutant.lag_is_a_lie") =>
        {
            Ok(())
        }
        Err(CoreError::Revocation(RevocationError::IssuerStruck))
            if lags(&*session.core().await, &statement) =>
        {
            Ok(())
        }
        Err(CoreError::Revocation(error)) => refused(session, Some(statement), (own, error)).await.map(drop),
        taken => taken.map(|_| ()),
    }
}

/// A commit is judged by the lists that it names, or higher ones: those are fetched before it is taken in.
pub(crate) async fn named(session: &Session, relay: &Arc<dyn Relay>, entry: &Entry) -> Result<(), CoreError> {
    if !fault::planted("mutant.issuers_unheard") {
        issuers::fetch(session, relay, revoked::named_issuers(entry)).await?;
    }
    let named = revoked::named_list(entry);
    let unknown = {
        let core = session.core().await;
        let by_hold = entry.kind() == EntryKind::Commit && holds::names_unknown(&core, entry);
        named > core.revocations.number() || by_hold
    };
    if unknown && !fault::planted("mutant.list_unheard") {
        catch_up(session, relay).await?;
    }
    Ok(())
}

/// What was taken in names a higher list, or brought this device into a conversation in which somebody must not be.
pub(crate) async fn heard_of(
    session: &Session,
    relay: &Arc<dyn Relay>,
    effects: &[Effect],
) -> Result<(), CoreError> {
    for effect in effects {
        match effect {
            Effect::List(number, user) => {
                catch_up(session, relay).await?;
                let core = session.core().await;
                if core.revocations.number() < *number {
                    conversation::hidden_list(&core, user, *number).await?;
                }
            }
            Effect::Joined(conversation) => {
                let mut core = session.core().await;
                let soon = revoked::by_itself(&core);
                revoked::look_in(&mut core, conversation, soon).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The relay asks for the removal of devices by a list: that is fetched first.
pub(crate) async fn asked(
    session: &Session,
    relay: &Arc<dyn Relay>,
    task: &MembershipTask,
) -> Result<(), CoreError> {
    let Some(Task::RemoveRevoked(asked)) = &task.task else { return Ok(()) };
    let unknown = {
        let core = session.core().await;
        let listed = asked.list_number <= core.revocations.number();
        !listed || asked.device_ids.iter().any(|device| holds::is_unknown(&core, device))
    };
    if unknown {
        catch_up(session, relay).await?;
    }
    Ok(())
}

/// The relay took no message or commit before somebody has left the conversation. Answers whether this device knows of such:
/// then it wishes for the removal, at once.
pub(crate) async fn pending(
    session: &Session,
    relay: &Arc<dyn Relay>,
    conversation: &ConversationId,
) -> Result<bool, CoreError> {
    if fault::planted("mutant.pending_waits") {
        return Ok(false);
    }
    catch_up(session, relay).await?;
    let now = session.clock.now();
    let some = revoked::look_in(&mut *session.core().await, conversation, now).await?;
    if some {
        session.wake.notify_one();
    }
    Ok(some)
}
