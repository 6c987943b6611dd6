//! The TCP door: accepts, TLS, admission, HTTP/2.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use http::HeaderValue;
use rustls::{ServerConfig, pki_types::CertificateDer, server::Acceptor};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};
use wardline_proto::h3::{ALPN_HTTP2, EXPORTER_LABEL};

use super::{Limits, Peer, Refusal, Transport, admission, doorstep::Handshake, http2, serve::House};

/// How long to wait when the system has no more files or memory for a connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// How long and for how much a refused client is listened to.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 64 * 1024;

/// The door, open.
pub(super) struct TcpDoor {
    pub(super) listener: TcpListener,
    pub(super) tls: Arc<ServerConfig>,
    /// Tells HTTP/2 clients of the other door.
    pub(super) alt_svc: HeaderValue,
    pub(super) house: Arc<House>,
}

impl TcpDoor {
    /// Accepts until the relay stops; then nobody listens any more.
    pub(super) async fn run(self) {
        let house = self.house.clone();
        loop {
            let accepted = tokio::select! {
                () = house.stopping.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            let Some(stream) = self.accepted(accepted).await else { continue };
            // Beyond the limits a connection is closed at once: it costs its opener more than us.
            let Some(place) = house.place() else { continue };
            let (stream, remote) = stream;
            let Some(handshake) = house.tcp_doorstep.enter(remote.ip()) else { continue };
            let (tls, alt_svc, served) = (self.tls.clone(), self.alt_svc.clone(), house.clone());
            house.tasks.spawn(async move {
                let established = tokio::select! {
                    established = establish(tls, stream, &handshake, &served.limits) => established,
                    () = handshake.sent_away() => return,
                };
                drop(handshake);
                match established {
                    Ok(tls) => served.serve_tcp(tls, remote, alt_svc).await,
                    Err(NotEstablished::Failed(error, stream)) => {
                        tracing::debug!(%error, "a TLS handshake failed");
                        if let (Some(stream), Ok(_place)) = (stream, served.farewells.try_acquire()) {
                            linger(stream).await;
                        }
                    }
                    Err(NotEstablished::TooSlow) => tracing::debug!("a TLS handshake took too long"),
                }
                drop(place);
            });
        }
    }

    async fn accepted(
        &self,
        accepted: io::Result<(TcpStream, SocketAddr)>,
    ) -> Option<(TcpStream, SocketAddr)> {
        match accepted {
            Ok((stream, remote)) => {
                // Fails only on a connection that is gone.
                let _ = stream.set_nodelay(true);
                Some((stream, remote))
            }
            Err(error) => {
                tracing::warn!(%error, "a TCP connection could not be accepted");
                sleep(EXHAUSTED_PAUSE).await;
                None
            }
        }
    }
}

/// Why there is no TLS.
enum NotEstablished {
    /// The client said something wrong; with the stream that its alert went out on.
    Failed(io::Error, Option<TcpStream>),
    /// It said nothing, or not enough.
    TooSlow,
}

/// TLS. The client's first message comes at once or not at all: it needs nothing from us.
async fn establish(
    tls: Arc<ServerConfig>,
    stream: TcpStream,
    handshake: &Handshake,
    limits: &Limits,
) -> Result<TlsStream<TcpStream>, NotEstablished> {
    let by = Instant::now() + limits.handshake_timeout;
    let mut hello = LazyConfigAcceptor::new(Acceptor::default(), stream);
    let start = match timeout(limits.hello_timeout.min(limits.handshake_timeout), &mut hello).await {
        Ok(Ok(start)) => start,
        Ok(Err(error)) => return Err(NotEstablished::Failed(error, hello.take_io())),
        Err(_) => return Err(NotEstablished::TooSlow),
    };
    handshake.has_spoken();
    match timeout_at(by, start.into_stream(tls).into_fallible()).await {
        Ok(Ok(established)) => Ok(established),
        Ok(Err((error, stream))) => Err(NotEstablished::Failed(error, Some(stream))),
        Err(_) => Err(NotEstablished::TooSlow),
    }
}

/// Reads on for a moment, so that the client gets to read the alert: closing a socket with unread bytes in it
/// resets the connection, and the alert is lost.
async fn linger(mut stream: TcpStream) {
    let rest = async {
        if stream.shutdown().await.is_ok() {
            let _ = tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await;
        }
    };
    let _ = timeout(LINGER, rest).await;
}

impl House {
    async fn serve_tcp(&self, tls: TlsStream<TcpStream>, remote: SocketAddr, alt_svc: HeaderValue) {
        let session = tls.get_ref().1;
        if session.alpn_protocol() != Some(ALPN_HTTP2) {
            return;
        }
        // The empty context is what QUIC passes; see `EXPORTER_LABEL`.
        let Ok(exporter) = session.export_keying_material([0; 32], EXPORTER_LABEL, Some(b"")) else { return };
        let chain: &[CertificateDer<'_>] = session.peer_certificates().unwrap_or_default();
        let Some(_uncertified) = self.uncertified_place(chain, remote.ip()) else {
            return self.refuse(tls, Refusal::LimitReached).await;
        };
        let admitted =
            admission::admit(chain, self.admission.as_ref(), &self.connections, &self.limits, None);
        let (door, entered) = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => {
                tracing::info!(transport = %Transport::Tcp, %refusal, "a connection was refused");
                return self.refuse(tls, refusal).await;
            }
        };
        let peer = Peer { transport: Transport::Tcp, remote, door, exporter, connection: entered.id };
        http2::serve(tls, peer, &entered, self.gate.clone(), &self.limits, alt_svc, &self.stopping).await;
    }
    /// Tells why, unless too many are being told: they must not fill the places of those who get in.
    async fn refuse(&self, tls: TlsStream<TcpStream>, refusal: Refusal) {
        if let Ok(_place) = self.farewells.try_acquire() {
            http2::refuse(tls, refusal, &self.limits).await;
        }
    }
}
