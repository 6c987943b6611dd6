//! Asks members for what conversations are owed: of one connected member at a time, for a lease, then of the next; and
//! closes logs that too many cannot follow. Many conversations go side by side.
//!
//! What is owed is in the store; whom it is asked of, and since when, is here and starts anew with the relay.

mod board;
mod stuck;

use std::collections::{BTreeMap, BTreeSet};

use wardline_proto::{ConversationId, EntryNumber, UtcMillis};

pub use board::Board;

use crate::domain::membership::{self, Circle, MembershipView as _, TASK_KEPT_SECONDS};
use crate::live::{Asked, Live};
use crate::store::{Store, StoreError};
use crate::task_bell::Rung;

/// One pass at `now`, over what was rung for and what is due. Returns when the next is due, if nothing is rung for
/// before.
///
/// # Errors
/// A [`StoreError`]: what was rung for is still to do, the next pass does it.
pub async fn run_once(
    board: &mut Board,
    store: &Store,
    live: &Live,
    rung: Rung,
    now: UtcMillis,
) -> Result<UtcMillis, StoreError> {
    // 1. What is owed by the clock, and at the start what was owed before.
    board.hear(rung, live);
    if board.is_new() {
        let owed: Result<Vec<ConversationId>, StoreError> =
            store.read("owed", |tx| Box::pin(async move { tx.owed().await })).await;
        board.begin(owed?, now);
    }
    if board.looks_by_the_clock(now) {
        let owed = by_the_clock(store, now).await?;
        board.looked_by_the_clock(owed, now);
    }

    // 2. Each conversation by itself, some in one view.
    let looks = board.due(now);
    let mut closing: BTreeMap<ConversationId, EntryNumber> = BTreeMap::new();
    for some in looks.iter().copied().collect::<Vec<_>>().chunks(VIEW) {
        for (conversation, circle) in read(store, some.to_vec()).await? {
            let ready = live.ready_in(conversation);
            let next = board.look(conversation, circle.as_ref(), &ready, now);
            closing.extend(next.close.map(|number| (conversation, number)));
            for (device, task, until) in next.ask {
                metrics::counter!("wardline_tasks_asked_total").increment(1);
                live.ask(device, Asked { conversation, task, until });
            }
        }
    }

    // 3. What nobody mended in time.
    for (conversation, number) in closing {
        if close(store, conversation, number, now).await? {
            metrics::counter!("wardline_logs_closed_total").increment(1);
            tracing::warn!(%conversation, %number, "a log was closed: its members cannot follow that commit");
            live.wake_conversation(conversation);
        }
        board.owed(conversation);
    }
    Ok(board.next_due(now))
}

/// Renewals, and what has stood too long.
async fn by_the_clock(store: &Store, now: UtcMillis) -> Result<BTreeSet<ConversationId>, StoreError> {
    let mut owed = BTreeSet::new();
    loop {
        let some: Result<Vec<ConversationId>, StoreError> = store
            .write("owe_renewals", move |tx| Box::pin(async move { tx.owe_renewals(now, BATCH).await }))
            .await;
        let some = some?;
        let is_last = some.len() < BATCH as usize;
        owed.extend(some);
        if is_last {
            break;
        }
    }
    let old = UtcMillis::new(now.get().saturating_sub(TASK_KEPT_SECONDS * 1000));
    let given_up: Result<u64, StoreError> = store
        .write("give_up_tasks", move |tx| Box::pin(async move { tx.give_up_tasks(old, BATCH).await }))
        .await;
    let given_up = given_up?;
    if given_up > 0 {
        tracing::warn!(given_up, "nobody did for 30 days what conversations were owed");
    }
    Ok(owed)
}

async fn read(
    store: &Store,
    conversations: Vec<ConversationId>,
) -> Result<Vec<(ConversationId, Option<Circle>)>, StoreError> {
    let read = store.read("circles", move |tx| {
        Box::pin(async move {
            let mut circles = Vec::with_capacity(conversations.len());
            for conversation in conversations {
                circles.push((conversation, tx.circle(conversation).await?));
            }
            Ok(circles)
        })
    });
    read.await
}

async fn close(
    store: &Store,
    conversation: ConversationId,
    number: EntryNumber,
    now: UtcMillis,
) -> Result<bool, StoreError> {
    let write = store.write("close", move |tx| {
        Box::pin(async move { membership::close(tx, conversation, number, now).await })
    });
    write.await
}

/// How many conversations are read in one view.
const VIEW: usize = 64;

/// Rows a write.
const BATCH: u32 = 200;

#[cfg(test)]
mod tests;
