//! Claims about the engine: what is answered is on disk, and nothing that fails takes others with it.

use futures::FutureExt as _;

use super::{Store, StoreError};

/// Any operation's error.
#[derive(Debug, thiserror::Error)]
enum TestError {
    #[error("refused")]
    Refused,
    #[error(transparent)]
    Store(#[from] StoreError),
}

struct Shelf {
    folder: tempfile::TempDir,
    store: Store,
}

impl Shelf {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("relay.sqlite")).await.unwrap();
        let shelf = Self { folder, store };
        shelf.run("CREATE TABLE shelf (n INTEGER PRIMARY KEY, thing BLOB) STRICT").await.unwrap();
        shelf
    }

    async fn run(&self, sql: &'static str) -> Result<(), TestError> {
        self.store
            .write("run", move |tx| {
                async move {
                    sqlx::query(sql).execute(tx.connection()).await.map_err(StoreError::from)?;
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    async fn put(&self, n: i64, size: usize) -> Result<(), TestError> {
        self.store
            .write("put", move |tx| {
                async move {
                    let insert = sqlx::query("INSERT INTO shelf VALUES (?1, ?2)").bind(n).bind(vec![7; size]);
                    insert.execute(tx.connection()).await.map_err(StoreError::from)?;
                    Ok(())
                }
                .boxed()
            })
            .await
    }

    /// Writes, then refuses.
    async fn put_and_refuse(&self, n: i64) -> Result<(), TestError> {
        self.store
            .write("put_and_refuse", move |tx| {
                async move {
                    let insert = sqlx::query("INSERT INTO shelf VALUES (?1, NULL)").bind(n);
                    insert.execute(tx.connection()).await.map_err(StoreError::from)?;
                    Err(TestError::Refused)
                }
                .boxed()
            })
            .await
    }

    async fn put_and_panic(&self, n: i64) -> Result<(), TestError> {
        self.store
            .write("put_and_panic", move |tx| {
                async move {
                    let insert = sqlx::query("INSERT INTO shelf VALUES (?1, NULL)").bind(n);
                    insert.execute(tx.connection()).await.map_err(StoreError::from)?;
                    panic!("on purpose")
                }
                .boxed()
            })
            .await
    }

    async fn things(&self) -> Vec<i64> {
        let read = self.store.read("things", |tx| {
            async move {
                let all = sqlx::query_scalar("SELECT n FROM shelf ORDER BY n").fetch_all(tx.connection());
                Ok::<Vec<i64>, StoreError>(all.await?)
            }
            .boxed()
        });
        read.await.unwrap()
    }
}

#[tokio::test]
async fn what_was_answered_is_there_after_the_process_is_gone() {
    let shelf = Shelf::new().await;
    let all = futures::future::join_all((0..300).map(|n| shelf.put(n, 10))).await;
    assert!(all.iter().all(Result::is_ok));
    // Another opening of the same files beside the first, as after kill -9: nothing was closed.
    let copy = tempfile::tempdir().unwrap();
    for file in ["relay.sqlite", "relay.sqlite-wal"] {
        std::fs::copy(shelf.folder.path().join(file), copy.path().join(file)).unwrap();
    }
    let store = Store::open(&copy.path().join("relay.sqlite")).await.unwrap();
    let reopened = Shelf { folder: copy, store };
    assert_eq!(reopened.things().await, (0..300).collect::<Vec<_>>());
}

/// How many transactions the write-ahead log holds: a frame's header says the database's size if the frame ends
/// one (<https://sqlite.org/fileformat2.html#the_write_ahead_log>).
fn transactions(shelf: &Shelf) -> usize {
    let log = std::fs::read(shelf.folder.path().join("relay.sqlite-wal")).unwrap();
    let page = usize::try_from(u32::from_be_bytes(log[8..12].try_into().unwrap())).unwrap();
    log[32..].chunks_exact(24 + page).filter(|frame| frame[4..8] != [0; 4]).count()
}

#[tokio::test]
async fn what_waits_shares_a_commit() {
    let shelf = Shelf::new().await;
    let before = transactions(&shelf);
    shelf.put(1_000, 10).await.unwrap();
    assert_eq!(transactions(&shelf), before + 1, "the control: one alone has one of its own");
    let all = futures::future::join_all((0..300).map(|n| shelf.put(n, 10))).await;
    assert!(all.iter().all(Result::is_ok));
    let shared = transactions(&shelf) - before - 1;
    assert!(shared < 20, "{shared} commits for 300 writes");
}

#[tokio::test]
async fn the_durability_that_an_answer_promises_is_switched_on() {
    let shelf = Shelf::new().await;
    let pragma = |name: &'static str| {
        shelf.store.write("pragma", move |tx| {
            async move {
                let value = sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(format!(
                    "SELECT CAST({name} AS TEXT) FROM pragma_{name}"
                )));
                Ok::<_, StoreError>(value.fetch_one(tx.connection()).await?)
            }
            .boxed()
        })
    };
    assert_eq!(pragma("journal_mode").await.unwrap(), "wal");
    assert_eq!(pragma("synchronous").await.unwrap(), "2", "FULL");
    assert_eq!(pragma("foreign_keys").await.unwrap(), "1");
    assert_eq!(pragma("secure_delete").await.unwrap(), "1");
}

#[tokio::test]
async fn a_refusal_and_a_panic_undo_themselves_and_nothing_else_of_their_group() {
    let shelf = Shelf::new().await;
    let (a, b, c, d, e) = tokio::join!(
        shelf.put(1, 10),
        shelf.put_and_refuse(2),
        shelf.put(3, 10),
        shelf.put_and_panic(4),
        shelf.put(5, 10),
    );
    assert!(a.is_ok() && c.is_ok() && e.is_ok());
    assert!(matches!(b, Err(TestError::Refused)));
    assert!(matches!(d, Err(TestError::Store(StoreError::Panicked { name: "put_and_panic" }))));
    assert_eq!(shelf.things().await, [1, 3, 5]);
}

#[tokio::test]
async fn what_follows_a_write_happens_although_its_caller_has_gone_and_only_if_it_was_stored() {
    let shelf = Shelf::new().await;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    for refuse in [true, false] {
        let sender = sender.clone();
        let write = shelf.store.write_then(
            "put",
            move |_| async move { if refuse { Err(TestError::Refused) } else { Ok(refuse) } }.boxed(),
            move |refused| {
                let _ = sender.send(*refused);
            },
        );
        drop(tokio::time::timeout(std::time::Duration::ZERO, write).await);
    }
    drop(sender);
    assert_eq!(receiver.recv().await, Some(false));
    assert_eq!(receiver.recv().await, None);
}

#[tokio::test]
async fn a_full_disk_is_said_stores_nothing_and_passes() {
    let shelf = Shelf::new().await;
    shelf.put(1, 10).await.unwrap();
    // As far as SQLite is concerned the disk ends here.
    shelf.run("PRAGMA max_page_count = 1").await.unwrap();
    let refused = shelf.put(2, 1 << 20).await;
    assert!(matches!(refused, Err(TestError::Store(StoreError::Full { .. }))), "{refused:?}");
    assert_eq!(shelf.things().await, [1]);
    shelf.run("PRAGMA max_page_count = 1000000").await.unwrap();
    shelf.put(2, 1 << 20).await.unwrap();
    assert_eq!(shelf.things().await, [1, 2]);
}

#[tokio::test]
async fn when_the_transaction_itself_is_lost_all_of_the_group_hear_it_and_the_writer_goes_on() {
    let shelf = Shelf::new().await;
    let (a, b, c) = tokio::join!(shelf.put(1, 10), shelf.run("ROLLBACK"), shelf.put(2, 10));
    // Whether the three met in one group or not: what was answered well is stored, and nothing else.
    let answered: Vec<i64> =
        [(1, &a), (2, &c)].into_iter().filter(|(_, result)| result.is_ok()).map(|(n, _)| n).collect();
    assert!(matches!(b, Err(TestError::Store(StoreError::Unavailable { .. }))), "{b:?}");
    assert_eq!(shelf.things().await, answered);
    shelf.put(3, 10).await.unwrap();
}

#[tokio::test]
async fn a_lock_held_by_another_process_is_unavailable_and_passes() {
    let shelf = Shelf::new().await;
    let options =
        sqlx::sqlite::SqliteConnectOptions::new().filename(shelf.folder.path().join("relay.sqlite"));
    let mut other = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let refused = shelf.put(1, 10).await;
    assert!(matches!(refused, Err(TestError::Store(StoreError::Unavailable { .. }))), "{refused:?}");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    shelf.put(1, 10).await.unwrap();
    assert_eq!(shelf.things().await, [1]);
}

#[tokio::test]
async fn a_closed_store_has_done_everything_and_says_that_it_is_closed() {
    let shelf = Shelf::new().await;
    let (put, ()) = tokio::join!(shelf.put(1, 10), shelf.store.close());
    assert!(matches!(shelf.put(2, 10).await, Err(TestError::Store(StoreError::Closed))));
    let Shelf { folder, store } = shelf;
    drop(store);
    let store = Store::open(&folder.path().join("relay.sqlite")).await.unwrap();
    let shelf = Shelf { folder, store };
    assert_eq!(shelf.things().await, if put.is_ok() { vec![1] } else { vec![] });
}

#[tokio::test]
async fn a_database_of_a_newer_relay_and_what_is_none_are_refused_untouched() {
    let shelf = Shelf::new().await;
    shelf.run("PRAGMA user_version = 999").await.unwrap();
    shelf.store.close().await;
    let path = shelf.folder.path().join("relay.sqlite");
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(Store::open(&path).await, Err(StoreError::Newer { found: 999, .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let text = shelf.folder.path().join("text");
    std::fs::write(&text, vec![b'x'; 8192]).unwrap();
    assert!(matches!(Store::open(&text).await, Err(StoreError::Damaged { .. })));
}

#[tokio::test]
async fn what_ends_with_a_device_is_found_by_an_index() {
    let shelf = Shelf::new().await;
    let plan = |sql: &'static str| {
        shelf.store.write("plan", move |tx| {
            async move {
                let rows = sqlx::query(sql).fetch_all(tx.connection()).await?;
                let lines: Result<Vec<String>, _> =
                    rows.iter().map(|row| sqlx::Row::try_get(row, "detail")).collect();
                Ok::<_, StoreError>(lines?.join("; "))
            }
            .boxed()
        })
    };
    let tasks = "EXPLAIN QUERY PLAN DELETE FROM tasks WHERE kind IN (2, 3) AND subject = x'01'";
    let enrolments =
        "EXPLAIN QUERY PLAN UPDATE enrolments SET state = 3 WHERE device_id = x'01' AND state = 1";
    assert!(plan(tasks).await.unwrap().contains("tasks_of_device"));
    assert!(plan(enrolments).await.unwrap().contains("enrolments_of_device"));
    let scan = plan("EXPLAIN QUERY PLAN DELETE FROM tasks WHERE made_at + 1 = 7").await.unwrap();
    assert!(scan.contains("SCAN"), "the control: {scan}");
}
