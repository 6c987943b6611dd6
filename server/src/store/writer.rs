//! The one writer: groups what waits into one transaction, commits it, then answers.
//!
//! Each operation runs in a savepoint of its own, so a refusal undoes that operation alone. When the transaction
//! itself fails (disk full, I/O error) every operation of the group is answered with that error and nothing of
//! the group is stored; the writer opens the file anew and goes on. A panic of an operation counts as a refusal.

use std::panic::AssertUnwindSafe;

use futures::{FutureExt as _, future::BoxFuture};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{mpsc, oneshot};
use wardline_proto::{fault, in_place::in_place};

use super::{StoreError, WriteTx};

/// An operation that waits for its turn and then for its commit.
pub(super) trait Job: Send {
    /// Runs the operation and keeps its result. False: undo it.
    fn run<'t>(&'t mut self, tx: &'t mut WriteTx) -> BoxFuture<'t, bool>;
    /// Answers the caller: with what was kept, or with what undid the group.
    fn answer(self: Box<Self>, fate: Fate);
}

/// What became of an operation's group.
pub(super) enum Fate {
    /// It is on disk, but for refusals, which stored nothing.
    Committed,
    /// It is lost, and this operation met the cause itself: its own error says it best.
    LostHere(StoreError),
    /// It is lost, and with it whatever this operation saw of the others.
    Lost(StoreError),
}

/// A [`Job`] made of an operation and its caller.
pub(super) struct Waiting<T, E, F, A> {
    name: &'static str,
    operation: Option<F>,
    after: A,
    result: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F, A> Waiting<T, E, F, A> {
    pub(super) fn new(
        name: &'static str,
        operation: F,
        after: A,
        answer: oneshot::Sender<Result<T, E>>,
    ) -> Self {
        Self { name, operation: Some(operation), after, result: None, answer }
    }
}

impl<T, E, F, A> Job for Waiting<T, E, F, A>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
    F: for<'t> FnOnce(&'t mut WriteTx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    A: FnOnce(&T) + Send + 'static,
{
    fn run<'t>(&'t mut self, tx: &'t mut WriteTx) -> BoxFuture<'t, bool> {
        let name = self.name;
        Box::pin(async move {
            tracing::trace!(operation = name, "write");
            let Some(operation) = self.operation.take() else { return false };
            let ran = AssertUnwindSafe(async move { operation(tx).await }).catch_unwind().await;
            let result = ran.unwrap_or_else(|_| Err(StoreError::Panicked { name }.into()));
            self.result.insert(result).is_ok()
        })
    }

    fn answer(self: Box<Self>, fate: Fate) {
        let Self { after, result, answer, .. } = *self;
        let result = match (fate, result) {
            (Fate::Committed, Some(Ok(value))) => {
                after(&value);
                Ok(value)
            }
            (Fate::Committed | Fate::LostHere(_), Some(Err(refusal))) => Err(refusal),
            (Fate::Committed, None) => Err(StoreError::Closed.into()),
            (Fate::LostHere(error) | Fate::Lost(error), _) => Err(error.into()),
        };
        // The caller may have gone away: what it asked for is done all the same.
        drop(answer.send(result));
    }
}

/// Runs the jobs.
pub(super) struct Writer {
    connection: Option<SqliteConnection>,
    options: SqliteConnectOptions,
}

impl Writer {
    pub(super) fn new(connection: SqliteConnection, options: SqliteConnectOptions) -> Self {
        Self { connection: Some(connection), options }
    }

    /// Serves until all senders are gone and the queue is empty.
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        let mut group = Vec::with_capacity(GROUP_MAX);
        while jobs.recv_many(&mut group, GROUP_MAX).await > 0 {
            let committed = self.commit_group(&mut group).await;
            if let Err(loss) = &committed {
                let error: &dyn std::error::Error = &loss.error;
                tracing::error!(error, writes = group.len(), "a group of writes was not stored");
            }
            for (place, job) in group.drain(..).enumerate() {
                job.answer(match &committed {
                    Ok(()) => Fate::Committed,
                    Err(loss) if loss.place == Some(place) => Fate::LostHere(loss.error.clone()),
                    Err(loss) => Fate::Lost(loss.error.clone()),
                });
            }
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = in_place(Box::pin(connection.close())).await
        {
            tracing::error!(error = %error, "closing the database failed");
        }
    }

    async fn commit_group(&mut self, group: &mut Vec<Box<dyn Job>>) -> Result<(), Loss> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => in_place(Box::pin(self.options.connect()))
                .await
                .map_err(|error| Loss::of_all(error.into()))?,
        };
        let mut tx = WriteTx::new(connection);
        let mut committed = run_group(&mut tx, group).await;
        if fault::planted("mutant.ack_before_commit") {
            group.drain(..).for_each(|job| job.answer(Fate::Committed));
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        }
        if committed.is_ok() {
            committed = control(&mut tx, "COMMIT").await.map_err(|error| Loss::of_all(error.into()));
        }
        let mut connection = tx.into_connection();
        match committed {
            Ok(()) => self.connection = Some(connection),
            // The connection's state is unknown now: a new one has none. Its end rolls back what is open.
            Err(_) => {
                drop(sqlx::query("ROLLBACK").execute(&mut connection).await);
                drop(connection.close().await);
            }
        }
        committed
    }
}

/// A group that is lost.
struct Loss {
    /// The operation that met the cause, if one did.
    place: Option<usize>,
    error: StoreError,
}

impl Loss {
    fn of_all(error: StoreError) -> Self {
        Self { place: None, error }
    }

    /// An error inside an operation made SQLite roll back everything: disk full, I/O error, out of memory.
    fn at(place: usize, cause: sqlx::Error) -> Self {
        Self { place: Some(place), error: StoreError::Unavailable { source: std::sync::Arc::new(cause) } }
    }
}

/// One transaction, but for its commit. An error means that nothing of it is stored.
async fn run_group(tx: &mut WriteTx, group: &mut [Box<dyn Job>]) -> Result<(), Loss> {
    let all = |error: sqlx::Error| Loss::of_all(error.into());
    control(tx, "BEGIN IMMEDIATE").await.map_err(all)?;
    for (place, job) in group.iter_mut().enumerate() {
        control(tx, "SAVEPOINT operation").await.map_err(all)?;
        if !in_place(job.run(tx)).await {
            control(tx, "ROLLBACK TO operation").await.map_err(|error| Loss::at(place, error))?;
        }
        control(tx, "RELEASE operation").await.map_err(|error| Loss::at(place, error))?;
    }
    Ok(())
}

async fn control(tx: &mut WriteTx, statement: &'static str) -> Result<(), sqlx::Error> {
    in_place(Box::pin(sqlx::query(statement).execute(tx.connection()))).await.map(drop)
}

/// How many operations share a commit: enough to make its fsync cheap, few enough that the first does not wait
/// long for the last.
const GROUP_MAX: usize = 256;
