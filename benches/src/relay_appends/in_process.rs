//! The relay's appends without network: the domain's rules over the store, as `Send` calls them.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::task::JoinSet;
use wardline_identity::{Clock as _, Policy, SystemClock, SystemEntropy};
use wardline_proto::{ClientMessageId, ConversationId, DeviceId, Digest, Epoch, Suite};
use wardline_server::{
    domain::conversation::{ConversationError, Message, NewConversation, create, send},
    live::Live,
    store::Store,
};

use super::rate;
use crate::{
    APPENDS, Place,
    bare::{Log, Row, Sender},
    figure::{Aim, Figure, Quantity, readable},
    samples::Samples,
    scale::Scale,
};

/// Rows a transaction of the second bound.
const ROWS_TOGETHER: usize = 64;

/// What the measuring process is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Work {
    /// How much.
    pub scale: Scale,
    /// Where its databases go.
    pub folder: PathBuf,
    /// How long a message is, in bytes.
    pub body_bytes: usize,
}

/// What it answers: rates, one a round.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Rates {
    alone: Samples,
    together: Samples,
    at_once: Samples,
    appends: Samples,
}

/// Has the appends measured in a process of their own.
pub(super) async fn run(scale: Scale, place: &Place) -> Result<Vec<Figure>> {
    let folder = TempDir::new_in(&place.folder)?;
    let body_bytes = real_body(folder.path()).await?.len();
    let work = Work { scale, folder: folder.path().to_owned(), body_bytes };
    let output = Command::new(&place.program)
        .args([APPENDS, &serde_json::to_string(&work)?])
        .output()
        .context("starting the measuring process")?;
    ensure!(output.status.success(), "measuring fails: {}", String::from_utf8_lossy(&output.stderr));
    let Rates { alone, together, at_once, appends } = serde_json::from_slice(&output.stdout)?;
    let count = appends.count() * scale.senders * scale.appends_in_process;
    let note = format!(
        "A message has {body_bytes} bytes. SQLite takes {} rows/s when one statement inserts all {ROWS_TOGETHER} of a \
         transaction.",
        readable(at_once.p50())
    );
    let figure = |against: &str, bound: f64, aim| {
        let question = format!("relay appends, {} senders, in process", scale.senders);
        Figure::new(Quantity::new(question, appends.p50()), "/s", Quantity::new(against, bound), aim)
            .taken(count, note.clone())
    };
    Ok(vec![
        figure("SQLite, one row a transaction", alone.p50(), Aim::AtLeast(20.0)).if_missed(WHY_ALONE),
        figure("SQLite, 64 rows a transaction", together.p50(), Aim::AtLeast(0.5)).if_missed(WHY_TOGETHER),
    ])
}

/// Measures, in this process.
///
/// # Errors
/// The store or SQLite did not do its part.
pub async fn measure(work: &Work) -> Result<Rates> {
    let Work { scale, folder, body_bytes } = work;
    let body = Bytes::from(vec![0xa5; *body_bytes]);
    let mut log = Log::create(&folder.join("log.db")).await?;
    let relay = Appender::open(folder, scale.senders).await?;
    let mut rates = Rates::default();
    for round in 0..scale.append_warm_up + scale.append_rounds {
        let count = scale.senders * scale.appends_in_process;
        let alone = rows_alone(&mut log, &body, scale.rows_alone).await?;
        let together = rows_together(&mut log, &body, count).await?;
        let at_once = rows_at_once(&mut log, &body, count).await?;
        let appends = relay.append(&body, scale.appends_in_process).await?;
        if round >= scale.append_warm_up {
            rates.alone.push(alone);
            rates.together.push(together);
            rates.at_once.push(at_once);
            rates.appends.push(appends);
        }
    }
    log.close().await?;
    relay.store.close().await;
    Ok(rates)
}

/// A message as a client encrypts it.
async fn real_body(folder: &Path) -> Result<Bytes> {
    let conversation = ConversationId::from_bytes(SystemEntropy.array()?);
    let mut sender = Sender::new(folder).await?;
    sender.make(conversation).await?;
    Ok(sender.messages(conversation, 1)?.remove(0))
}

