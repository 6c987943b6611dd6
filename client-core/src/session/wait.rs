//! Waiting for the vault to show something, woken by every step.

use std::time::Duration;

use tokio::time::Instant;
use wardline_proto::{ClientMessageId, ConversationId, EntryNumber, UtcMillis, fault};

use super::{Link, Session};
use crate::{
    api::{Failure, FailureKind},
    conversation::{is_left_empty, may_be_asked, silenced},
    error::CoreError,
    vault::{
        Transaction,
        tables::{
            conversations::{self, Standing},
            intents::{self, IntentRow, Outcome},
            messages, outbox,
        },
    },
};

/// How long a command waits for the log before it answers "queued", and without anything new before it goes on without it.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long `sync` waits for conversations that broke, and every command for what it has begun to go on with.
const MENDING: Duration = Duration::from_secs(8);

/// How long every command waits to be asked to go on from a closed log: as long as the relay asks one device.
const ASKING: Duration = Duration::from_secs(2);

/// What a device does by itself within this time is waited for, in milliseconds: what each puts off by its own id, to take turns.
const SOON_MS: u64 = 1_100;

/// What became of a message.
pub(crate) enum Delivery {
    /// The relay has it.
    Sent(EntryNumber, UtcMillis),
    /// It waits for a connection.
    Queued,
    /// It went back to its author.
    Refused(String),
}

impl Session {
    /// Waits until the connection has caught up, or failed once, and where it had failed, once more now; however much there is,
    /// as long as some of it comes.
    pub(crate) async fn connected(&self) -> Link {
        self.hurry().await;
        let (mut link, mut progress) = (self.link.subscribe(), self.progress());
        let settled = |link: &Link| match link {
            Link::Connecting => false,
            Link::Online { caught_up, .. } => *caught_up,
            Link::Offline(_) => true,
        };
        let patient = || !fault::planted("mutant.impatient");
        let mut until = Instant::now() + PATIENCE;
        loop {
            tokio::select! {
                Ok(link) = link.wait_for(settled) => return link.clone(),
                Ok(()) = progress.changed() => if patient() { until = Instant::now() + PATIENCE },
                () = tokio::time::sleep_until(until) => {}
            }
            if Instant::now() >= until {
                return Link::Offline(Failure::new(
                    FailureKind::Unavailable,
                    "The relay does not answer.",
                    "",
                    "Check the network; what waits goes out when the relay is back.",
                ));
            }
        }
    }

