//! Following the log: one stream for all conversations, taken in entry by entry.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    sync::Arc,
};

use bytes::Bytes;
use futures::StreamExt as _;
use tokio::time::Instant;
use wardline_proto::relay::{
    AckRequest, Closed, Cursor, Entry, LogPlace, MembershipTask, RelayGreeting, Removed, SubscribeRequest,
    SubscribeResponse, WelcomeDelivery, membership_task::Task, subscribe_response::Event as Incoming,
};
use wardline_proto::{ConversationId, EntryNumber, fault};

use super::{
    Link, Session, confirm, early::Early, greet, holds, issuers, key_packages, period_secrets::withheld,
    record, revocation, task,
};
use crate::{
    conversation::{self, Compared, Effect},
    error::CoreError,
    relay::{Relay, Subscription},
    vault::{VaultError, tables::conversations},
};

/// Why a stream is over.
enum End {
    /// The relay ended it.
    Ended,
    /// It kept something back: it is asked again from the cursors.
    Again,
}

/// Opens the stream and takes in what comes until it ends.
pub(crate) async fn follow(
    session: &Session,
    relay: &Arc<dyn Relay>,
    transport: &'static str,
    mut on_caught_up: impl FnMut(),
) -> Result<(), CoreError> {
    while let End::Again = follow_one(session, relay, transport, &mut on_caught_up).await? {}
    Ok(())
}

/// Follows one stream. What is missing in it is noted before it is asked for again, and each thing once: a relay that lies
/// on is not asked for ever.
async fn follow_one(
    session: &Session,
    relay: &Arc<dyn Relay>,
    transport: &'static str,
    on_caught_up: &mut impl FnMut(),
) -> Result<End, CoreError> {
    let greeting = {
        let core = session.core().await;
        greet::greeting(core.device.organisation.issuers_number(), core.revocations.number())
    };
    let opened_with = greeting.issuers_list_number;
    let cursors = cursors(session).await?;
    let named: HashMap<Bytes, u64> =
        cursors.iter().map(|cursor| (cursor.conversation_id.clone(), cursor.number)).collect();
    let request = SubscribeRequest { greeting: Some(greeting), cursors };
    let mut stream = relay.subscribe(request).await?;
    let (mut early, mut welcomed) = (Early::default(), HashSet::<Bytes>::new());
    let mut caught_up = false;
    loop {
        let incoming = match next(session, &mut stream, &mut early, caught_up).await? {
            ControlFlow::Continue(incoming) => incoming,
            ControlFlow::Break(end) => return Ok(end),
        };
        let SubscribeResponse { event: Some(event) } = incoming else { continue };
        match event {
            // Of a log that is another one here nothing is taken in.
            event if is_beside(session, &event) => {}
            Incoming::Place(place) => compare(session, &place, &named).await?,
            Incoming::Greeting(greeting) => {
                greet(session, relay, (transport, caught_up), &greeting).await?;
            }
            Incoming::Entry(entry) => {
                let known = welcomed.contains(&entry.conversation_id);
                if let End::Again = come(session, relay, &entry, (&mut early, known)).await? {
                    return Ok(End::Again);
                }
            }
            Incoming::Welcome(welcome) => {
                welcomed.insert(welcome.conversation_id.clone());
                let effects = conversation::join(&mut *session.core().await, &welcome).await?;
                if effects.is_empty() {
                    keep(session, &mut early, welcome).await?;
                }
                session.stepped(&effects);
                revocation::heard_of(session, relay, &effects).await?;
            }
            Incoming::CaughtUp(_) => {
                caught_up = true;
                early.look_now(Instant::now());
                if let End::Again = look_at_early(session, &mut early).await? {
                    return Ok(End::Again);
                }
                on_caught_up();
                session.relinked(Link::Online { relay: relay.clone(), transport, caught_up: true });
                session.wake.notify_one();
                session.moved.notify_one();
            }
            Incoming::Removed(removed) => out(session, relay, removed).await?,
            // Asked, and nothing done yet: the relay asks the next member.
            Incoming::Task(task) => asked(session, relay, task).await?,
            Incoming::Replacement(waits) => task::replacement(session, waits).await?,
            Incoming::Closed(closed) => {
                if let End::Again = close(session, &closed, &mut early).await? {
                    return Ok(End::Again);
                }
            }
            Incoming::IssuersList(list) => issuers::heard(session, &list, opened_with).await?,
            Incoming::RevocationList(list) => revocation::heard(session, relay, list).await?,
            Incoming::Holds(pending) => holds::heard(session, relay, &pending.holds_sha256).await?,
            Incoming::KeyPackagesLow(_) => key_packages::top_up(session, relay).await?,
        }
    }
}

