//! Going on after a log was closed: a member makes a plain new group with the people, devices and settings of the state before
//! the commit that could not be followed, and whoever joins it judges it against what it kept of that state.

use std::collections::BTreeSet;

use wardline_identity::RevocationRegister;
use wardline_proto::{
    ChainHash, ConversationId, DeviceId, EntryNumber, UtcMillis,
    fault::{self, planted},
};

use super::{
    continuation::Going,
    core::{Core, random},
    expected::{Expected, expected, leavers},
    former::Former,
    hold::Hold,
    revoked::is_named,
    roster::{Member, Roster},
    take_over::{drop_candidate, take_over},
};
use crate::{
    error::CoreError,
    mls::group,
    vault::{
        Transaction,
        mls_rows::Scope,
        tables::{
            commits,
            conversations::{self, ConversationRow, Line, Standing},
            faults::{self, FaultRow},
            intents::{self, IntentRow, Outcome, Wish},
        },
    },
};

/// How long what is wrong in a successor waits for a witness who can tell that it is not, in milliseconds.
const WITNESS_MS: u64 = 20_000;
/// How long people and messages wait at most until all are in, in milliseconds.
const COMPLETING_MS: u64 = 30_000;

/// How long after its last entry a closed log is thought to be gone on with any moment, in seconds.
const ASKED_WITHIN: u64 = 600;

/// What became of the wish for a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Succession {
    /// There is one, made here or by another.
    Made,
    /// The log is not closed yet, as far as this device knows.
    NotYet,
    /// This device cannot make it: it does not know who was in.
    Declined,
}

/// How long a wish for a successor waits for its log to be closed, in milliseconds: the relay asks again for what is due.
const CLOSING_MS: u64 = 60_000;

/// Whether a wish for the successor of a log that is not closed here still waits for that. Nothing else waits with it, and it
/// does not wait for ever: the relay asked for it, and may have had no cause to.
pub(crate) fn waits_for_closing(row: &ConversationRow, wish: &IntentRow, now: UtcMillis) -> bool {
    let young = now.get() < wish.created.get().saturating_add(CLOSING_MS);
    let waits = matches!(wish.wish, Wish::Succeed { .. }) && row.line.closed.is_none() && young;
    waits && !planted("mutant.succeed_first")
}

/// Makes the conversation that goes on from a closed log; the relay hears of it when the outbox runs, and knows whose is
/// the first.
pub(crate) async fn succeed(
    core: &mut Core,
    conversation: &ConversationId,
    number: u64,
) -> Result<Succession, CoreError> {
    let mut tx = core.vault.begin("look_for_successor").await?;
    let row = conversations::load(&mut tx, conversation).await?;
    let Some(row) = row else { return Ok(Succession::Declined) };
    let Some(closure) = row.line.closed else { return Ok(Succession::NotYet) };
    let made = conversations::list(&mut tx).await?;
    if row.line.successor.is_some() || made.iter().any(|one| one.line.predecessor == Some(*conversation)) {
        return Ok(Succession::Made);
    }
    let expected =
        if closure.number.get() == number { expected(&mut tx, &row, closure).await? } else { None };
    let leavers = leavers(&mut tx, conversation).await?;
    tx.commit().await?;
    let Some(expected) = expected.filter(|expected| expected.has(&core.device.id())) else {
        return Ok(Succession::Declined);
    };
    let successor = ConversationId::from_bytes(random(&*core.entropy)?);
    let made = make(core, &row, successor, &expected, &leavers).await;
    if made.is_err() {
        core.forget(&successor);
    }
    made.map(|()| Succession::Made)
}

