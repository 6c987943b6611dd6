//! Going on after a log was closed: a member makes a plain new group with the people, devices and settings of the state before
//! the commit that could not be followed, and whoever joins it judges it against what it kept of that state.

use std::collections::BTreeSet;

use wardline_proto::{
    ChainHash, ConversationId, DeviceId, EntryNumber, UtcMillis,
    content::{ConversationSettings, Predecessor},
};

use super::{
    core::{Core, random},
    former::Former,
    hold::Hold,
    judge::{SETTINGS, Verdict},
    line::line,
    roster::{Member, Roster},
    take_over::{drop_candidate, take_over},
};
use crate::{
    error::CoreError,
    mls::{Leaf, group},
    vault::{
        Transaction,
        mls_rows::Scope,
        tables::{
            commits,
            conversations::{self, Closure, ConversationRow, Line, Standing},
            faults::{self, FaultRow},
            intents::{self, Wish},
        },
    },
};

/// A device that was not in the conversation that this one goes on from.
pub(crate) const NEWCOMER: &str = "someone was brought in as it went on who was not in it before";
/// Within this span a second log closed because of the same device goes on without it, in milliseconds: 30 days.
const AGAIN_WITHIN_MS: u64 = 30 * 86_400_000;

/// So many commits bring everybody in: 500 devices, 200 at once.
const FIRST_COMMITS: u64 = 3;

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
    let Some(expected) = expected else { return Ok(Succession::Declined) };
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
    let group =
        group::create(&core.store, &core.device.identity(), old.suite, successor, &expected.settings)?;
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
    let wish = Wish::Restore { members: expected.members(core.device.id(), leavers) };
    intents::insert(&mut tx, &successor, &wish, &request, now, now).await?;
    Core::finish(&core.store, tx).await?;
    core.groups.insert(successor, group);
    Ok(())
}

/// The line of a log that goes on from another, whose last entry people see under this number.
fn line_after(old: &ConversationRow, head: u64) -> Line {
    Line {
        first: old.line.first,
        offset: head,
        predecessor: Some(old.conversation),
        successor: None,
        closed: None,
    }
}

/// What a successor has to be.
pub(crate) struct Expected {
    former: Former,
    settings: ConversationSettings,
    /// The number of the closed log's last entry, as people see it.
    head: u64,
    /// The device that its maker leaves out: the second log in a row closed because of it. Whoever judges a successor does not
    /// look for that: not everybody was there the first time.
    left_out: Option<DeviceId>,
}

impl Expected {
    /// Everybody's devices but this one, as "user device", without those who left.
    fn members(&self, own: DeviceId, leavers: &BTreeSet<String>) -> Vec<(String, String)> {
        let (own, out) = (own.to_string(), self.left_out.map(|device| device.to_string()));
        self.former
            .going_on()
            .filter(|seat| seat.device != own && out.as_ref() != Some(&seat.device))
            .filter(|seat| !leavers.contains(&seat.user))
            .map(|seat| (seat.user.clone(), seat.device.clone()))
            .collect()
    }
}

/// What the successor of a closed log has to be; `None` if this device does not know.
async fn expected(
    tx: &mut Transaction<'_>,
    old: &ConversationRow,
    closure: Closure,
) -> Result<Option<Expected>, CoreError> {
    let Some(commit) = commits::find(tx, &old.conversation, closure.number).await? else { return Ok(None) };
    let Some(former) = commit.before.as_deref().and_then(Former::parse) else { return Ok(None) };
    let Some(settings) = former.settings() else { return Ok(None) };
    let mut left_out = None;
    for log in line(tx, old).await?.iter().filter(|log| log.conversation != old.conversation) {
        let Some(closed) = log.line.closed else { continue };
        let earlier = commits::find(tx, &log.conversation, closed.number).await?;
        left_out = earlier
            .filter(|earlier| earlier.author == commit.author)
            .filter(|earlier| commit.stamp.get().saturating_sub(earlier.stamp.get()) <= AGAIN_WITHIN_MS)
            .and_then(|earlier| earlier.author)
            .or(left_out);
    }
    let head = old.shown(closure.head).get();
    let predecessor = Predecessor {
        conversation_id: old.conversation.as_bytes().to_vec(),
        number: closure.number.get(),
        head,
    };
    let settings = ConversationSettings { predecessor: Some(predecessor), ..settings };
    Ok(Some(Expected { former, settings, head, left_out }))
}

