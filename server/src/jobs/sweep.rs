//! The sweep: bodies go when all members have them or when they expire, commits and Welcomes when all have them or
//! after 90 days (design 4.3, 4.6).
//!
//! What remains of an entry is the preimage of the chain and the record of its id: until all have passed it, and
//! 90 days. Claims of KeyPackages are kept 30 days, holds that keep nobody out 90.

use wardline_proto::UtcMillis;

use crate::domain::conversation::COMMIT_KEPT_SECONDS;
use crate::domain::period::PeriodStorage as _;
use crate::store::{Shared, Store, StoreError};

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Bodies that expired.
    pub expired: u64,
    /// Bodies that all had.
    pub shared: u64,
    /// Rows that were of no more use.
    pub rows: u64,
    /// Claims of KeyPackages.
    pub claims: u64,
}

/// Deletes what is due at `now`. Batch by batch: between two of them other writes get their turn.
///
/// # Errors
/// A [`StoreError`]: what was deleted stays deleted, the next pass goes on.
pub async fn run_once(store: &Store, now: UtcMillis) -> Result<Swept, StoreError> {
    // 1. What expired, whoever lacks it.
    let expired = in_batches(|| {
        store.write("drop_expired", move |tx| Box::pin(async move { tx.drop_expired(now, BATCH).await }))
    })
    .await?;
    let mut swept = Swept { expired, ..Swept::default() };

    // 2. What all have.
    let old = before(now, COMMIT_KEPT_SECONDS);
    let logs: Vec<Shared> =
        store.read("shared_logs", move |tx| Box::pin(async move { tx.shared_logs(old).await })).await?;
    for log in logs {
        let Shared { conversation, number, .. } = log;
        if !log.swept {
            swept.shared += in_batches(|| {
                store.write("drop_shared", move |tx| {
                    Box::pin(async move { tx.drop_shared(conversation, number, BATCH).await })
                })
            })
            .await?;
        }
        if log.has_old {
            swept.rows += in_batches(|| {
                store.write("delete_passed", move |tx| {
                    Box::pin(async move { tx.delete_passed(conversation, number, old, BATCH).await })
                })
            })
            .await?;
        }
    }

    // 3. What was handed out and is done with.
    let claims_old = before(now, CLAIM_KEPT_SECONDS);
    swept.claims = in_batches(|| {
        store.write("delete_claims", move |tx| {
            Box::pin(async move { tx.delete_claims(claims_old, now, BATCH).await })
        })
    })
    .await?;

    // 4. Holds that lists have named long ago: no commit names them as its ground any more.
    let holds_old = before(now, COMMIT_KEPT_SECONDS);
    in_batches(|| {
        store
            .write("delete_holds", move |tx| Box::pin(async move { tx.delete_holds(holds_old, BATCH).await }))
    })
    .await?;

    // 5. Off the disk, too.
    store.truncate_log().await?;
    Ok(swept)
}

/// Deletes the secrets of periods that are over at `now`, and what the write-ahead log has of them: from then on nothing opens what ended with them,
/// on whatever device it is. Returns how many.
///
/// # Errors
/// A [`StoreError`]: the next pass goes on.
pub async fn end_periods(store: &Store, now: UtcMillis) -> Result<u64, StoreError> {
    let ended = store.write("end_periods", move |tx| Box::pin(async move { tx.end_periods(now).await }));
    let ended: u64 = ended.await?;
    if ended > 0 {
        store.truncate_log().await?;
    }
    Ok(ended)
}

/// Repeats until a batch was not full.
async fn in_batches<F>(mut batch: impl FnMut() -> F) -> Result<u64, StoreError>
where
    F: Future<Output = Result<u64, StoreError>>,
{
    let mut total = 0;
    loop {
        let done = batch().await?;
        total += done;
        if done < u64::from(BATCH) {
            return Ok(total);
        }
    }
}

const fn before(now: UtcMillis, seconds: u64) -> UtcMillis {
    UtcMillis::new(now.get().saturating_sub(seconds * 1000))
}

/// Rows a write: some milliseconds.
const BATCH: u32 = 500;