    /// Waits until a queued message is in the log or refused, or there is no connection to send it over.
    pub(crate) async fn delivered(&self, message: &ClientMessageId) -> Result<Delivery, CoreError> {
        let mut progress = self.progress();
        let wait = async {
            loop {
                if let Some(delivery) = self.look_for(message).await? {
                    return Ok(delivery);
                }
                if matches!(*self.link.borrow(), Link::Offline(_)) {
                    return Ok(Delivery::Queued);
                }
                if progress.changed().await.is_err() {
                    return Ok(Delivery::Queued);
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or(Ok(Delivery::Queued))
    }

    /// Waits a moment for a message that the relay has taken to come back through the log: then it can be read here.
    pub(crate) async fn came_back(&self, message: &ClientMessageId) -> Result<(), CoreError> {
        let mut progress = self.progress();
        let wait = async {
            loop {
                let core = self.core().await;
                let mut tx = core.vault.begin("look_for_own_entry").await?;
                let waiting = outbox::find(&mut tx, message).await?;
                tx.commit().await?;
                drop(core);
                if waiting.is_none() || progress.changed().await.is_err() {
                    return Ok(());
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(2), wait).await.unwrap_or(Ok(()))
    }

    /// Waits until nothing waits to be sent that can be, or there is no connection.
    pub(crate) async fn drained(&self) -> Result<(), CoreError> {
        let mut progress = self.progress();
        let began = Instant::now();
        let wait = async {
            loop {
                let soon = UtcMillis::new(self.clock.now().get() + SOON_MS);
                let core = self.core().await;
                if silenced(&core).is_some() {
                    return Ok(());
                }
                // Whoever must go by the list goes before this device does: nobody else may come for long.
                let looked = core.list.looked >= core.revocations.number() && !core.list.held
                    || fault::planted("mutant.leaves_unlooked");
                let mut tx = core.vault.begin("look_for_waiting").await?;
                // A conversation that broke is waited for a while: it mends where others are there.
                let broken = broken(&mut tx).await?;
                let patient = began.elapsed() < MENDING;
                let skip = [broken.as_slice(), &self.beside.all()].concat();
                let message = outbox::next(&mut tx, &skip).await?.is_some();
                let waits = |wish: &IntentRow| wish.is_due(soon) && !skip.contains(&wish.conversation);
                let wish = intents::open(&mut tx).await?.iter().any(waits);
                tx.commit().await?;
                drop(core);
                let mends = patient && !broken.is_empty();
                if looked && !message && !wish && !mends || matches!(*self.link.borrow(), Link::Offline(_)) {
                    return Ok(());
                }
                let look = tokio::time::timeout(Duration::from_secs(1), progress.changed());
                if matches!(look.await, Ok(Err(_))) {
                    return Ok(());
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or(Ok(()))
    }

    /// Waits a while until somebody is in what goes on from a closed log, where that is begun here, and a moment where this
    /// device may be asked to begin it: others wait for that, and perhaps nobody else can. A command that only looks in would
    /// put it off each time.
    pub(crate) async fn goes_on(&self) -> Result<(), CoreError> {
        let mut progress = self.progress();
        let began = Instant::now();
        let wait = async {
            loop {
                let now = self.clock.now();
                let core = self.core().await;
                let own = core.device.id();
                let mut tx = core.vault.begin("look_for_empty_successor").await?;
                let asked = began.elapsed() < ASKING && may_be_asked(&mut tx, &own, now).await?;
                let empty = is_left_empty(&mut tx, now).await?;
                tx.commit().await?;
                drop(core);
                if !empty && !asked || matches!(*self.link.borrow(), Link::Offline(_)) {
                    return Ok(());
                }
                let look = tokio::time::timeout(Duration::from_secs(1), progress.changed());
                if matches!(look.await, Ok(Err(_))) {
                    return Ok(());
                }
            }
        };
        tokio::time::timeout(MENDING, wait).await.unwrap_or(Ok(()))
    }

    async fn look_for(&self, message: &ClientMessageId) -> Result<Option<Delivery>, CoreError> {
        let core = self.core().await;
        let mut tx = core.vault.begin("look_for_message").await?;
        let waiting = outbox::find(&mut tx, message).await?;
        let found = match waiting {
            Some(row) => match (row.accepted, row.refusal) {
                (Some((number, stamp)), _) => {
                    Some(Delivery::Sent(shown(&mut tx, &row.conversation, number).await?, stamp))
                }
                (None, Some(why)) => Some(Delivery::Refused(why)),
                // Not by a list of revoked devices that has outlived its life, nor by a client that is too old.
                (None, None) if silenced(&core).is_some() => Some(Delivery::Queued),
                // Not while the relay's log is another.
                (None, None) if self.beside.has(&row.conversation) => Some(Delivery::Queued),
                (None, None) => None,
            },
            None => {
                let place = messages::place_of(&mut tx, &core.device.id(), message).await?;
                match place {
                    Some((conversation, number, stamp)) => {
                        Some(Delivery::Sent(shown(&mut tx, &conversation, number).await?, stamp))
                    }
                    None => Some(Delivery::Queued),
                }
            }
        };
        tx.commit().await?;
        Ok(found)
    }
}

/// Conversations in which nothing can be said until they are mended.
async fn broken(tx: &mut Transaction<'_>) -> Result<Vec<ConversationId>, CoreError> {
    let broken = |row: &conversations::ConversationRow| {
        let waits = matches!(row.standing, Standing::OutOfStep | Standing::Closed);
        waits && row.line.successor.is_none()
    };
    let rows = conversations::list(tx).await?;
    Ok(rows.iter().filter(|row| broken(row)).map(|row| row.conversation).collect())
}

/// The number that people see of an entry.
async fn shown(
    tx: &mut Transaction<'_>,
    conversation: &ConversationId,
    number: EntryNumber,
) -> Result<EntryNumber, CoreError> {
    let row = conversations::load(tx, conversation).await?;
    Ok(row.map_or(number, |row| row.shown(number)))
}

/// Waits until a wish has come true or failed.
pub(crate) async fn until_settled(session: &Session, intent: i64) -> Result<Outcome, CoreError> {
    let mut progress = session.progress();
    let wait = async {
        loop {
            if let Some(outcome) = settled(session, intent).await? {
                return Ok(outcome);
            }
            if let Some(failure) = silenced(&*session.core().await) {
                return Err(failure.into());
            }
            if let Link::Offline(failure) = &*session.link.borrow() {
                return Err(queued(&failure.why).into());
            }
            if progress.changed().await.is_err() {
                return Err(queued("").into());
            }
        }
    };
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(outcome) => outcome,
        Err(_) => Err(unsettled().into()),
    }
}

/// How a wish ended, if it did.
pub(crate) async fn settled(session: &Session, intent: i64) -> Result<Option<Outcome>, CoreError> {
    let core = session.core().await;
    let mut tx = core.vault.begin("look_for_outcome").await?;
    let row = intents::find(&mut tx, intent).await?;
    tx.commit().await?;
    Ok(row.and_then(|row| row.outcome))
}

/// There is a connection; it takes long.
fn unsettled() -> Failure {
    Failure::new(
        FailureKind::Queued,
        "The change is kept, and not made yet.",
        "The relay has not confirmed it so far: the conversation is busy, or this device has made many changes within a minute.",
        "It is made by itself while this device is connected: wardline sync --follow.",
    )
}

fn queued(why: &str) -> Failure {
    Failure::new(
        FailureKind::Queued,
        "There is no connection to the relay; the change is kept.",
        why,
        "It is made by itself when the relay is back: wardline sync --follow.",
    )
}