/// Users who said that they leave and have not been let go.
async fn leavers(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
) -> Result<BTreeSet<String>, CoreError> {
    let wishes = intents::open(tx).await?.into_iter().filter(|wish| wish.conversation == *conversation);
    Ok(wishes
        .filter_map(|wish| match wish.wish {
            Wish::LetGo { user, .. } => Some(user),
            _ => None,
        })
        .collect())
}

/// How a Welcome stands to what this device knows of the log that its group goes on from.
pub(crate) enum Judged {
    /// It goes on from none.
    Plain,
    /// It goes on from a log that this device was not in, or does not know enough of; numbers go on from there.
    Unknown(u64),
    /// It goes on from a log that is not closed here yet: it is looked at again when that is.
    TooEarly,
    /// It goes on from a closed log.
    GoesOn(Box<Going>),
}

/// A log that goes on.
pub(crate) struct Going {
    /// The closed log.
    pub old: ConversationRow,
    /// The place in the line.
    pub line: Line,
    /// Why it is held, if it is not what it has to be.
    pub hold: Option<Hold>,
    /// The author of the commit that could not be followed.
    pub author: Option<String>,
    /// Everybody whom the successor has to have.
    pub members: Vec<(String, String)>,
}

/// Judges a successor by the state that was kept: nobody in it who was not, and the same settings. Whoever comes after the
/// commits that bring everybody in cannot judge what members did since.
pub(crate) async fn judge(
    core: &Core,
    tx: &mut Transaction<'_>,
    (leaves, number): (&[Leaf], EntryNumber),
    settings: &ConversationSettings,
) -> Result<Judged, CoreError> {
    let Some(predecessor) = &settings.predecessor else { return Ok(Judged::Plain) };
    let Ok(id) = ConversationId::try_from(predecessor.conversation_id.as_slice()) else {
        return Ok(Judged::Unknown(0));
    };
    let old = conversations::load(tx, &id).await?;
    let Some(old) = old.filter(|old| !matches!(old.standing, Standing::Left | Standing::Removed)) else {
        return Ok(Judged::Unknown(predecessor.head));
    };
    let Some(closure) = old.line.closed else { return Ok(Judged::TooEarly) };
    let expected = expected(tx, &old, closure).await?;
    let leavers = leavers(tx, &id).await?;
    let head = old.shown(closure.head).get();
    let line = line_after(&old, head);
    let Some(expected) = expected else {
        return Ok(Judged::GoesOn(Box::new(Going {
            old,
            line,
            hold: None,
            author: None,
            members: Vec::new(),
        })));
    };
    let roster = Roster::read(&core.device.organisation, leaves);
    let mut verdict = Verdict::default();
    let first = number.get() <= FIRST_COMMITS;
    let newcomers = roster.members.iter().filter(|member| first && !expected.former.goes_on(member));
    verdict.devices = newcomers.map(Member::key).collect();
    if !verdict.devices.is_empty() {
        verdict.held.push(NEWCOMER);
    }
    if *settings != expected.settings && (first || settings.number == expected.settings.number) {
        verdict.held.push(SETTINGS);
    }
    let hold = Hold::after(None, &verdict, (&roster, leaves), &expected.settings);
    Ok(Judged::GoesOn(Box::new(Going {
        line,
        hold,
        author: expected.former.author.clone(),
        members: expected.members(core.device.id(), &leavers),
        old,
    })))
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
        let came_to_nothing = one.cursor == EntryNumber::ZERO && one.conversation != successor;
        one.line.predecessor == Some(going.old.conversation) && came_to_nothing
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
        if let Some(maker) = maker {
            faults::insert(tx, &successor, &fault(maker, row.joined, &hold)).await?;
        }
        let request = random(&*core.entropy)?;
        intents::insert(tx, &successor, &Wish::Correct, &request, now, now).await?;
    }
    Ok(done)
}

/// What is kept of whoever made a successor that is not what it has to be.
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
