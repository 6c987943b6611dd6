//! The outbox: what this device wants of the relay, done in order, again after every interruption.
//!
//! A pass does, for every conversation on its own, the next thing it needs: telling the relay of it, a commit under way
//! (sent again over each connection: the relay names the winner), wishes, messages. Everything is in the vault before it is sent,
//! so that a pass can be cut anywhere; a conversation that has to wait rests, and no other waits with it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use wardline_proto::{ConversationId, Digest, EntryNumber, fault};

use super::{Session, broken, grant, look_through::look_through, send};
use crate::{
    conversation::{silenced, waits_for_closing},
    error::CoreError,
    relay::Relay,
    vault::tables::{
        conversations::{self, ConversationRow, Standing},
        intents::{self, Wish},
        outbox, pending_commits,
    },
};

/// How often the outbox looks without being woken: for wishes and rests whose time has come.
const LOOK: Duration = Duration::from_millis(250);
/// How long a conversation rests after a refusal that names no time.
const REST: Duration = Duration::from_secs(2);
/// How long a device that cannot follow waits to be let in before it says so by another of its keys.
const NEXT_KEY: Duration = Duration::from_secs(30);

/// What one connection has brought about so far.
#[derive(Default)]
pub(crate) struct Passing {
    /// Commits that were sent over it: the log will show which one won.
    submitted: HashSet<Digest>,
    /// Where it was said over it that this device cannot follow, from which entry on, by which of its keys, and when.
    reported: HashMap<ConversationId, (EntryNumber, usize, Instant)>,
    /// Conversations that rest, and until when.
    resting: HashMap<ConversationId, Instant>,
    /// Conversations of which nothing is reported for now, and until when: nothing else there waits with it.
    unreported: HashMap<ConversationId, Instant>,
    /// Conversations whose log this device is behind of, and the entry it stood at.
    behind: HashMap<ConversationId, EntryNumber>,
}

impl Passing {
    /// A conversation rests for as long as the relay asked, or a while.
    pub(crate) fn rest(&mut self, conversation: ConversationId, pause: Option<Duration>) {
        self.resting.insert(conversation, Instant::now() + pause.unwrap_or(REST));
    }

    /// The relay is ahead of what this device has taken in: nothing is sent there before the log has moved.
    pub(crate) fn wait_for_log(&mut self, conversation: ConversationId, cursor: EntryNumber) {
        self.behind.insert(conversation, cursor);
    }

    /// Notes a commit that was sent; `false` if it was sent over this connection before.
    pub(crate) fn submit(&mut self, commit: Digest) -> bool {
        self.submitted.insert(commit)
    }

    /// A commit has to be sent again: the relay did not take it.
    pub(crate) fn resubmit(&mut self, commit: &Digest) {
        self.submitted.remove(commit);
    }

    /// Notes a report that is sent, and answers by which of so many keys, counted from the one it was made by; none if it was
    /// sent over this connection before. By which of them the members know this device it cannot tell: while nobody lets it
    /// in, it says so by one after the other. It begins by chance: so whose connections are short says it by all of them too.
    pub(crate) fn report(
        &mut self,
        conversation: ConversationId,
        number: EntryNumber,
        (keys, chance): (usize, u8),
    ) -> Option<usize> {
        let now = Instant::now();
        let chance = if fault::planted("mutant.made_key_first") { 0 } else { usize::from(chance) };
        let first = chance.checked_rem(keys).unwrap_or(0);
        let turn = match self.reported.get(&conversation) {
            Some((said, turn, at)) if *said == number => {
                let soon = keys < 2 || now < *at + NEXT_KEY || fault::planted("mutant.asks_by_one_key");
                (!soon).then_some(turn + 1)?
            }
            _ => first,
        };
        self.reported.insert(conversation, (number, turn, now));
        Some(turn)
    }

    /// A report has to be sent again, after as long as the relay asked, or a while: it did not take it.
    pub(crate) fn report_later(&mut self, conversation: ConversationId, pause: Option<Duration>) {
        self.reported.remove(&conversation);
        self.unreported.insert(conversation, Instant::now() + pause.unwrap_or(REST));
    }

    /// Whether a conversation is to be reported now: what the relay asks a report to wait for, and what it asks of everything else,
    /// are two things. Who is let in again talks at once, and whose commit came too often says at once that it cannot follow.
    fn reports(&mut self, row: &ConversationRow) -> bool {
        let now = Instant::now();
        self.unreported.retain(|_, until| *until > now);
        let rests = self.resting.get(&row.conversation).is_some_and(|until| *until > now);
        let rests = rests && fault::planted("mutant.rests_on");
        row.standing == Standing::OutOfStep && !rests && !self.unreported.contains_key(&row.conversation)
    }

    /// Whether nothing is to be sent to a conversation now.
    fn waits(&mut self, row: &ConversationRow) -> bool {
        let now = Instant::now();
        self.resting.retain(|_, until| *until > now);
        // A commit that cannot be followed, and the end of the log, are news that move no cursor.
        let follows = row.standing == Standing::Active || fault::planted("mutant.behind_for_ever");
        let behind = self.behind.get(&row.conversation).is_some_and(|cursor| row.cursor <= *cursor);
        let behind = behind && follows;
        if !behind {
            self.behind.remove(&row.conversation);
        }
        let unreported = self.unreported.contains_key(&row.conversation) && fault::planted("mutant.rests_on");
        behind || unreported || self.resting.contains_key(&row.conversation)
    }
}