/// The relay says that this device is out of a conversation: it has read it to its end.
async fn out(session: &Session, relay: &Arc<dyn Relay>, removed: Removed) -> Result<(), CoreError> {
    let out = conversation::removed(&*session.core().await, &removed).await?;
    if let Some(number) = out {
        let cursor = Cursor { conversation_id: removed.conversation_id, number: number.get(), epoch: 0 };
        relay.ack(AckRequest { cursors: vec![cursor] }).await?;
    }
    Ok(())
}

/// What comes next, or that nothing does; now and then the Welcomes are looked at that wait for the end of a log.
async fn next(
    session: &Session,
    stream: &mut Subscription,
    early: &mut Early,
    caught_up: bool,
) -> Result<ControlFlow<End, SubscribeResponse>, CoreError> {
    loop {
        let incoming = match early.next_look().filter(|_| caught_up) {
            None => Ok(stream.next().await),
            Some(at) => tokio::time::timeout_at(at, stream.next()).await,
        };
        match incoming {
            Ok(Some(incoming)) => return Ok(ControlFlow::Continue(incoming?)),
            Ok(None) => return Ok(ControlFlow::Break(End::Ended)),
            Err(_) => {
                if let End::Again = look_at_early(session, early).await? {
                    return Ok(ControlFlow::Break(End::Again));
                }
            }
        }
    }
}