async fn rows_alone(log: &mut Log, body: &Bytes, count: usize) -> Result<f64> {
    let row = Row { body: body.clone() };
    let begun = Instant::now();
    for _ in 0..count {
        log.append(&row).await?;
    }
    Ok(rate(count, begun.elapsed()))
}

async fn rows_together(log: &mut Log, body: &Bytes, count: usize) -> Result<f64> {
    let rows = vec![Row { body: body.clone() }; ROWS_TOGETHER];
    let transactions = count.div_ceil(ROWS_TOGETHER);
    let begun = Instant::now();
    for _ in 0..transactions {
        log.append_all(&rows).await?;
    }
    Ok(rate(transactions * ROWS_TOGETHER, begun.elapsed()))
}

async fn rows_at_once(log: &mut Log, body: &Bytes, count: usize) -> Result<f64> {
    let row = Row { body: body.clone() };
    let transactions = count.div_ceil(ROWS_TOGETHER);
    let begun = Instant::now();
    for _ in 0..transactions {
        log.append_all_at_once(&row, ROWS_TOGETHER).await?;
    }
    Ok(rate(transactions * ROWS_TOGETHER, begun.elapsed()))
}

/// The relay's store, with conversations in it.
struct Appender {
    store: Store,
    live: Live,
    senders: Arc<[(ConversationId, DeviceId)]>,
}

impl Appender {
    async fn open(folder: &Path, senders: usize) -> Result<Self> {
        let store = Store::open(&folder.join("relay.sqlite")).await?;
        let mut opened = Vec::new();
        for _ in 0..senders {
            let new = NewConversation {
                id: ConversationId::from_bytes(SystemEntropy.array()?),
                suite: Suite::ALL[0],
                creator: DeviceId::from_bytes(SystemEntropy.array()?),
                created_at: SystemClock.now(),
                predecessor: None,
            };
            opened.push((new.id, new.creator));
            store
                .write::<_, ConversationError, _>("create", move |tx| {
                    Box::pin(async move { create(tx, &new).await })
                })
                .await?;
        }
        Ok(Self { store, live: Live::default(), senders: opened.into() })
    }

    /// Every sender appends so many, one after the other; all senders at once.
    async fn append(&self, body: &Bytes, each: usize) -> Result<f64> {
        let mut appending = JoinSet::new();
        let begun = Instant::now();
        for at in 0..self.senders.len() {
            let (conversation, sender) = self.senders[at];
            let (store, live, body) = (self.store.clone(), self.live.clone(), body.clone());
            appending.spawn(async move {
                for _ in 0..each {
                    append_one(&store, &live, (conversation, sender), body.clone()).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(appended) = appending.join_next().await {
            appended??;
        }
        Ok(rate(self.senders.len() * each, begun.elapsed()))
    }
}

/// What the service does with a message whose header was read.
async fn append_one(
    store: &Store,
    live: &Live,
    (conversation, sender): (ConversationId, DeviceId),
    body: Bytes,
) -> Result<()> {
    let message = Message {
        conversation,
        sender,
        id: ClientMessageId::from_bytes(SystemEntropy.array()?),
        epoch: Epoch::new(0),
        life_seconds: 86_400,
        sha256: Digest::of(&body),
        body,
    };
    let (now, live) = (SystemClock.now(), live.clone());
    store
        .write_then::<_, ConversationError, _, _>(
            "send",
            move |tx| Box::pin(async move { send(tx, &message, &Policy::UNSET, now).await }),
            move |_| live.wake_conversation(conversation),
        )
        .await?;
    Ok(())
}

const WHY_ALONE: &str = "Where the disk syncs in some 0.2 ms, grouping gains little: 64 rows in one transaction are \
    themselves far below 20 times one row, see the next figure. The aim stands for disks that sync in milliseconds. \
    The relay's own part is the reason of the next figure.";
const WHY_TOGETHER: &str = "Statements, not syncs: an append is six of them (SAVEPOINT, the view, INSERT, two UPDATEs, \
    RELEASE) against one, and each goes to the database library's thread and back. To mend: INSERT and UPDATEs in one \
    statement of three, RELEASE together with the next SAVEPOINT (three ways instead of six); then the whole group on \
    the thread that has the connection (one way a group).";
