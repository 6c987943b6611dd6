//! Joining by a Welcome: parse, check every member, check the place in the log, and only then keep it.

use wardline_identity::Organisation;
use wardline_proto::{
    ChainHash, ChainLink, ConversationId, Digest, EntryNumber, Suite, UtcMillis, fault,
    relay::{EntryLink, WelcomeDelivery},
};

use super::{
    continuation::{Going, Judged, Welcomed, judge},
    core::Core,
    hold::Hold,
    receive::Effect,
    receive_commit::shown_name,
    roster::{Member, Roster, verify_leaf},
    ruling::names,
    successor::{self, goes_on},
    suspicion,
    waits::{has_waited, show},
};
use crate::{
    error::CoreError,
    mls::{JoinError, JoinView, LogPosition, MlsError, group},
    vault::{
        Transaction,
        mls_rows::Scope,
        tables::{
            chain,
            conversations::{self, ConversationRow, Line, Standing},
            faults,
            messages::{self, MessageKind, MessageRow},
            pending_commits, reports, waiting,
        },
    },
};

/// What a Welcome that passed the checks says.
struct Checked {
    name: String,
    retention_seconds: u32,
    before: ChainHash,
    adder: Option<Member>,
    suite: Suite,
}

impl Checked {
    fn adder_name(&self) -> String {
        let name = |adder: &Member| adder.certificate.display_name().to_string();
        self.adder.as_ref().map_or_else(|| "Someone".to_owned(), name)
    }
}

/// Joins the conversation of a Welcome. One that was used before changes nothing; one that does not open or is not
/// what it should be is left unused: this device is in without having been let in, and says so when the commit comes.
pub(crate) async fn join(core: &mut Core, delivery: &WelcomeDelivery) -> Result<Vec<Effect>, CoreError> {
    join_with(core, delivery, Patience::Lasts).await
}

/// Whether a Welcome may wait for the end of the log that its conversation says it goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// What was in the logs may still be on the way.
    Lasts,
    /// All of it has come: it is shown that it waits, and not for ever.
    Ends,
}

/// The same; where patience ends, as a conversation like any other.
pub(crate) async fn join_with(
    core: &mut Core,
    delivery: &WelcomeDelivery,
    patience: Patience,
) -> Result<Vec<Effect>, CoreError> {
    let malformed = |_| CoreError::Protocol("sent a malformed Welcome");
    let conversation = ConversationId::try_from(&delivery.conversation_id).map_err(malformed)?;
    let number = EntryNumber::new(delivery.number);
    let promised = ChainHash::from_digest(Digest::try_from(&delivery.chain_hash).map_err(malformed)?);
    let outcome = join_step(core, delivery, (conversation, number, promised), patience).await;
    if !matches!(&outcome, Ok(effects) if !effects.is_empty()) {
        core.forget(&conversation);
    }
    outcome
}

