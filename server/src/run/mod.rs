//! A relay from its data folder to its closed doors.
//!
//! Starts in the order in which failures are cheapest: folder, keys, database, bundle, doors. Nothing here
//! is global except the metrics' recorder, so that several relays run in one process side by side.

mod asking;
mod seeing;
mod sweeping;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use wardline_identity::{Clock, Entropy, Organisation};

use crate::admission::Devices;
use crate::bundle::{self, BundleError, Imported};
use crate::config::Config;
use crate::data_dir::{DataDir, DataDirError};
use crate::domain::{organisation::OrganisationView as _, revocation::RevocationView as _};
use crate::enrolment_bell::EnrolmentBell;
use crate::init;
use crate::live::Live;
use crate::organisations::Organisations;
use crate::record_head::RecordHead;
use crate::relay_keys::{RelayKeys, RelayKeysError};
use crate::revocations::Revocations;
use crate::routes::routes;
use crate::state::Relay;
use crate::stillness::Stillness;
use crate::store::{Store, StoreError};
use crate::task_bell::TaskBell;
use crate::telemetry::{MetricsError, MetricsListener, Readiness, Recorder};
use crate::transport::{self, Connections, TlsMaterial, TransportConfig, TransportError};
use crate::write_permits::WritePermits;
pub use asking::ask_until;
use seeing::see_until;
use sweeping::sweep_until;

/// What a relay cannot know by itself.
#[derive(Clone)]
pub struct Sources {
    /// The relay's time.
    pub clock: Arc<dyn Clock>,
    /// Its randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// What a relay runs with.
pub struct RunOptions {
    /// The folder that `init` made.
    pub data_dir: PathBuf,
    /// Knobs; its `listen` and `telemetry.metrics` are where the doors are.
    pub config: Config,
    /// Time and randomness.
    pub sources: Sources,
    /// Cancel it to stop the relay.
    pub shutdown: CancellationToken,
    /// Called once, when both doors are open.
    pub on_listening: Box<dyn FnOnce(Opened) + Send>,
}

impl std::fmt::Debug for RunOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunOptions")
            .field("data_dir", &self.data_dir)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Where a relay is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Both doors; with the port that was taken for port 0.
    pub address: SocketAddr,
    /// The operator's port, if it is on.
    pub metrics: Option<SocketAddr>,
}

/// The relay did not start, or did not stop well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] DataDirError),
    /// `init` was not run in it.
    #[error("there are no keys in {0}")]
    NotInitialised(PathBuf),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] RelayKeysError),
    /// There is no bundle, or it is refused.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Nothing says where to listen.
    #[error("no address to listen on")]
    NoAddress,
    /// The database cannot be used.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// The doors cannot be opened.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The operator's port cannot be opened.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

/// Runs a relay until `shutdown` is cancelled: then nobody new gets in, what is under way has
/// `config.shutdown.drain_seconds` to end, and the database is closed.
///
/// Must be called within a tokio runtime; returns with everything it started ended.
///
/// # Errors
/// [`RunError`], before any door was opened.
pub async fn run(options: RunOptions) -> Result<(), RunError> {
    let RunOptions { data_dir, config, sources, shutdown, on_listening } = options;

    // 1. The folder is ours, and somebody ran `init` in it.
    let data = DataDir::at(data_dir);
    let _lock = data.lock()?;
    let keys = RelayKeys::read(&data)?.ok_or_else(|| RunError::NotInitialised(data.path().to_owned()))?;
    if !data.bundle().exists() {
        return Err(BundleError::Missing.into());
    }
    let listen = listen_address(&data, &config)?;
    let metrics = match config.telemetry.metrics {
        // The recorder comes before anything that counts.
        Some(address) => Some(MetricsListener::bind(address).await?).zip(Recorder::install()),
        None => None,
    };

    // 2. Who is served, and who is let in.
    data.shield_database()?;
    let store = Store::open(&data.database()).await?;
    let served =
        serve(&data, &keys, &store, Doors { listen, metrics, config, sources, shutdown, on_listening });
    let result = served.await;

    // 3. Whatever happened: what was accepted is on disk before the folder is let go.
    store.close().await;
    result
}

/// What [`run`] has found out before the database is open.
struct Doors {
    listen: SocketAddr,
    metrics: Option<(MetricsListener, Recorder)>,
    config: Config,
    sources: Sources,
    shutdown: CancellationToken,
    on_listening: Box<dyn FnOnce(Opened) + Send>,
}

