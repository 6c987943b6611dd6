//! The relay itself: put together from its folder as its own `run` does, without doors; it dies and comes back.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio_util::sync::CancellationToken;
use wardline_identity::{Clock, DeviceCertificate, SeededEntropy};
use wardline_server::{
    admission::People,
    bundle,
    config::Config,
    data_dir::DataDir,
    jobs::sweep,
    relay_keys::RelayKeys,
    run::{Sources, ask_until, assemble},
    state::Relay,
    store::Store,
};

/// A relay over a data folder, on a clock of the caller's.
#[derive(Debug)]
pub struct RelayHouse {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
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
    pub async fn open(folder: &Path, clock: Arc<dyn Clock>) -> Arc<Self> {
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
        self.stop().await;
        self.start().await;
    }

    /// Ends it.
    pub async fn stop(&self) {
        let Some(Running { relay, dies }) = self.running().take() else { return };
        dies.cancel();
        let store = relay.store.clone();
        drop(relay);
        // A process that dies takes its writer with it: no write of the old relay lands behind the back of the new.
        store.close().await;
    }

    /// Deletes what is due by its clock, as its sweep does each minute.
    ///
    /// # Panics
    /// If it does not run, or cannot.
    pub async fn sweep(&self) {
        let running = self.now().expect("the relay runs");
        let (store, now) = (&running.relay.store, self.clock.now());
        sweep::end_periods(store, now).await.expect("periods that end");
        sweep::run_once(store, now).await.expect("a sweep");
    }

    /// It dies, a copy of its database is laid aside, and it starts again.
    ///
    /// # Panics
    /// If there is no room for the copy, or it cannot start.
    pub async fn keep_copy(&self, folder: &Path) {
        self.stop().await;
        copy_files(&self.folder, folder);
        self.start().await;
    }

    /// It dies, loses its disk, and starts again from a copy that was laid aside.
    ///
    /// # Panics
    /// If there is no copy, or it cannot start.
    pub async fn restore(&self, folder: &Path) {
        self.stop().await;
        for file in files(&self.folder) {
            fs::remove_file(file).expect("a file that goes");
        }
        copy_files(folder, &self.folder);
        self.start().await;
    }

    /// The certificate of a device.
    pub(super) fn certificate(&self, device: &str) -> Arc<DeviceCertificate> {
        let running = self.now().expect("the relay runs");
        let people = running.relay.devices.people(People::All).into_iter();
        let mut certificates = people.flat_map(|(_, certificates)| certificates);
        certificates.find(|one| one.device().to_string() == device).expect("a device")
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
        let clock = self.clock.clone();
        let imported = bundle::import(&data, &keys, &store, &*clock).await.expect("a bundle");
        let dies = CancellationToken::new();
        let entropy = Arc::new(SeededEntropy::new(clock.now().get()));
        let sources = Sources { clock, entropy };
        let assembled = assemble(imported, store, &Config::default(), sources, &dies).await;
        let (relay, _) = assembled.expect("certificates");
        tokio::spawn(ask_until(relay.clone(), dies.clone()));
        *self.running() = Some(Running { relay, dies });
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    found.filter(|path| path.is_file()).collect()
}

/// Copies the files of a folder into another, which is made.
///
/// # Panics
/// If that cannot be.
pub fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    fs::set_permissions(to, fs::metadata(from).expect("a folder").permissions()).expect("a mode");
    for file in files(from) {
        fs::copy(&file, to.join(file.file_name().expect("a name"))).expect("a copy");
    }
}