async fn make(
    core: &mut Core,
    old: &ConversationRow,
    successor: ConversationId,
    expected: &Expected,
    leavers: &BTreeSet<String>,
) -> Result<(), CoreError> {
    let now = core.clock.now();
    let request = random(&*core.entropy)?;
    core.store.load(&core.vault, Scope::Conversation(successor)).await?;
    let mut tx = core.vault.begin("succeed").await?;
    let group = group::create(
        &core.store,
        &core.device.newest().identity(),
        old.suite,
        successor,
        &expected.settings,
    )?;
    let row = ConversationRow {
        conversation: successor,
        name: expected.settings.name.clone(),
        retention_seconds: expected.settings.retention_seconds,
        standing: Standing::Creating,
        joined: EntryNumber::ZERO,
        cursor: EntryNumber::ZERO,
        chain: ChainHash::genesis(&successor),
        read: EntryNumber::ZERO,
        last: now,
        held: None,
        line: line_after(old, expected.head),
        ..old.clone()
    };
    conversations::store(&mut tx, &row).await?;
    let mut members = expected.members(core.device.id(), leavers);
    members.retain(|(_, device)| !is_named(&core.revocations, device));
    let wish = Wish::Restore { members };
    intents::insert(&mut tx, &successor, &wish, &request, now, now).await?;
    fault::crash("crash.successor_unstored");
    Core::finish(&core.store, tx).await?;
    fault::crash("crash.successor_stored");
    core.groups.insert(successor, group);
    Ok(())
}

/// The line of a log that goes on from another, whose last entry people see under this number.
pub(crate) fn line_after(old: &ConversationRow, head: u64) -> Line {
    Line {
        first: old.line.first,
        offset: head,
        predecessor: Some(old.conversation),
        successor: None,
        closed: None,
        named: None,
    }
}

/// Enters a successor that was joined: the own one, if there is one, goes; it takes over from the closed log; and what is wrong
/// with it is held and wished to be put right. Answers the logs whose groups are history now.
pub(crate) async fn enter(
    core: &Core,
    tx: &mut Transaction<'_>,
    row: &mut ConversationRow,
    going: Going,
    maker: Option<&Member>,
) -> Result<Vec<ConversationId>, CoreError> {
    let now = core.clock.now();
    let successor = row.conversation;
    let made = conversations::list(tx).await?;
    // One to which nobody was added: the relay takes another in its place.
    let own = made.iter().find(|one| {
        let nothing = is_nothing(one) && one.conversation != successor;
        one.line.predecessor == Some(going.old.conversation) && nothing
    });
    let mut done = vec![going.old.conversation];
    core.store.load_within(tx, Scope::Conversation(going.old.conversation)).await?;
    take_over(core, tx, &going.old, &successor).await?;
    if let Some(own) = own {
        core.store.load_within(tx, Scope::Conversation(own.conversation)).await?;
        drop_candidate(core, tx, &own.conversation, Some(&successor)).await?;
        done.push(own.conversation);
    }
    if !going.members.is_empty() {
        let wish = Wish::Restore { members: going.members };
        let request = random(&*core.entropy)?;
        intents::insert(tx, &successor, &wish, &request, now, look_again_at(core, now)).await?;
    }
    if let Some(hold) = going.hold {
        row.held = Some(hold.to_text());
        let at_fault = if going.by_its_maker { maker } else { going.intruders.first() };
        if let Some(at_fault) = at_fault {
            faults::insert(tx, &successor, &fault(at_fault, row.joined, &hold)).await?;
        }
        if hold.is_mendable() {
            let request = random(&*core.entropy)?;
            let wait = if going.by_its_maker { 0 } else { WITNESS_MS };
            let not_before = UtcMillis::new(now.get() + wait);
            intents::insert(tx, &successor, &Wish::Correct, &request, now, not_before).await?;
        }
    }
    Ok(done)
}

/// Whether a successor that was made here came to nothing: nobody was ever let in.
pub(crate) async fn came_to_nothing(
    tx: &mut Transaction<'_>,
    successor: &ConversationId,
) -> Result<bool, CoreError> {
    let row = conversations::load(tx, successor).await?;
    Ok(row.is_none_or(|row| is_nothing(&row)))
}