/// Takes in the relay's greeting: its clock, and the issuers that it applies.
async fn greet(
    session: &Session,
    relay: &Arc<dyn Relay>,
    (transport, caught_up): (&'static str, bool),
    greeting: &RelayGreeting,
) -> Result<(), CoreError> {
    let now = session.clock.now();
    let greeted = greet::verify(&session.core().await.device.organisation, greeting, now)?;
    conversation::greeted(&*session.core().await, greeting).await?;
    {
        let mut core = session.core().await;
        let clock = core.clock.clone();
        core.retention.hear_relay(greeted.time, &*clock);
    }
    session.sweep().await?;
    session.have_secrets(&**relay).await?;
    // The issuers first: they sign the list. Before both nothing else is done.
    issuers::greeted(session, relay, (greeting, &greeted)).await?;
    record::greeted(session, greeting, &greeted.record_head).await?;
    if !revocation::greeted(session, relay, &greeted).await? {
        let number = greeted.revocation_list_number;
        conversation::no_such_list(&*session.core().await, greeting, number).await?;
    }
    // One that comes late takes nothing back.
    let caught_up = caught_up && !fault::planted("mutant.greeting_holds_up");
    session.relinked(Link::Online { relay: relay.clone(), transport, caught_up });
    key_packages::top_up(session, relay).await
}

/// Looks at the Welcomes that wait for the end of a log. What is let in to is read from its beginning, by a new stream.
async fn look_at_early(session: &Session, early: &mut Early) -> Result<End, CoreError> {
    let (welcomes, others) = early.take_due(Instant::now());
    if welcomes.is_empty() {
        return Ok(End::Ended);
    }
    let others = (!early.lacks_some()).then_some(others);
    let looked = conversation::look_at_early(&mut *session.core().await, welcomes, others).await?;
    let (wait_on, effects) = looked;
    for welcome in wait_on {
        keep(session, early, welcome).await?;
    }
    session.stepped(&effects);
    Ok(if effects.is_empty() { End::Ended } else { End::Again })
}

/// The relay's log is this device's up to the cursor that it named, or it is not: then the conversation waits.
async fn compare(session: &Session, place: &LogPlace, named: &HashMap<Bytes, u64>) -> Result<(), CoreError> {
    let Some(named) = named.get(&place.conversation_id) else { return Ok(()) };
    let compared = conversation::place(&*session.core().await, place, EntryNumber::new(*named)).await?;
    match compared {
        Compared::Same(conversation) => {
            session.beside.remove(&conversation);
        }
        Compared::Other(conversation, effect) => {
            session.beside.insert(conversation);
            session.stepped(&[effect]);
        }
        Compared::Unknown => {}
    }
    Ok(())
}

/// Keeps a Welcome that let this device in to nothing yet: of a conversation that it is in, only the commit to come can take it
/// out; one that is not known may have to wait for the end of the log it goes on from. One that does not open is of no use.
async fn keep(session: &Session, early: &mut Early, welcome: WelcomeDelivery) -> Result<(), CoreError> {
    let Ok(conversation) = ConversationId::try_from(&welcome.conversation_id) else { return Ok(()) };
    let core = session.core().await;
    let mut tx = core.vault.begin("look_for_conversation").await?;
    let row = conversations::load(&mut tx, &conversation).await?;
    tx.commit().await?;
    match row.map(|row| row.standing) {
        Some(conversations::Standing::Active | conversations::Standing::Left) => early.keep(welcome, true),
        Some(_) => {}
        None => early.keep(welcome, false),
    }
    Ok(())
}

/// Whether an event is of a log that is another one here. A Welcome leads to a place of its own.
fn is_beside(session: &Session, event: &Incoming) -> bool {
    let id = match event {
        Incoming::Entry(entry) => &entry.conversation_id,
        Incoming::Removed(removed) => &removed.conversation_id,
        Incoming::Task(task) => &task.conversation_id,
        Incoming::Closed(closed) => &closed.conversation_id,
        _ => return false,
    };
    ConversationId::try_from(id).is_ok_and(|conversation| session.beside.has(&conversation))
}

/// The relay asks for something; a list that the task names comes first.
async fn asked(session: &Session, relay: &Arc<dyn Relay>, task: MembershipTask) -> Result<(), CoreError> {
    if let (Some(Task::ConfirmRemoval(asked)), Ok(log)) =
        (&task.task, ConversationId::try_from(&task.conversation_id))
    {
        return confirm::confirm(session, relay, &log, asked).await;
    }
    revocation::asked(session, relay, &task).await?;
    task::take(session, task).await
}

/// An entry has come; a list that it names comes before it, one that is heard of in it after.
async fn come(
    session: &Session,
    relay: &Arc<dyn Relay>,
    entry: &Entry,
    (early, welcomed): (&mut Early, bool),
) -> Result<End, CoreError> {
    revocation::named(session, relay, entry).await?;
    session.prepare(&**relay, entry).await?;
    let effects = match take_in(session, entry, early, welcomed).await {
        // What it says inside has it end with another period than the relay's word.
        Err(CoreError::Vault(VaultError::PeriodSecret { period })) if !fault::planted("mutant.unretried") => {
            session.have_secret(&**relay, period).await?;
            match take_in(session, entry, early, welcomed).await {
                Err(CoreError::Vault(VaultError::PeriodSecret { .. })) => return Err(withheld().into()),
                taken => taken?,
            }
        }
        taken => taken?,
    };
    revocation::heard_of(session, relay, &effects).await?;
    let again = effects.iter().any(|effect| matches!(effect, Effect::Again(_)));
    Ok(if again { End::Again } else { End::Ended })
}

/// Takes in an entry, of a conversation that a Welcome of this stream lets in to or not.
pub(super) async fn take_in(
    session: &Session,
    entry: &Entry,
    early: &mut Early,
    welcomed: bool,
) -> Result<Vec<Effect>, CoreError> {
    let mut core = session.core().await;
    let mut effects = conversation::receive(&mut core, entry).await?;
    let unknown = effects.iter().any(|effect| matches!(effect, Effect::Unknown(_)));
    if unknown && !welcomed {
        effects = conversation::uninvited(&core, entry).await?;
    }
    // The commit that took this device out may have let it in anew: its Welcome came before. Nothing is said to the relay in
    // between: not that it cannot follow, and nothing of what it wants comes back to it.
    let taken_out = effects.iter().any(|effect| matches!(effect, Effect::Removed(_) | Effect::OutOfStep(_)));
    if let (Some(welcome), true) = (early.take(entry), taken_out) {
        effects.extend(conversation::join(&mut core, &welcome).await?);
        effects.extend(conversation::receive(&mut core, entry).await?);
    }
    session.stepped(&effects);
    session.moved.notify_one();
    let gone = effects.iter().any(|effect| matches!(effect, Effect::Gone(_)));
    if gone && !fault::planted("mutant.recall_stays_in_log") {
        core.vault.empty_log().await;
    }
    Ok(effects)
}

/// A log is closed. Its successor's Welcome may have come before, and entries after it: it is looked at again, and they are asked
/// for again.
async fn close(session: &Session, closed: &Closed, early: &mut Early) -> Result<End, CoreError> {
    let effects = conversation::closed(&mut *session.core().await, closed).await?;
    session.stepped(&effects);
    if effects.is_empty() {
        return Ok(End::Ended);
    }
    // Its successor's may be the one that was not kept.
    let mut end = if early.lacks_some() { End::Again } else { End::Ended };
    for welcome in early.take_unknown() {
        let effects = conversation::join(&mut *session.core().await, &welcome).await?;
        if effects.is_empty() {
            keep(session, early, welcome).await?;
        } else {
            end = End::Again;
        }
        session.stepped(&effects);
    }
    Ok(end)
}

/// Where this device stands in each conversation it reads.
pub(crate) async fn cursors(session: &Session) -> Result<Vec<Cursor>, CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("cursors").await?;
    let rows = conversations::list(&mut tx).await?;
    tx.commit().await?;
    let reads = |row: &conversations::ConversationRow| {
        matches!(
            row.standing,
            conversations::Standing::Active
                | conversations::Standing::Left
                | conversations::Standing::OutOfStep
        )
    };
    Ok(rows
        .iter()
        .filter(|row| reads(row))
        .map(|row| Cursor { conversation_id: row.conversation.to_wire(), number: row.cursor.get(), epoch: 0 })
        .collect())
}
