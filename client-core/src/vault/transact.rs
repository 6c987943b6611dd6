//! An open vault and its transactions: the only way in for reading and writing.
//!
//! Everything that must hold together (an advanced ratchet, the message it opened, the cursor) goes into one
//! transaction; it is on the disk when [`Vault::transact`] returns. A future that is dropped halfway leaves
//! nothing behind: the next transaction rolls it back first.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tokio::{
    runtime::Builder,
    sync::{Mutex, MutexGuard},
};
use wardline_identity::Entropy;
use wardline_proto::{ConversationId, Period, UtcMillis, in_place::in_place};
use zeroize::Zeroizing;

use super::{VaultError, bodies::Bodies, statements::Statements};

/// An open vault: one database connection, used by one transaction at a time.
pub struct Vault {
    slot: Mutex<Slot>,
    /// Whether the write-ahead log may still have what was deleted for good.
    owed: AtomicBool,
    /// What messages are sealed with.
    bodies: Bodies,
}

/// How many vaults of this process are open, or still closing.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// The connection, and whether a transaction on it was left unfinished.
pub(super) struct Slot {
    connection: Option<SqliteConnection>,
    unfinished: bool,
}

/// A transaction under way.
pub struct Transaction<'a> {
    slot: MutexGuard<'a, Slot>,
    bodies: &'a Bodies,
}

impl Vault {
    pub(super) fn new(connection: SqliteConnection, bodies: Bodies) -> Self {
        OPEN.fetch_add(1, Ordering::SeqCst);
        let slot = Mutex::new(Slot { connection: Some(connection), unfinished: false });
        Self { slot, owed: AtomicBool::new(false), bodies }
    }

    /// Runs `work` in one transaction and makes it durable (`BEGIN IMMEDIATE` … `COMMIT`, synced) before
    /// returning. If `work` fails, or the commit, nothing of it is stored. `name` goes to diagnosis.
    ///
    /// # Errors
    /// What `work` returns; [`VaultError`] for the transaction itself.
    pub async fn transact<'a, T, E, F>(&'a self, name: &'static str, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Transaction<'a>) -> BoxFuture<'t, Result<T, E>> + Send,
        E: From<VaultError>,
    {
        self.run(name, "BEGIN IMMEDIATE", "COMMIT", work).await
    }

    /// Runs `work` on one consistent state. What it writes is undone.
    ///
    /// # Errors
    /// What `work` returns; [`VaultError`] for the transaction itself.
    pub async fn read<'a, T, E, F>(&'a self, name: &'static str, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Transaction<'a>) -> BoxFuture<'t, Result<T, E>> + Send,
        E: From<VaultError>,
    {
        self.run(name, "BEGIN", "ROLLBACK", work).await
    }

    /// Begins a transaction to be ended by [`Transaction::commit`]; dropped before that, nothing of it is
    /// stored. `name` goes to diagnosis.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn begin(&self, name: &'static str) -> Result<Transaction<'_>, VaultError> {
        let mut transaction = Transaction { slot: self.idle().await?, bodies: &self.bodies };
        transaction.slot.unfinished = true;
        transaction.connection().execute("BEGIN IMMEDIATE").await?;
        tracing::trace!(vault.transaction = name, "a transaction of the vault begins");
        Ok(transaction)
    }

    /// Empties the write-ahead log, which keeps old versions of pages: part of deleting for good.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn checkpoint(&self) -> Result<(), VaultError> {
        let mut slot = self.idle().await?;
        slot.statements().execute("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        self.owed.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// The same at once, or with the next sweep if it fails now: what was deleted is deleted, and nothing waits for it.
    pub async fn empty_log(&self) {
        self.owed.store(true, Ordering::Relaxed);
        if let Err(error) = self.checkpoint().await {
            tracing::warn!(%error, "the write-ahead log was not emptied");
        }
    }

    /// Something is deleted for good from here on: until the log is emptied, that is not done.
    pub fn owe_checkpoint(&self) {
        self.owed.store(true, Ordering::Relaxed);
    }

    /// Whether the log has to be emptied.
    #[must_use]
    pub fn owes_checkpoint(&self) -> bool {
        self.owed.load(Ordering::Relaxed)
    }

    /// Closes the database. Later calls get [`VaultError::Closed`].
    ///
    /// # Errors
    /// [`VaultError`] if the last checkpoint fails; it is closed all the same.
    pub async fn close(&self) -> Result<(), VaultError> {
        let mut slot = self.slot.lock().await;
        match slot.connection.take() {
            Some(connection) => Ok(in_place(Box::pin(connection.close())).await?),
            None => Ok(()),
        }
    }

    /// Takes the relay's secrets of periods; they are kept in memory only.
    pub(crate) fn take_period_secrets(
        &self,
        secrets: impl IntoIterator<Item = (Period, Zeroizing<[u8; 32]>)>,
    ) {
        self.bodies.take(secrets);
    }

    /// The periods that something may be sealed under here.
    pub(crate) fn periods(&self) -> Vec<Period> {
        self.bodies.periods()
    }

    /// The periods that the file on the disk has keys of, read anew.
    ///
    /// # Errors
    /// [`VaultError::Corrupt`] and trouble with the disk.
    pub(crate) fn stored_periods(&self) -> Result<Vec<Period>, VaultError> {
        self.bodies.stored_periods()
    }

    /// How long the write-ahead log is, in bytes.
    ///
    /// # Errors
    /// Trouble with the disk.
    pub(crate) fn log_bytes(&self) -> Result<u64, VaultError> {
        self.bodies.log_bytes()
    }

    /// Whether keys are to be destroyed: of periods that are over, or left on the disk when that failed.
    pub(crate) fn has_period_over(&self, now: UtcMillis) -> bool {
        self.bodies.has_over(now)
    }

    /// Whether what ends with this period can be sealed and opened.
    pub(crate) fn has_period_secret(&self, period: Period) -> bool {
        self.bodies.has_secret(period)
    }

    /// Destroys the keys of periods that are over, here and on the disk: before the rows that they opened. Says how many.
    ///
    /// # Errors
    /// [`VaultError::NoEntropy`] and trouble with the disk: the next call tries again.
    pub(crate) fn destroy_period_keys(
        &self,
        now: UtcMillis,
        entropy: &dyn Entropy,
    ) -> Result<usize, VaultError> {
        self.bodies.destroy(now, entropy)
    }

    /// Destroys the keys of conversations in which nothing is sealed any more.
    ///
    /// # Errors
    /// As [`Vault::destroy_period_keys`].
    pub(crate) fn forget_conversation_keys(
        &self,
        sealed: &BTreeSet<ConversationId>,
        entropy: &dyn Entropy,
    ) -> Result<(), VaultError> {
        self.bodies.forget_conversations(sealed, entropy)
    }

    async fn run<'a, T, E, F>(
        &'a self,
        name: &'static str,
        begin: &'static str,
        end: &'static str,
        work: F,
    ) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Transaction<'a>) -> BoxFuture<'t, Result<T, E>> + Send,
        E: From<VaultError>,
    {
        let mut transaction = Transaction { slot: self.idle().await?, bodies: &self.bodies };
        transaction.slot.unfinished = true;
        transaction.connection().execute(begin).await.map_err(VaultError::from)?;
        let ended = match work(&mut transaction).await {
            Ok(value) => transaction.finish(end).await.map(|()| value).map_err(E::from),
            Err(error) => {
                // Fails if SQLite has rolled back by itself (a full disk, say): then there is nothing to
                // undo.
                drop(transaction.finish("ROLLBACK").await);
                Err(error)
            }
        };
        if ended.is_err() {
            tracing::debug!(vault.transaction = name, "a transaction of the vault was undone");
        }
        ended
    }

    /// The connection itself, for tests that look behind the transactions.
    #[cfg(test)]
    pub(super) async fn idle_for_tests(&self) -> MutexGuard<'_, Slot> {
        self.idle().await.unwrap()
    }

    /// The connection, with nothing left open on it.
    async fn idle(&self) -> Result<MutexGuard<'_, Slot>, VaultError> {
        let mut slot = self.slot.lock().await;
        if slot.connection.is_none() {
            return Err(VaultError::Closed);
        }
        if slot.unfinished {
            // As above.
            drop(slot.statements().execute("ROLLBACK").await);
            slot.unfinished = false;
        }
        Ok(slot)
    }
}

