//! The relay itself: put together from its folder as its own `run` does, without doors; it dies and comes back.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio_util::sync::CancellationToken;
use wardline_identity::{Clock, DeviceCertificate, ManualClock};
use wardline_server::{
    admission::People,
    bundle,
    config::Config,
    data_dir::DataDir,
    relay_keys::RelayKeys,
    run::{ask_until, assemble},
    state::Relay,
    store::Store,
};

/// A relay over a data folder, on a clock of the caller's.
#[derive(Debug)]
pub struct RelayHouse {
    folder: PathBuf,
    clock: Arc<ManualClock>,
    running: Mutex<Option<Running>>,
    connections: AtomicU64,
}

#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) relay: Arc<Relay>,
    /// Cancelled when it dies.
    pub(super) dies: CancellationToken,
}

impl RelayHouse {
    /// Starts the relay of a founded folder.
    ///
    /// # Panics
    /// If it cannot start.
    pub async fn open(folder: &Path, clock: Arc<ManualClock>) -> Arc<Self> {
        let (running, connections) = (Mutex::default(), AtomicU64::default());
        let house = Self { folder: folder.to_owned(), clock, running, connections };
        house.start().await;
        Arc::new(house)
    }

    /// The relay dies: every call and stream ends at once, what was not on disk is gone, and it starts again from
    /// its files.
    ///
    /// # Panics
    /// If it cannot start.
    pub async fn crash(&self) {
        let Some(Running { relay, dies }) = self.running().take() else { return };
        dies.cancel();
        let store = relay.store.clone();
        drop(relay);
        // A process that dies takes its writer with it: no write of the old relay lands behind the back of the new.
        store.close().await;
        self.start().await;
    }

    /// Ends it.
    pub async fn stop(&self) {
        let Some(Running { relay, dies }) = self.running().take() else { return };
        dies.cancel();
        relay.store.close().await;
    }

    /// The certificate of a person's first device.
    ///
    /// # Panics
    /// If there is none, or the relay does not run.
    #[must_use]
    pub fn certificate(&self, user: &str) -> Arc<DeviceCertificate> {
        let running = self.now().expect("the relay runs");
        let people = running.relay.devices.people(People::All);
        let person = people.into_iter().find(|(id, _)| id.as_str() == user).expect("a person");
        person.1.into_iter().next().expect("a device")
    }

    pub(super) fn now(&self) -> Option<Running> {
        self.running().clone()
    }

    pub(super) fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::SeqCst)
    }

    async fn start(&self) {
        let data = DataDir::at(&self.folder);
        let keys = RelayKeys::read(&data).expect("keys").expect("keys");
        let store = Store::open(&data.database()).await.expect("a database");
        let clock: Arc<dyn Clock> = self.clock.clone();
        let imported = bundle::import(&data, &keys, &store, &*clock).await.expect("a bundle");
        let dies = CancellationToken::new();
        let assembled = assemble(imported, store, &Config::default(), clock, &dies).await;
        let (relay, _) = assembled.expect("certificates");
        drop(tokio::spawn(ask_until(relay.clone(), dies.clone())));
        *self.running() = Some(Running { relay, dies });
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
