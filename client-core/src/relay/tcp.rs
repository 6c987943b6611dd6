//! A connection over TCP.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use hyper::{client::conn::http2::Builder, rt::Executor};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::{AlertDescription, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use wardline_proto::h3::{ALPN_HTTP2, EXPORTER_LABEL, FIELD_SECTION_BYTES_MAX};

use super::{ConnectOptions, RelayError, channel::Channel, connection::Established, tls};

/// How often a silent relay is asked for a sign of life, and how long it may take.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// What the relay may send ahead, on one stream and on all.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// What keeps a TCP connection; dropping it closes the connection.
pub(super) struct Tcp {
    alert: Arc<OnceLock<AlertDescription>>,
    _tasks_end_here: DropGuard,
}

/// Connects to one address.
pub(super) async fn connect(
    options: &ConnectOptions,
    remote: SocketAddr,
    host: &str,
) -> Result<Established, RelayError> {
    let (config, verifier) = tls::client_config(options, ALPN_HTTP2)?;
    let name = ServerName::try_from(host.to_owned()).map_err(RelayError::broken)?;
    let stream = TcpStream::connect(remote).await.map_err(RelayError::unavailable)?;
    stream.set_nodelay(true).map_err(RelayError::unavailable)?;
    let tls = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let tls = tls.map_err(|error| match verifier.failure() {
        Some(source) => RelayError::Untrusted { source },
        None => RelayError::from_io(error),
    })?;
    let session = tls.get_ref().1;
    if session.alpn_protocol() != Some(ALPN_HTTP2) {
        return Err(RelayError::broken("the relay does not speak HTTP/2"));
    }
    // The empty context is what QUIC passes; see `EXPORTER_LABEL`.
    let exporter =
        session.export_keying_material([0; 32], EXPORTER_LABEL, Some(b"")).map_err(RelayError::broken)?;
    let alert = Arc::new(OnceLock::new());
    let watched = Watched { tls, alert: alert.clone() };
    let tasks = CancellationToken::new();
    let (requests, driver) = Builder::new(Tasks(tasks.clone()))
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(FIELD_SECTION_BYTES_MAX)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .handshake(TokioIo::new(watched))
        .await
        .map_err(|error| refusal(&alert).unwrap_or_else(|| RelayError::unavailable(error)))?;
    Tasks(tasks.clone()).execute(async move {
        let ended = driver.await;
        tracing::debug!(?ended, "an HTTP/2 connection ended");
    });
    let tcp = Tcp { alert, _tasks_end_here: tasks.drop_guard() };
    Ok(Established::tcp(tcp, Channel::Http2(requests), exporter))
}

impl Tcp {
    /// What the relay said about our certificate, if that is why the connection ended.
    ///
    /// With TLS 1.3 it comes after our handshake is complete, with the first bytes that are read.
    pub(super) fn ended(&self) -> Option<RelayError> {
        refusal(&self.alert)
    }
}

fn refusal(alert: &OnceLock<AlertDescription>) -> Option<RelayError> {
    alert.get().copied().and_then(RelayError::from_alert)
}

/// Runs hyper's tasks, which own the socket, until the connection is dropped.
#[derive(Clone)]
struct Tasks(CancellationToken);

impl<F> Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        tokio::spawn(self.0.clone().run_until_cancelled_owned(task));
    }
}

/// A TLS stream that keeps the alert it ended with: HTTP/2 above does not hand it through.
struct Watched {
    tls: TlsStream<TcpStream>,
    alert: Arc<OnceLock<AlertDescription>>,
}

impl Watched {
    /// A write fails when the relay has gone away; what it said before that may still be there to read.
    fn note_last_words<T>(&mut self, cx: &mut Context<'_>, result: io::Result<T>) -> io::Result<T> {
        if result.is_err() {
            let mut space = [0; 64];
            let read = Pin::new(&mut self.tls).poll_read(cx, &mut ReadBuf::new(&mut space));
            let _ = read.map(|read| self.note(read));
        }
        result
    }

    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && let Some(rustls::Error::AlertReceived(alert)) =
                error.get_ref().and_then(|inner| inner.downcast_ref())
        {
            let _ = self.alert.set(*alert);
        }
        result
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.tls).poll_read(cx, buffer);
        read.map(|read| self.note(read))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tls).poll_write(cx, data);
        written.map(|written| self.note_last_words(cx, written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.tls).poll_flush(cx);
        flushed.map(|flushed| self.note_last_words(cx, flushed))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tls).poll_write_vectored(cx, data);
        written.map(|written| self.note_last_words(cx, written))
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }
}