/// Whether a successor was begun here, or is asked for, and nobody is in it yet who could be let in now.
pub(crate) async fn is_left_empty(tx: &mut Transaction<'_>, now: UtcMillis) -> Result<bool, CoreError> {
    let open = intents::open(tx).await?;
    for wish in open.iter().filter(|wish| wish.is_due(now)) {
        let empty = match wish.wish {
            Wish::Restore { .. } => came_to_nothing(tx, &wish.conversation).await?,
            Wish::Succeed { .. } => true,
            _ => false,
        };
        if empty {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether this device may be asked to go on from a closed log: it knows who was in, and did not write the commit that others
/// cannot follow.
pub(crate) async fn may_be_asked(
    tx: &mut Transaction<'_>,
    own: &DeviceId,
    now: UtcMillis,
) -> Result<bool, CoreError> {
    // Where somebody has made it, or nobody has for long, a moment more changes nothing.
    for row in conversations::left_off(tx).await? {
        let Some(closure) = row.line.closed.filter(|_| now < row.last.plus_seconds(ASKED_WITHIN)) else {
            continue;
        };
        let expected = expected(tx, &row, closure).await?;
        if expected.is_some_and(|expected| expected.has(own) && !expected.is_after(own)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_nothing(row: &ConversationRow) -> bool {
    row.cursor == EntryNumber::ZERO && row.joined == EntryNumber::ZERO
}

/// Somebody said something in a successor that this device could not judge, or would have others put right: who can judge it
/// says nothing in one that is not what it has to be.
pub(crate) async fn vouch(
    tx: &mut Transaction<'_>,
    row: &mut ConversationRow,
    member: &Member,
) -> Result<(), CoreError> {
    let Some(hold) = row.held.as_deref().map(Hold::parse) else { return Ok(()) };
    if !hold.waits_for(member.certificate.user().as_str()) {
        return Ok(());
    }
    row.held = hold.lifted().as_ref().map(Hold::to_text);
    faults::settle(tx, &row.conversation, row.joined).await?;
    if row.held.is_none() {
        intents::end_where(tx, &row.conversation, &Outcome::Done, |wish| *wish == Wish::Correct).await?;
    }
    Ok(())
}

/// Whether somebody of the closed log is still to be let in: until then nothing is said and nothing else changed, or it
/// would be said to too few, or by other settings. Not for ever: a device may have nothing to be let in by.
pub(crate) async fn is_incomplete(
    tx: &mut Transaction<'_>,
    row: &ConversationRow,
    (roster, revocations, now): (&Roster, &RevocationRegister, UtcMillis),
) -> Result<bool, CoreError> {
    if row.line.predecessor.is_none() || planted("mutant.said_to_few") {
        return Ok(false);
    }
    let here = |device: &str| roster.members.iter().any(|one| one.certificate.device().to_string() == device);
    let out = |device: &str| !here(device) && !is_named(revocations, device);
    let lacks = |wish: &IntentRow| match &wish.wish {
        Wish::Restore { members } => {
            let recent = now.get() < wish.created.get().saturating_add(COMPLETING_MS);
            recent && members.iter().any(|(_, device)| out(device))
        }
        _ => false,
    };
    Ok(intents::open_in(tx, &row.conversation).await?.iter().any(lacks))
}

/// What is kept of whoever is at fault where a successor is not what it has to be: its maker, or who came in with it.
fn fault(maker: &Member, number: EntryNumber, hold: &Hold) -> FaultRow {
    FaultRow {
        number,
        device: maker.certificate.device(),
        user: maker.certificate.user().to_string(),
        name: maker.certificate.display_name().to_string(),
        why: hold.why(),
        devices: hold.devices().to_vec(),
        proven: true,
        settled: false,
    }
}

/// What people are told where a conversation goes on: at the first entry of the successor.
pub(crate) async fn told(
    tx: &mut Transaction<'_>,
    row: &ConversationRow,
    number: EntryNumber,
) -> Result<Option<String>, CoreError> {
    let (Some(predecessor), 1) = (row.line.predecessor, number.get()) else { return Ok(None) };
    let Some(old) = conversations::load(tx, &predecessor).await? else { return Ok(None) };
    let Some(closure) = old.line.closed else { return Ok(None) };
    let commit = commits::find(tx, &predecessor, closure.number).await?;
    let former = commit.and_then(|commit| commit.before).as_deref().and_then(Former::parse);
    Ok(Some(goes_on(former.and_then(|former| former.author).as_deref())))
}

/// That a conversation goes on, and because of whom.
pub(crate) fn goes_on(author: Option<&str>) -> String {
    match author {
        Some(author) => format!("It goes on here: {author} made a change that not everybody could follow"),
        None => "It goes on here: a change was made that not everybody could follow".to_owned(),
    }
}

/// When a member that joined looks whether somebody is missing: usually its maker has added everybody by then.
pub(crate) fn look_again_at(core: &Core, now: UtcMillis) -> UtcMillis {
    let spread = u64::from(core.device.id().as_bytes()[15]) * 16;
    UtcMillis::new(now.get() + 6_000 + spread)
}