/// How long a request for packages can be repeated: an intent that is older starts anew.
const CLAIM_KEPT_SECONDS: u64 = 30 * 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use wardline_proto::EntryNumber;

    use super::*;
    use crate::domain::conversation::{FeedEvent, FeedPosition};
    use crate::domain::ward::{Says, Ward};

    /// Which entries `reader` gets behind `read`, with a dot for those without a body; "w" for a Welcome.
    async fn shown(ward: &Ward, reader: u8, read: u64) -> String {
        let batch = ward.read(reader, FeedPosition::after(EntryNumber::new(read)), 99).await;
        let words: Vec<_> = batch
            .events
            .iter()
            .map(|event| match event {
                FeedEvent::Welcome(_) => "w".to_owned(),
                FeedEvent::Entry(entry) if entry.body.is_some() => entry.receipt.number.to_string(),
                FeedEvent::Entry(entry) => format!("{}.", entry.receipt.number),
                FeedEvent::Removed(number) => format!("r{number}"),
                FeedEvent::Closed(closure) => format!("c{}", closure.number),
            })
            .collect();
        words.join(" ")
    }

    async fn sweep(ward: &Ward) -> Swept {
        run_once(&ward.store, ward.now()).await.unwrap()
    }

    #[tokio::test]
    async fn a_body_stays_while_a_member_lacks_it_and_goes_when_all_have_it() {
        let ward = Ward::with(&[1, 2]).await;
        ward.post(1, 1).await.unwrap();
        ward.post(1, 1).await.unwrap();
        ward.ack(1, 3).await.unwrap();
        assert_eq!(sweep(&ward).await, Swept::default());
        assert_eq!(shown(&ward, 2, 0).await, "w 1 2 3");
        ward.ack(2, 2).await.unwrap();
        assert_eq!(sweep(&ward).await.shared, 2);
        assert_eq!(shown(&ward, 2, 0).await, "1. 2. 3", "the commit's Welcome went with it");
        assert_eq!(sweep(&ward).await, Swept::default(), "done is done");
        let first = ward.read(2, FeedPosition::after(EntryNumber::ZERO), 99).await;
        assert!(first.events.iter().all(|event| match event {
            FeedEvent::Entry(entry) => entry.message_sha256.as_bytes() != &[0; 32],
            _ => false,
        }));
    }

    #[tokio::test]
    async fn an_expired_body_goes_whoever_lacks_it_and_a_commit_after_90_days() {
        let ward = Ward::with(&[1, 2]).await;
        ward.post(1, 1).await.unwrap();
        ward.pass(3_600);
        assert_eq!(sweep(&ward).await.expired, 1);
        assert_eq!(shown(&ward, 2, 0).await, "w 1 2.");
        ward.pass(90 * 86_400);
        assert_eq!(sweep(&ward).await.expired, 1);
        assert_eq!(shown(&ward, 2, 0).await, "1. 2.");
    }

    #[tokio::test]
    async fn one_who_is_out_and_never_comes_back_keeps_nothing_alive_but_its_own() {
        let ward = Ward::with(&[1, 2]).await;
        ward.commit(1, 1, Says { leaves: &[2], roster: &[1], ..Says::default() }).await.unwrap();
        ward.post(1, 2).await.unwrap();
        ward.ack(1, 3).await.unwrap();
        assert_eq!(sweep(&ward).await.shared, 0);
        ward.ack(2, 2).await.unwrap();
        assert_eq!(sweep(&ward).await.shared, 3);
    }

    #[tokio::test]
    async fn the_record_of_an_id_outlives_the_body_and_goes_after_90_days() {
        let ward = Ward::with(&[1]).await;
        let message = ward.message(1, 7, 0);
        let first = ward.send(message.clone()).await.unwrap();
        ward.ack(1, 1).await.unwrap();
        sweep(&ward).await;
        assert_eq!(ward.send(message.clone()).await.unwrap(), first);
        ward.pass(90 * 86_400);
        assert_eq!(sweep(&ward).await.rows, 1);
        let later = ward.post(1, 0).await.unwrap();
        assert_eq!(later.number, EntryNumber::new(2), "the log goes on where it was");
    }

    #[tokio::test]
    async fn a_package_that_was_handed_out_never_goes_out_again() {
        let ward = Ward::empty().await;
        let package = ward.package(false);
        ward.publish_these(1, vec![package.clone()]).await.unwrap();
        ward.claim(9, 1, &[1]).await.unwrap();
        ward.pass(30 * 86_400);
        assert_eq!(sweep(&ward).await.claims, 1);
        ward.publish_these(1, vec![package]).await.unwrap();
        assert_eq!(ward.claim(9, 2, &[1]).await.unwrap().handouts, []);
    }

    #[tokio::test]
    async fn what_was_deleted_is_not_in_the_files() {
        let ward = Ward::with(&[1]).await;
        let message = ward.message(1, 7, 0);
        let text = message.body.clone();
        let on_disk = || {
            let files = ["relay.sqlite", "relay.sqlite-wal"].map(|file| ward.folder.path().join(file));
            let found = |file| {
                let bytes = std::fs::read(file).unwrap_or_default();
                bytes.windows(text.len()).any(|window| window == text)
            };
            files.into_iter().any(found)
        };
        ward.send(message).await.unwrap();
        assert!(on_disk(), "the control: it was there");
        ward.ack(1, 1).await.unwrap();
        sweep(&ward).await;
        assert!(!on_disk());
    }
}