async fn join_step(
    core: &mut Core,
    delivery: &WelcomeDelivery,
    (conversation, number, promised): (ConversationId, EntryNumber, ChainHash),
    patience: Patience,
) -> Result<Vec<Effect>, CoreError> {
    core.groups.remove(&conversation);
    core.store.load(&core.vault, Scope::Conversation(conversation)).await?;
    core.store.load(&core.vault, Scope::Device).await?;
    let mut tx = core.vault.begin("join").await?;
    let known = conversations::load(&mut tx, &conversation).await?;
    // What this device has of the log, it has: a Welcome to a place in it is an old one.
    let had = |row: &ConversationRow| number <= row.joined.max(row.cursor);
    let old = group::load(&core.store, conversation)?;
    // Only what can be read is in: what cannot has nothing else to be let in by.
    let is_in = old.is_some() || fault::planted("mutant.open_without_group");
    if known.as_ref().is_some_and(|row| had(row) || row.standing == Standing::Active && is_in) {
        return Ok(Vec::new());
    }
    // What is left of an earlier membership goes first: it cannot read on.
    if let Some(old) = old {
        old.delete(&core.store)?;
    }
    let organisation = &core.device.organisation;
    let packages = suspicion::one_time(core)?;
    let mut before = None;
    let joined = group::join(&core.store, conversation, &delivery.welcome, |view| {
        before = Some(check(organisation, view, &conversation, (number, &delivery.between))?);
        Ok::<_, Refusal>(())
    });
    let (group, view) = match joined {
        Ok(joined) => joined,
        Err(JoinError::Mls(error)) if !from_peer(&error) => return Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, "a Welcome was not used");
            return not_let_in(core, tx, (conversation, number, known.is_some()), delivery).await;
        }
    };
    let checked = Checked {
        name: shown_name(&view.settings.name),
        retention_seconds: view.settings.retention_seconds,
        before: before.unwrap_or(view.position.chain_hash),
        adder: verify_leaf(organisation, &view.adder),
        suite: view.suite,
    };
    let place = place_in_line(core, &mut tx, &view, (number, patience), known.as_ref()).await?;
    let Some((line, going)) = place else {
        tx.commit().await?;
        return Ok(Vec::new());
    };
    let place = (conversation, number, UtcMillis::new(delivery.stamp_ms));
    let anew = known.as_ref().is_some_and(|row| row.standing == Standing::OutOfStep);
    let held = still_held(core, &mut tx, known.as_ref(), (&view, checked.adder.as_ref())).await?;
    let mut row = ConversationRow { held, ..joined_row(place, &checked, known, line) };
    pending_commits::delete(&mut tx, &conversation).await?;
    reports::delete(&mut tx, &conversation).await?;
    waiting::delete(&mut tx, &conversation).await?;
    let event = match &going {
        Some(going) => goes_on(going.author.as_deref()),
        None if anew => format!("{} let this device in again", checked.adder_name()),
        None => format!("{} added you to “{}”", checked.adder_name(), row.name),
    };
    let done = match going {
        Some(going) => successor::enter(core, &mut tx, &mut row, *going, checked.adder.as_ref()).await?,
        None => Vec::new(),
    };
    store_joined(&mut tx, &row, &checked, (promised, place.2, event), core).await?;
    suspicion::spent(&mut tx, core, &packages).await?;
    fault::crash("crash.welcome_opened");
    Core::finish(&core.store, tx).await?;
    fault::crash("crash.welcome_stored");
    for log in done {
        core.groups.remove(&log);
        core.store.forget(Scope::Conversation(log));
    }
    core.groups.insert(conversation, group);
    Ok(vec![Effect::Joined(conversation), Effect::Readable(row.line.first, row.shown(number))])
}

/// A Welcome is left unused. A conversation that was not known is from now on, as one that nothing has let this device into:
/// the commit that the Welcome came with is the one to ask about (see `ask_in`).
async fn not_let_in(
    core: &Core,
    mut tx: Transaction<'_>,
    (conversation, number, known): (ConversationId, EntryNumber, bool),
    delivery: &WelcomeDelivery,
) -> Result<Vec<Effect>, CoreError> {
    let (stamp, now) = (UtcMillis::new(delivery.stamp_ms), core.clock.now());
    suspicion::package_twice(&mut tx, &delivery.welcome, (conversation, number), (stamp, now)).await?;
    if !known && !fault::planted("mutant.bad_welcome") {
        suspicion::show_uninvited(&mut tx, conversation, stamp).await?;
    }
    tx.commit().await?;
    Ok(Vec::new())
}

/// What this device knew to be wrong when it fell out is wrong still, where the one who lets it in is the one at fault for
/// that. An honest member lets nobody in before it is right again.
async fn still_held(
    core: &Core,
    tx: &mut Transaction<'_>,
    known: Option<&ConversationRow>,
    (view, adder): (&JoinView, Option<&Member>),
) -> Result<Option<String>, CoreError> {
    let Some(held) = known.and_then(|row| row.held.as_deref()) else { return Ok(None) };
    let faults = faults::list(tx, &view.conversation).await?;
    let at_fault =
        |adder: &Member| faults.iter().any(|fault| fault.proven && !fault.settled && names(fault, adder));
    if adder.is_some_and(|adder| !at_fault(adder)) || fault::planted("mutant.hold_forgotten") {
        return Ok(None);
    }
    let roster = Roster::read(&core.device.organisation, &view.members);
    Ok(Hold::parse(held).still(&roster, &view.settings).map(|hold| hold.to_text()))
}

/// Where a conversation goes on from, if from any; `None` if that log is not closed here yet. A device that is let in again
/// has judged that already.
async fn place_in_line(
    core: &Core,
    tx: &mut Transaction<'_>,
    view: &JoinView,
    (number, patience): (EntryNumber, Patience),
    known: Option<&ConversationRow>,
) -> Result<Option<(Line, Option<Box<Going>>)>, CoreError> {
    if let Some(known) = known.filter(|known| known.joined > EntryNumber::ZERO) {
        return Ok(Some((known.line.clone(), None)));
    }
    let adder = verify_leaf(&core.device.organisation, &view.adder);
    let welcomed = Welcomed {
        conversation: view.conversation,
        leaves: &view.members,
        number,
        settings: &view.settings,
        adder: adder.as_ref(),
    };
    let now = core.clock.now();
    Ok(match judge(core, tx, &welcomed).await? {
        Judged::TooEarly | Judged::Open if patience == Patience::Lasts => None,
        Judged::Open if has_waited(tx, &view.conversation, now).await? => {
            Some((Line::alone(view.conversation), None))
        }
        Judged::TooEarly | Judged::Open => {
            show(tx, view, now).await?;
            None
        }
        Judged::Plain => Some((Line::alone(view.conversation), None)),
        Judged::Unknown(head) => Some((Line { offset: head, ..Line::alone(view.conversation) }, None)),
        Judged::GoesOn(going) => Some((going.line.clone(), Some(going))),
    })
}