async fn serve(data: &DataDir, keys: &RelayKeys, store: &Store, doors: Doors) -> Result<(), RunError> {
    let Doors { listen, metrics, config, sources, shutdown, on_listening } = doors;
    let imported = bundle::import(data, keys, store, &*sources.clock).await?;
    let (relay, tls) = assemble(imported, store.clone(), &config, sources, &shutdown).await?;

    let readiness = readiness(store);
    let connections = relay.connections.clone();
    let transport = TransportConfig {
        listen,
        tls,
        limits: config.transport_limits(),
        clock: Arc::clone(&relay.clock),
        connections: connections.clone(),
    };
    let admission = Arc::clone(&relay.devices);
    // The doors' own token: the operator's port is told first, so that nobody new is sent here.
    let stopping = CancellationToken::new();
    let listening =
        transport::serve(transport, routes(&relay, &config.limits), admission, stopping.clone()).await?;

    let sweeping = tokio::spawn(sweep_until(Arc::clone(&relay), config.jobs.sweep(), stopping.clone()));
    let asking = tokio::spawn(ask_until(Arc::clone(&relay), stopping.clone()));
    let seeing = tokio::spawn(see_until(Arc::clone(&relay), stopping.clone()));
    let opened =
        Opened { address: listening.address(), metrics: metrics.as_ref().map(|(port, _)| port.address()) };
    let closed = CancellationToken::new();
    let live = relay.live.clone();
    let look = move |recorder: &Recorder| {
        recorder.set("wardline_connections", connections.count());
        recorder.set("wardline_streams", live.stream_count());
    };
    let operator = metrics
        .map(|(port, recorder)| tokio::spawn(port.serve(recorder, look, readiness.clone(), closed.clone())));
    readiness.opened();
    tracing::info!(address = %opened.address, "both doors are open");
    on_listening(opened);

    shutdown.cancelled().await;
    tracing::info!("stopping");
    readiness.closing();
    relay.live.stop();
    stopping.cancel();
    listening.closed().await;
    closed.cancel();
    // They end when told; they fail only by a panic, which the log has.
    drop(sweeping.await);
    drop(asking.await);
    drop(seeing.await);
    if let Some(operator) = operator {
        drop(operator.await);
    }
    tracing::info!("stopped");
    Ok(())
}

/// Ready while the doors are open and the store answers.
fn readiness(store: &Store) -> Readiness {
    let store = store.clone();
    Readiness::new(move || {
        let store = store.clone();
        async move {
            let pin = store.read("probe", |tx| Box::pin(async move { tx.pin().await }));
            pin.await.map_err(|error: StoreError| error).is_ok()
        }
    })
}

/// The services' common ground, and what the doors show; also for scenes that have no doors.
///
/// # Errors
/// A [`StoreError`]: the certificates could not be read.
pub async fn assemble(
    imported: Imported,
    store: Store,
    config: &Config,
    Sources { clock, entropy }: Sources,
    shutdown: &CancellationToken,
) -> Result<(Arc<Relay>, TlsMaterial), StoreError> {
    let Imported { organisation, identity, tls, renewal } = imported;
    let certificates =
        store.read("read_certificates", |tx| Box::pin(async move { tx.certificates().await })).await?;
    let revocations = Arc::new(revocations(&organisation, Arc::clone(&clock), &store).await?);
    let devices = Devices::load(&organisation, Arc::clone(&clock), Arc::clone(&revocations), &certificates);
    let (devices, connections) = (Arc::new(devices), Connections::default());
    let enrolments = EnrolmentBell::new(config.limits.enrolment_waits_max, shutdown.clone());
    let live = Live::default();
    let (tasks, writes) = (TaskBell::default(), WritePermits::default());
    let record = Arc::new(RecordHead::new(organisation.id().clone(), identity.clone()));
    let relay = Relay {
        record,
        store,
        live,
        clock,
        entropy,
        identity,
        organisation: Organisations::new(organisation),
        devices,
        revocations,
        connections,
        enrolments,
        tasks,
        writes,
        renewal,
        still: Stillness::default(),
    };
    Ok((Arc::new(relay), tls))
}

/// The register as it was.
async fn revocations(
    organisation: &Organisation,
    clock: Arc<dyn Clock>,
    store: &Store,
) -> Result<Revocations, StoreError> {
    let read = store.read("read_revocations", |tx| {
        Box::pin(async move {
            let list = tx.revocation_list().await?;
            let acts = tx.acts_after(0, usize::MAX).await?;
            Ok::<_, StoreError>(((list, acts), tx.pending_holds().await?))
        })
    });
    let (listed, holds) = read.await?;
    Ok(Revocations::load(organisation.id(), clock, listed, holds))
}

/// What the configuration says, else the first address that `init` was given.
fn listen_address(data: &DataDir, config: &Config) -> Result<SocketAddr, RunError> {
    if let Some(listen) = config.listen {
        return Ok(listen);
    }
    let first = init::addresses(data)?.and_then(|addresses| addresses.first().map(init::DialAddress::listen));
    first.ok_or(RunError::NoAddress)
}

#[cfg(test)]
mod tests;