/// Runs passes whenever there is something to do, until the connection fails.
pub(crate) async fn run(session: &Session, relay: &Arc<dyn Relay>) -> Result<(), CoreError> {
    until_caught_up(session).await;
    let mut passing = Passing::default();
    let mut progress = session.progress();
    loop {
        pass(session, relay, &mut passing).await?;
        progress.borrow_and_update();
        tokio::select! {
            biased;
            () = session.wake.notified() => {}
            _ = progress.changed(), if !passing.behind.is_empty() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Nothing is sent or acknowledged before everything that was in the logs has been taken in: only then is it known which of
/// them are this device's.
pub(super) async fn until_caught_up(session: &Session) {
    let mut link = session.link.subscribe();
    let caught_up = |link: &super::Link| matches!(link, super::Link::Online { caught_up: true, .. });
    // Cannot fail.
    let _ = link.wait_for(caught_up).await;
}

pub(super) async fn pass(
    session: &Session,
    relay: &Arc<dyn Relay>,
    passing: &mut Passing,
) -> Result<(), CoreError> {
    // By a list of revoked devices that has outlived its life, or by a client that is too old, nothing is sent at all.
    if silenced(&*session.core().await).is_some() {
        return Ok(());
    }
    look_through(session).await?;
    // 1. Conversations that the relay has not heard of, and commits that are under way.
    let mut skip = Vec::new();
    let (rows, under_way) = conversations(session).await?;
    for row in rows {
        let (conversation, out) = (row.conversation, row.standing == Standing::OutOfStep);
        if passing.reports(&row) && !session.beside.has(&conversation) {
            broken::report(session, relay, &row, passing).await?;
        }
        if waits(session, passing, &row) {
            skip.push(conversation);
        } else if row.standing == Standing::Creating {
            broken::create(session, relay, row, passing).await?;
        }
        // Until the log has named the winner, nothing else is committed there; by a device that cannot follow, nothing.
        if under_way.contains(&conversation)
            && !skip.contains(&conversation)
            && !out
            && let Some(pending) = pending(session, &conversation).await?
        {
            grant::submit(session, relay, pending, passing).await?;
        }
    }
    // 2. Wishes, each conversation's in order.
    while let Some(wish) = next_wish(session, passing).await? {
        grant::grant(session, relay, &wish, passing).await?;
    }
    // 3. Messages, each conversation's in order.
    while let Some(waiting) = next_message(session, &skip).await? {
        let conversation = waiting.conversation;
        if send::send(session, relay, waiting, passing).await? == send::Step::Wait {
            skip.push(conversation);
        }
    }
    Ok(())
}

/// Whether nothing is to be sent to a conversation now.
fn waits(session: &Session, passing: &mut Passing, row: &ConversationRow) -> bool {
    session.beside.has(&row.conversation) || passing.waits(row)
}

/// The conversations in which there may be something to do, and those in which a commit is under way.
async fn conversations(
    session: &Session,
) -> Result<(Vec<ConversationRow>, HashSet<ConversationId>), CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("list_conversations").await?;
    let mut rows = conversations::list(&mut tx).await?;
    let under_way = pending_commits::conversations(&mut tx).await?;
    tx.commit().await?;
    rows.retain(|row| matches!(row.standing, Standing::Creating | Standing::Active | Standing::OutOfStep));
    Ok((rows, under_way))
}

async fn pending(
    session: &Session,
    conversation: &ConversationId,
) -> Result<Option<pending_commits::PendingCommit>, CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("look_for_commits").await?;
    let pending = pending_commits::find(&mut tx, conversation).await?;
    tx.commit().await?;
    Ok(pending)
}

/// The oldest open wish that can be granted now: its time has come, its conversation is with the relay, is not resting, and has
/// no commit under way.
async fn next_wish(
    session: &Session,
    passing: &mut Passing,
) -> Result<Option<intents::IntentRow>, CoreError> {
    let now = session.clock.now();
    let core = session.core().await;
    let mut tx = core.vault.begin("next_wish").await?;
    let mut next = None;
    for wish in intents::grantable(&mut tx, now).await? {
        let row = conversations::load(&mut tx, &wish.conversation).await?;
        let succeeds = matches!(wish.wish, Wish::Succeed { .. });
        let later = |row: &ConversationRow| match row.standing {
            _ if waits_for_closing(row, &wish, now) => true,
            Standing::Creating => true,
            Standing::OutOfStep | Standing::Closed => !succeeds,
            _ => false,
        };
        let later = row.as_ref().is_some_and(later);
        let waits = row.as_ref().is_some_and(|row| waits(session, passing, row));
        if !later && !waits {
            next = Some(wish);
            break;
        }
    }
    tx.commit().await?;
    Ok(next)
}

async fn next_message(
    session: &Session,
    skip: &[ConversationId],
) -> Result<Option<outbox::OutboxRow>, CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("next_message").await?;
    let next = outbox::next(&mut tx, skip).await?;
    tx.commit().await?;
    Ok(next)
}