/// Why a Welcome is not used.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("a member of it is not one of the organisation's devices")]
    Stranger,
    #[error("it leads to another conversation or place than announced")]
    Elsewhere,
}

/// Every member chains to the root with their own key, the group is the one announced, and from the entry that its
/// GroupInfo carries the log leads to the commit. Answers the chain hash before that.
fn check(
    organisation: &Organisation,
    view: &JoinView,
    conversation: &ConversationId,
    (number, between): (EntryNumber, &[EntryLink]),
) -> Result<ChainHash, Refusal> {
    if !Roster::read(organisation, &view.members).strangers.is_empty() {
        return Err(Refusal::Stranger);
    }
    if view.conversation != *conversation {
        return Err(Refusal::Elsewhere);
    }
    let (before, chain) = lead(&view.position, between).ok_or(Refusal::Elsewhere)?;
    if before.next() == number { Ok(chain) } else { Err(Refusal::Elsewhere) }
}

/// Where the log stands after these entries, from a place on. While the commit was on its way others' messages may have been
/// taken; they are of the epoch before it, and nothing that a joiner could read.
fn lead(from: &LogPosition, between: &[EntryLink]) -> Option<(EntryNumber, ChainHash)> {
    let (mut number, mut chain) = (from.number, from.chain_hash);
    for link in between {
        number = EntryNumber::new(number.get().checked_add(1)?);
        chain = chain.append(&ChainLink {
            number,
            kind: u8::try_from(link.kind).ok()?,
            life_seconds: link.life_seconds,
            stamp: UtcMillis::new(link.stamp_ms),
            message: Digest::try_from(&link.message_sha256).ok()?,
        });
    }
    Some((number, chain))
}

/// Whether an error depends on what others sent, rather than on this device.
fn from_peer(error: &MlsError) -> bool {
    matches!(
        error,
        MlsError::Malformed | MlsError::WelcomeInvalid | MlsError::NoKeyPackage | MlsError::SuiteUnknown
    )
}

fn joined_row(
    (conversation, number, stamp): (ConversationId, EntryNumber, UtcMillis),
    checked: &Checked,
    known: Option<ConversationRow>,
    line: Line,
) -> ConversationRow {
    let before = EntryNumber::new(number.get() - 1);
    ConversationRow {
        conversation,
        suite: checked.suite,
        name: checked.name.clone(),
        retention_seconds: checked.retention_seconds,
        standing: Standing::Active,
        held: None,
        joined: number,
        cursor: before,
        chain: checked.before,
        read: known.map_or(before, |row| row.read),
        last: stamp,
        line,
    }
}

async fn store_joined(
    tx: &mut Transaction<'_>,
    row: &ConversationRow,
    checked: &Checked,
    (promised, stamp, body): (ChainHash, UtcMillis, String),
    core: &Core,
) -> Result<(), CoreError> {
    chain::clear(tx, &row.conversation).await?;
    chain::insert(tx, &row.conversation, row.cursor, &checked.before).await?;
    // What came before under these numbers came of no log that anybody vouched for.
    messages::clear(tx, &row.conversation, row.joined).await?;
    // The joining entry must lead there: compared when it comes.
    chain::insert(tx, &row.conversation, row.joined, &promised).await?;
    conversations::store(tx, row).await?;
    let (user, name, device) = match &checked.adder {
        Some(adder) => (
            adder.certificate.user().to_string(),
            adder.certificate.display_name().to_string(),
            adder.certificate.device(),
        ),
        None => (String::new(), "Someone".to_owned(), core.device.id()),
    };
    let event = MessageRow {
        conversation: row.conversation,
        number: row.joined,
        kind: MessageKind::Event,
        body,
        sender_user: user,
        sender_name: name,
        sender_device: device,
        message: None,
        stamp,
        expires: None,
    };
    messages::insert(tx, &event).await?;
    Ok(())
}
