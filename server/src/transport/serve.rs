//! Opens both doors, keeps them open, and closes them in good order.

use std::{fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use http::HeaderValue;
use rustls::pki_types::CertificateDer;
use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tonic::service::Routes;
use wardline_proto::h3::{ALPN_HTTP2, ALPN_HTTP3, CloseCode};

use super::{
    Admission, Connections, Limits, TransportConfig, TransportError,
    gate::Gate,
    quic::{self, QuicDoor},
    tcp::TcpDoor,
};

/// How long the last packets may take on their way out.
const FAREWELL: Duration = Duration::from_secs(1);

/// How often a free TCP port is tried whose UDP twin is taken.
const PORT_TRIES: usize = 16;

/// What both doors share.
pub(super) struct House {
    pub(super) gate: Gate,
    pub(super) admission: Arc<dyn Admission>,
    pub(super) connections: Connections,
    pub(super) limits: Limits,
    pub(super) places: Arc<Semaphore>,
    pub(super) uncertified: Arc<Semaphore>,
    pub(super) handshakes: Arc<Semaphore>,
    pub(super) tasks: TaskTracker,
    /// Cancelled when the relay is told to stop.
    pub(super) stopping: CancellationToken,
}

impl House {
    /// A place for a connection with this chain: only those without one are counted apart.
    pub(super) fn uncertified_place(
        &self,
        chain: &[CertificateDer<'_>],
    ) -> Option<Option<OwnedSemaphorePermit>> {
        if chain.is_empty() {
            self.uncertified.clone().try_acquire_owned().ok().map(Some)
        } else {
            Some(None)
        }
    }
}

/// Both doors, open. Dropping it closes them as `shutdown` does, in the background.
pub struct Listening {
    address: SocketAddr,
    supervisor: JoinHandle<()>,
    stop: DropGuard,
}

impl Listening {
    /// Where the doors are; with the port that was taken for port 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the relay was told to stop and every connection has ended.
    pub async fn closed(self) {
        // Fails only if the task was aborted, which nobody can.
        let _ = self.supervisor.await;
        drop(self.stop);
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listening").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Opens both doors in front of `routes` and returns when they are open.
///
/// When `shutdown` is cancelled: nobody new gets in, clients are told (GOAWAY), idle streams end with
/// SHUTTING_DOWN, running calls have [`Limits::drain`] to end, then all connections are closed.
///
/// # Errors
/// [`TransportError`]; nothing listens then.
pub async fn serve(
    config: TransportConfig,
    routes: Routes,
    admission: Arc<dyn Admission>,
    shutdown: CancellationToken,
) -> Result<Listening, TransportError> {
    let TransportConfig { listen, tls, limits, clock, connections } = config;
    let quic_config = quic::server_config(tls.server_config(clock.clone(), ALPN_HTTP3)?, &limits)?;
    let tls = TlsAcceptor::from(Arc::new(tls.server_config(clock, ALPN_HTTP2)?));
    let (listener, endpoint, address) = open(listen, &quic_config).await?;

    let stopping = shutdown.child_token();
    let house = Arc::new(House {
        gate: Gate::new(routes, &limits, stopping.clone()),
        admission,
        connections,
        places: permits(limits.connections),
        uncertified: permits(limits.uncertified_connections),
        handshakes: permits(limits.handshakes),
        limits,
        tasks: TaskTracker::new(),
        stopping: stopping.clone(),
    });
    let tcp = TcpDoor { listener, tls, alt_svc: alt_svc(address.port()), house: house.clone() };
    house.tasks.spawn(tcp.run());
    house.tasks.spawn(QuicDoor { endpoint: endpoint.clone(), house: house.clone() }.run());
    let supervisor = tokio::spawn(supervise(house, endpoint));
    Ok(Listening { address, supervisor, stop: stopping.drop_guard() })
}

fn permits(most: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)))
}

/// Binds both sockets to one port number.
async fn open(
    listen: SocketAddr,
    quic: &quinn::ServerConfig,
) -> Result<(TcpListener, quinn::Endpoint, SocketAddr), TransportError> {
    let mut tries = if listen.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        match open_once(listen, quic).await {
            Err(error) if tries > 0 && error.kind() == io::ErrorKind::AddrInUse => {}
            opened => return opened.map_err(|source| TransportError::Listen { address: listen, source }),
        }
    }
}

async fn open_once(
    listen: SocketAddr,
    quic: &quinn::ServerConfig,
) -> io::Result<(TcpListener, quinn::Endpoint, SocketAddr)> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let endpoint = quinn::Endpoint::server(quic.clone(), address)?;
    Ok((listener, endpoint, address))
}

/// Tells HTTP/2 clients that HTTP/3 is behind the same port number (RFC 7838).
fn alt_svc(port: u16) -> HeaderValue {
    HeaderValue::try_from(format!("h3=\":{port}\"; ma=86400"))
        .expect("digits and punctuation make a header value")
}

async fn supervise(house: Arc<House>, endpoint: quinn::Endpoint) {
    house.stopping.cancelled().await;
    house.tasks.close();
    if timeout(house.limits.drain, house.tasks.wait()).await.is_err() {
        tracing::warn!(
            connections = house.connections.count(),
            "connections did not end in time and are cut"
        );
        house.connections.cut_all(CloseCode::ShuttingDown);
        let _ = timeout(FAREWELL, house.tasks.wait()).await;
    }
    endpoint.close(CloseCode::ShuttingDown.code().into(), CloseCode::ShuttingDown.phrase().as_bytes());
    let _ = timeout(FAREWELL, endpoint.wait_idle()).await;
}