/// A vault that is let go is closed when that returns. Its database has a thread of its own, and a process that ends while that
/// still closes it ends by a fault: the library's own clearing up comes in between.
impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            close(connection);
        }
        OPEN.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Closes a database on a thread without a runtime, wherever this one is: it is waited for.
fn close(connection: SqliteConnection) {
    let closing = thread::spawn(|| {
        let runtime = Builder::new_current_thread().build();
        // What was committed is on the disk: that closing fails changes nothing.
        runtime.map(|runtime| drop(runtime.block_on(connection.close())))
    });
    drop(closing.join());
}

/// Waits until all vaults of this process are closed, at most so long: before it ends.
pub fn until_closed(patience: Duration) {
    let begun = Instant::now();
    while OPEN.load(Ordering::SeqCst) > 0 && begun.elapsed() < patience {
        thread::sleep(Duration::from_millis(2));
    }
}

impl Slot {
    fn statements(&mut self) -> Statements<'_> {
        Statements::of(self.connection())
    }

    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        self.connection.as_mut().expect("checked when the lock was taken")
    }
}

impl Transaction<'_> {
    /// What messages are sealed with.
    pub(in crate::vault) fn bodies(&self) -> &Bodies {
        self.bodies
    }

    /// The connection, for the tables' SQL.
    pub(in crate::vault) fn connection(&mut self) -> Statements<'_> {
        self.slot.statements()
    }

    /// Makes what was written durable: it is on the disk when this returns.
    ///
    /// # Errors
    /// [`VaultError`]; then nothing of it is stored.
    pub async fn commit(mut self) -> Result<(), VaultError> {
        self.finish("COMMIT").await
    }

    async fn finish(&mut self, end: &'static str) -> Result<(), VaultError> {
        // SQLCipher reports a page that fails authentication only with the next page: so one more is asked
        // for.
        self.connection().execute("SELECT count(*) FROM sqlite_schema").await?;
        self.connection().execute(end).await?;
        self.slot.unfinished = false;
        Ok(())
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(…)")
    }
}
