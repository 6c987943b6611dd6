//! Opens both doors, keeps them open, and closes them in good order.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::HeaderValue;
use rustls::pki_types::CertificateDer;
use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tonic::service::Routes;
use wardline_proto::{
    fault,
    h3::{ALPN_HTTP2, ALPN_HTTP3, CloseCode},
};

use super::{
    Admission, Connections, Limits, TransportConfig, TransportError,
    doorstep::{AddressPlace, Addresses, Doorstep},
    gate::Gate,
    quic::{self, QuicDoor},
    reset,
    tcp::TcpDoor,
};

/// How long the last packets may take on their way out.
const FAREWELL: Duration = Duration::from_secs(1);

/// How many are told at one time why they do not get in; more are cut without a word.
const FAREWELLS: usize = 256;

/// How often in [`Limits::stall`] stalled readers are looked for.
const LOOKS: u32 = 4;

/// How often a free TCP port is tried whose UDP twin is taken.
const PORT_TRIES: usize = 16;

/// What both doors share.
pub(super) struct House {
    pub(super) gate: Gate,
    pub(super) admission: Arc<dyn Admission>,
    pub(super) connections: Connections,
    pub(super) limits: Limits,
    places: Arc<Semaphore>,
    pub(super) tcp_doorstep: Doorstep,
    pub(super) quic_doorstep: Doorstep,
    /// Places for those who are told why they do not get in.
    pub(super) farewells: Arc<Semaphore>,
    uncertified: Arc<Semaphore>,
    uncertified_addresses: Addresses,
    pub(super) tasks: TaskTracker,
    /// Cancelled when the relay is told to stop.
    pub(super) stopping: CancellationToken,
}

impl House {
    /// A place for a connection.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        let places = if fault::planted("mutant.connections") { permits(1) } else { self.places.clone() };
        places.try_acquire_owned().ok()
    }

    /// A place for a connection with this chain: only those without one are counted apart.
    pub(super) fn uncertified_place(
        &self,
        chain: &[CertificateDer<'_>],
        remote: IpAddr,
    ) -> Option<Option<(AddressPlace, OwnedSemaphorePermit)>> {
        if !chain.is_empty() {
            return Some(None);
        }
        let address = self.uncertified_addresses.enter(remote)?;
        let place = self.uncertified.clone().try_acquire_owned().ok()?;
        Some(Some((address, place)))
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
    let endpoint_config = reset::endpoint_config(&tls.ed25519.key);
    let quic_config = quic::server_config(tls.server_config(clock.clone(), ALPN_HTTP3)?, &limits)?;
    let tls = Arc::new(tls.server_config(clock, ALPN_HTTP2)?);
    let (listener, endpoint, address) = open(listen, &endpoint_config, &quic_config).await?;

    let stopping = shutdown.child_token();
    let house = Arc::new(House {
        gate: Gate::new(routes, &limits, stopping.clone()),
        admission,
        connections,
        places: permits(limits.connections),
        tcp_doorstep: Doorstep::new(&limits),
        quic_doorstep: Doorstep::new(&limits),
        farewells: permits(FAREWELLS),
        uncertified: permits(limits.uncertified_connections),
        uncertified_addresses: Addresses::new(limits.uncertified_connections_per_address),
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
    endpoint: &quinn::EndpointConfig,
    quic: &quinn::ServerConfig,
) -> Result<(TcpListener, quinn::Endpoint, SocketAddr), TransportError> {
    let mut tries = if listen.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        match open_once(listen, endpoint, quic).await {
            Err(error) if tries > 0 && error.kind() == io::ErrorKind::AddrInUse => {}
            opened => return opened.map_err(|source| TransportError::Listen { address: listen, source }),
        }
    }
}

async fn open_once(
    listen: SocketAddr,
    endpoint: &quinn::EndpointConfig,
    quic: &quinn::ServerConfig,
) -> io::Result<(TcpListener, quinn::Endpoint, SocketAddr)> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let socket = std::net::UdpSocket::bind(address)?;
    let runtime = Arc::new(quinn::TokioRuntime);
    let endpoint = quinn::Endpoint::new(endpoint.clone(), Some(quic.clone()), socket, runtime)?;
    Ok((listener, endpoint, address))
}

/// Tells HTTP/2 clients that HTTP/3 is behind the same port number (RFC 7838).
fn alt_svc(port: u16) -> HeaderValue {
    HeaderValue::try_from(format!("h3=\":{port}\"; ma=86400"))
        .expect("digits and punctuation make a header value")
}

/// Cuts connections whose clients do not take what they asked for; never ends.
async fn cut_stalled(house: &House) {
    loop {
        sleep(house.limits.stall / LOOKS).await;
        let cut = house.connections.cut_stalled(house.limits.stall);
        if cut > 0 {
            tracing::info!(connections = cut, "connections were cut whose clients took no answers");
        }
    }
}

async fn supervise(house: Arc<House>, endpoint: quinn::Endpoint) {
    tokio::select! {
        () = house.stopping.cancelled() => {}
        () = cut_stalled(&house) => {}
    }
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
