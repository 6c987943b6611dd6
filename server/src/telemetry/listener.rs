//! The operator's port: `/metrics` and `/readyz`, plain HTTP on loopback, off unless asked for.
//!
//! It has no authentication, so it binds to nothing but a loopback address. It is not part of the relay's
//! doors and nothing of the protocol is served here.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Recorder;

/// The operator's port could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// The address is reachable from other machines.
    #[error("{0} is not a loopback address; metrics are served to this machine only")]
    NotLoopback(SocketAddr),
    /// The operating system said no.
    #[error("cannot listen on {address}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What it said.
        #[source]
        source: io::Error,
    },
}

/// Whether the relay should be sent clients: its doors are open and its store answers.
#[derive(Clone)]
pub struct Readiness {
    doors_open: Arc<AtomicBool>,
    store_answers: Arc<StoreProbe>,
}

type StoreProbe = dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync;

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readiness").field("doors_open", &self.doors_open).finish_non_exhaustive()
    }
}

impl Readiness {
    /// Not ready; `store_answers` asks the store something small.
    pub fn new<P, F>(store_answers: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = bool> + Send + 'static,
    {
        let store_answers =
            Arc::new(move || -> Pin<Box<dyn Future<Output = bool> + Send>> { Box::pin(store_answers()) });
        Self { doors_open: Arc::new(AtomicBool::new(false)), store_answers }
    }

    /// Both doors are open.
    pub fn opened(&self) {
        self.doors_open.store(true, Ordering::Relaxed);
    }

    /// The relay is stopping: what balances load should look elsewhere.
    pub fn closing(&self) {
        self.doors_open.store(false, Ordering::Relaxed);
    }

    async fn is_ready(&self) -> bool {
        self.doors_open.load(Ordering::Relaxed) && (self.store_answers)().await
    }
}

/// The open port.
#[derive(Debug)]
pub struct MetricsListener {
    listener: TcpListener,
    address: SocketAddr,
}

impl MetricsListener {
    /// Opens the port; port 0 lets the system choose.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub async fn bind(address: SocketAddr) -> Result<Self, MetricsError> {
        if !address.ip().is_loopback() {
            return Err(MetricsError::NotLoopback(address));
        }
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        bound.await.map_err(|source| MetricsError::Bind { address, source })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown`; then drops what is open, since nothing here is worth waiting for. `look` sets
    /// the figures that are only worth reading when somebody asks.
    pub async fn serve<L>(
        self,
        recorder: Recorder,
        look: L,
        readiness: Readiness,
        shutdown: CancellationToken,
    ) where
        L: Fn(&Recorder) + Clone + Send + Sync + 'static,
    {
        let figures = move || {
            look(&recorder);
            std::future::ready(render(&recorder))
        };
        let routes = Router::new()
            .route("/metrics", get(figures))
            .route("/readyz", get(render_readiness).with_state(readiness));
        let serving = async { axum::serve(self.listener, routes).await };
        match shutdown.run_until_cancelled(serving).await {
            None | Some(Ok(())) => {}
            Some(Err(error)) => tracing::warn!(%error, "the metrics port stopped"),
        }
    }
}

fn render(recorder: &Recorder) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], recorder.render())
}

async fn render_readiness(State(readiness): State<Readiness>) -> (StatusCode, &'static str) {
    if readiness.is_ready().await {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn ask(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn metrics_are_refused_to_other_machines() {
        let open = "0.0.0.0:0".parse().unwrap();
        assert!(matches!(MetricsListener::bind(open).await, Err(MetricsError::NotLoopback(_))));
    }

    #[tokio::test]
    async fn the_port_tells_figures_and_readiness() {
        let answers = Arc::new(AtomicBool::new(true));
        let probe = Arc::clone(&answers);
        let readiness = Readiness::new(move || std::future::ready(probe.load(Ordering::Relaxed)));
        let port = MetricsListener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let (address, shutdown) = (port.address(), CancellationToken::new());
        let served = tokio::spawn(port.serve(
            Recorder::install().unwrap(),
            |recorder| recorder.set("wardline_streams", 7),
            readiness.clone(),
            shutdown.clone(),
        ));

        assert!(ask(address, "/readyz").await.starts_with("HTTP/1.1 503"));
        readiness.opened();
        assert!(ask(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        answers.store(false, Ordering::Relaxed);
        assert!(ask(address, "/readyz").await.starts_with("HTTP/1.1 503"), "the store is out");
        answers.store(true, Ordering::Relaxed);
        readiness.closing();
        assert!(ask(address, "/readyz").await.starts_with("HTTP/1.1 503"), "stopping");

        let page = ask(address, "/metrics").await;
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("wardline_certificates_issued_total"));
        assert!(page.contains("\nwardline_streams 7\n"), "looked at when asked");
        assert!(ask(address, "/").await.starts_with("HTTP/1.1 404"));

        shutdown.cancel();
        served.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
